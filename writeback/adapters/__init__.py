"""From an output to the FHIR resources that say it: one adapter per kind, and what goes with every one of them."""

from collections.abc import Callable, Mapping
from typing import Any

from vocabulary.manifest import Manifest
from vocabulary.output import Kind, Output
from vocabulary.write import Planned
from writeback import keys
from writeback.adapters import classification, issue, risk, score, text
from writeback.device import card_document, device
from writeback.gate import Admitted
from writeback.labels import Confirmation, Names, Occasion
from writeback.provenance import provenance

ADAPTERS: Mapping[Kind, Callable[[Occasion], dict[str, Any]]] = {
    "risk": risk.adapt,
    "score": score.adapt,
    "classification": classification.adapt,
    "text": text.adapt,
    "issue": issue.adapt,
}
SHARED_ROLES = frozenset({keys.DEVICE, keys.CARD})
"""Written once per EHR and model version, by the gateway's own client."""


def canonical(
    output: Output,
    manifest: Manifest,
    names: Names,
    now: float,
    *,
    admitted: Admitted | None = None,
    confirmed_by: Confirmation | None = None,
) -> tuple[Planned, ...]:
    """The resources that say this output, in the order they have to be written: model card, Device, the output's own
    resource, its Provenance. Each is valid R4 4.0.1; references among them are placeholders. Empty for an abstention
    that the manifest does not have written."""
    if output.abstained is not None and not (output.kind == "score" and manifest.write_abstention):
        return ()
    shared = {role: _shared_key(output, role) for role in (keys.CARD, keys.DEVICE)}
    code = manifest.output.codes[0].code if manifest.output.codes else ""
    own = {role: keys.delivery_key(output, code=code, role=role) for role in (keys.PRIMARY, keys.PROVENANCE)}
    occasion = Occasion(
        output=output, manifest=manifest, names=names, device=shared[keys.DEVICE], key=own[keys.PRIMARY], now=now,
        admitted=admitted or Admitted(inputs=output.inputs), confirmed=confirmed_by,
    )  # fmt: skip
    primary = ADAPTERS[output.kind](occasion)
    origin = provenance(occasion, target=primary["resourceType"], card=shared[keys.CARD], key=own[keys.PROVENANCE])
    return (
        _planned(names, shared[keys.CARD], "card", card_document(manifest, names, shared[keys.CARD])),
        _planned(
            names, shared[keys.DEVICE], "device",
            device(manifest, names, shared[keys.DEVICE], card=shared[keys.CARD]), shared[keys.CARD],
        ),
        _planned(names, own[keys.PRIMARY], "primary", primary, shared[keys.DEVICE]),
        _planned(
            names, own[keys.PROVENANCE], "provenance", origin,
            own[keys.PRIMARY], shared[keys.DEVICE], shared[keys.CARD],
        ),
    )  # fmt: skip


def _shared_key(output: Output, role: str) -> str:
    return keys.shared_key(ehr=output.ehr, model=output.model, version=output.version, role=role)


def _planned(names: Names, key: str, role: Any, body: dict[str, Any], *needs: str) -> Planned:
    return Planned(
        key=key, type=body["resourceType"], id=keys.resource_id(names.namespace, key), body=body, needs=needs, role=role
    )
