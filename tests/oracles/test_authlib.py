"""authlib's OAuth client as a stranger: it knows the standards and nothing of this server."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from authlib.integrations.httpx_client import OAuth2Client
from authlib.oauth2.rfc7523 import PrivateKeyJWT
from joserfc import jwt
from joserfc.jwk import KeySet

from tests import web
from tests.oracles.strangers import BACK, KEYS, SCOPE

METHODS = ["none", "client_secret_basic", "client_secret_post", "RS384", "ES384"]
Register, Launch, Follow = Callable[..., dict[str, Any]], Callable[[str], dict[str, str]], Callable[[str], str]


@pytest.fixture
def keep() -> Iterator[ExitStack]:
    """Closes the clients at the end of a test."""
    with ExitStack() as stack:
        yield stack


class SmartAssertion(PrivateKeyJWT):
    """authlib leaves the ``kid`` and a life of five minutes to its user (SMART client-confidential-asymmetric)."""

    def __init__(self, endpoint: str, algorithm: str, kid: str) -> None:
        super().__init__(endpoint, headers={"kid": kid, "typ": "JWT"}, alg=algorithm)
        self._life = 240

    def sign(self, auth: Any, token_endpoint: str) -> Any:
        from authlib.oauth2.rfc7523 import private_key_jwt_sign

        return private_key_jwt_sign(
            auth.client_secret,
            client_id=auth.client_id,
            token_endpoint=token_endpoint,
            alg=self.alg,
            header=self.headers,
            expires_in=self._life,
        )


def _client(
    keep: ExitStack, register: Register, configuration: dict[str, Any], method: str
) -> tuple[OAuth2Client, str]:
    asymmetric = method in ("RS384", "ES384")
    made = register("private_key_jwt" if asymmetric else method)
    endpoint = configuration["token_endpoint"]
    common = {"scope": SCOPE, "redirect_uri": BACK, "code_challenge_method": "S256", "token_endpoint": endpoint}
    if not asymmetric:
        client = OAuth2Client(
            made["client_id"],
            made.get("client_secret"),
            token_endpoint_auth_method=method,
            revocation_endpoint_auth_method=method,
            **common,
        )
        return keep.enter_context(client), made["client_id"]
    key = KEYS.keys[0 if method == "RS384" else 1]
    client = OAuth2Client(
        made["client_id"],
        key,
        token_endpoint_auth_method="private_key_jwt",
        revocation_endpoint_auth_method="private_key_jwt",
        **common,
    )
    client.register_client_auth_method(SmartAssertion(endpoint, method, str(key.kid)))
    return keep.enter_context(client), made["client_id"]


@pytest.mark.parametrize("method", METHODS)
def test_a_launch_from_code_to_revocation(
    keep: ExitStack,
    register: Register,
    configuration: dict[str, Any],
    launch: Launch,
    follow: Follow,
    fhir: str,
    method: str,
) -> None:
    client, client_id = _client(keep, register, configuration, method)
    prepared, verifier = launch(client_id), "v" * 64
    url, state = client.create_authorization_url(
        configuration["authorization_endpoint"],
        code_verifier=verifier,
        aud=fhir,
        launch=prepared["launch"],
        nonce="n-1",
    )
    back = follow(url)
    assert back.startswith(BACK)
    token = client.fetch_token(authorization_response=back, state=state, code_verifier=verifier)
    assert token["token_type"].lower() == "bearer"
    assert token["patient"] == prepared["patient"]
    assert client.get(f"{fhir}/Patient/{prepared['patient']}").status_code == 200
    _check_identity(configuration, token["id_token"], client_id, f"{fhir}/{prepared['user']}")
    renewed = client.refresh_token(configuration["token_endpoint"], refresh_token=token["refresh_token"])
    assert renewed["access_token"] != token["access_token"]
    assert client.get(f"{fhir}/Patient/{prepared['patient']}").status_code == 200
    if method != "none":
        said = client.introspect_token(configuration["introspection_endpoint"], token=renewed["access_token"]).json()
        assert said["active"] is True
        assert said["client_id"] == client_id
    revoked = client.revoke_token(
        configuration["revocation_endpoint"], token=renewed["refresh_token"], token_type_hint="refresh_token"
    )
    assert revoked.status_code == 200
    bearer = {"authorization": f"Bearer {renewed['access_token']}"}
    assert web.get(f"{fhir}/Patient/{prepared['patient']}", headers=bearer).status_code == 401


def _check_identity(configuration: dict[str, Any], id_token: str, client_id: str, user: str) -> None:
    """By joserfc's own claim rules, against the published keys."""
    keys = KeySet.import_key_set(web.get(configuration["jwks_uri"]).json())
    claims = jwt.decode(id_token, keys, algorithms=["RS256"]).claims
    rules = jwt.JWTClaimsRegistry(
        iss={"essential": True, "value": configuration["issuer"]}, aud={"essential": True, "value": client_id}, exp={"essential": True},
        nonce={"essential": True, "value": "n-1"}, sub={"essential": True},
    )  # fmt: skip
    rules.validate(claims)
    assert user.endswith(claims["fhirUser"]) or claims["fhirUser"] == user


@pytest.mark.parametrize("method", METHODS[1:])
def test_a_backend_service_gets_a_short_token(
    keep: ExitStack, register: Register, configuration: dict[str, Any], fhir: str, method: str
) -> None:
    client, _ = _client(keep, register, configuration, method)
    token = client.fetch_token(
        configuration["token_endpoint"], grant_type="client_credentials", scope="system/Patient.rs"
    )
    assert token["expires_in"] <= 300
    assert "refresh_token" not in token
    assert client.get(f"{fhir}/Patient", params={"_count": "1"}).json()["resourceType"] == "Bundle"


def test_a_code_without_its_verifier_is_worth_nothing(
    keep: ExitStack, register: Register, configuration: dict[str, Any], launch: Launch, follow: Follow, fhir: str
) -> None:
    """The failing twin: the same story with another verifier."""
    from authlib.integrations.base_client import OAuthError

    client, client_id = _client(keep, register, configuration, "none")
    url, state = client.create_authorization_url(
        configuration["authorization_endpoint"], code_verifier="v" * 64, aud=fhir, launch=launch(client_id)["launch"]
    )
    with pytest.raises(OAuthError, match="invalid_grant"):
        client.fetch_token(authorization_response=follow(url), state=state, code_verifier="w" * 64)
