"""A launch's tokens are renewed once, however many ask in however many processes, on either database (SMART App Launch 2.2
§step-7: a rotated refresh token works once)."""

import asyncio
import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from types import SimpleNamespace

import pytest

from auth.client import signing, store, tables
from auth.client.ehr import RegisteredEhr
from auth.client.encryption import Cipher
from auth.client.errors import EhrUnavailable
from auth.client.flow import LaunchTokens, Means
from auth.client.requests import TokenRequest
from auth.client.tokens import LaunchContext, TokenReply, Tokens
from auth.discovery import SmartConfiguration
from gateway.storage.database import Database, open_postgres, open_sqlite

EHR = RegisteredEhr(name="spec", issuer="https://ehr.example/r4", client_id="gateway")
REPLICAS, ASKERS = 3, 6


SECRETS = SimpleNamespace(cipher=Cipher(current="a", keys={"a": bytes(32)}), signing=signing.generate())


@dataclass
class TokenEndpoint:
    """Takes its time, and takes each refresh token once."""

    used: list[str] = field(default_factory=list)
    failing: int = 0

    async def configuration(self, ehr: RegisteredEhr) -> SmartConfiguration:
        return SmartConfiguration(token_endpoint="https://ehr.example/token")

    async def send(self, ehr: RegisteredEhr, request: TokenRequest) -> TokenReply:
        presented = dict(request.form)["refresh_token"]
        await asyncio.sleep(0.05)
        if self.failing:
            self.failing -= 1
            raise EhrUnavailable("The EHR did not answer.")
        if presented in self.used:
            return TokenReply(status=400, body=b'{"error": "invalid_grant"}')
        self.used.append(presented)
        said = {
            "access_token": f"at-{len(self.used)}", "refresh_token": f"rt-{len(self.used)}", "token_type": "Bearer",
            "expires_in": 300, "scope": "patient/*.rs",
        }  # fmt: skip
        return TokenReply(status=200, body=json.dumps(said).encode())


@pytest.fixture(params=["sqlite", "postgres"])
def replicas(request: pytest.FixtureRequest) -> Iterator[list[Database]]:
    """The databases of so many processes: one with SQLite, each its own connection to the same with PostgreSQL."""
    with ExitStack() as stack:
        if request.param == "sqlite":
            made: list[Database] = [open_sqlite(":memory:", metadata=(tables.metadata,))] * REPLICAS
        else:
            url = request.getfixturevalue("postgres").emptied(tables.metadata)
            made = [open_postgres(url) for _ in range(REPLICAS)]
        for each in {id(each): each for each in made}.values():
            stack.callback(each.close)
        yield made


def asking(replicas: list[Database], endpoint: TokenEndpoint) -> list[Callable[[], LaunchTokens]]:
    """For each replica, what makes it ask for a token as a part of its own does."""
    held = Tokens(access="at-0", refresh="rt-0", expires=0.0, scopes="patient/*.rs")
    replicas[0].run_now(
        lambda c, now: store.save_launch(
            c, now, id="l1", ehr="spec", tokens=held, context=LaunchContext(patient="p1"), fhir_user=None,
            cipher=SECRETS.cipher,
        )
    )  # fmt: skip

    def maker(database: Database) -> Callable[[], LaunchTokens]:
        means = Means(
            run=database.run, secrets=lambda: SECRETS, clock=time.time, configuration=endpoint.configuration,
            send=endpoint.send,
        )  # fmt: skip
        return lambda: LaunchTokens(launch_id="l1", ehr=EHR, means=means)

    return [maker(database) for database in replicas]


def test_of_many_askers_in_several_replicas_one_renews(replicas: list[Database]) -> None:
    endpoint = TokenEndpoint()
    makers = asking(replicas, endpoint)

    async def ask() -> set[str]:
        return set(await asyncio.gather(*(make().bearer() for make in makers for _ in range(ASKERS))))

    assert asyncio.run(ask()) == {"at-1"}
    assert endpoint.used == ["rt-0"]


def test_when_the_one_that_renews_fails_another_does(replicas: list[Database]) -> None:
    endpoint = TokenEndpoint(failing=1)
    makers = asking(replicas, endpoint)

    async def ask() -> list[str | BaseException]:
        return await asyncio.gather(*(make().bearer() for make in makers), return_exceptions=True)

    found = asyncio.run(ask())
    assert sorted(map(str, found)) == ["The EHR did not answer.", "at-1", "at-1"]
    assert endpoint.used == ["rt-0"]
