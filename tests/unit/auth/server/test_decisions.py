"""Single decisions of the authorization server, each with the value just beside it that goes the other way."""

from typing import Any

import pytest

from auth.errors import OAuthError
from auth.server import authorize, registration


@pytest.mark.parametrize("value", ["a" * (authorize.LONGEST + 1), "a\x00b"])
def test_a_parameter_that_is_too_long_or_no_text_is_refused(value: str) -> None:
    with pytest.raises(OAuthError, match="too long, or not text"):
        authorize.once([("state", value)])


def test_a_parameter_as_long_as_is_allowed_is_taken_once() -> None:
    assert authorize.once([("state", "a" * authorize.LONGEST)]) == {"state": "a" * authorize.LONGEST}
    with pytest.raises(OAuthError, match="twice"):
        authorize.once([("state", "a"), ("state", "a")])


def said(address: str) -> dict[str, Any]:
    return {"client_name": "X", "redirect_uris": ["https://app.example/cb"], "token_endpoint_auth_method": "private_key_jwt",
            "jwks_uri": address}  # fmt: skip


def test_keys_are_fetched_from_this_machine_only_where_that_is_allowed() -> None:
    here, elsewhere = "http://127.0.0.1/keys", "https://app.example/keys"
    assert registration.read_registration(said(elsewhere), id="1", loopback=False).jwks_uri == elsewhere
    assert registration.read_registration(said(here), id="1", loopback=True).jwks_uri == here
    with pytest.raises(OAuthError, match="on this machine"):
        registration.read_registration(said(here), id="1", loopback=False)
