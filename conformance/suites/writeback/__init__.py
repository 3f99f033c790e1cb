"""What becomes of what is written, and what must be refused."""

from conformance.session import Part, Suite
from conformance.suites.writeback import (
    bodies,
    collect,
    conditions,
    crowds,
    labels,
    numbers,
    outputs,
    together,
    verbs,
    writes,
)

SUITE = Suite(
    checks=(*writes.CHECKS, *verbs.CHECKS, *together.CHECKS, *labels.CHECKS, *numbers.CHECKS, *bodies.CHECKS),
    parts=(
        Part(name="life", collect=collect.life, writes=True),
        Part(name="stages", collect=collect.stages, writes=True),
        Part(name="wishes", collect=conditions.wishes, writes=True),
        Part(name="conditions", collect=conditions.conditional, writes=True),
        Part(name="notes", collect=conditions.notes, writes=True),
        Part(name="versions", collect=conditions.versions, writes=True),
        Part(name="parallel", collect=crowds.parallel, writes=True),
        Part(name="lost answers", collect=crowds.lost, writes=True),
        Part(name="bundles", collect=crowds.bundles, writes=True),
        Part(name="labels", collect=outputs.labels, writes=True),
        Part(name="discovery", collect=outputs.discovery, writes=True),
        Part(name="sets", collect=outputs.sets, writes=True),
        Part(name="numbers", collect=numbers.numbers, writes=True),
        Part(name="hostile bodies", collect=collect.hostile, writes=True),
    ),
)
