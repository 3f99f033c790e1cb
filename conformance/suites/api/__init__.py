"""US Core reads and searches as a server advertises them, and whether what it says of itself is so."""

from conformance.session import Part, Suite
from conformance.suites.api import collect, reads, shapes

SUITE = Suite(
    checks=(*shapes.CHECKS, *reads.CHECKS),
    parts=(
        Part(name="results", collect=collect.results),
        Part(name="what is advertised", collect=collect.honesty),
        Part(name="records", collect=collect.reads),
    ),
)
