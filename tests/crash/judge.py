"""Decides whether a series of kills lost or doubled anything, from values alone.

*Accepted* is what was durable right after a kill; it must still be there at the end. *Outputs* is what the installation
says at the end (the body of ``GET /api/outputs/{id}``). *Kept* is what the EHR holds of this installation, found by
reading everything and not by asking for ids. Identity is the delivery and the inference identifier, never a position.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

SETTLED = frozenset(
    {"refused", "abstained", "shadow", "awaiting_confirmation", "declined", "delivered", "superseded", "expired",
     "retracted"}
)  # fmt: skip
"""States in which a demonstration may leave an output. ``not_writable`` and ``failed`` are faults there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """One resource of this installation in the EHR, by the identifiers that it carries (a Provenance: by its tags)."""

    type: str
    id: str
    delivery: str | None
    inference: str | None


def find_kept(resources: Iterable[Mapping[str, Any]], *, namespace: str) -> list[Kept]:
    """Those of ``resources`` that carry an identifier under ``namespace``."""
    found = []
    for resource in resources:
        marks = dict(_marks(resource))
        delivery, inference = marks.get(f"{namespace}/delivery"), marks.get(f"{namespace}/inference")
        if delivery or inference:
            found.append(Kept(type=resource["resourceType"], id=resource["id"], delivery=delivery, inference=inference))
    return found


def _marks(resource: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    identifiers = resource.get("identifier", [])
    for identifier in identifiers if isinstance(identifiers, list) else [identifiers]:
        yield identifier.get("system", ""), identifier.get("value", "")
    for tag in resource.get("meta", {}).get("tag", []):
        yield tag.get("system", ""), tag.get("code", "")


def judge(*, accepted: Iterable[str], outputs: Sequence[Mapping[str, Any]], kept: Sequence[Kept]) -> list[str]:
    """What went wrong, a sentence each; nothing when nothing did. ``accepted`` are output ids."""
    return [*_lost(accepted, outputs, kept), *_unsettled(outputs), *_doubled(kept), *_unaccounted(outputs, kept)]


def _delivered(outputs: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Name in the EHR → output id, of every delivery that is said to be delivered."""
    return {
        f"{delivery['resource_type']}/{delivery['id']}": output["id"]
        for output in outputs
        for delivery in output["deliveries"]
        if delivery["state"] == "delivered"
    }


def _lost(accepted: Iterable[str], outputs: Sequence[Mapping[str, Any]], kept: Sequence[Kept]) -> Iterator[str]:
    known = {output["id"] for output in outputs}
    for id in sorted(set(accepted) - known):
        yield f"lost: output {id} was accepted and is gone"
    there = {f"{item.type}/{item.id}" for item in kept}
    for name, id in sorted(_delivered(outputs).items()):
        if name not in there:
            yield f"lost: {name} of output {id} is said to be delivered and is not in the EHR"
    for output in outputs:
        if output["state"] == "delivered" and not output["deliveries"]:
            yield f"lost: output {output['id']} is said to be delivered by no delivery"


def _unsettled(outputs: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for output in outputs:
        if output["state"] not in SETTLED:
            yield f"unsettled: output {output['id']} is {output['state']}"


def _doubled(kept: Sequence[Kept]) -> Iterator[str]:
    for delivery, count in sorted(Counter(item.delivery for item in kept if item.delivery).items()):
        if count > 1:
            yield f"doubled: {count} resources carry delivery {delivery}"


def _unaccounted(outputs: Sequence[Mapping[str, Any]], kept: Sequence[Kept]) -> Iterator[str]:
    """A resource with an inference identifier that no output knows as its delivery is a second writing, or one whose
    output was lost. What outputs share (Device, model card) has no inference identifier."""
    delivered = _delivered(outputs)
    for item in kept:
        if item.inference and f"{item.type}/{item.id}" not in delivered:
            yield f"unaccounted: {item.type}/{item.id} is in the EHR and no output says so"
