"""Filters and cursors: what was given is understood, everything else is refused by name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.bodies.query import DELIVERIES, OUTPUTS, Asked, format_cursor, narrowed, parse_cursor, read_filters
from writeback.ledger.listing import Filter
from writeback.states import OUTPUT_STATES, STATES


@settings(deadline=None)
@given(st.floats(0, 1e11), st.from_regex(r"[0-9a-f-]{1,64}", fullmatch=True))
def test_a_cursor_comes_back_as_it_was_given(at: float, id: str) -> None:
    at = round(at, 6)
    assert parse_cursor(format_cursor((at, id))) == (at, id)


@pytest.mark.parametrize("text", ["", "A", "%%%", "AAAA", "ä", "x" * 300, "MSBh\n", "bmFuIGE", "LTEgYQ"])
def test_what_is_no_cursor_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="cursor"):
        parse_cursor(text)


def test_a_place_of_an_output_is_none_of_a_delivery() -> None:
    cursor = format_cursor((1.0, "a1"))
    assert isinstance(read_filters([("cursor", cursor)], OUTPUTS, OUTPUT_STATES), Asked)
    assert isinstance(read_filters([("cursor", cursor)], DELIVERIES, STATES), list)


def test_a_keys_bounds_hold_whatever_is_asked() -> None:
    asked = Filter(ehrs=frozenset({"a"}))
    assert narrowed(asked, ehrs=frozenset({"b"})).ehrs == frozenset()
    assert narrowed(asked, ehrs=frozenset({"a", "b"})).ehrs == frozenset({"a"})
    assert narrowed(Filter(), ehrs=frozenset({"b"})).ehrs == frozenset({"b"})
    assert narrowed(asked).ehrs == frozenset({"a"})


def test_the_link_to_the_next_page_keeps_every_filter() -> None:
    asked = read_filters([("state", "dead"), ("state", "rejected"), ("ehr", "a b"), ("limit", "7")], DELIVERIES, STATES)
    assert isinstance(asked, Asked)
    assert asked.next("/x", None) is None
    link = asked.next("/x", (2.5, "9"))
    assert link == f"/x?ehr=a+b&limit=7&state=dead&state=rejected&cursor={format_cursor((2.5, '9'))}"
