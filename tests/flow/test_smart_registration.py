"""Registration (RFC 7591; SMART App Launch 2.2 app-launch §registration; abuse case B05)."""

from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest

from auth.pkce import challenge
from tests.flow.smart_server import APP, BACK, BASE, FHIR, KEYS, VERIFIER, World, drive

RSA, EC = KEYS.jwks("RS384")["keys"][0], KEYS.jwks("ES384")["keys"][0]
PRIVATE = KEYS.key("ES384").as_dict(private=True)
SYMMETRIC = {"kty": "oct", "k": "c2VjcmV0", "kid": "s", "alg": "HS256"}


async def _refused(world: World, body: Any) -> str:
    answer = await world.http.post(f"{BASE}/auth/register", json=body)
    assert answer.status_code == 400, answer.text
    assert "no-store" in answer.headers["cache-control"]
    return str(answer.json()["error"])


def metadata(**changed: Any) -> dict[str, Any]:
    return {"redirect_uris": [BACK], "token_endpoint_auth_method": "none", **changed}


def test_the_answer_has_what_was_registered_and_what_the_client_needs() -> None:
    async def act(world: World) -> None:
        body = metadata(client_name="App", initiate_login_uri=f"{APP}/launch", scope="patient/*.rs", token_endpoint_auth_method="client_secret_basic", unknown=1)  # fmt: skip
        answer = await world.http.post(f"{BASE}/auth/register", json=body)
        said = answer.json()
        assert (answer.status_code, answer.headers["cache-control"]) == (201, "no-store")
        for member in ("redirect_uris", "client_name", "initiate_login_uri", "scope", "token_endpoint_auth_method"):
            assert said[member] == body[member]
        assert said["grant_types"] == ["authorization_code"]
        assert said["response_types"] == ["code"]
        assert said["client_secret"]
        assert said["client_secret_expires_at"] == 0
        assert said["client_id_issued_at"] == int(world.clock.now)
        assert said["registration_client_uri"] == f"{BASE}/auth/register/{said['client_id']}"
        assert said["registration_access_token"]
        assert "unknown" not in said

    drive(act)


BAD_ADDRESSES = [
    f"{BACK}#fragment", f"{BACK}#", "https://user@app.example/cb", "https://user:pw@app.example/cb", "https://@app.example/cb",
    "javascript:alert(1)", "JavaScript:alert(1)", "data:text/html,x", "vbscript:x", "file:///etc/passwd", "http://app.example/cb",
    "http://localhost.evil.example/cb", "http://127.0.0.1.evil.example/cb", "https://", "https:///cb", "//app.example/cb",
    "/cb", "app.example/cb", "https://app.example:99999/cb", "https://app.example:x/cb", "https://app.example\\@evil.example/",
    "https://app.example/\tcb", " https://app.example/cb", "https://app.example/cb\n", "https://app.example/<cb>",
    "https://app.exämple/cb", "https://app.example/" + "a" * 2000, "",
]  # fmt: skip


@pytest.mark.parametrize("address", BAD_ADDRESSES)
def test_an_address_that_codes_must_not_go_to_is_refused(address: str) -> None:
    async def act(world: World) -> None:
        assert await _refused(world, metadata(redirect_uris=[BACK, address])) == "invalid_redirect_uri"

    drive(act)


GOOD_ADDRESSES = [
    "https://app.example/cb", "https://app.example", "https://app.example:8443/cb?a=b", "http://localhost:3000/cb",
    "http://127.0.0.1/cb", "http://[::1]:3000/cb", "com.example.app:/cb", "HTTPS://App.Example/a/../CB",
]  # fmt: skip


@pytest.mark.parametrize("address", GOOD_ADDRESSES)
def test_an_address_is_kept_byte_for_byte_and_codes_go_there(address: str) -> None:
    async def act(world: World) -> None:
        client = await world.register(redirect_uris=[address])
        answer = await world.authorize(client)
        assert answer.headers["location"].startswith(f"{address}{'&' if '?' in address else '?'}")
        said = (await world.http.get(client.address, headers={"authorization": f"Bearer {client.access}"})).json()
        assert said["redirect_uris"] == [address]

    drive(act)


OTHERS = [
    f"{BACK}/", f"{BACK}/x", f"{BACK}x", f"{APP}/Callback", "https://APP.example/callback", "http://app.example/callback",
    f"{APP}:443/callback", f"{APP}/./callback", f"{APP}/x/../callback", f"{BACK}?a=b", f"{BACK}#x", f"{APP}.evil.example/callback",
    "https://app.example@evil.example/callback", f"{APP}/%63allback", "javascript:alert(1)", f"{BACK} ", "",
]  # fmt: skip


