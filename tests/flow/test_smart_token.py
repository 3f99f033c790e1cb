"""Token endpoint (SMART App Launch 2.2 app-launch step 5; conformance §3.1; abuse cases B01, B04)."""

import asyncio
from base64 import b64encode

import pytest

from auth.pkce import challenge
from tests.flow.smart_server import APP, BASE, VERIFIER, World, assertion_form, drive

METHODS = ["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]


@pytest.mark.parametrize("method", METHODS)
def test_a_code_becomes_tokens_for_every_kind_of_client(method: str) -> None:
    async def act(world: World) -> None:
        client = await world.register(method)
        answer = await world.redeem(client, await world.code(client))
        said = answer.json()
        assert answer.status_code == 200, said
        assert said["token_type"] == "Bearer"
        assert 0 < said["expires_in"] <= 3600
        assert set(said["scope"].split()) == {
            "launch", "openid", "fhirUser", "offline_access", "patient/Patient.rs", "patient/Observation.rs",
        }  # fmt: skip
        assert said["patient"] == "p1"
        assert {"access_token", "refresh_token", "id_token"} <= set(said)
        assert answer.headers["content-type"].startswith("application/json")
        assert "no-store" in answer.headers["cache-control"]
        assert answer.headers["pragma"] == "no-cache"
        assert await world.works(said["access_token"])

    drive(act)


def test_an_access_token_is_dead_at_its_end() -> None:
    async def act(world: World) -> None:
        client = await world.register()
        said = await world.signed_in(client)
        world.clock.now += said["expires_in"] - 1
        assert await world.works(said["access_token"])
        world.clock.now += 1
        assert not await world.works(said["access_token"])

    drive(act)


@pytest.mark.parametrize("method", METHODS)
def test_of_eight_redemptions_at_once_exactly_one_succeeds(method: str) -> None:
    async def act(world: World) -> None:
        client = await world.register(method)
        code = await world.code(client)
        answers = await asyncio.gather(*(world.redeem(client, code) for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [200] + [400] * 7
        assert {answer.json()["error"] for answer in answers if answer.status_code == 400} == {"invalid_grant"}

    drive(act)


def test_a_replayed_code_ends_what_it_gave() -> None:
    async def act(world: World) -> None:
        client = await world.register()
        code = await world.code(client)
        said = (await world.redeem(client, code)).json()
        assert await world.works(said["access_token"])
        assert (await world.redeem(client, code)).json()["error"] == "invalid_grant"
        assert not await world.works(said["access_token"])
        assert (await world.refresh(client, said["refresh_token"])).json()["error"] == "invalid_grant"

    drive(act)


def test_a_code_is_good_for_a_minute() -> None:
    async def act(world: World) -> None:
        client = await world.register()
        early, late = await world.code(client), await world.code(client)
        world.clock.now += 59
        assert (await world.redeem(client, early)).status_code == 200
        world.clock.now += 1
        assert (await world.redeem(client, late)).json()["error"] == "invalid_grant"

    drive(act)


WRONG = {
    "another redirect_uri": {"redirect_uri": f"{APP}/other"},
    "no redirect_uri": {"redirect_uri": ""},
    "another verifier": {"code_verifier": "w" * 43},
    "no verifier": {"code_verifier": ""},
    "a verifier too short": {"code_verifier": "v" * 42},
    "a verifier too long": {"code_verifier": "v" * 129},
    "the challenge itself, as plain would have it": {"code_verifier": challenge(VERIFIER)},
    "a verifier of other characters": {"code_verifier": "v" * 42 + "ü"},
}


@pytest.mark.parametrize("changed", WRONG.values(), ids=WRONG)
def test_a_code_with_anything_wrong_beside_it_gives_nothing_and_stays_good(changed: dict[str, str]) -> None:
    async def act(world: World) -> None:
        client = await world.register()
        code = await world.code(client)
        answer = await world.redeem(client, code, **changed)
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_grant")
        assert "access_token" not in answer.json()
        assert (await world.redeem(client, code)).status_code == 200

    drive(act)


def test_a_code_of_another_client_gives_nothing_and_stays_good() -> None:
    async def act(world: World) -> None:
        mine, other = await world.register(), await world.register()
        code = await world.code(mine)
        assert (await world.redeem(other, code)).json()["error"] == "invalid_grant"
        assert (await world.redeem(mine, code)).status_code == 200

    drive(act)


async def _mixed(world: World, method: str, how: str) -> int:
    """The status of a token request whose client authenticates in another way than it is registered for."""
    client = await world.register(method)
    code = await world.code(client)
    form = {
        "grant_type": "authorization_code", "code": code, "redirect_uri": client.redirect_uri, "code_verifier": VERIFIER,
    }  # fmt: skip
    basic = {"authorization": "Basic " + b64encode(f"{client.id}:{client.secret}".encode()).decode()}
    ways: dict[str, tuple[dict[str, str], dict[str, str]]] = {
        "id only": ({}, {"client_id": client.id}),
        "post": ({}, {"client_id": client.id, "client_secret": str(client.secret)}),
        "basic": (basic, {}),
        "assertion": ({}, assertion_form(world.assertion(client))),
        "basic and assertion": (basic, assertion_form(world.assertion(client))),
        "basic and post": (basic, {"client_id": client.id, "client_secret": str(client.secret)}),
        "another client_id beside it": (basic, {"client_id": "somebody"}),
        "a wrong secret": ({"authorization": "Basic " + b64encode(f"{client.id}:x".encode()).decode()}, {}),
        "no client at all": ({}, {}),
    }  # fmt: skip
    headers, credentials = ways[how]
    answer = await world.http.post(f"{BASE}/auth/token", data={**form, **credentials}, headers=headers)
    if answer.status_code != 200:
        assert answer.json()["error"] == "invalid_client"
        assert answer.headers["www-authenticate"].startswith("Basic")
    return answer.status_code


@pytest.mark.parametrize(
    ("method", "how", "status"),
    [
        ("client_secret_basic", "basic", 200),
        ("client_secret_basic", "id only", 401),
        ("client_secret_basic", "post", 401),
        ("client_secret_basic", "basic and post", 401),
        ("client_secret_basic", "basic and assertion", 401),
        ("client_secret_basic", "another client_id beside it", 401),
        ("client_secret_basic", "a wrong secret", 401),
        ("client_secret_basic", "no client at all", 401),
        ("client_secret_post", "post", 200),
        ("client_secret_post", "basic", 401),
        ("private_key_jwt", "assertion", 200),
        ("private_key_jwt", "id only", 401),
        ("private_key_jwt", "post", 401),
        ("none", "id only", 200),
        ("none", "basic", 401),
        ("none", "assertion", 401),
    ],
)
def test_a_client_authenticates_by_its_registered_method_and_no_other(method: str, how: str, status: int) -> None:
    async def act(world: World) -> None:
        assert await _mixed(world, method, how) == status

    drive(act)


def test_a_grant_type_that_is_not_there_is_400() -> None:
    async def act(world: World) -> None:
        client = await world.backend()
        for grant_type in ("password", "not_a_grant_type"):
            answer = await world.token(client, grant_type=grant_type, scope="system/*.rs")
            assert (answer.status_code, answer.json()["error"]) == (400, "unsupported_grant_type")
        answer = await world.token(client, grant_type="", scope="system/*.rs")
        assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        answer = await world.redeem(client, "x")
        assert (answer.status_code, answer.json()["error"]) == (400, "unauthorized_client")

    drive(act)


def test_a_request_that_is_no_form_or_says_a_thing_twice_is_refused() -> None:
    async def act(world: World) -> None:
        url = f"{BASE}/auth/token"
        bodies = {b"grant_type=a&grant_type=b": "application/x-www-form-urlencoded", b"{}": "application/json", b"a=%ff": "application/x-www-form-urlencoded"}  # fmt: skip
        for body, kind in bodies.items():
            answer = await world.http.post(url, content=body, headers={"content-type": kind})
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
        assert (await world.http.get(url)).status_code == 405

    drive(act)


def test_a_parameter_without_a_value_is_one_that_was_left_out() -> None:
    """RFC 6749 §3.1 and §3.2."""

    async def act(world: World) -> None:
        public, secret = await world.register("none"), await world.register("client_secret_basic")
        code = await world.code(public)
        assert (await world.redeem(public, code, client_secret="", scope="")).status_code == 200
        code = await world.code(secret)
        said = (await world.redeem(secret, code, client_id="", client_assertion="")).json()
        again = await world.refresh(secret, said["refresh_token"], scope="")
        assert (again.status_code, again.json()["scope"]) == (200, said["scope"])

    drive(act)


@pytest.mark.parametrize(
    ("grant_type", "missing"), [("authorization_code", "code"), ("refresh_token", "refresh_token")]
)
def test_a_required_parameter_that_is_missing_is_an_invalid_request(grant_type: str, missing: str) -> None:
    """RFC 6749 §5.2."""

    async def act(world: World) -> None:
        client = await world.register()
        form = {"grant_type": grant_type, "redirect_uri": client.redirect_uri, "code_verifier": VERIFIER}
        for more in ({}, {missing: ""}):
            answer = await world.token(client, **form, **more)
            assert (answer.status_code, answer.json()["error"]) == (400, "invalid_request")
            assert missing in answer.json()["error_description"]

    drive(act)
