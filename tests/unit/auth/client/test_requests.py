"""A client proves itself by its registered method and no other, with a fresh assertion each time."""

from base64 import b64decode, urlsafe_b64decode
from json import loads
from typing import Any

import pytest

from auth.client import signing
from auth.client.ehr import RegisteredEhr
from auth.client.requests import TokenRequest, authenticate, backend_request, refresh_request

KEYS = signing.generate()
ENDPOINT = "https://ehr.example/token"


def signed(jti: str = "j1", backend: bool = False, **members: Any) -> TokenRequest:
    ehr = RegisteredEhr(**{"name": "spec", "issuer": "https://ehr.example/r4", "client_id": "gate way", **members})
    return authenticate(refresh_request(ENDPOINT, "rt"), ehr, keys=KEYS, now=1000.0, jti=jti, backend=backend)


def parts(request: TokenRequest) -> tuple[dict[str, Any], dict[str, Any]]:
    header, payload, _ = dict(request.form)["client_assertion"].split(".")
    return tuple(loads(urlsafe_b64decode(part + "==")) for part in (header, payload))  # type: ignore[return-value]


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_an_assertion_is_for_this_endpoint_and_five_minutes(algorithm: str) -> None:
    header, payload = parts(signed(algorithm=algorithm))
    assert (header["alg"], header["typ"]) == (algorithm, "JWT")
    assert not {"jku", "jwk", "x5c", "x5u"} & set(header)
    assert header["kid"] in {key["kid"] for key in KEYS.jwks(1000.0)["keys"]}
    assert (payload["iss"], payload["sub"], payload["aud"], payload["jti"]) == ("gate way", "gate way", ENDPOINT, "j1")
    assert 1000 < payload["exp"] <= 1300


def test_an_assertion_brings_its_type_and_no_client_id_beside_it() -> None:
    form = dict(signed().form)
    assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
    assert "client_id" not in form
    assert signed().headers == ()


def test_two_requests_carry_two_assertions() -> None:
    assert dict(signed("j1").form)["client_assertion"] != dict(signed("j2").form)["client_assertion"]


def test_a_secret_travels_in_the_basic_header_encoded_and_nowhere_else() -> None:
    request = signed(method="client_secret_basic", secret="s:1&%")
    assert b64decode(dict(request.headers)["authorization"].removeprefix("Basic ")) == b"gate+way:s%3A1%26%25"
    assert dict(request.form).keys() == {"grant_type", "refresh_token"}


def test_a_secret_travels_in_the_form_where_the_ehr_wants_it_so() -> None:
    request = signed(method="client_secret_post", secret="s:1&%", backend=True, backend_client_id="night")
    form = dict(request.form)
    assert (form["client_id"], form["client_secret"], request.headers) == ("night", "s:1&%", ())
    assert "s:1" not in repr(request)


def test_a_public_client_names_itself_and_proves_nothing() -> None:
    request = signed(method="none")
    assert dict(request.form)["client_id"] == "gate way"
    assert (request.headers, "client_assertion" in dict(request.form)) == ((), False)


def test_the_backend_client_may_be_another() -> None:
    assert parts(signed(backend=True, backend_client_id="night"))[1]["sub"] == "night"
    assert parts(signed(backend=False, backend_client_id="night"))[1]["sub"] == "gate way"


def test_a_refresh_asks_for_no_scope_and_the_backend_for_its_own() -> None:
    assert "scope" not in dict(refresh_request(ENDPOINT, "rt").form)
    assert dict(backend_request(ENDPOINT, ("system/*.rs", "system/Device.cu")).form) == {
        "grant_type": "client_credentials",
        "scope": "system/*.rs system/Device.cu",
    }


def test_no_secret_shows_in_a_representation() -> None:
    request = signed(method="client_secret_basic", secret="s1")
    assert "rt" not in repr(request).replace("form", "")
    assert "Basic" not in repr(request)
