"""(e) One whole automatic launch, authorize to token: processor time of client and server together, in one process."""

import asyncio
import time
import uuid
from typing import Any

import httpx2
from sqlalchemy import Connection

from auth.keys import SigningKeys
from auth.server import launches
from auth.server import tables as auth_tables
from auth.server.clients import Client, save_client
from auth.server.grants import Context
from benchmarks.measuring import figure
from conformance.client import REDIRECT, App
from conformance.probe import Probe
from conformance.signing import new_signer, pkce
from gateway import ehr_face
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import open_sqlite
from sandbox import tables

BASE = "http://127.0.0.1:8700/ehr/spec/fhir"
LAUNCHES, LIMIT, TOKEN_LIMIT = 150, 6.0, 3.0
SCOPES = "launch openid fhirUser patient/*.rs"


def figures() -> list[dict[str, Any]]:
    """Milliseconds of one launch, of its token request at the server, and the launches a minute of one core."""
    whole, token = (seconds * 1e3 for seconds in asyncio.run(_measure()))
    minute = 60e3 / whole
    return [
        figure("e a launch, authorize to token: processor time", whole, "ms", bar="≤ 6 ms", holds=whole <= LIMIT),
        figure("e of that the token request, without the client", token, "ms", bar="≤ 3 ms", holds=token <= TOKEN_LIMIT),
        figure("e automatic launches of one core, client included", minute, "/min", bar="≥ 10,000", holds=minute >= 10_000),
    ]  # fmt: skip


async def _measure() -> tuple[float, float]:
    """Seconds of processor time: a launch with its client, and the token request without. What the client takes is seen by
    sending the same requests to nobody."""
    database = open_sqlite(":memory:", metadata=[auth_tables.metadata, tables.metadata])
    ehr = SandboxEhr(
        name="spec", base=BASE.removesuffix("/fhir"), database=database, keys=SigningKeys.generate(),
        new_id=lambda: str(uuid.uuid4()), new_secret=lambda: uuid.uuid4().hex, clock=time.time,
    )  # fmt: skip
    signer = new_signer()
    client = Client(id="bench", method="private_key_jwt", redirect_uris=(REDIRECT,), scope=SCOPES, jwks=signer.jwks)

    def prepare(connection: Connection, now: float) -> None:
        save_client(connection, now, client=client)
        for number in range(LAUNCHES + 10):
            launch = launches.Launch(
                client_id="bench", context=Context(patient="p", user="Practitioner/d"), automatic=True
            )
            launches.save_launch(connection, now, launch=launch, secret=f"launch-{number}")

    database.run_now(prepare)
    issuer = BASE.removesuffix("/fhir")
    endpoints = {"authorization_endpoint": f"{issuer}/auth/authorize", "token_endpoint": f"{issuer}/auth/token"}
    transport = httpx2.ASGITransport(app=ehr_face.application([ehr]))
    async with httpx2.AsyncClient(transport=transport) as http:
        app = App(probe=Probe(BASE, client=http), endpoints=endpoints, id="bench", signer=signer)
        for number in range(10):
            await _token(app, await _code(app, f"launch-{LAUNCHES + number}"))
        began = time.process_time()
        codes = [await _code(app, f"launch-{number}") for number in range(LAUNCHES)]
        between = time.process_time()
        for code in codes:
            await _token(app, code)
        ended = time.process_time()
    database.close()
    nobody = httpx2.MockTransport(lambda request: httpx2.Response(200, json={"access_token": "t"}))
    async with httpx2.AsyncClient(transport=nobody) as http:
        app = App(probe=Probe(BASE, client=http), endpoints=endpoints, id="bench", signer=signer)
        alone = time.process_time()
        for code in codes:
            await _token(app, code)
        client = time.process_time() - alone
    return (ended - began) / LAUNCHES, (ended - between - client) / LAUNCHES


async def _code(app: App, launch: str) -> tuple[str, str]:
    """A code and its verifier."""
    verifier, challenge = pkce()
    answer = await app.authorize(launch=launch, challenge=challenge, scope=SCOPES)
    return answer.redirected["code"], verifier


async def _token(app: App, code: tuple[str, str]) -> None:
    token = await app.redeem(*code)
    if token.status != 200:
        raise AssertionError("the launch did not end in a token")
