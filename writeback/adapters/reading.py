"""A resource that a model team has built, as the output that it says: what the adapters do, the other way round.

Nothing is guessed: a probability is read as percent, as R4 says, and a quantity in another unit is not read at all.
"""

from base64 import b64decode
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from vocabulary.instant import parse_instant
from vocabulary.manifest import Manifest, Prediction
from vocabulary.output import Component, Kind, Output
from writeback.labels import MARKS
from writeback.lexicon.codes import CONFIDENCE
from writeback.lexicon.numerals import UNIT_CODES

Resource = Mapping[str, Any]
Members = dict[str, Any]


class ModelUnreadable(ValueError):
    """The resource does not say what an output of this manifest's kind says; ``element`` is where."""

    def __init__(self, element: str, text: str) -> None:
        super().__init__(f"{element} {text}")
        self.element = element


def read_output(resource: Resource, manifest: Manifest, *, ehr: str, inference_id: str) -> Output:
    """Raises ModelUnreadable. The resource has to be valid R4."""
    type, time, person, read = READERS[manifest.kind]
    if resource.get("resourceType") != type:
        raise ModelUnreadable("resourceType", f"must be {type} for a {manifest.kind}")
    said = read(resource, manifest)
    encounter: Resource = resource.get("encounter") or next(iter(resource.get("context", {}).get("encounter", [])), {})
    return Output(
        model=manifest.id, version=manifest.version, ehr=ehr, patient=_text(resource, f"{person}.reference"),
        kind=manifest.kind, as_of=_time(resource, time), inference_id=inference_id,
        encounter=encounter.get("reference"), **said,
    )  # fmt: skip


def _risk(resource: Resource, manifest: Manifest) -> Members:
    predictions = resource.get("prediction", [])
    own = _first(predictions, manifest.output, "outcome", alone=not manifest.components)
    components = [(part, _first(predictions, part, "outcome")) for part in manifest.components]
    return {
        "value": _chance(own, manifest.output), "unit": manifest.output.unit,
        "components": tuple(
            _predicted(found, part) for part, found in components if found
        ),
        "tier": _tier((own or {}).get("qualitativeRisk"), manifest),
        "explanation": (own or {}).get("rationale"), "inputs": _references(resource.get("basis", [])),
    }  # fmt: skip


def _predicted(prediction: Resource, declared: Prediction) -> Component:
    """A further prediction; one in words has no probability."""
    label = prediction.get("qualitativeRisk", {}).get("text")
    if label and not any(name.startswith("probability") for name in prediction):
        return Component(code=declared.name, label=label)
    return Component(code=declared.name, value=_chance(prediction, declared), unit=declared.unit, label=label)


def _tier(concept: Resource | None, manifest: Manifest) -> str | None:
    """The tier that a concept calls by its name; another word is none of the model's."""
    said = (concept or {}).get("text")
    return said if said in {tier.name for tier in manifest.tiers} else None


def _chance(prediction: Resource | None, declared: Prediction) -> Decimal:
    value = (prediction or {}).get("probabilityDecimal")
    if not isinstance(value, int | Decimal):
        raise ModelUnreadable("prediction.probabilityDecimal", f"is missing for {declared.name}")
    return Decimal(value) / 100 if declared.unit == "fraction" else Decimal(value)


def _score(resource: Resource, manifest: Manifest) -> Members:
    inputs, components = _references(resource.get("derivedFrom", [])), _components(resource, manifest)
    absent = resource.get("dataAbsentReason")
    if absent is not None:
        return {"abstained": absent.get("text") or "no reason given", "components": components, "inputs": inputs}
    value = _measured(resource, manifest.output)
    tier = _tier(next(iter(resource.get("interpretation", [])), None), manifest)
    return {"value": value, "unit": manifest.output.unit, "components": components, "tier": tier, "inputs": inputs}


def _components(resource: Resource, manifest: Manifest) -> tuple[Component, ...]:
    parts = [(part, _first(resource.get("component", []), part, "code")) for part in manifest.components]
    return tuple(_component(part, found) for part, found in parts if found)


def _component(declared: Prediction, found: Resource) -> Component:
    if "valueString" in found:
        return Component(code=declared.name, label=found["valueString"])
    called: list[Resource] = found.get("interpretation", [])
    label = called[0].get("text") if called else None
    return Component(code=declared.name, value=_measured(found, declared), unit=declared.unit, label=label)


