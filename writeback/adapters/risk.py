"""A risk → RiskAssessment (R4 §12.13): probabilities as percent, always with the period that they are about. Where an
EHR takes none, an Observation of category survey says the same: the value in percent, the rest in its notes."""

from decimal import Decimal
from typing import Any

from vocabulary.instant import format_instant, shift
from vocabulary.manifest import Prediction
from vocabulary.output import Component
from writeback.adapters.score import explained, given, interpretation, observation, range_of, remarks, spoken
from writeback.labels import (
    Occasion,
    author,
    code_of,
    concept,
    filled,
    head,
    local_concept,
    method,
    model_name,
    notes,
    references,
    subject,
)
from writeback.lexicon.codes import QUALITATIVE
from writeback.lexicon.numerals import percent, percent_words, percentage, rounded_away


def adapt(occasion: Occasion) -> dict[str, Any]:
    """One RiskAssessment: a prediction for the output itself and one for each component, in the manifest's order."""
    return filled(
        {
            **head("RiskAssessment", occasion),
            "status": occasion.status,
            "method": method(occasion),
            "code": code_of(occasion),
            **subject(occasion),
            "occurrenceDateTime": occasion.as_of,
            "performer": author(occasion),
            "basis": references(occasion.output.inputs),
            "prediction": [_first(occasion), *_components(occasion)],
            "note": [
                *notes(occasion),
                *remarks(occasion, "value", "interval", "explanation", *_declared_tier(occasion)),
            ],
        }
    )


def as_observation(occasion: Occasion) -> dict[str, Any]:
    """The same as one Observation in percent, for an EHR that has a place for scores but none for risks."""
    output, declared = occasion.output, occasion.manifest.output
    assert output.value is not None
    return filled(
        {
            **observation(occasion),
            "valueQuantity": percentage(percent(output.value, output.unit)),
            "interpretation": interpretation(occasion),
            "referenceRange": range_of(declared, in_percent=output.unit),
            "note": [
                *explained(occasion),
                *_foreseen(occasion),
                *_rounded(occasion),
                *remarks(occasion, "value", "tier", "explanation"),
            ],
            "component": [_component(occasion, declared, said) for declared, said in given(occasion)],
        }
    )


def _foreseen(occasion: Occasion) -> list[dict[str, str]]:
    """The period, for which an Observation has no element."""
    period = _period(occasion)
    return [{"text": f"Predicted for {period['start'][:10]} to {period['end'][:10]}."}] if "end" in period else []


def _rounded(occasion: Occasion) -> list[dict[str, str]]:
    hidden = rounded_away(occasion.output.value or Decimal(0), occasion.output.unit)
    return [{"text": f"Rounded: {hidden}."}] if hidden else []


def _component(occasion: Occasion, declared: Prediction, said: Component) -> dict[str, Any]:
    code = concept(occasion, declared.codes, declared.title or declared.name)
    if said.value is None:
        return {"code": code, "valueString": said.label}
    value = percentage(percent(said.value, said.unit))
    return filled({"code": code, "valueQuantity": value, "interpretation": spoken(said)})


def _declared_tier(occasion: Occasion) -> tuple[str, ...]:
    """The tier, where ``qualitativeRisk`` says it."""
    return ("tier",) if _qualitative(occasion) is not None else ()


def _first(occasion: Occasion) -> dict[str, Any]:
    output, declared = occasion.output, occasion.manifest.output
    assert output.value is not None
    value = percent(output.value, output.unit)
    prediction = _prediction(occasion, declared, value)
    said = [output.explanation.strip()] if output.explanation else []
    if output.interval is not None:
        low, high = (percent(bound, output.unit) for bound in output.interval)
        del prediction["probabilityDecimal"]
        prediction["probabilityRange"] = {"low": percentage(low), "high": percentage(high)}
        said.insert(0, f"Point estimate {percent_words(output.value, output.unit)}.")
    elif hidden := rounded_away(output.value, output.unit):
        said.insert(0, f"Rounded: {hidden}.")
    return filled({**prediction, "qualitativeRisk": _qualitative(occasion), "rationale": " ".join(said)})


def _qualitative(occasion: Occasion) -> dict[str, Any] | None:
    """The tier, when the manifest declares it: in the installation's own code system, and in HL7's only if the tier
    says which of its codes it is."""
    said = occasion.output.tier
    tier = next((tier for tier in occasion.manifest.tiers if tier.name == said), None)
    if tier is None:
        return None
    found = local_concept(occasion.names, "tier", tier.name)
    row = QUALITATIVE.get(tier.qualitative or "")
    if row is not None:
        found["coding"] = [row.coding, *found.get("coding", [])]
    return found


def _components(occasion: Occasion) -> list[dict[str, Any]]:
    """The further predictions, in the manifest's order; one in words is a qualitative risk."""
    return [
        filled(
            {
                **_prediction(occasion, declared, None if said.value is None else percent(said.value, said.unit)),
                "qualitativeRisk": {"text": said.label} if said.label else None,
                "rationale": _hidden(said),
            }
        )
        for declared, said in given(occasion)
    ]


def _hidden(said: Component) -> str:
    hidden = "" if said.value is None else rounded_away(said.value, said.unit)
    return f"Rounded: {hidden}." if hidden else ""


def _prediction(occasion: Occasion, declared: Prediction, value: Decimal | None) -> dict[str, Any]:
    title = declared.title or (model_name(occasion.manifest) if declared is occasion.manifest.output else declared.name)
    outcome = concept(occasion, declared.codes, title)
    return {"outcome": outcome, "probabilityDecimal": value, "whenPeriod": _period(occasion)}


def _period(occasion: Occasion) -> dict[str, str]:
    """From the time that the inputs describe to the horizon; open where the model declares none. Without any period R4
    would read the prediction as one of the whole life."""
    start, horizon = {"start": occasion.as_of}, occasion.manifest.horizon
    if horizon is None:
        return start
    return {**start, "end": format_instant(shift(occasion.output.as_of, horizon))}
