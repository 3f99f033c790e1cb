"""The tables of search and of the CapabilityStatement have the rows of R4, counted from there and not from the tables."""

import pytest

from r4.generated.types import RESOURCES
from sandbox import capabilities
from sandbox.comparing import ALLOWED
from sandbox.indexing import STRING_MEMBERS, _string

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
