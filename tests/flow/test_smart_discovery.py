"""Discovery and CORS (SMART App Launch 2.2 conformance §using-well-known, §metadata; app-launch §considerations-for-cors)."""

from typing import Any
from urllib.parse import urlsplit

import pytest

from auth import discovery, scopes
from tests.flow.smart_server import APP, BACK, BASE, FHIR, World, drive

CONFIGURATION = f"{FHIR}/.well-known/smart-configuration"
FOREIGN = "https://evil.example"


async def _configuration(world: World) -> dict[str, Any]:
    said: dict[str, Any] = (await world.http.get(CONFIGURATION)).json()
    return said


@pytest.mark.parametrize("accept", ["*/*", "application/json", "text/html", "application/fhir+xml", "nonsense"])
def test_the_configuration_is_json_whatever_is_accepted(accept: str) -> None:
    async def act(world: World) -> None:
        answer = await world.http.get(CONFIGURATION, headers={"accept": accept})
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "application/json"
        assert answer.json()["issuer"] == BASE

    drive(act)


def test_what_is_required_is_there() -> None:
    async def act(world: World) -> None:
        said = await _configuration(world)
        assert {"authorization_code", "client_credentials"} <= set(said["grant_types_supported"])
        assert said["code_challenge_methods_supported"] == ["S256"]
        assert said["response_types_supported"] == ["code"]
        assert said["authorization_response_iss_parameter_supported"] is True
        assert set(said["token_endpoint_auth_signing_alg_values_supported"]) == {"RS384", "ES384"}
        assert {"private_key_jwt", "client_secret_basic"} <= set(said["token_endpoint_auth_methods_supported"])
        assert {"openid", "fhirUser", "launch", "offline_access"} <= set(said["scopes_supported"])

    drive(act)


def test_what_discovery_takes_for_granted_and_is_not_done_is_denied() -> None:
    """OpenID Connect Discovery §3: without the member a client may take it that ``request_uri`` and fragments are served."""

    async def act(world: World) -> None:
        said = (await world.http.get(f"{BASE}/.well-known/openid-configuration")).json()
        assert (said["request_parameter_supported"], said["request_uri_parameter_supported"]) == (False, False)
        assert said["response_modes_supported"] == ["query"]

    drive(act)


def test_every_address_is_absolute_and_answers() -> None:
    async def act(world: World) -> None:
        said = await _configuration(world)
        addresses = {name: value for name, value in said.items() if name.endswith(("_endpoint", "_uri", "_bundle"))}
        assert {
            "authorization_endpoint", "token_endpoint", "introspection_endpoint", "revocation_endpoint",
            "registration_endpoint", "management_endpoint", "jwks_uri", "user_access_brand_bundle",
        } == set(addresses)  # fmt: skip
        for name, address in addresses.items():
            assert urlsplit(address).scheme in ("http", "https")
            method = "POST" if name.startswith(("token", "intro", "revo", "regi")) else "GET"
            assert (await world.http.request(method, address)).status_code not in (404, 405, 500), name

    drive(act)


def test_every_scope_that_is_listed_can_be_granted() -> None:
    async def act(world: World) -> None:
        listed = (await _configuration(world))["scopes_supported"]
        assert all(scopes.parse_one(scope) for scope in listed)
        backend = [scope for scope in listed if scope.startswith("system/") or scope == "introspect"]
        interactive = [scope for scope in listed if scope not in backend]
        app = await world.register(scope=" ".join(interactive))
        said = await world.signed_in(app, scope=" ".join(interactive), launch={"encounter": "e1"})
        assert set(said["scope"].split()) == set(interactive)
        service = await world.backend(" ".join(backend))
        assert set((await world.backend_token(service, " ".join(backend)))["scope"].split()) == set(backend)

    drive(act)


CAPABILITIES = {
    "launch-ehr", "launch-standalone", "authorize-post", "client-public", "client-confidential-symmetric",
    "client-confidential-asymmetric", "sso-openid-connect", "context-banner", "context-style", "context-ehr-patient",
    "context-ehr-encounter", "context-standalone-patient", "context-standalone-encounter", "permission-offline",
    "permission-online", "permission-patient", "permission-user", "permission-v1", "permission-v2", "smart-app-state",
}  # fmt: skip
SETS = {
    "Patient Access for Standalone Apps": {"launch-standalone", "client-public", "context-standalone-patient", "permission-patient"},
    "Patient Access for EHR Launch": {"launch-ehr", "client-public", "context-ehr-patient", "permission-patient"},
    "Clinician Access for Standalone": {"launch-standalone", "client-public", "permission-user", "permission-patient"},
    "Clinician Access for EHR Launch": {
        "launch-ehr", "client-public", "context-ehr-patient", "context-ehr-encounter", "permission-user", "permission-patient",
    },
}  # fmt: skip


def test_the_capabilities_are_those_of_the_guide_and_no_old_words() -> None:
    assert set(discovery.CAPABILITIES) == CAPABILITIES
    assert len(discovery.CAPABILITIES) == len(CAPABILITIES)


@pytest.mark.parametrize("name", SETS)
def test_a_capability_set_is_supported_whole(name: str) -> None:
    assert SETS[name] <= set(discovery.CAPABILITIES)


