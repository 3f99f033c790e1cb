"""The Python API: outputs as R4B models and back; nothing invalid passes in either direction."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.unit.writeback.examples import NAMES, NOW, manifest, output
from vocabulary.manifest import Code, Report, Tier
from vocabulary.output import KINDS, Component, Kind
from writeback.api import ModelInvalid, ModelUnreadable, from_model, to_model, to_models, to_output
from writeback.labels import Confirmation


@pytest.mark.parametrize("kind", KINDS)
def test_every_resource_of_an_output_is_an_r4b_model_and_is_read_back_as_valid_r4(kind: Kind) -> None:
    models = to_models(output(kind), manifest(kind), namespace=NAMES.namespace, now=NOW)
    assert len(models) == 4
    for model in models:
        assert from_model(model)["resourceType"] == type(model).__name__


def test_a_report_with_its_results_and_a_flag_are_models_too() -> None:
    report = Report(codes=(Code(system="urn:chartgate:assessment", code="round"),), title="Round")
    scores = to_models(output("score"), manifest("score", report=report), namespace=NAMES.namespace, now=NOW)
    confirmed = Confirmation(by="Practitioner/d1", at=NOW)
    risks = to_models(
        output(), manifest(flag=True, policy="confirm"), namespace=NAMES.namespace, now=NOW, confirmed_by=confirmed
    )
    names = [type(model).__name__ for model in (*scores, *risks)]
    assert names.count("Observation") == 2
    assert {"DiagnosticReport", "Flag"} <= set(names)


TIERS = (Tier(name="low", low=Decimal(0)), Tier(name="intermediate", low=Decimal("0.075")))


@pytest.mark.parametrize("kind", KINDS)
def test_a_model_says_the_output_it_was_made_from(kind: Kind) -> None:
    """But for the words that explain it, which stand among others."""
    tier = "high" if kind == "issue" else None if kind == "text" else "intermediate"
    where = None if kind == "issue" else "Encounter/e1"  # R4's DetectedIssue has no encounter
    said = replace(output(kind), tier=tier, inputs=("Observation/o1",), explanation=None, encounter=where)
    model = manifest(kind, tiers=TIERS)
    made = to_models(said, model, namespace=NAMES.namespace, now=NOW)[2]
    back = to_output(made, model, ehr="spec", inference_id=said.inference_id)
    when = {"as_of": said.as_of} if kind == "text" else {}  # a document has the date of its making
    assert replace(back, **when) == said


def test_a_part_in_words_is_read_as_one() -> None:
    parts = (Component(code="ascvd", label="above average"),)
    made = to_models(replace(output(), components=parts), manifest(), namespace=NAMES.namespace, now=NOW)[2]
    assert to_output(made, manifest(), ehr="spec", inference_id="i").components == parts


@pytest.mark.parametrize(
    ("change", "element"),
    [
        (
            {"valueQuantity": {"value": 7, "unit": "%", "system": "http://unitsofmeasure.org", "code": "%"}},
            "valueQuantity",
        ),
        ({"effectiveDateTime": "2026-01"}, "effectiveDateTime"),
    ],
)
def test_what_the_manifest_does_not_mean_is_not_read(change: dict[str, Any], element: str) -> None:
    whole = from_model(to_models(output("score"), manifest("score"), namespace=NAMES.namespace, now=NOW)[2])
    with pytest.raises(ModelUnreadable) as refused:
        to_output(to_model({**whole, **change}), manifest("score"), ehr="spec", inference_id="i")
    assert refused.value.element == element


def test_what_the_library_lets_pass_is_refused_here() -> None:
    from fhir.resources.R4B.observation import Observation

    lax = Observation.model_validate({"resourceType": "Observation", "status": "bogus", "code": {"text": "x"}})
    with pytest.raises(ModelInvalid) as refused:
        from_model(lax)
    assert refused.value.issues[0].element == "Observation.status"
    with pytest.raises(ModelInvalid):
        to_model({"resourceType": "Nonsense"})
