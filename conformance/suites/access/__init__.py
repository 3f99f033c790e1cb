"""What a token reaches, and what it must not."""

from conformance.session import Part, Suite
from conformance.suites.access import collect, reads

SUITE = Suite(checks=reads.CHECKS, parts=(Part(name="access", collect=collect.reads),))
