"""The sentences that people judge, and what a checker is worth by what they say."""

import itertools

import pytest
from sqlalchemy import create_engine

from monitoring import samples
from monitoring.grounding.merging import Sample
from monitoring.grounding.rates import rogan_gladen
from monitoring.tables import metadata


@pytest.fixture
def connection():
    engine = create_engine("sqlite://")
    metadata.create_all(engine)
    with engine.begin() as connection:
        yield connection
    engine.dispose()


def sample(verdict, rules="supported", weight=1):
    return Sample(span=(0, 9), rules=rules, checker="nli", version="1", verdict=verdict, weight=weight)


def queue(connection, found):
    ids = itertools.count()
    samples.save_samples(connection, 10.0, output="o1", found=found, new_id=lambda: f"{next(ids):032d}")


def test_disagreements_come_before_what_was_drawn_and_each_is_judged_once(connection):
    queue(connection, [sample("supported", weight=50), sample("contradicted")])
    waiting = samples.find_waiting(connection, 11.0)
    assert [each.verdict for each in waiting] == ["contradicted", "supported"]
    assert samples.save_judgement(connection, 12.0, id=waiting[0].id, verdict="supported", by="Practitioner/d1")
    assert not samples.save_judgement(connection, 13.0, id=waiting[0].id, verdict="contradicted", by="Practitioner/d2")
    assert [each.verdict for each in samples.find_waiting(connection, 14.0)] == ["supported"]


def test_a_checkers_worth_counts_each_sentence_for_as_many_as_it_stands_for(connection):
    said = [("contradicted", 1, "contradicted")] * 8 + [("contradicted", 1, "supported")] * 5
    said += (
        [("supported", 50, "supported")] * 9
        + [("supported", 1, "unsupported")] * 2
        + [("supported", 50, "uncheckable")]
    )
    queue(connection, [sample(verdict, weight=weight) for verdict, weight, _ in said])
    for number, (_, _, truth) in enumerate(said):
        samples.save_judgement(connection, 12.0, id=f"{number:032d}", verdict=truth, by="p")
    worth = samples.find_worth(connection, 13.0, checker="nli", version="1")
    assert (worth.judged, worth.sensitivity) == (24, 0.8)
    assert worth.specificity == pytest.approx(450 / 455)
    assert rogan_gladen(0.03, sensitivity=worth.sensitivity, specificity=worth.specificity) == pytest.approx(
        0.0241, abs=1e-3
    )


def test_of_a_version_that_nobody_judged_nothing_is_known(connection):
    queue(connection, [sample("contradicted")])
    assert samples.find_worth(connection, 1.0, checker="nli", version="1") == samples.Worth(
        judged=0, sensitivity=None, specificity=None
    )
