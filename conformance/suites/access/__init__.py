"""What a token reaches, and what it must not."""

from conformance.session import Part, Suite
from conformance.suites.access import collect, confined, foreign, granular, matrix, narrowed, reads, scopes

SUITE = Suite(
    checks=(*reads.CHECKS, *foreign.CHECKS, *granular.CHECKS, *scopes.CHECKS),
    parts=(
        Part(name="strangers", collect=collect.strangers),
        Part(name="access", collect=collect.reads),
        Part(name="strange addresses", collect=collect.strange_addresses),
        Part(name="foreign", collect=confined.reads),
        Part(name="granular", collect=narrowed.granular),
        Part(name="pages", collect=narrowed.pages),
        Part(name="a write without scope", collect=collect.unpermitted, writes=True),
        Part(name="foreign writes", collect=confined.writes, writes=True),
        Part(name="granular writes", collect=narrowed.granular_writes, writes=True),
        Part(name="scopes", collect=matrix.scopes, writes=True),
    ),
)