def test_the_capability_statement_says_the_same() -> None:
    async def act(world: World) -> None:
        security = (await world.http.get(f"{FHIR}/metadata")).json()["rest"][0]["security"]
        assert security["cors"] is True
        said = await _configuration(world)
        uris = {each["url"]: each["valueUri"] for each in security["extension"][0]["extension"]}
        assert uris == {
            "authorize": said["authorization_endpoint"], "token": said["token_endpoint"],
            "register": said["registration_endpoint"], "manage": said["management_endpoint"],
        }  # fmt: skip  # the sub-extensions that R4 4.0.1 defines: its validators take no other

    drive(act)


PUBLIC = [
    CONFIGURATION, f"{BASE}/.well-known/openid-configuration", f"{BASE}/auth/jwks", f"{FHIR}/metadata", f"{BASE}/brands",
]  # fmt: skip


@pytest.mark.parametrize("url", PUBLIC)
@pytest.mark.parametrize("origin", [APP, FOREIGN, "null"])
def test_what_is_public_is_read_from_any_origin(url: str, origin: str) -> None:
    async def act(world: World) -> None:
        answer = await world.http.get(url, headers={"origin": origin})
        assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, "*")
        asked = {"origin": origin, "access-control-request-method": "GET"}
        assert (await world.http.options(url, headers=asked)).headers["access-control-allow-methods"] == "GET"
        assert "access-control-allow-credentials" not in answer.headers

    drive(act)


def _preflight(origin: str, method: str = "POST") -> dict[str, str]:
    return {
        "origin": origin, "access-control-request-method": method,
        "access-control-request-headers": "authorization, content-type, if-match",
    }  # fmt: skip


GUARDED = [
    f"{BASE}/auth/token",
    f"{BASE}/auth/introspect",
    f"{BASE}/auth/revoke",
    f"{FHIR}/Patient/p1",
    f"{FHIR}",
    f"{FHIR}/",
]


@pytest.mark.parametrize("url", GUARDED)
def test_tokens_and_data_are_read_from_the_origins_that_apps_registered(url: str) -> None:
    async def act(world: World) -> None:
        await world.register(
            redirect_uris=[BACK, "https://Other.example:443/cb", "http://localhost:3000/cb", "com.app:/cb"]
        )
        for origin in (APP, "https://other.example", "http://localhost:3000"):
            answer = await world.http.options(url, headers=_preflight(origin))
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (204, origin)
            assert "POST" in answer.headers["access-control-allow-methods"]
            assert "authorization" in answer.headers["access-control-allow-headers"]
            assert answer.headers["vary"].lower() == "origin"
            said = await world.http.post(url, headers={"origin": origin})
            assert said.headers["access-control-allow-origin"] == origin
            assert "access-control-allow-credentials" not in said.headers

    drive(act)


ELSEWHERE = [
    FOREIGN, "null", "http://app.example", "https://app.example:8443", "https://app.example.evil.example",
    "https://app.exampl", "https://evil.example/https://app.example", "https://app", "https://%", "https://a_b%", "com.app:",
    "https://" + "a" * 4000, "",
]  # fmt: skip


@pytest.mark.parametrize("url", GUARDED)
@pytest.mark.parametrize("origin", ELSEWHERE)
def test_tokens_and_data_are_read_from_nowhere_else(url: str, origin: str) -> None:
    async def act(world: World) -> None:
        await world.register(redirect_uris=[BACK, "com.app:/cb"])
        refused = await world.http.options(url, headers=_preflight(origin))
        assert refused.status_code in (403, 405)
        for answer in (refused, await world.http.post(url, headers={"origin": origin})):
            assert not [name for name in answer.headers if name.startswith("access-control")]

    drive(act)


def test_an_origin_that_is_gone_is_allowed_no_more() -> None:
    async def act(world: World) -> None:
        client = await world.register()
        assert (await world.http.options(f"{BASE}/auth/token", headers=_preflight(APP))).status_code == 204
        await world.http.delete(client.address, headers={"authorization": f"Bearer {client.access}"})
        assert (await world.http.options(f"{BASE}/auth/token", headers=_preflight(APP))).status_code == 403

    drive(act)


def test_a_page_signs_in_and_reads_data_with_its_origin_and_sees_the_headers_of_versions() -> None:
    async def act(world: World) -> None:
        client = await world.register()
        said = await world.signed_in(client, scope="launch openid fhirUser patient/*.rs user/*.rs")
        for path in ("Patient/p1", "Practitioner/d1", "Observation?patient=p1"):
            answer = await world.fhir(said["access_token"], "GET", path, headers={"origin": APP})
            assert (answer.status_code, answer.headers["access-control-allow-origin"]) == (200, APP)
            assert "etag" in answer.headers["access-control-expose-headers"]

    drive(act)


@pytest.mark.parametrize("path", ["auth/register", "auth/authorize", "auth/manage", "launch"])
def test_pages_registration_and_launcher_are_for_no_other_site(path: str) -> None:
    async def act(world: World) -> None:
        await world.register()
        answer = await world.http.options(f"{BASE}/{path}", headers=_preflight(APP))
        assert answer.status_code in (403, 405)
        for said in (answer, await world.http.get(f"{BASE}/{path}", headers={"origin": APP})):
            assert "access-control-allow-origin" not in said.headers

    drive(act)
