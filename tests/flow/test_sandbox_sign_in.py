"""Both sides at once: the gateway signs in to the sandbox's own authorization server, by every kind of client."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from itertools import count
from secrets import token_urlsafe
from typing import Any, TypeVar
from urllib.parse import urlencode

import httpx2
import pytest
from starlette.applications import Starlette
from starlette.routing import Mount

from auth.client import tables as client_tables
from auth.client.errors import GrantEnded
from auth.client.flow import BackendTokens, LaunchTokens
from auth.client.registry import RegisteredEhr, save_ehr
from auth.client.store import Launch, find_launch
from auth.keys import SigningKeys
from auth.server import grants
from auth.server import launches as prepared
from auth.server import tables as server_tables
from auth.server.clients import Client, save_client
from auth.server.grants import Context
from gateway import tables
from gateway.ehrs.fetch import Reach
from gateway.keyring import Keyring, generate, parse
from gateway.launches import revoking
from gateway.people import sessions
from gateway.routes import authorization, launches
from gateway.sandbox_ehrs.client_keys import ClientKeys
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import Sqlite, open_sqlite
from gateway.storage.works import Work

T = TypeVar("T")
APP, BASE = "http://localhost:8700", "http://127.0.0.1:8700/ehr/spec"
KEYS = parse(generate())
NUMBERS = count()
SCOPES = (*RegisteredEhr(name="spec", issuer=f"{BASE}/fhir", client_id="gateway").scopes, "system/*.cruds")


@dataclass
class Clock:
    now: float = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class Both:
    """The gateway and the EHR it is registered with, joined by transports in memory."""

    clock: Clock
    database: Sqlite
    ehr: SandboxEhr
    reach: Reach
    registered: RegisteredEhr
    keyring: Keyring = KEYS
    base_url: str = APP
    launched: list[str] = field(default_factory=list)

    async def run(self, work: Work[T], /) -> T:
        return await self.database.run(work)

    async def on_launch(self, launch_id: str) -> None:
        self.launched.append(launch_id)

    async def prepare(self, user: str | None = "Practitioner/d1") -> str:
        """A launch with automatic sign-in, as the launcher makes them."""
        secret = token_urlsafe(16)
        context = Context(patient="p1", encounter="e1", user=user)
        launch = prepared.Launch(client_id="gateway", context=context, automatic=True)
        await self.ehr.database.run(lambda c, now: prepared.save_launch(c, now, launch=launch, secret=secret))
        return f"{APP}/app/launch?{urlencode({'iss': self.ehr.fhir, 'launch': secret})}"

    async def launch(self, **options: Any) -> Launch:
        """From the launcher's address to the launch that the gateway keeps."""
        application = Starlette(routes=[*launches.routes(self), Mount("/ehr/spec", routes=self.routes())])
        cookie = ""
        url = await self.prepare(**options)
        async with httpx2.AsyncClient(transport=httpx2.ASGITransport(application)) as browser:
            while "/app?launch=" not in url:
                response = await browser.get(url, headers={"cookie": cookie} if url.startswith(APP) else {})
                assert response.status_code == 303, response.text
                cookie = response.headers.get("set-cookie", cookie).partition(";")[0]
                url = str(httpx2.URL(url).join(response.headers["location"]))
        kept = await self.run(lambda c, now: find_launch(c, now, id=self.launched[-1], cipher=KEYS.cipher))
        assert kept is not None
        return kept

    def routes(self) -> Any:
        return authorization.routes(self.ehr, ClientKeys(clock=self.clock, loopback=False))

    def tokens(self) -> LaunchTokens:
        return LaunchTokens(launch_id=self.launched[-1], ehr=self.registered, means=launches.means_of(self))


def _client(method: Any) -> Client:
    """The gateway as the EHR has it registered."""
    return Client(
        id="gateway", method=method, redirect_uris=(f"{APP}/app/callback/spec",), scope=" ".join(SCOPES),
        grant_types=("authorization_code", "refresh_token", *(() if method == "none" else ("client_credentials",))),
        jwks=KEYS.signing.jwks(0.0) if method == "private_key_jwt" else None,
    )  # fmt: skip


