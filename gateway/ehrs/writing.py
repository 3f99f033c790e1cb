"""Edge: what a CapabilityStatement means for the outputs of the models that run here. Pure; in this room because it composes
models, vendors and write-back."""

from collections.abc import Iterator, Mapping
from typing import Any

from auth.client.ehr import RegisteredEhr
from gateway.vendors import vendor_of
from vocabulary.manifest import Manifest
from vocabulary.output import Kind
from vocabulary.write import Strategy
from writeback.capabilities import Capabilities, parse_capabilities
from writeback.projection import choose
from writeback.rules import WriteRules

Row = tuple[str, Any, str, str | None]
"""Check, result, text, what to do next: a ``gateway.ehrs.lines.Line`` in the making."""

FORMS: Mapping[Kind, tuple[str, ...]] = {
    "risk": ("RiskAssessment", "Observation", "DocumentReference"),
    "score": ("Observation", "DocumentReference"),
    "classification": ("Observation", "DocumentReference"),
    "text": ("DocumentReference",),
    "issue": ("DetectedIssue", "DocumentReference"),
}
"""What outputs of each kind are written as, their own form first (writeback.adapters, docs/reference/write-back.md)."""
SHARED = ("Device", "Provenance")


def writes(statement: Mapping[str, Any], ehr: RegisteredEhr, models: tuple[Manifest, ...]) -> Iterator[Row]:
    """For each model what its outputs become here; then what labels them as a model's."""
    offered, rules = parse_capabilities(statement), vendor_of(ehr.vendor).write
    for model in models:
        own, *others = FORMS[model.kind]
        taken = [type for type in (own, *others) if way(offered, rules, type)]
        check = f"write-{model.id}"
        if not taken:
            yield (
                check,
                "fail",
                f"of {', '.join(FORMS[model.kind])} nothing can be created: its outputs stay here",
                ("Ask whoever runs the EHR for one of these, or do not launch this model here."),
            )
        elif taken[0] == own:
            yield check, "pass", f"{own}: {way(offered, rules, own)}", None
        else:
            text = f"{own} cannot be created; it is said as {taken[0]}: {way(offered, rules, taken[0])}"
            yield check, "warn", text, "See docs/reference/write-back.md for what that form loses."
    missing = [type for type in SHARED if way(offered, rules, type) is None]
    if missing:
        text = f"{' and '.join(missing)} cannot be created: outputs carry their label in themselves only"
        yield "write-labels", "warn", text, "Nothing, unless the site demands them."
    else:
        yield "write-labels", "pass", "Device and Provenance can be created", None


HOW: Mapping[Strategy, str] = {
    "put": "created by PUT to an id of ours, which can be repeated safely",
    "conditional": "created conditionally (If-None-Exist)",
    "post": "created plainly: after a lost answer it is searched for before it is sent again",
}


def way(offered: Capabilities, rules: WriteRules, type: str) -> str | None:
    """How a resource of this type is created once and only once, or None when it cannot be created."""
    strategy = choose(offered.of(type), type, rules)
    return None if strategy is None else HOW[strategy]


def bundles(statement: Mapping[str, Any]) -> Row:
    """Whether several resources can be sent in one request; nothing here needs it."""
    found = sorted({"transaction", "batch"} & parse_capabilities(statement).interactions)
    if found:
        return "bundles", "pass", " and ".join(found), None
    return "bundles", "warn", "neither transaction nor batch", "Nothing: resources are written one by one."
