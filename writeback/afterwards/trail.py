"""From a wish to edit what an EHR has, to the deliveries that do it: the edit, and the Provenance that tells of it."""

from dataclasses import dataclass
from typing import Any

from vocabulary.instant import format_instant
from vocabulary.write import Planned, Write
from writeback import keys
from writeback.adapters.provenance import gateway
from writeback.amending import STEPS, Edit, format_edit
from writeback.capabilities import Capabilities
from writeback.labels import Names, filled, to
from writeback.lexicon.codes import AUTHOR, TRANSMITTER, UPDATE, VERIFIER
from writeback.planning import check
from writeback.projection import choose
from writeback.rules import SPECIFICATION, WriteRules


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """What is edited: its place at the EHR (``Type/id``) and the version that was written, when it is known. ``cause``
    names what it is for and makes the edit the same edit; ``why`` says it in words."""

    location: str
    cause: str
    why: str
    version: str | None = None

    @property
    def type(self) -> str:
        return self.location.partition("/")[0]


def change(
    target: Target, wanted: Edit, *, names: Names, capabilities: Capabilities, now: float,
    rules: WriteRules = SPECIFICATION,
) -> Write:  # fmt: skip
    """The write that takes this step at one EHR. Its Provenance is left out, and said to be lost, where none is taken."""
    key = keys.edit_key(ehr=names.ehr, location=target.location, cause=target.cause)
    edit = Planned(
        key=key, type=target.type, id=target.location.partition("/")[2], body=format_edit(wanted), role="edit",
        strategy="edit", quarantine=rules.quarantine,
    )  # fmt: skip
    strategy = choose(capabilities.of("Provenance"), "Provenance", rules)
    if strategy is None:
        return Write(ehr=names.ehr, own=(edit,), losses=("Provenance",))
    trail_key = keys.edit_key(ehr=names.ehr, location=target.location, cause=target.cause, role=keys.TRAIL)
    id = keys.resource_id(names.namespace, trail_key)
    body = provenance(target, wanted, names=names, edit=key, key=trail_key, now=now)
    if strategy == "put":
        body = {"resourceType": "Provenance", "id": id, **body}
    quarantine = 0.0 if strategy == "put" else rules.quarantine
    trail = Planned(
        key=trail_key, type="Provenance", id=id, body=body, role="trail", strategy=strategy, needs=(key,),
        quarantine=quarantine,
    )  # fmt: skip
    return Write(ehr=names.ehr, own=(edit, check(trail)))


def provenance(
    target: Target, wanted: Edit, *, names: Names, edit: str, key: str, now: float
) -> dict[str, Any]:  # fmt: skip
    """R4 §6.3: what was done to which version of what, when, by whom, and why."""
    step = STEPS[wanted.to]
    former = target.location if target.version is None else f"{target.location}/_history/{target.version}"
    return filled(
        {
            "resourceType": "Provenance",
            "meta": {"tag": [{"system": f"{names.namespace}/delivery", "code": key}]},
            "target": [to(edit, f"{target.type}: {wanted.to}", versioned=True)],
            "occurredDateTime": format_instant(wanted.at or now),
            "recorded": format_instant(now),
            "reason": [{"text": target.why}],
            "activity": UPDATE.concept,
            "agent": [*_person(wanted), {"type": TRANSMITTER.concept, "who": gateway(names)}],
            "entity": [{"role": step.role, "what": {"reference": former}}],
        }
    )


def _person(wanted: Edit) -> list[dict[str, Any]]:
    """The clinician as verifier of what is accepted, as author of what is changed."""
    if wanted.by is None:
        return []
    role = VERIFIER if wanted.to == "final" else AUTHOR
    return [{"type": role.concept, "who": {"reference": wanted.by}}]
