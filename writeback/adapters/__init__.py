"""From an output to the FHIR resources that say it: one adapter per kind, and what goes with every one of them."""

from collections.abc import Callable, Mapping
from functools import lru_cache
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
    card, model_device = _shared(_Same(manifest), names)
    code = manifest.output.codes[0].code if manifest.output.codes else ""
    own = {role: keys.delivery_key(output, code=code, role=role) for role in (keys.PRIMARY, keys.PROVENANCE)}
    occasion = Occasion(
        output=output, manifest=manifest, names=names, device=model_device.key, key=own[keys.PRIMARY], now=now,
        admitted=admitted or Admitted(inputs=output.inputs), confirmed=confirmed_by,
    )  # fmt: skip
    primary = ADAPTERS[output.kind](occasion)
    origin = provenance(occasion, target=primary["resourceType"], card=card.key, key=own[keys.PROVENANCE])
    return (
        card,
        model_device,
        _planned(names, own[keys.PRIMARY], "primary", primary, model_device.key),
        _planned(names, own[keys.PROVENANCE], "provenance", origin, own[keys.PRIMARY], model_device.key, card.key),
    )


class _Same:
    """A manifest as a key of a cache: itself, not what it says, for it holds tables and is loaded once."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Same) and other.manifest is self.manifest

    def __hash__(self) -> int:
        return id(self.manifest)


@lru_cache(256)
def _shared(same: _Same, names: Names) -> tuple[Planned, Planned]:
    """Model card and Device, made once for a model version and an EHR."""
    manifest = same.manifest
    card, model_device = (_shared_key(manifest, names, role) for role in (keys.CARD, keys.DEVICE))
    return (
        _planned(names, card, "card", card_document(manifest, names, card)),
        _planned(names, model_device, "device", device(manifest, names, model_device, card=card), card),
    )


def _shared_key(manifest: Manifest, names: Names, role: str) -> str:
    return keys.shared_key(ehr=names.ehr, model=manifest.id, version=manifest.version, role=role)


def _planned(names: Names, key: str, role: Any, body: dict[str, Any], *needs: str) -> Planned:
    return Planned(
        key=key, type=body["resourceType"], id=keys.resource_id(names.namespace, key), body=body, needs=needs, role=role
    )
