"""From an output to the FHIR resources that say it: one adapter per kind, and what goes with every one of them."""

from collections.abc import Callable, Iterator, Mapping
from functools import lru_cache
from typing import Any

from msgspec import structs

from vocabulary.manifest import Manifest
from vocabulary.output import Kind, Output
from vocabulary.write import Planned, Role
from writeback import keys, labels
from writeback.adapters import classification, flag, issue, report, risk, score, text
from writeback.adapters.device import card_document, device
from writeback.adapters.provenance import provenance
from writeback.gate import Admitted
from writeback.labels import Confirmation, Names, Occasion, unregistered
from writeback.site import NO_SITE, Site

Adapter = Callable[[Occasion], dict[str, Any]]

ADAPTERS: Mapping[Kind, Adapter] = {
    "risk": risk.adapt,
    "score": score.adapt,
    "classification": classification.adapt,
    "text": text.adapt,
    "issue": issue.adapt,
}
OTHERWISE: Mapping[Kind, tuple[Adapter, ...]] = {
    "risk": (risk.as_observation, text.adapt),
    "score": (text.adapt,),
    "classification": (text.adapt,),
    "text": (),
    "issue": (text.adapt,),
}
"""In which other forms an output can be said where its own is not taken, the closest first."""
SHARED_ROLES = frozenset({keys.DEVICE, keys.CARD})
"""Written once per EHR and model version, by the gateway's own client."""


def canonical(
    output: Output, manifest: Manifest, names: Names, now: float, *, admitted: Admitted | None = None,
    confirmed_by: Confirmation | None = None, site: Site = NO_SITE,
) -> tuple[Planned, ...]:  # fmt: skip
    """The resources that say this output, in the order they have to be written: model card, Device, the output's own
    resource, what it is grouped or flagged by, its Provenance. Each is valid R4 4.0.1; references among them are
    placeholders. Empty for an abstention that the manifest does not have written."""
    made = forms(output, manifest, names, now, admitted=admitted, confirmed_by=confirmed_by, site=site)
    return next(made, ())


def forms(
    output: Output, manifest: Manifest, names: Names, now: float, *, admitted: Admitted | None = None,
    confirmed_by: Confirmation | None = None, site: Site = NO_SITE,
) -> Iterator[tuple[Planned, ...]]:  # fmt: skip
    """The canonical set, then the sets that say the same in another form, each made when it is asked for."""
    if output.abstained is not None and not (output.kind == "score" and manifest.write_abstention):
        return
    card, model_device = _shared(_Same(manifest), names)
    occasion = Occasion(
        output=output, manifest=manifest, names=names, device=model_device.key, key=_key(output, manifest), now=now,
        admitted=admitted or Admitted(inputs=output.inputs), confirmed=confirmed_by, site=site,
    )  # fmt: skip
    for adapter in (ADAPTERS[output.kind], *OTHERWISE[output.kind]):
        own = _own(occasion, adapter)
        key = _key(output, manifest, role=keys.PROVENANCE)
        origin = provenance(occasion, targets=own, card=card.key, key=key)
        needs = (*(part.key for part in own), model_device.key, card.key)
        yield (card, model_device, *own, _planned(names, key, "provenance", origin, *needs))


def _own(occasion: Occasion, adapter: Adapter) -> tuple[Planned, ...]:
    """The patient's resources of the output, each after those it refers to."""
    whole = adapter is ADAPTERS[occasion.output.kind]
    parts = _grouped(occasion) if whole and occasion.manifest.report and occasion.output.value is not None else ()
    if not parts:
        parts = (_primary(occasion, adapter(occasion)),)
    if flag.raised(occasion):
        key = _key(occasion.output, occasion.manifest, role=keys.FLAG)
        parts += (_planned(occasion.names, key, "flag", flag.adapt(occasion, key), occasion.device),)
    return parts


def _grouped(occasion: Occasion) -> tuple[Planned, ...]:
    """Sub-scores, the score over them, and the report over all; nothing when no sub-score was given."""
    output, manifest, names = occasion.output, occasion.manifest, occasion.names
    members = {
        declared.name: keys.delivery_key(output, code=declared.name, role=keys.RESULT)
        for declared, _ in score.given(occasion)
    }
    if not members:
        return ()
    titles = {members[part.name]: part.title or part.name for part, _ in score.given(occasion)}
    key = _key(output, manifest, role=keys.REPORT)
    results = tuple(
        _planned(
            names, members[part.name], "result", score.part(occasion, part, said, members[part.name]), occasion.device
        )
        for part, said in score.given(occasion)
    )
    body = report.adapt(occasion, key, {occasion.key: occasion.title, **titles})
    return (
        *results,
        _primary(occasion, score.grouped(occasion, members), *members.values()),
        _planned(names, key, "report", body, occasion.key, *members.values()),
    )


def _primary(occasion: Occasion, body: dict[str, Any], *needs: str) -> Planned:
    part = _planned(occasion.names, occasion.key, "primary", body, occasion.device, *needs)
    lost, mapped = _unregistered(occasion, body["resourceType"]), labels.mapped(occasion) is not None
    return structs.replace(part, losses=lost, site_coded=mapped) if lost or mapped else part


CODED: Mapping[str, tuple[str, str, str]] = {
    "RiskAssessment": ("code", "prediction.outcome", "code"),
    "Observation": ("code", "component.code", "valueCodeableConcept"),
    "DocumentReference": ("type", "type", "type"),
    "DetectedIssue": ("code", "code", "code"),
}
"""Where a resource says what the output is, what a part of it is, and what its label is."""


def _unregistered(occasion: Occasion, type: str) -> tuple[str, ...]:
    """The paths whose codes the registry does not have."""
    manifest, (whole, part, label) = occasion.manifest, CODED[type]
    parts = tuple(code for component in manifest.components for code in component.codes)
    said = classification.label_codes(occasion, occasion.output.label)
    found = ((whole, manifest.output.codes), (part, parts), (label, said))
    return tuple(dict.fromkeys(f"{type}.{path}.coding" for path, codes in found if unregistered(occasion, codes)))


def _key(output: Output, manifest: Manifest, *, role: str = keys.PRIMARY) -> str:
    code = manifest.output.codes[0].code if manifest.output.codes else ""
    return keys.delivery_key(output, code=code, role=role)


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


def _planned(names: Names, key: str, role: Role, body: dict[str, Any], *needs: str) -> Planned:
    return Planned(
        key=key, type=body["resourceType"], id=keys.resource_id(names.namespace, key), body=body, needs=needs, role=role
    )