def _measured(holder: Resource, declared: Prediction) -> Decimal:
    given = holder.get("valueQuantity", {})
    unit = UNIT_CODES.get(declared.unit or "1", declared.unit or "1")
    if "value" not in given or given.get("code") != unit:
        raise ModelUnreadable("valueQuantity", f"must be in {unit} for {declared.name}")
    return Decimal(given["value"])


def _classification(resource: Resource, manifest: Manifest) -> Members:
    value = resource.get("valueCodeableConcept", {})
    codes = {(each.get("system"), each.get("code")) for each in value.get("coding", [])}
    declared = next((code for code in manifest.labels if (code.system, code.code) in codes), None)
    label = value.get("text") or (declared and (declared.value or declared.code))
    if not label:
        raise ModelUnreadable("valueCodeableConcept", "must have a text, or a code that the manifest declares")
    sure = [each.get("valueDecimal") for each in value.get("extension", []) if each.get("url") == CONFIDENCE]
    confidence = Decimal(sure[0]) if sure and sure[0] is not None else None
    tier = _tier(next(iter(resource.get("interpretation", [])), None), manifest)
    inputs, components = _references(resource.get("derivedFrom", [])), _components(resource, manifest)
    return {"label": label, "confidence": confidence, "tier": tier, "components": components, "inputs": inputs}


def _text_of(resource: Resource, manifest: Manifest) -> Members:
    attachment = resource["content"][0]["attachment"]
    if not attachment.get("contentType", "").startswith("text/plain") or "data" not in attachment:
        raise ModelUnreadable("content[0].attachment", "must be inline plain text")
    try:
        text = b64decode(attachment["data"]).decode()
    except ValueError:
        raise ModelUnreadable("content[0].attachment.data", "must be UTF-8") from None
    first, _, rest = text.partition("\n\n")
    text = rest if first.startswith(MARKS[1]) and rest else text  # what an adapter puts before it is put there again
    return {"text": text, "inputs": _references(resource.get("context", {}).get("related", []))}


def _issue(resource: Resource, manifest: Manifest) -> Members:
    detail = [each for evidence in resource.get("evidence", []) for each in evidence.get("detail", [])]
    text = resource.get("detail", "").replace(f"{MARKS[0]}; not clinician-confirmed.", "").strip() or None
    return {
        "label": resource.get("code", {}).get("text"), "text": text, "tier": resource.get("severity"),
        "implicated": _references(resource.get("implicated", [])), "inputs": _references(detail),
    }  # fmt: skip


READERS: Mapping[Kind, tuple[str, str, str, Callable[[Resource, Manifest], Members]]] = {
    "risk": ("RiskAssessment", "occurrenceDateTime", "subject", _risk),
    "score": ("Observation", "effectiveDateTime", "subject", _score),
    "classification": ("Observation", "effectiveDateTime", "subject", _classification),
    "text": ("DocumentReference", "date", "subject", _text_of),
    "issue": ("DetectedIssue", "identifiedDateTime", "patient", _issue),
}
"""Of each kind: its resource type, and the elements that say when and of whom."""


def _first(items: list[Resource], declared: Prediction, at: str, *, alone: bool = False) -> Resource | None:
    """The first item whose concept has one of the declared codes; with ``alone``, a single item needs none."""
    wanted = {(code.system, code.code) for code in declared.codes}
    for item in items:
        codings = item.get(at, {}).get("coding", [])
        if any((each.get("system"), each.get("code")) in wanted for each in codings):
            return item
    return items[0] if alone and len(items) == 1 else None


def _references(items: list[Resource]) -> tuple[str, ...]:
    return tuple(item["reference"] for item in items if "reference" in item)


def _text(resource: Resource, path: str) -> str:
    head, _, rest = path.partition(".")
    value = resource.get(head, {}).get(rest)
    if not isinstance(value, str):
        raise ModelUnreadable(path, "is missing")
    return value


def _time(resource: Resource, element: str) -> float:
    try:
        return parse_instant(resource.get(element, ""))
    except ValueError:
        raise ModelUnreadable(element, "must be a time with seconds and a zone") from None