@pytest.mark.parametrize("address", OTHERS)
@pytest.mark.parametrize("response_type", ["code", "token", "nonsense"])
def test_only_the_exact_address_is_redirected_to_whatever_else_is_wrong(address: str, response_type: str) -> None:
    async def act(world: World) -> None:
        client = await world.register()
        query = {
            "response_type": response_type, "client_id": client.id, "redirect_uri": address, "scope": "patient/*.rs",
            "state": "st", "aud": FHIR, "code_challenge": challenge(VERIFIER), "code_challenge_method": "S256",
        }  # fmt: skip
        for answer in (
            await world.http.get(f"{BASE}/auth/authorize?{urlencode(query)}"),
            await world.http.post(f"{BASE}/auth/authorize", data=query),
        ):
            assert answer.status_code == 400
            assert "location" not in answer.headers
            assert "evil" not in answer.text
        exact = await world.http.get(
            f"{BASE}/auth/authorize?{urlencode({**query, 'redirect_uri': BACK, 'response_type': 'token'})}"
        )
        assert exact.status_code == 303
        assert dict(parse_qsl(urlsplit(exact.headers["location"]).query))["error"] == "unsupported_response_type"

    drive(act)


BAD_METADATA: dict[str, Any] = {
    "no object": [],
    "unknown method": metadata(token_endpoint_auth_method="tls_client_auth"),
    "implicit": metadata(grant_types=["implicit"]),
    "password": metadata(grant_types=["authorization_code", "password"]),
    "no grant": metadata(grant_types=[]),
    "grant types as text": metadata(grant_types="authorization_code"),
    "response type token": metadata(response_types=["token"]),
    "jwt without keys": metadata(token_endpoint_auth_method="private_key_jwt"),
    "keys in both ways": metadata(
        token_endpoint_auth_method="private_key_jwt", jwks={"keys": [EC]}, jwks_uri=f"{APP}/jwks"
    ),
    "keys in both ways for a public client": metadata(jwks={"keys": [EC]}, jwks_uri=f"{APP}/jwks"),
    "a symmetric key": metadata(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [EC, SYMMETRIC]}),
    "a private key": metadata(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [PRIVATE]}),
    "a private key beside a public one": metadata(jwks={"keys": [RSA, PRIVATE]}),
    "no kid": metadata(
        token_endpoint_auth_method="private_key_jwt", jwks={"keys": [{k: v for k, v in EC.items() if k != "kid"}]}
    ),
    "one kid twice": metadata(token_endpoint_auth_method="private_key_jwt", jwks={"keys": [EC, EC]}),
    "no keys": metadata(token_endpoint_auth_method="private_key_jwt", jwks={"keys": []}),
    "keys as text": metadata(token_endpoint_auth_method="private_key_jwt", jwks="keys"),
    "key set by http": metadata(token_endpoint_auth_method="private_key_jwt", jwks_uri="http://app.example/jwks"),
    "key set by a private scheme": metadata(token_endpoint_auth_method="private_key_jwt", jwks_uri="com.app:/jwks"),
    "launch by a private scheme": metadata(initiate_login_uri="com.app:/launch"),
    "launch by script": metadata(initiate_login_uri="javascript:alert(1)"),
    "backend without credentials": metadata(grant_types=["client_credentials"]),
    "name as number": metadata(client_name=1),
    "name with a control character": metadata(client_name="a\u0000b"),
    "scope as list": metadata(scope=["patient/*.rs"]),
}


@pytest.mark.parametrize("body", BAD_METADATA.values(), ids=BAD_METADATA)
def test_metadata_that_cannot_be_honoured_are_refused(body: Any) -> None:
    async def act(world: World) -> None:
        assert await _refused(world, body) == "invalid_client_metadata"

    drive(act)


def test_nobody_vouches_for_software_here() -> None:
    """RFC 7591 §2.3: a statement's claims take precedence, so they may not be ignored; no issuer is trusted."""

    async def act(world: World) -> None:
        assert await _refused(world, metadata(software_statement="e30.e30.x")) == "unapproved_software_statement"

    drive(act)


@pytest.mark.parametrize("addresses", [[], None, "https://app.example/cb", [1]])
def test_an_app_that_people_sign_in_to_has_an_address(addresses: Any) -> None:
    async def act(world: World) -> None:
        assert await _refused(world, metadata(redirect_uris=addresses)) == "invalid_redirect_uri"

    drive(act)


def test_registration_takes_json_only() -> None:
    async def act(world: World) -> None:
        answer = await world.http.post(f"{BASE}/auth/register", data={"redirect_uris": BACK})
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")

    drive(act)
