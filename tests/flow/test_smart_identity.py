"""Identity (SMART App Launch 2.2 scopes §identity; conformance §3.1 groups 1.3 and 2.3; OpenID Connect Core)."""

from base64 import urlsafe_b64encode
from hashlib import sha256
from typing import Any

import pytest
from joserfc import jwt
from joserfc.jwk import KeySet
from joserfc.jws import extract_compact

from auth import rotation
from gateway.sandbox_ehrs import id_keys
from tests.flow.smart_server import BASE, FHIR, Registered, World, drive


async def _keys(world: World) -> KeySet:
    return KeySet.import_key_set((await world.http.get(f"{BASE}/auth/jwks")).json())


async def _claims(world: World, client: Registered, **options: Any) -> dict[str, Any]:
    said = await world.signed_in(client, **options)
    return dict(jwt.decode(said["id_token"], await _keys(world), algorithms=["RS256"]).claims)


def test_the_configuration_names_everything_that_openid_requires() -> None:
    async def act(world: World) -> None:
        answer = await world.http.get(f"{BASE}/.well-known/openid-configuration")
        said = answer.json()
        assert (answer.status_code, said["issuer"]) == (200, BASE)
        assert said["jwks_uri"] == f"{BASE}/auth/jwks"
        assert said["authorization_endpoint"] == f"{BASE}/auth/authorize"
        assert said["token_endpoint"] == f"{BASE}/auth/token"
        assert said["response_types_supported"] == ["code"]
        assert said["subject_types_supported"] == ["public"]
        assert "RS256" in said["id_token_signing_alg_values_supported"]

    drive(act)


def test_the_id_token_is_signed_by_a_published_rsa_key_that_its_header_names() -> None:
    async def act(world: World) -> None:
        client = await world.register()
        said = await world.signed_in(client, nonce="n-1")
        header = extract_compact(said["id_token"].encode()).headers()
        assert header["alg"] == "RS256"
        published = (await world.http.get(f"{BASE}/auth/jwks")).json()["keys"]
        assert [key["kid"] for key in published] == [header["kid"]]
        assert all(key["kty"] == "RSA" and not {"d", "p", "q"} & set(key) for key in published)
        claims = jwt.decode(said["id_token"], await _keys(world), algorithms=["RS256"]).claims
        half = sha256(said["access_token"].encode()).digest()[:16]
        assert claims == {
            "iss": BASE, "aud": client.id, "sub": claims["sub"], "exp": int(world.clock.now) + 300,
            "iat": int(world.clock.now), "nonce": "n-1", "fhirUser": f"{FHIR}/Practitioner/d1",
            "at_hash": urlsafe_b64encode(half).decode().rstrip("="),
        }  # fmt: skip
        assert 0 < len(claims["sub"]) < 256

    drive(act)


def test_the_subject_is_the_same_for_the_same_person_and_another_for_another() -> None:
    async def act(world: World) -> None:
        one, two = await world.register(), await world.register()
        first, second = await _claims(world, one), await _claims(world, two)
        other = await _claims(world, one, launch={"user": "Patient/p1"})
        assert first["sub"] == second["sub"]
        assert other["sub"] != first["sub"]
        assert "Practitioner" not in first["sub"]

    drive(act)


@pytest.mark.parametrize("user", ["Practitioner/d1", "Patient/p1", "RelatedPerson/r1"])
def test_the_user_can_be_read_with_the_token(user: str) -> None:
    async def act(world: World) -> None:
        client = await world.register()
        said = await world.signed_in(
            client, scope="launch openid fhirUser patient/*.rs user/*.rs", launch={"user": user}
        )
        claims = jwt.decode(said["id_token"], await _keys(world), algorithms=["RS256"]).claims
        assert claims["fhirUser"] == f"{FHIR}/{user}"
        read = await world.fhir(said["access_token"], "GET", user)
        assert (read.status_code, read.json()["resourceType"]) == (200, user.partition("/")[0])

    drive(act)


def test_openid_alone_gives_no_user_profile_does_and_without_openid_there_is_no_id_token() -> None:
    async def act(world: World) -> None:
        client = await world.register(scope="launch openid profile fhirUser patient/*.rs")
        assert "fhirUser" not in await _claims(world, client, scope="launch openid patient/*.rs")
        assert "fhirUser" in await _claims(world, client, scope="launch openid profile patient/*.rs")
        assert "id_token" not in await world.signed_in(client, scope="launch fhirUser patient/*.rs")

    drive(act)


def test_where_nobody_signed_in_there_is_no_user() -> None:
    async def act(world: World) -> None:
        client = await world.register()
        said = await world.signed_in(client, launch={"user": None})
        assert "fhirUser" not in said["scope"].split()
        claims = jwt.decode(said["id_token"], await _keys(world), algorithms=["RS256"]).claims
        assert "fhirUser" not in claims

    drive(act)


def test_an_id_token_from_before_a_rotation_still_verifies_after_it() -> None:
    async def act(world: World) -> None:
        world.ehr.keys = id_keys.open_ring(world.ehr.database, world.clock)
        client = await world.register()
        world.clock.now += rotation.EVERY
        old = await world.signed_in(client)
        await id_keys.renew(world.ehr)
        first, second = [key["kid"] for key in (await world.http.get(f"{BASE}/auth/jwks")).json()["keys"]]
        jwt.decode(old["id_token"], await _keys(world), algorithms=["RS256"])
        assert await _kid(world, client) == first
        world.clock.now += rotation.LEAD
        assert await _kid(world, client) == second
        last = await world.signed_in(client)
        jwt.decode(old["id_token"], await _keys(world), algorithms=["RS256"])
        world.clock.now += rotation.LINGER
        assert [key["kid"] for key in (await world.http.get(f"{BASE}/auth/jwks")).json()["keys"]] == [second]
        jwt.decode(last["id_token"], await _keys(world), algorithms=["RS256"])

    drive(act)


async def _kid(world: World, client: Registered) -> str:
    said = await world.signed_in(client)
    return str(extract_compact(said["id_token"].encode()).headers()["kid"])


def test_the_keys_outlive_a_restart_and_are_renewed_once() -> None:
    async def act(world: World) -> None:
        ring = id_keys.open_ring(world.ehr.database, world.clock)
        assert rotation.to_json(id_keys.open_ring(world.ehr.database, world.clock)) == rotation.to_json(ring)
        world.clock.now += rotation.EVERY
        renewed = id_keys.open_ring(world.ehr.database, world.clock)
        assert len(renewed.keys) == 2
        assert rotation.to_json(id_keys.open_ring(world.ehr.database, world.clock)) == rotation.to_json(renewed)

    drive(act)
