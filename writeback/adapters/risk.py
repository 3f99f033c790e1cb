"""A risk → RiskAssessment (R4 §12.13): probabilities as percent, always with the period that they are about."""

from decimal import Decimal
from typing import Any

from vocabulary.instant import format_instant, shift
from vocabulary.manifest import Prediction
from writeback.labels import (
    Occasion,
    author,
    concept,
    filled,
    head,
    local_concept,
    method,
    model_name,
    notes,
    references,
    subject,
)  # fmt: skip
from writeback.numerals import percent, percentage


def adapt(occasion: Occasion) -> dict[str, Any]:
    """One RiskAssessment: a prediction for the output itself and one for each component, in the manifest's order."""
    output, manifest = occasion.output, occasion.manifest
    return filled(
        {
            **head("RiskAssessment", occasion),
            "status": occasion.status,
            "method": method(occasion),
            "code": concept(manifest.output.codes, manifest.output.title or manifest.title),
            **subject(occasion),
            "occurrenceDateTime": occasion.as_of,
            "performer": author(occasion),
            "basis": references(output.inputs),
            "prediction": [_first(occasion), *_components(occasion)],
            "note": notes(occasion),
        }
    )


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
        said.insert(0, f"Point estimate {value} %.")
    if output.tier is not None:
        prediction["qualitativeRisk"] = local_concept(occasion.names, "tier", output.tier)
    return filled({**prediction, "rationale": " ".join(said)})


def _components(occasion: Occasion) -> list[dict[str, Any]]:
    given = {component.code: component for component in occasion.output.components}
    found = []
    for declared in occasion.manifest.components:
        component = given.get(declared.name)
        if component is not None and component.value is not None:
            found.append(_prediction(occasion, declared, percent(component.value, component.unit)))
    return found


def _prediction(occasion: Occasion, declared: Prediction, value: Decimal) -> dict[str, Any]:
    """``whenPeriod`` follows from the horizon; a model that declares none predicts the rest of the subject's life."""
    output, horizon = occasion.output, occasion.manifest.horizon
    title = declared.title or (model_name(occasion.manifest) if declared is occasion.manifest.output else declared.name)
    said = {"outcome": concept(declared.codes, title), "probabilityDecimal": value}
    if horizon is None:
        return said
    return {**said, "whenPeriod": {"start": occasion.as_of, "end": format_instant(shift(output.as_of, horizon))}}
