"""The tables of search and of the CapabilityStatement have the rows of R4, counted from there and not from the tables."""

import pytest

from r4.generated.types import RESOURCES
from sandbox import capabilities
from sandbox.comparing import ALLOWED, SearchError, _amount
from sandbox.history import span_of
from sandbox.values import STRING_MEMBERS, _string

NAME = ("text", "family", "given", "prefix", "suffix")
ADDRESS = ("text", "line", "city", "district", "state", "postalCode", "country")
"""https://hl7.org/fhir/R4/search.html#string: the parts of HumanName and Address that a string parameter looks at."""


@pytest.mark.parametrize("member", [*NAME, *ADDRESS])
def test_a_string_is_found_by_each_part_of_a_name_or_an_address(member: str) -> None:
    repeated = member in ("given", "prefix", "suffix", "line")
    assert [said[0] for said in _string({member: ["Word"] if repeated else "Word", "use": "home"}, "")] == ["word"]


def test_no_other_part_is_looked_at() -> None:
    assert set(STRING_MEMBERS) == {*NAME, *ADDRESS, "name"}
    assert _string({"use": "home", "period": {"start": "2020"}}, "") == []


def test_each_kind_of_parameter_knows_its_modifiers() -> None:
    """https://hl7.org/fhir/R4/search.html#modifiers, but for those that the CapabilityStatement says are not served."""
    assert ALLOWED["token"] == {"not"}
    assert ALLOWED["string"] == {"exact", "contains"}
    assert ALLOWED["reference"] == {*RESOURCES, "identifier"}


def test_the_operations_that_are_served_are_told_with_their_definitions() -> None:
    assert {pair: address.rsplit("/", 1)[1] for pair, address in capabilities.DEFINITIONS.items()} == {
        ("$everything", "Patient"): "Patient-everything", ("$validate", ""): "Resource-validate",
        ("$export", "Patient"): "patient-export", ("$export", "Group"): "group-export",
    }  # fmt: skip


@pytest.mark.parametrize(
    "query", [(("_count", "1"), ("_count", "2")), (("_sort", "date"),), (("_count", "0"),), (("_since", "yesterday"),)]
)
def test_a_history_that_is_asked_otherwise_is_refused(query: tuple[tuple[str, str], ...]) -> None:
    with pytest.raises(SearchError):
        span_of(query)


def test_a_history_takes_each_of_its_parameters_once() -> None:
    assert span_of((("_count", "3"), ("_since", "2026-01-01T00:00:00Z"), ("_cursor", "x"))).size == 3


def test_a_number_without_a_prefix_is_meant_as_equal() -> None:
    assert [_amount("value", said).prefix for said in ("5", "eq5", "gt5", "le5.00")] == ["eq", "eq", "gt", "le"]
