"""Instruments of duplication (DUP)."""

from typing import Any

from fidelity.elements import address, kind, value_of
from fidelity.instrument import PASS, SKIP, Outcome, Sighting, fail
from fidelity.matching import FINAL, status
from fidelity.periods import time_of


def said_once(seen: Sighting) -> Outcome:
    """DUP-02: no other record has the same subject, code, time and value under another id."""
    if kind(seen.resource) != "Observation" or not seen.consumed:
        return SKIP
    mine = _content(seen.resource)
    twins = [
        peer
        for peer in seen.peers
        if address(peer) != address(seen.resource) and status(peer) in FINAL and _content(peer) == mine
    ]
    return fail("the same result is recorded more than once") if twins else PASS


def _content(resource: dict[str, Any]) -> tuple[Any, ...]:
    return (
        resource.get("subject"), resource.get("code"), time_of(resource), value_of(resource), resource.get("component"),
    )  # fmt: skip


def settled(seen: Sighting) -> Outcome:
    """DUP-03: what was used is not preliminary and not withdrawn."""
    if kind(seen.resource) != "Observation" or not seen.consumed:
        return SKIP
    return PASS if status(seen.resource) in FINAL else fail("only a preliminary result was found")
