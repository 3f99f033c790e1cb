"""Client keys turn without an EHR missing one: published before they sign, published after."""

from typing import Any

import pytest

from auth.client import signing
from auth.client.signing import LEAD
from auth.keys import SigningKeys
from auth.rotation import LINGER

FIRST = signing.generate()
SECOND = FIRST.renewed(1000.0)


def kids(keys: signing.AssertionKeys, now: float) -> set[str]:
    return {key["kid"] for key in keys.jwks(now)["keys"]}


def test_a_new_installation_signs_at_once_by_both_algorithms() -> None:
    assert [(key["kty"], key["alg"]) for key in FIRST.jwks(0.0)["keys"]] == [("RSA", "RS384"), ("EC", "ES384")]
    assert {FIRST.key("RS384", 0.0).kid, FIRST.key("ES384", 0.0).kid} == kids(FIRST, 0.0)


def test_what_is_published_is_public() -> None:
    assert not {"d", "p", "q", "dp", "dq", "qi"} & {name for key in SECOND.jwks(1000.0)["keys"] for name in key}
    assert "'d'" not in repr(SECOND)


def test_each_published_key_is_a_bare_key_with_a_kid_of_its_own() -> None:
    keys = SECOND.jwks(1000.0)["keys"]
    assert len({key["kid"] for key in keys}) == len(keys) == 4
    wanted = {"RSA": {"n", "e"}, "EC": {"crv", "x", "y"}}
    assert all(wanted[key["kty"]] <= set(key) and not {"x5c", "x5u"} & set(key) for key in keys)


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_a_new_key_is_published_for_a_day_before_it_signs(algorithm: Any) -> None:
    old, end = FIRST.key(algorithm, 0.0), 1000.0 + LEAD
    assert kids(SECOND, 1000.0) > kids(FIRST, 1000.0)
    assert SECOND.key(algorithm, end - 1).kid == old.kid
    new = SECOND.key(algorithm, end)
    assert new.kid != old.kid
    assert old.kid in kids(SECOND, end + LINGER - 1)
    assert old.kid not in kids(SECOND, end + LINGER)
    assert new.kid in kids(SECOND, 1000.0)


def test_at_once_leaves_nothing_of_the_keys_that_became_known() -> None:
    changed = SECOND.renewed(2000.0, at_once=True)
    assert not kids(changed, 2000.0) & kids(SECOND, 2000.0)
    assert changed.key("ES384", 2000.0).kid in kids(changed, 2000.0)


def test_the_list_says_what_each_key_is_for_and_holds_none() -> None:
    listed = SECOND.listed(1000.0 + LEAD - 1)
    assert [each["use"] for each in listed] == ["signs", "next"] * 2
    assert [each["use"] for each in SECOND.listed(1000.0 + LEAD)] == ["past", "signs"] * 2
    assert {name for each in listed for name in each} == {"kid", "algorithm", "made", "use"}


def test_keys_come_back_from_the_file_as_they_were() -> None:
    again = signing.from_json(SECOND.to_json())
    for now in (1000.0, 1000.0 + LEAD):
        assert kids(again, now) == kids(SECOND, now)
        assert again.key("ES384", now).kid == SECOND.key("ES384", now).kid


def test_the_file_of_an_older_installation_goes_on_signing() -> None:
    old = SigningKeys.generate("RS384", "ES384")
    again = signing.from_json(old.to_json())
    assert again.key("ES384", 0.0).kid == old.key("ES384").kid


@pytest.mark.parametrize(
    "document",
    [
        {}, {"RS384": [], "ES384": []}, {**FIRST.to_json(), "ES384": [{"made": 0, "key": {"kty": "EC"}}]},
        {**FIRST.to_json(), "ES384": [{"made": "soon", "key": FIRST.to_json()["ES384"][0]["key"]}]},
        {**FIRST.to_json(), "ES384": FIRST.jwks(0.0)["keys"][1]},
    ],
)  # fmt: skip
def test_what_holds_no_keys_is_refused(document: Any) -> None:
    with pytest.raises((ValueError, KeyError, TypeError)):
        signing.from_json(document)
