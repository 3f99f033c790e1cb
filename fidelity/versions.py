"""Instruments of editions: is the code one of its system, may it be used, was it valid then (VER). What nobody here can
decide is not judged."""

from collections.abc import Iterator

from fidelity.coding import system_of
from fidelity.editions.edition import Standing, valid
from fidelity.elements import kind, rows, text
from fidelity.instrument import PASS, SKIP, Outcome, Sighting, fail
from fidelity.records.kinds import KINDS
from fidelity.records.moments import day_of


def _standings(seen: Sighting) -> Iterator[Standing]:
    for coding in rows(seen.concept.get("coding")) if seen.concept and seen.terminology else []:
        system, code = system_of(coding), text(coding.get("code"))
        if system is not None and code is not None and seen.terminology is not None:
            yield seen.terminology.standing(system, code, seen.pins.get(system))


def known(seen: Sighting) -> Outcome:
    """VER-01: the code is one of its system's, in the edition that is pinned."""
    judged = [standing for standing in _standings(seen) if standing.known is not None]
    if not judged:
        return SKIP
    bad = next((standing for standing in judged if not standing.known), None)
    return fail(f"a code is not in edition {bad.edition} of its system") if bad else PASS


def active(seen: Sighting) -> Outcome:
    """VER-02: the code is in use in that edition. One that was not valid on its day is VER-03's."""
    judged = [standing for standing in _standings(seen) if standing.active is not None]
    if not judged or valid_then(seen)[0] == "fail":
        return SKIP
    bad = next((standing for standing in judged if not standing.active), None)
    return fail(f"a code is not in use in edition {bad.edition} of its system") if bad else PASS


def valid_then(seen: Sighting) -> Outcome:
    """VER-03: the code was valid on the date on which it was chosen, whatever is valid today."""
    row = KINDS.get(kind(seen.resource))
    written = next(
        (text(seen.resource.get(name)) for name in (row.event if row else ()) if text(seen.resource.get(name))), None
    )
    day = day_of(written) if written else None
    spans = [standing.spans for standing in _standings(seen) if standing.spans is not None]
    if day is None or not spans:
        return SKIP
    good = all(valid(each, day.start, day.end) for each in spans)
    return PASS if good else fail("a code was not valid on the date of its record")
