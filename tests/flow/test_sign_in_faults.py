"""Every named fault of a sandbox EHR's authorization server, seen over a real socket: switched on there, and by a launch."""

import json
import time
from base64 import urlsafe_b64decode
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from auth.server import faults
from tests.flow.fault_world import World, listening


@pytest.fixture(scope="module")
def shared() -> Iterator[World]:
    with listening() as made:
        yield made


@pytest.fixture
def world(shared: World) -> Iterator[World]:
    yield shared
    shared.switch()


Named = tuple[str, ...]
Sight = Callable[[World, Named], None]
"""What is seen of a fault by a launch that names ``Named``: the fault, or nothing where it is on at the EHR."""


def at_authorize(error: str) -> Sight:
    def seen(world: World, named: Named) -> None:
        said = world.authorized(*named)
        assert (said["error"], "code" in said) == (error, False)

    return seen


def at_redirect(member: str, right: str | None) -> Sight:
    def seen(world: World, named: Named) -> None:
        said = world.authorized(*named)
        expected = {"state": "st", "iss": world.ehr.base}[member]
        assert ("code" in said, said.get(member) == expected, said.get(member) is None) == (True, False, right is None)

    return seen


def at_token(error: str, status: int) -> Sight:
    def seen(world: World, named: Named) -> None:
        answer = world.redeemed(world.authorized(*named)["code"])
        assert (answer.status, answer.json()["error"]) == (status, error)

    return seen


def at_refresh(error: str, status: int) -> Sight:
    def seen(world: World, named: Named) -> None:
        tokens = world.redeemed(world.authorized(*named)["code"]).json()
        answer = world.refreshed(tokens["refresh_token"])
        assert (answer.status, answer.json()["error"]) == (status, error)
        assert world.send("GET", "fhir/Patient/p1", token=tokens["access_token"]).status == 200

    return seen


def unchecked(world: World, named: Named) -> None:
    assert world.redeemed(world.authorized(*named)["code"], verifier="w" * 43).status == 200


def expired(world: World, named: Named) -> None:
    tokens = world.redeemed(world.authorized(*named)["code"]).json()
    assert world.send("GET", "fhir/Patient/p1", token=tokens["access_token"]).status == 401


def claim(wrong: Callable[[World, dict[str, Any]], bool]) -> Sight:
    def seen(world: World, named: Named) -> None:
        tokens = world.redeemed(world.authorized(*named)["code"]).json()
        said = tokens["id_token"].split(".")[1]
        assert wrong(world, json.loads(urlsafe_b64decode(said + "=" * (-len(said) % 4))))

    return seen


SIGHTS: dict[str, Sight] = {
    **{
        f"authorize-{error.replace('_', '-')}": at_authorize(error)
        for error in (
            "access_denied", "invalid_request", "invalid_scope", "unauthorized_client", "unsupported_response_type",
            "server_error", "temporarily_unavailable",
        )
    },
    "redirect-no-state": at_redirect("state", None), "redirect-wrong-state": at_redirect("state", "another"),
    "redirect-wrong-iss": at_redirect("iss", "another"),
    "token-invalid-client": at_token("invalid_client", 401), "token-invalid-grant": at_token("invalid_grant", 400),
    "token-invalid-request": at_token("invalid_request", 400), "token-server-error": at_token("server_error", 500),
    "token-temporarily-unavailable": at_token("temporarily_unavailable", 503),
    "pkce-unchecked": unchecked, "access-token-expired": expired,
    "refresh-invalid-grant": at_refresh("invalid_grant", 400),
    "refresh-temporarily-unavailable": at_refresh("temporarily_unavailable", 503),
    "id-token-wrong-audience": claim(lambda _, said: said["aud"] != "app"),
    "id-token-wrong-issuer": claim(lambda world, said: said["iss"] != world.ehr.base),
    "id-token-wrong-nonce": claim(lambda _, said: said["nonce"] != "n"),
    "id-token-expired": claim(lambda _, said: said["exp"] < time.time()),
    "id-token-ahead": claim(lambda _, said: said["iat"] > time.time() + 3000 and said["exp"] > said["iat"]),
}  # fmt: skip


@pytest.mark.parametrize("name", [fault.name for fault in faults.FAULTS])
def test_a_fault_that_is_on_at_the_ehr_is_seen_from_outside(world: World, name: str) -> None:
    world.switch(name)
    SIGHTS[name](world, ())


@pytest.mark.parametrize("name", [fault.name for fault in faults.FAULTS])
def test_a_fault_that_a_launch_names_is_seen_by_it_and_by_no_other(world: World, name: str) -> None:
    SIGHTS[name](world, (name,))
    with pytest.raises((AssertionError, KeyError)):
        SIGHTS[name](world, ())


def test_the_tokens_of_a_launch_meet_the_faults_that_it_named_and_no_others_do(world: World) -> None:
    struck = world.redeemed(world.authorized("error-503*2", "clock-skew")["code"]).json()
    spared = world.redeemed(world.authorized()["code"]).json()["access_token"]
    assert world.send("GET", "fhir/Patient/p1", token=struck["access_token"]).status == 503
    assert world.send("GET", "fhir/Patient/p1", token=spared).status == 200
    renewed = world.refreshed(struck["refresh_token"]).json()["access_token"]
    assert [world.send("GET", "fhir/Patient/p1", token=renewed).status for _ in range(2)] == [503, 200]
    assert world.send("GET", "fhir/Patient/p1", token=spared).status == 200
