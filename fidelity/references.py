"""Instruments of references: whose is it, and does what it points at exist (REF)."""

from collections.abc import Iterator
from typing import Any

from fidelity.elements import kind, rows, text
from fidelity.instrument import PASS, SKIP, Outcome, Sighting, fail
from fidelity.subjects import SHARED, subject_of, target
from vocabulary.chart import Resource

DEPTH = 12


def subject_present(seen: Sighting) -> Outcome:
    """REF-01: the subject is there and is a patient."""
    if kind(seen.resource) in SHARED:
        return SKIP
    subject = subject_of(seen.resource, seen.chart.patient)
    return fail("a record does not say whose it is and was not used") if subject in ("missing", "unknown") else PASS


def references_resolve(seen: Sighting) -> Outcome:
    """REF-02: no reference dangles. Decided only for contained resources, for ``urn:uuid`` that nothing answers to, and
    for types that were read whole."""
    judged = [answer for reference in _references(seen.resource) if (answer := _resolves(reference, seen)) is not None]
    if not judged:
        return SKIP
    return PASS if all(judged) else fail("a reference leads nowhere")


def _resolves(reference: str, seen: Sighting) -> bool | None:
    if reference.startswith("#"):
        return any(item.get("id") == reference[1:] for item in rows(seen.resource.get("contained"))) or reference == "#"
    if reference.startswith("urn:uuid:"):
        return False
    found = target({"reference": reference})
    if found is None:
        return None
    whole = [
        read for search, read in seen.chart.reads.items()
        if search.type == found[0] and not search.parameters and read.complete and not read.failure
    ]  # fmt: skip
    if not whole:
        return None
    return any(item.get("id") == found[1] for read in whole for item in read.resources)


def _references(resource: Resource) -> Iterator[str]:
    """The literal references in a resource, down to ``DEPTH``, level by level."""
    level: list[Any] = [resource]
    for _ in range(DEPTH):
        below: list[Any] = []
        for value in level:
            if isinstance(value, dict):
                if literal := text(value.get("reference")):
                    yield literal
                below += value.values()
            else:
                below += value
        level = [value for value in below if isinstance(value, dict | list)]


def same_patient(seen: Sighting) -> Outcome:
    """REF-04: nothing in the chart is of another patient. Critical: whatever brought it may have brought more."""
    if kind(seen.resource) in SHARED:
        return SKIP
    subject = subject_of(seen.resource, seen.chart.patient)
    if subject in ("missing", "unknown"):
        return SKIP
    return fail("a record of another patient is in this chart") if subject == "foreign" else PASS
