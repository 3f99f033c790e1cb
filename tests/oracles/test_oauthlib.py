"""requests-oauthlib (on oauthlib) with PyJWT: a second family of client libraries, which shares no code with the first."""

import time
from collections.abc import Callable
from secrets import token_urlsafe
from typing import Any

import jwt
import pytest
import requests
from oauthlib.oauth2 import BackendApplicationClient, InvalidGrantError, WebApplicationClient
from requests.auth import HTTPBasicAuth
from requests_oauthlib import OAuth2Session

from tests.oracles.strangers import BACK, KEYS, SCOPE

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
METHODS = ["none", "client_secret_basic", "client_secret_post", "RS384", "ES384"]
Register, Launch, Follow = Callable[..., dict[str, Any]], Callable[[str], dict[str, str]], Callable[[str], str]


@pytest.fixture(autouse=True)
def _loopback_is_enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """oauthlib wants https but on its user's word."""
    monkeypatch.setenv("OAUTHLIB_INSECURE_TRANSPORT", "1")


def _registered(register: Register, method: str) -> dict[str, Any]:
    return register("private_key_jwt" if method in ("RS384", "ES384") else method)


def _proof(made: dict[str, Any], endpoint: str, method: str) -> dict[str, Any]:
    """How a client of this method shows who it is, as arguments of ``fetch_token``."""
    if method == "none":
        return {"include_client_id": True}
    if method == "client_secret_basic":
        return {"auth": HTTPBasicAuth(made["client_id"], made["client_secret"])}
    if method == "client_secret_post":
        return {"include_client_id": True, "client_secret": made["client_secret"]}
    return {
        "client_assertion_type": ASSERTION_TYPE,
        "client_assertion": _signed(made["client_id"], endpoint, method),
        "include_client_id": True,
    }


def _signed(client_id: str, audience: str, method: str) -> str:
    """PyJWT's assertion."""
    key = KEYS.keys[0 if method == "RS384" else 1]
    claims = {
        "iss": client_id,
        "sub": client_id,
        "aud": audience,
        "exp": int(time.time()) + 240,
        "jti": token_urlsafe(16),
    }
    return jwt.encode(claims, key.as_pem(private=True), algorithm=method, headers={"kid": key.kid})


@pytest.mark.parametrize("method", METHODS)
def test_a_launch_from_code_to_revocation(
    register: Register, configuration: dict[str, Any], launch: Launch, follow: Follow, fhir: str, method: str
) -> None:
    made, endpoint = _registered(register, method), configuration["token_endpoint"]
    prepared = launch(made["client_id"])
    client = WebApplicationClient(made["client_id"])
    verifier = client.create_code_verifier(64)
    challenge = client.create_code_challenge(verifier, "S256")
    with OAuth2Session(client=client, redirect_uri=BACK, scope=SCOPE.split()) as session:
        url, _ = session.authorization_url(
            configuration["authorization_endpoint"], aud=fhir, launch=prepared["launch"], code_challenge=challenge,
            code_challenge_method="S256", nonce="n-2",
        )  # fmt: skip
        token = session.fetch_token(
            endpoint, authorization_response=follow(url), code_verifier=verifier, **_proof(made, endpoint, method)
        )
        assert token["patient"] == prepared["patient"]
        _check_identity(configuration, token["id_token"], made["client_id"])
        again = {name: value for name, value in _proof(made, endpoint, method).items() if name != "include_client_id"}
        if method in ("none", "client_secret_post"):
            again["client_id"] = made["client_id"]
        renewed = session.refresh_token(endpoint, refresh_token=token["refresh_token"], **again)
        assert renewed["access_token"] != token["access_token"]
        address = f"{fhir}/Patient/{prepared['patient']}"
        assert session.get(address).json()["id"] == prepared["patient"]
        _introspect_and_revoke(configuration, made, method, renewed)
        assert session.get(address).status_code == 401


def _introspect_and_revoke(
    configuration: dict[str, Any], made: dict[str, Any], method: str, token: dict[str, Any]
) -> None:
    """By plain requests: oauthlib builds the revocation body and has nothing for introspection."""

    def post(endpoint: str, said: str) -> requests.Response:
        proof = _proof(made, configuration["token_endpoint"], method)
        auth = proof.pop("auth", None)
        fields = {name: value for name, value in proof.items() if name != "include_client_id"}
        named = {"client_id": made["client_id"]} if auth is None else {}
        return requests.post(configuration[endpoint], data={"token": said, **named, **fields}, auth=auth, timeout=20)

    if method != "none":
        assert post("introspection_endpoint", token["access_token"]).json()["active"] is True
    assert post("revocation_endpoint", token["refresh_token"]).status_code == 200


def _check_identity(configuration: dict[str, Any], id_token: str, client_id: str) -> None:
    """By PyJWT, which fetches the key by ``kid`` from the published set."""
    key = jwt.PyJWKClient(configuration["jwks_uri"]).get_signing_key_from_jwt(id_token)
    required = {"require": ["exp", "iat", "iss", "sub", "aud"]}
    claims = jwt.decode(
        id_token, key, algorithms=["RS256"], audience=client_id, issuer=configuration["issuer"], options=required
    )
    assert claims["nonce"] == "n-2"
    assert "Practitioner/" in claims["fhirUser"]
    with pytest.raises(jwt.InvalidAudienceError):
        jwt.decode(id_token, key, algorithms=["RS256"], audience="another", issuer=configuration["issuer"])


@pytest.mark.parametrize("method", METHODS[1:])
def test_a_backend_service_gets_a_short_token(
    register: Register, configuration: dict[str, Any], fhir: str, method: str
) -> None:
    made, endpoint = _registered(register, method), configuration["token_endpoint"]
    with OAuth2Session(client=BackendApplicationClient(made["client_id"], scope="system/Patient.rs")) as session:
        token = session.fetch_token(endpoint, **_proof(made, endpoint, method))
        assert token["expires_in"] <= 300
        assert session.get(f"{fhir}/Patient?_count=1").json()["resourceType"] == "Bundle"


def test_a_code_is_worth_nothing_twice(
    register: Register, configuration: dict[str, Any], launch: Launch, follow: Follow, fhir: str
) -> None:
    """The failing twin: the same code again."""
    made, endpoint = _registered(register, "none"), configuration["token_endpoint"]
    client = WebApplicationClient(made["client_id"])
    verifier = client.create_code_verifier(64)
    challenge = client.create_code_challenge(verifier, "S256")
    with OAuth2Session(client=client, redirect_uri=BACK, scope=SCOPE.split()) as session:
        url, _ = session.authorization_url(
            configuration["authorization_endpoint"], aud=fhir, launch=launch(made["client_id"])["launch"], code_challenge=challenge,
            code_challenge_method="S256",
        )  # fmt: skip
        back = follow(url)
        session.fetch_token(endpoint, authorization_response=back, code_verifier=verifier, include_client_id=True)
        with pytest.raises(InvalidGrantError):
            session.fetch_token(endpoint, authorization_response=back, code_verifier=verifier, include_client_id=True)
