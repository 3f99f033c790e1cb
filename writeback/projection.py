"""The canonical set of an output → what one EHR takes of it, with everything that is lost on the way.

Its CapabilityStatement decides, then the rules declared for it. Losses are known, and said, before anything is sent.
"Nothing fits" is an answer with a reason.
"""

from collections.abc import Sequence
from typing import Any

from vocabulary.write import NotWritable, Planned, Strategy, Write
from writeback import keys
from writeback.capabilities import Capabilities, TypeCapability
from writeback.codes import AI_ASSERTED
from writeback.rendering import without
from writeback.rules import WriteRules

SHARED = (keys.CARD, keys.DEVICE)
MARKER_ELEMENTS = frozenset({"note", "content", "detail"})
"""Where a resource says in words that a machine made it; with these gone too, a dropped label leaves no trace."""


def project(
    planned: Sequence[Planned], *, ehr: str, capabilities: Capabilities, rules: WriteRules
) -> Write | NotWritable:
    """What this EHR takes of the canonical set. NotWritable when the output's own resource does not fit: its type is
    not created there, its status is not taken, or it would stand there unmarked."""
    strategies = {part.key: choose(capabilities.of(part.type), part.type, rules) for part in planned}
    primary = next(part for part in planned if part.role == keys.PRIMARY)
    if (problem := _unfit(primary, strategies[primary.key], rules)) is not None:
        return NotWritable(reason=problem)
    left_out = [part for part in planned if strategies[part.key] is None]
    gone = {part.key for part in left_out}
    kept = [_fit(part, gone, strategies[part.key], rules) for part in planned if part.key not in gone]
    return Write(
        ehr=ehr,
        own=tuple(part for part in kept if part.role not in SHARED),
        shared=tuple(part for part in kept if part.role in SHARED),
        losses=(*(part.type for part in left_out), *(path for part in kept for path in part.losses)),
    )


def choose(capability: TypeCapability, type: str, rules: WriteRules) -> Strategy | None:
    """How a resource of the type is written so that it is there once: the best that is offered, None for nothing."""
    if rules.creates is not None and type not in rules.creates:
        return None
    if rules.client_ids and capability.update_create and "update" in capability.interactions:
        return "put"
    if "create" not in capability.interactions:
        return None
    return "conditional" if capability.conditional_create else "post"


def _unfit(primary: Planned, strategy: Strategy | None, rules: WriteRules) -> str | None:
    if strategy is None:
        return f"This EHR does not take a {primary.type}."
    status = primary.body.get("docStatus", primary.body.get("status"))
    allowed = rules.statuses.get(primary.type)
    if allowed is not None and status not in allowed:
        return f"This EHR takes a {primary.type} only as {', '.join(sorted(allowed))}; this one is {status}."
    dropped = set(rules.drops.get(primary.type, ()))
    if {"meta", "meta.security"} & dropped and not (MARKER_ELEMENTS - dropped) & primary.body.keys():
        return f"This EHR would keep neither the label {AI_ASSERTED.code} nor any words in its place."
    return None


def _fit(part: Planned, gone: set[str], strategy: Strategy | None, rules: WriteRules) -> Planned:
    """The part as it will be sent: no reference to what is not written, nothing that is known to be dropped."""
    assert strategy is not None
    body, references = without(part.body, gone)
    drops = [name for name in rules.drops.get(part.type, ()) if _has(body, name)]
    for name in drops:
        body = _less(body, name.split("."))
    if strategy == "put":
        body = {"resourceType": body["resourceType"], "id": part.id, **body}
    return Planned(
        key=part.key, type=part.type, id=part.id, body=body, role=part.role, strategy=strategy,
        needs=tuple(key for key in part.needs if key not in gone) if gone else part.needs,
        losses=(*part.losses, *references, *(f"{part.type}.{name}" for name in drops)),
        quarantine=_quarantine(strategy, rules),
    )  # fmt: skip


def _quarantine(strategy: Strategy, rules: WriteRules) -> float:
    """A PUT to one id can be repeated at once, and so can a conditional create where it is known to be atomic."""
    safe = strategy == "put" or (strategy == "conditional" and rules.conditional_create_is_atomic)
    return 0.0 if safe else rules.quarantine


def _has(body: dict[str, Any], path: str) -> bool:
    head, _, rest = path.partition(".")
    return head in body and (not rest or (isinstance(body[head], dict) and _has(body[head], rest)))


def _less(body: dict[str, Any], path: list[str]) -> dict[str, Any]:
    if len(path) == 1:
        return {name: value for name, value in body.items() if name != path[0]}
    inner = _less(body[path[0]], path[1:])
    return {name: inner if name == path[0] else value for name, value in body.items() if name != path[0] or inner}
