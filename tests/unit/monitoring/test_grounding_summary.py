"""The shipped summary is grounded, every sentence of every seed patient; a word changed in it is not."""

import re

import pytest

from gateway.feeds import offline
from gateway.model_folders import models
from gateway.outputs.grounding import given_of
from monitoring.grounding.checker import check, count
from monitoring.grounding.index import build
from monitoring.grounding.values import Snapshot
from sandbox.seed.messy import CLEAN, Messiness, degrade
from tests.grounding.charts import AS_OF, charts
from vocabulary.chart import FeatureValue
from vocabulary.instant import parse_instant

SUMMARY = models.load(models.SHIPPED / "summary")
SEEN = ("Patient", "Condition", "Observation", "MedicationRequest")


def summarised(patient, messiness=CLEAN):
    clean = [each for each in charts()[patient] if each["resourceType"] in SEEN]
    resources = list(degrade(clean, messiness, arrived=AS_OF))
    made = offline.score_bundle(SUMMARY, resources, as_of=AS_OF)
    features = {
        name: FeatureValue(value=each["value"], unit=each["unit"], sources=tuple(each["sources"]),
                           at=each["at"] and parse_instant(each["at"]))
        for name, each in made["features"].items()
    }  # fmt: skip
    snapshot = Snapshot(
        patient=patient, as_of=AS_OF, resources=tuple(resources), complete=frozenset(SEEN),
        given=given_of(SUMMARY.manifest, features),
    )  # fmt: skip
    return made["output"]["text"], build(snapshot)


@pytest.mark.parametrize("patient", charts(), ids=range(len(charts())))
def test_a_summary_is_grounded(patient):
    text, index = summarised(patient)
    counts = count(check(text, index))
    assert (counts.contradicted, counts.unsupported, counts.missing) == (0, 0, 0)
    assert counts.supported >= 15
    assert counts.coverage >= 0.95


@pytest.mark.parametrize("patient", charts(), ids=range(len(charts())))
def test_a_summary_of_a_messy_chart_is_grounded_as_well(patient):
    text, index = summarised(patient, Messiness(rate=0.5, draw=3))
    counts = count(check(text, index))
    assert (counts.contradicted, counts.unsupported) == (0, 0)


def test_a_digit_a_date_or_a_citation_changed_in_it_is_found():
    text, index = summarised(max(charts(), key=lambda patient: len(charts()[patient])))
    line = next(each for each in text.splitlines() if each.startswith("- systolic"))
    changed = {
        "number": re.sub(r": (\d)", r": 9\1", line), "date": line.replace(" on 2", " on 1"),
        "citation": re.sub(r"Observation/\S{8}", "Observation/00000000", line),
    }  # fmt: skip
    for name, wrong in changed.items():
        verdicts = {each.verdict for each in check(text.replace(line, wrong), index)}
        assert verdicts & {"contradicted", "unsupported"}, name
