"""Backend services (SMART App Launch 2.2 backend-services; conformance §3.1 group 3)."""

import asyncio

import pytest

from tests.flow.smart_server import APP, BASE, World, assertion_form, drive


def test_a_service_gets_a_short_token_for_what_it_is_registered_for() -> None:
    async def act(world: World) -> None:
        client = await world.backend("system/Patient.rs system/Observation.cruds")
        answer = await world.token(client, grant_type="client_credentials", scope="system/Patient.rs")
        said = answer.json()
        assert answer.status_code == 200
        assert (said["token_type"].lower(), said["scope"]) == ("bearer", "system/Patient.rs")
        assert 0 < said["expires_in"] <= 300
        assert set(said) == {"access_token", "token_type", "expires_in", "scope"}
        assert "no-store" in answer.headers["cache-control"]
        token = said["access_token"]
        assert (await world.fhir(token, "GET", "Patient?_count=1")).status_code == 200
        assert (await world.fhir(token, "GET", "Observation/laboratory-p1")).status_code == 403
        world.clock.now += said["expires_in"]
        assert (await world.fhir(token, "GET", "Patient/p1")).status_code == 401

    drive(act)


ASKED = {
    "more than registered": ("system/*.cruds", "system/Patient.rs"),
    "some of it": ("system/Patient.rs system/Goal.rs", "system/Patient.rs"),
    "v1": ("system/Patient.read", "system/Patient.read"),
    "a person's scopes beside": (
        "system/Patient.rs patient/Patient.rs user/Patient.rs openid launch",
        "system/Patient.rs",
    ),
}


@pytest.mark.parametrize(("asked", "given"), ASKED.values(), ids=ASKED)
def test_the_scope_is_within_what_was_authorized_beforehand(asked: str, given: str) -> None:
    async def act(world: World) -> None:
        client = await world.backend("system/Patient.rs offline_access patient/*.cruds")
        assert (await world.backend_token(client, asked))["scope"] == given

    drive(act)


@pytest.mark.parametrize(
    "asked", ["", "patient/*.rs", "user/*.rs", "openid", "system/Goal.rs", "system/Patient.d", "nonsense"]
)
def test_nothing_that_was_authorized_is_invalid_scope(asked: str) -> None:
    async def act(world: World) -> None:
        client = await world.backend("system/Patient.rs patient/*.rs user/*.rs openid")
        answer = await world.token(client, grant_type="client_credentials", scope=asked)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")

    drive(act)


def test_the_scope_is_required() -> None:
    async def act(world: World) -> None:
        client = await world.backend()
        answer = await world.token(client, grant_type="client_credentials")
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_scope")

    drive(act)


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_either_algorithm_is_accepted(algorithm: str) -> None:
    async def act(world: World) -> None:
        client = await world.backend()
        form = assertion_form(world.assertion(client, algorithm=algorithm))
        answer = await world.http.post(
            f"{BASE}/auth/token", data={**form, "grant_type": "client_credentials", "scope": "system/*.rs"}
        )
        assert answer.status_code == 200

    drive(act)


def test_an_assertion_is_good_once_even_at_once() -> None:
    async def act(world: World) -> None:
        client = await world.backend()
        form = {**assertion_form(world.assertion(client)), "grant_type": "client_credentials", "scope": "system/*.rs"}
        answers = await asyncio.gather(*(world.http.post(f"{BASE}/auth/token", data=form) for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [200] + [401] * 7
        assert {answer.json().get("error") for answer in answers} == {None, "invalid_client"}
        for endpoint in ("introspect", "revoke"):
            again = await world.http.post(f"{BASE}/auth/{endpoint}", data={**form, "token": "x"})
            assert (again.status_code, again.json()["error"]) == (401, "invalid_client")

    drive(act)


@pytest.mark.parametrize(
    "kind", ["not_an_assertion_type", "", "urn:ietf:params:oauth:client-assertion-type:saml2-bearer"]
)
def test_another_kind_of_assertion_is_refused(kind: str) -> None:
    async def act(world: World) -> None:
        client = await world.backend()
        form = {**assertion_form(world.assertion(client)), "client_assertion_type": kind}
        answer = await world.http.post(
            f"{BASE}/auth/token", data={**form, "grant_type": "client_credentials", "scope": "system/*.rs"}
        )
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")

    drive(act)


def test_a_symmetric_client_is_no_backend_by_mistake_and_a_public_one_never() -> None:
    """Requirement 344: the symmetric profile is not meant for backend services; whoever wants it registers it."""

    async def act(world: World) -> None:
        for method in ("none", "client_secret_basic"):
            client = await world.register(method, scope="system/*.rs patient/*.rs")
            answer = await world.token(client, grant_type="client_credentials", scope="system/*.rs")
            assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")

    drive(act)


def test_keys_are_registered_inline_or_by_address() -> None:
    async def act(world: World) -> None:
        assert (await world.backend()).id
        assert (await world.backend(jwks_uri=f"{APP}/jwks.json", jwks=None)).id

    drive(act)


def test_a_wrong_key_is_invalid_client_and_says_nothing_of_the_assertion() -> None:
    async def act(world: World) -> None:
        client, other = await world.backend(), await world.backend()
        form = assertion_form(world.assertion(other))
        answer = await world.http.post(
            f"{BASE}/auth/token",
            data={**form, "client_id": client.id, "grant_type": "client_credentials", "scope": "system/*.rs"},
        )
        assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
        for text in ("x", "a.b.c", form["client_assertion"] + "x"):
            answer = await world.http.post(
                f"{BASE}/auth/token",
                data={**assertion_form(text), "grant_type": "client_credentials", "scope": "system/*.rs"},
            )
            assert (answer.status_code, answer.json()["error"]) == (401, "invalid_client")
            assert text not in answer.text or len(text) == 1

    drive(act)
