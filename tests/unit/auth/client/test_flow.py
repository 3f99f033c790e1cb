"""Bearers are renewed once however many ask, and go to their own EHR only (smart-auth B11)."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, TypeVar

import httpx2
import pytest
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import StaticPool

from auth.client import signing, store
from auth.client.ehr import RegisteredEhr
from auth.client.encryption import Cipher
from auth.client.errors import EhrFault, EhrUnavailable, ForeignAddress, GrantEnded, LaunchError
from auth.client.flow import BackendTokens, LaunchTokens, Means, SmartAuth
from auth.client.requests import TokenRequest
from auth.client.tables import metadata
from auth.client.tokens import LaunchContext, TokenReply, Tokens
from auth.discovery import SmartConfiguration

T = TypeVar("T")
FHIR = "https://ehr.example/r4"
EHR = RegisteredEhr(name="spec", issuer=FHIR, client_id="gateway")
CIPHER = Cipher(current="a", keys={"a": bytes(32)})
SECRETS = SimpleNamespace(cipher=CIPHER, signing=signing.generate())


@dataclass
class World:
    """A token endpoint that counts, a clock that is set, a database with one launch."""

    now: float = 1000.0
    asked: list[dict[str, str]] = field(default_factory=list)
    status: int = 200
    members: dict[str, Any] = field(default_factory=dict)
    token_endpoint: str = "https://ehr.example/token"

    def __post_init__(self) -> None:
        self.engine = create_engine("sqlite://", poolclass=StaticPool, connect_args={"check_same_thread": False})
        held = Tokens(access="at-0", refresh="rt-0", expires=2000.0, scopes="patient/*.rs")
        with self.engine.begin() as connection:
            metadata.create_all(connection)
            store.save_launch(
                connection, self.now, id="l1", ehr="spec", tokens=held, context=LaunchContext(patient="p1"),
                fhir_user=None, cipher=CIPHER,
            )  # fmt: skip

    async def run(self, work: Callable[[Connection, float], T], /) -> T:
        await asyncio.sleep(0)
        with self.engine.begin() as connection:
            return work(connection, self.now)

    async def configuration(self, ehr: RegisteredEhr) -> SmartConfiguration:
        return SmartConfiguration(token_endpoint=self.token_endpoint)

    async def send(self, ehr: RegisteredEhr, request: TokenRequest) -> TokenReply:
        self.asked.append(dict(request.form))
        await asyncio.sleep(0)
        count = len(self.asked)
        body = {
            "access_token": f"at-{count}", "refresh_token": f"rt-{count}", "token_type": "bearer",
            "scope": "patient/*.rs", "expires_in": 300, **self.members,
        }  # fmt: skip
        return TokenReply(status=self.status, body=json.dumps(body).encode())

    def means(self) -> Means:
        return Means(
            run=self.run, secrets=lambda: SECRETS, clock=lambda: self.now, configuration=self.configuration,
            send=self.send,
        )  # fmt: skip

    def launch(self) -> LaunchTokens:
        return LaunchTokens(launch_id="l1", ehr=EHR, means=self.means())

    def backend(self) -> BackendTokens:
        return BackendTokens(ehr=EHR, means=self.means())


def drive(act: Callable[[World], Awaitable[None]], **members: Any) -> None:
    world = World(**members)
    try:
        asyncio.run(act(world))  # type: ignore[arg-type]
    finally:
        world.engine.dispose()


def test_a_fresh_token_is_sent_without_asking_for_another() -> None:
    async def act(world: World) -> None:
        assert await world.launch().bearer() == "at-0"
        assert world.asked == []

    drive(act)


def test_a_stale_token_is_renewed_without_scope_and_the_new_one_saved() -> None:
    async def act(world: World) -> None:
        world.now = 1971.0
        assert await world.launch().bearer() == "at-1"
        assert (world.asked[0]["refresh_token"], "scope" in world.asked[0]) == ("rt-0", False)
        assert await world.launch().bearer() == "at-1"
        assert len(world.asked) == 1

    drive(act)


@pytest.mark.parametrize("shared", [True, False])
def test_many_who_find_it_stale_renew_it_once(shared: bool) -> None:
    """``shared``: in one place of one process, or each as a process of its own would, over the saved row alone."""

    async def act(world: World) -> None:
        world.now = 1971.0
        one = world.launch()
        askers = [one if shared else world.launch() for _ in range(8)]
        assert await asyncio.gather(*(asker.bearer() for asker in askers)) == ["at-1"] * 8
        assert len(world.asked) == 1

    drive(act)


def test_many_who_were_refused_the_same_token_renew_it_once() -> None:
    async def act(world: World) -> None:
        one = world.launch()
        assert await asyncio.gather(*(one.bearer(refused="at-0") for _ in range(8))) == ["at-1"] * 8
        assert len(world.asked) == 1

    drive(act)


def test_a_rotated_refresh_token_is_the_one_sent_next() -> None:
    async def act(world: World) -> None:
        one = world.launch()
        await one.bearer(refused="at-0")
        await one.bearer(refused="at-1")
        assert [asked["refresh_token"] for asked in world.asked] == ["rt-0", "rt-1"]

    drive(act)


def test_a_grant_the_ehr_no_longer_honours_ends_the_launch_for_good() -> None:
    async def act(world: World) -> None:
        for _ in range(2):
            with pytest.raises(GrantEnded):
                await world.launch().bearer(refused="at-0")
        assert len(world.asked) == 1

    drive(act, status=400, members={"error": "invalid_grant"})


@pytest.mark.parametrize(
    ("status", "members", "failure"),
    [
        (503, {}, EhrUnavailable),
        (401, {"error": "invalid_client"}, LaunchError),
        (200, {"token_type": "mac"}, EhrFault),
    ],
)
def test_a_renewal_that_failed_otherwise_can_be_tried_again_at_once(
    status: int, members: dict[str, Any], failure: type[Exception]
) -> None:
    async def act(world: World) -> None:
        with pytest.raises(failure):
            await world.launch().bearer(refused="at-0")
        world.status, world.members = 200, {}
        assert await world.launch().bearer(refused="at-0") == "at-2"

    drive(act, status=status, members=members)


def test_a_refresh_token_is_not_sent_to_a_foreign_token_endpoint() -> None:
    async def act(world: World) -> None:
        with pytest.raises(EhrFault):
            await world.launch().bearer(refused="at-0")
        assert world.asked == []

    drive(act, token_endpoint="https://evil.example/token")


def test_the_backend_token_is_fetched_once_and_kept_until_shortly_before_its_end() -> None:
    async def act(world: World) -> None:
        backend = world.backend()
        assert await asyncio.gather(*(backend.bearer() for _ in range(8))) == ["at-1"] * 8
        world.now += 269.0
        assert await backend.bearer() == "at-1"
        world.now += 1.0
        assert await backend.bearer() == "at-2"
        assert world.asked[0]["grant_type"] == "client_credentials"
        assert {scope.partition("/")[0] for scope in world.asked[0]["scope"].split()} == {"system"}

    drive(act)


def test_a_refused_backend_token_is_fetched_again_once() -> None:
    async def act(world: World) -> None:
        backend = world.backend()
        first = await backend.bearer()
        assert await asyncio.gather(*(backend.bearer(refused=first) for _ in range(4))) == ["at-2"] * 4

    drive(act)


def test_a_backend_client_that_is_refused_says_so() -> None:
    async def act(world: World) -> None:
        with pytest.raises(LaunchError):
            await world.backend().bearer()

    drive(act, status=400, members={"error": "invalid_grant"})


def _client(world: World, answers: list[int], seen: list[httpx2.Request], **settings: Any) -> httpx2.AsyncClient:
    def answer(request: httpx2.Request) -> httpx2.Response:
        seen.append(request)
        return httpx2.Response(answers.pop(0), headers={"location": "https://evil.example/r4/x"})

    auth = SmartAuth(EHR, world.launch())
    return httpx2.AsyncClient(transport=httpx2.MockTransport(answer), auth=auth, **settings)


def test_a_request_below_the_base_carries_the_bearer() -> None:
    async def act(world: World) -> None:
        seen: list[httpx2.Request] = []
        async with _client(world, [200], seen) as client:
            await client.get(f"{FHIR}/Patient/p1")
        assert seen[0].headers["authorization"] == "Bearer at-0"

    drive(act)


def test_a_401_renews_once_and_sends_the_same_body_again() -> None:
    async def act(world: World) -> None:
        sent: list[str] = []
        bodies: list[bytes] = []

        def answer(request: httpx2.Request) -> httpx2.Response:
            sent.append(request.headers["authorization"])
            bodies.append(request.content)
            return httpx2.Response(401 if len(sent) == 1 else 201)

        async with httpx2.AsyncClient(transport=httpx2.MockTransport(answer), auth=SmartAuth(EHR, world.launch())) as c:
            assert (await c.post(f"{FHIR}/Observation", content=b"{}")).status_code == 201
        assert (sent, bodies) == (["Bearer at-0", "Bearer at-1"], [b"{}", b"{}"])

    drive(act)


def test_a_second_401_is_the_callers() -> None:
    async def act(world: World) -> None:
        seen: list[httpx2.Request] = []
        async with _client(world, [401, 401], seen) as client:
            assert (await client.get(f"{FHIR}/Patient/p1")).status_code == 401
        assert len(seen) == 2

    drive(act)


def test_a_401_that_cannot_be_renewed_is_the_callers() -> None:
    async def act(world: World) -> None:
        seen: list[httpx2.Request] = []
        async with _client(world, [401], seen) as client:
            assert (await client.get(f"{FHIR}/Patient/p1")).status_code == 401

    drive(act, status=400, members={"error": "invalid_grant"})


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/r4/Patient?page=2", "http://ehr.example/r4/Patient/1", "https://ehr.example/other",
        "https://ehr.example:8443/r4/Patient", f"{FHIR}/../admin", "https://ehr.example@evil.example/r4/Patient",
    ],
)  # fmt: skip
def test_b11_a_link_to_elsewhere_is_not_followed_with_or_without_the_bearer(url: str) -> None:
    async def act(world: World) -> None:
        seen: list[httpx2.Request] = []
        async with _client(world, [200], seen) as client:
            with pytest.raises(ForeignAddress):
                await client.get(url)
        assert seen == []

    drive(act)


def test_b11_a_redirect_to_elsewhere_never_gets_the_bearer() -> None:
    async def act(world: World) -> None:
        for settings, count in (({}, 1), ({"follow_redirects": True}, 2)):
            seen: list[httpx2.Request] = []
            async with _client(world, [302, 200], seen, **settings) as client:
                await client.get(f"{FHIR}/Patient/p1")
            assert len(seen) == count
            assert ["authorization" in request.headers for request in seen] == [True, False][:count]

    drive(act)
