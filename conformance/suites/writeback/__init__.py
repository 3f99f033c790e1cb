"""FHIR R4 writes: what was written is what is kept, once, by version, and nothing else is taken."""

from conformance.check import marked
from conformance.session import Part, Suite
from conformance.suites.writeback import collect, writes

SUITE = Suite(
    checks=marked(writes.CHECKS, writes=True), parts=(Part(name="write-back", collect=collect.writing, writes=True),)
)
