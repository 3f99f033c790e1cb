"""FHIR R4 writes: what was written is what is kept, once, by version, and nothing else is taken."""

from conformance.session import Part, Suite
from conformance.suites.writeback import collect, writes

SUITE = Suite(checks=writes.CHECKS, parts=(Part(name="write-back", collect=collect.writing, writes=True),))