async def _story(act: Callable[[Both], Awaitable[None]], method: Any) -> None:
    clock = Clock()
    ehr = SandboxEhr(
        name="spec", base=BASE, database=open_sqlite(":memory:", metadata=(server_tables.metadata,), clock=clock),
        keys=SigningKeys.generate("RS256"), new_id=lambda: f"id{next(NUMBERS)}", new_secret=lambda: token_urlsafe(32), clock=clock,
    )  # fmt: skip
    secret = "s" * 43 if method == "client_secret_basic" else None
    registered = RegisteredEhr(
        name="spec", issuer=ehr.fhir, client_id="gateway", method=method, secret=secret, networks=("127.0.0.0/8",)
    )
    client = _client(method)
    await ehr.database.run(lambda c, now: save_client(c, now, client=client, secret=secret, registration=None))
    database = open_sqlite(":memory:", metadata=(tables.metadata, client_tables.metadata), clock=clock)
    await database.run(lambda c, now: save_ehr(c, now, ehr=registered, cipher=KEYS.cipher))
    both = Both(
        clock=clock,
        database=database,
        ehr=ehr,
        registered=registered,
        reach=Reach(clock=clock, transport=lambda _: wire),
    )
    wire = httpx2.ASGITransport(Starlette(routes=[Mount("/ehr/spec", routes=both.routes())]))
    try:
        await act(both)
    finally:
        await both.reach.aclose()
        database.close()
        ehr.database.close()


def drive(act: Callable[[Both], Awaitable[None]], method: str = "private_key_jwt") -> None:
    asyncio.run(_story(act, method))


METHODS = ["private_key_jwt", "client_secret_basic", "none"]


@pytest.mark.parametrize("method", METHODS)
def test_a_launch_brings_patient_encounter_and_practitioner(method: str) -> None:
    async def act(both: Both) -> None:
        launch = await both.launch()
        assert (launch.patient, launch.encounter, launch.fhir_user) == ("p1", "e1", "Practitioner/d1")
        assert launch.context.missing == ()
        bearer = await both.tokens().bearer()
        grant = await both.ehr.database.run(lambda c, now: grants.find_grant(c, now, bearer))
        assert grant is not None
        assert grant.context.patient == "p1"

    drive(act, method)


def test_a_launch_without_a_person_has_no_identity() -> None:
    async def act(both: Both) -> None:
        assert (await both.launch(user=None)).fhir_user is None

    drive(act)


@pytest.mark.parametrize("method", METHODS)
def test_a_token_that_has_ended_is_renewed_and_again(method: str) -> None:
    async def act(both: Both) -> None:
        await both.launch()
        tokens = both.tokens()
        seen = [await tokens.bearer()]
        for _ in range(2):
            both.clock.now += 4000.0
            seen.append(await tokens.bearer())
            bearer = seen[-1]
            assert await both.ehr.database.run(lambda c, now, sent=bearer: grants.find_grant(c, now, sent)) is not None
        assert len(set(seen)) == 3

    drive(act, method)


def test_a_grant_revoked_at_the_ehr_ends_the_launch() -> None:
    async def act(both: Both) -> None:
        await both.launch()
        tokens = both.tokens()
        bearer = await tokens.bearer()
        await both.ehr.database.run(
            lambda c, now: c.execute(server_tables.grants.update().values(revoked=True)) and None
        )
        with pytest.raises(GrantEnded):
            await tokens.bearer(refused=bearer)

    drive(act)


@pytest.mark.parametrize("method", ["private_key_jwt", "client_secret_basic"])
def test_the_backend_client_gets_system_scopes_and_no_patient(method: str) -> None:
    async def act(both: Both) -> None:
        bearer = await BackendTokens(ehr=both.registered, means=launches.means_of(both)).bearer()
        grant = await both.ehr.database.run(lambda c, now: grants.find_grant(c, now, bearer))
        assert grant is not None
        assert grant.context.patient is None
        assert {scope.context for scope in grant.scopes if hasattr(scope, "context")} == {"system"}

    drive(act, method)


def test_a_launch_prepared_for_another_client_is_refused() -> None:
    async def act(both: Both) -> None:
        both.registered = replace(both.registered, client_id="stranger")
        await both.run(lambda c, now: save_ehr(c, now, ehr=both.registered, cipher=KEYS.cipher))
        with pytest.raises(AssertionError, match="refused"):
            await both.launch()
        assert await both.run(lambda c, now: c.execute(sessions.sessions.select()).first()) is None

    drive(act)


@pytest.mark.parametrize("method", ["private_key_jwt", "client_secret_basic", "none"])
def test_who_signs_out_ends_the_grant_at_the_ehr(method: str) -> None:
    async def act(both: Both) -> None:
        launch = await both.launch()
        held = await both.tokens().bearer()

        def granted() -> Any:
            return both.ehr.database.run(lambda c, now: grants.find_grant(c, now, held))

        assert await granted() is not None
        ended = await both.run(lambda c, now: revoking.end(c, now, launches=[launch.id], cipher=KEYS.cipher))
        await revoking.Revocations(launches.means_of(both)).revoke(ended)
        assert await granted() is None
        with pytest.raises(GrantEnded):
            await both.tokens().bearer()

    drive(act, method)
