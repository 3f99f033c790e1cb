"""The Provenance of an output: who made what from which versions of what (R4 §6.3; profile AI-Provenance)."""

from collections.abc import Sequence
from typing import Any

from vocabulary.instant import format_instant
from vocabulary.write import Planned
from writeback import keys
from writeback.labels import Confirmation, Names, Occasion, author, filled, model_name, to
from writeback.lexicon.codes import AI_ASSERTED, AI_DEVICE, AUTHOR, CAVEAT, CREATE, TRANSMITTER, VERIFIER


def provenance(occasion: Occasion, *, targets: Sequence[Planned], card: str, key: str) -> dict[str, Any]:
    """One for the output's whole set, rendered when the versions of its targets are known; the output's own resource
    is the first. R4 gives a Provenance no identifier, so that it carries its delivery key and its inference as tags.
    ``card`` is the card's delivery key."""
    names, output, manifest = occasion.names, occasion.output, occasion.manifest
    tags = [
        {"system": f"{names.namespace}/delivery", "code": key},
        {"system": f"{names.namespace}/inference", "code": output.inference_id},
    ]
    return filled(
        {
            "resourceType": "Provenance",
            "meta": {"tag": tags if _is_code(output.inference_id) else tags[:1]},
            "extension": [{"url": CAVEAT, "valueString": caveat} for caveat in occasion.admitted.caveats],
            "target": [
                to(part.key, f"{part.type}: {model_name(manifest)}", versioned=True)
                for part in sorted(targets, key=lambda part: part.role != keys.PRIMARY)
            ],
            "occurredDateTime": occasion.as_of,
            "recorded": format_instant(occasion.now),
            "policy": [f"urn:chartgate:policy:{manifest.policy}"],
            "reason": [AI_ASSERTED.concept],
            "activity": CREATE.concept,
            "agent": _agents(occasion),
            "entity": _entities(occasion, card),
        }
    )


def _agents(occasion: Occasion) -> list[dict[str, Any]]:
    """The model as author, the gateway as transmitter, and the clinician who accepted it as verifier."""
    names = occasion.names
    model = {"type": AUTHOR.concept, "role": [AI_DEVICE.concept], "who": author(occasion)}
    if names.organization:
        model["onBehalfOf"] = {"display": names.organization}
    agents: list[dict[str, Any]] = [model, {"type": TRANSMITTER.concept, "who": gateway(names)}]
    return agents + ([_verifier(occasion.confirmed)] if occasion.confirmed else [])


def _verifier(confirmed: Confirmation) -> dict[str, Any]:
    return {"type": VERIFIER.concept, "who": {"reference": confirmed.by}}


def gateway(names: Names) -> dict[str, Any]:
    """This installation as a logical reference: the EHR need not hold a Device for it."""
    identifier = {"system": f"{names.namespace}/gateway", "value": "gateway"}
    return {"type": "Device", "identifier": identifier, "display": names.software}


def _entities(occasion: Occasion, card: str) -> list[dict[str, Any]]:
    inputs = [{"role": "source", "what": {"reference": reference}} for reference in occasion.admitted.inputs]
    about = to(card, f"Model card: {model_name(occasion.manifest)}")
    return [*inputs, {"role": "derivation", "what": about}]


def _is_code(text: str) -> bool:
    """A tag's code is a FHIR code: no space at either end, none doubled, no other white space."""
    return bool(text) and " ".join(text.split()) == text
