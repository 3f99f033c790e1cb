"""Dates, numbers and references at the very edge of what they match: each prefix just inside and just outside (R4 §3.1.1.4)."""

from collections.abc import Iterator

import pytest

from r4.outcome import Issue
from sandbox import comparing
from sandbox.comparing import SearchError
from tests.unit.sandbox.stores import Store


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def store() -> Iterator[Store]:
    """Patients of three seconds one after the other, asked for 5 s after the second; one day, one number, two references."""
    clock = Clock()
    made = Store(clock=clock)
    for id, at in (("a", 1000.0), ("b", 1001.0), ("c", 1002.0)):
        clock.now = at
        made.put("Patient", id)
    coded = {"status": "final", "code": {"coding": [{"code": "x"}]}}
    made.put("Observation", "day", **coded, effectiveDateTime="2020-01-10", subject={"reference": "urn:uuid:a"})
    made.put(
        "Observation", "never", **coded, subject={"reference": "Group/g"}, focus=[{"reference": "http://e.example/x"}]
    )
    made.put(
        "RiskAssessment",
        "r",
        status="final",
        subject={"reference": "Patient/a"},
        prediction=[{"probabilityDecimal": 0.25}],
    )
    clock.now = 1006.0
    yield made
    made.database.close()


SECOND = "1970-01-01T00:16:41Z"
"""1001 s."""


@pytest.mark.parametrize(
    ("prefix", "found"),
    [("", "b"), ("eq", "b"), ("ne", "a c"), ("gt", "c"), ("lt", "a"), ("ge", "b c"), ("le", "a b"), ("sa", "c"), ("eb", "a"), ("ap", "b c")],
)  # fmt: skip
def test_a_second_is_compared_with_the_second_it_is(store: Store, prefix: str, found: str) -> None:
    assert sorted(store.ids(f"Patient?_lastUpdated={prefix}{SECOND}")) == found.split()


@pytest.mark.parametrize(
    ("day", "prefixes"), [("2020-01-09", "ne gt ge sa"), ("2020-01-10", "eq ge le"), ("2020-01-11", "ne lt le eb")]
)  # fmt: skip
def test_a_day_is_before_after_or_the_same(store: Store, day: str, prefixes: str) -> None:
    every = ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb"]
    assert [each for each in every if store.ids(f"Observation?date={each}{day}") == ["day"]] == [
        each for each in every if each in prefixes.split()
    ]


def test_about_a_day_is_a_tenth_of_the_time_since(store: Store) -> None:
    """From 1970 to 2020 fifty years: five years around."""
    assert store.ids("Observation?date=ap2024-06") == ["day"]
    assert store.ids("Observation?date=ap2030") == []


@pytest.mark.parametrize(
    ("value", "prefixes"),
    [("0.25", "eq ge le ap"), ("0.24", "ne gt ge sa ap"), ("0.26", "ne lt le eb ap"), ("0.3", "eq lt le eb"), ("0.2", "ne gt ge sa"), ("0.28", "ne lt le eb")],
)  # fmt: skip
def test_a_number_is_as_exact_as_it_is_said(store: Store, value: str, prefixes: str) -> None:
    every = ["eq", "ne", "gt", "lt", "ge", "le", "sa", "eb", "ap"]
    assert [each for each in every if store.ids(f"RiskAssessment?probability={each}{value}")] == [
        each for each in every if each in prefixes.split()
    ]


@pytest.mark.parametrize("value", ["1." + "0" * 300, "1e301", "1e-301", "NaN", "Infinity", "gt", "x"])
def test_what_is_no_number_of_this_world_is_refused(store: Store, value: str) -> None:
    assert store.ask("GET", f"RiskAssessment?probability={value}").status == 400


@pytest.mark.parametrize(
    ("query", "found"),
    [("subject=urn:uuid:a", "day"), ("subject=uuid:a", ""), ("focus=http://e.example/x", "never"), ("subject=g", "never"), ("subject:Group=g", "never"),
     ("subject:Patient=g", ""), ("patient=g", ""), ("subject=Group/g", "never"), ("subject:Group=Group/g", "never"), ("subject:Patient=Group/g", "")],
)  # fmt: skip
def test_a_reference_is_named_as_it_stands_or_by_its_type(store: Store, query: str, found: str) -> None:
    assert store.ids(f"Observation?{query}") == found.split()


def test_a_refusal_names_the_parameter_and_never_its_value() -> None:
    assert SearchError("code", "must be something").issue == Issue(
        "not-supported", "must be something", "code", "search"
    )
    assert comparing.plain("a\\,b\\|c\\$d\\\\") == "a,b|c$d\\"
    assert comparing.parts("a\\,b,c", ",") == ["a\\,b", "c"]
