"""Sealed links: what is sealed for a grant opens for it alone, until it is too old."""

import pytest

from gateway.face.paging import LIFE, Pages, Place

NOW = 1_700_000_000.0
PLACE = Place(
    action="search", operation=None, type="Observation", id=None, compartment=None, query=(("code", "a"),), cursor="c", expires=NOW + LIFE
)  # fmt: skip
PAGES = Pages("spec", b"k" * 32)


def test_a_place_comes_back_as_it_was() -> None:
    assert PAGES.unseal(PAGES.seal(PLACE, grant="g"), grant="g", now=NOW) == PLACE


def test_it_opens_for_no_other_grant_ehr_key_or_time() -> None:
    text = PAGES.seal(PLACE, grant="g")
    assert PAGES.unseal(text, grant="h", now=NOW) is None
    assert PAGES.unseal(text, grant="g", now=NOW + LIFE) is None
    assert Pages("other", b"k" * 32).unseal(text, grant="g", now=NOW) is None
    assert Pages("spec", b"j" * 32).unseal(text, grant="g", now=NOW) is None


@pytest.mark.parametrize("text", ["", "a", "eA", "%%%", "\u00e9", "A" * 20000, "A" * 40])
def test_what_was_never_sealed_opens_nothing(text: str) -> None:
    assert PAGES.unseal(text, grant="g", now=NOW) is None


def test_no_character_can_be_changed() -> None:
    text = PAGES.seal(PLACE, grant="g")
    for place in range(len(text) - 1):
        other = "A" if text[place] != "A" else "B"
        assert PAGES.unseal(text[:place] + other + text[place + 1 :], grant="g", now=NOW) is None
    assert "code" not in text
