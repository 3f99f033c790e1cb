"""A sandbox EHR on a real socket, and a client that sees what a socket sees: bytes, when they come, and how it ends."""

import asyncio
import json
import socket
import threading
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qsl, urlencode

import uvloop
from sqlalchemy import Connection

from auth import scopes
from auth.server import grants
from auth.server import tables as auth_tables
from auth.server.clients import Client, save_client
from gateway import ehr_face
from gateway.face.serving import rules_of
from gateway.processes import server
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import open_sqlite
from r4 import codec
from sandbox import loading, tables
from sandbox.upstream import opened
from tests.keys import KEYS

TOKEN, MARKED = "t" * 43, "m" * 43
BACK, VERIFIER, SECRET = "https://app.example/cb", "v" * 43, "o" * 43
PRACTITIONER = {"resourceType": "Practitioner", "id": "d1", "name": [{"family": "Doctor"}]}
PATIENT = {"resourceType": "Patient", "id": "p1", "name": [{"family": "One", "text": "x" * 200}]}
SCOPES = "system/*.cruds"


@dataclass
class Seen:
    """``ended`` is ``whole``, ``cut`` (an end before the last byte) or ``reset``; times in seconds since the request."""

    status: int
    headers: dict[str, str]
    body: bytes
    ended: str
    head_after: float
    all_after: float

    def json(self) -> Any:
        return json.loads(self.body)


@dataclass
class World:
    """The EHR, where it listens, and its paths."""

    ehr: SandboxEhr
    port: int

    def send(self, method: str, path: str, body: Any = None, *, token: str | None = TOKEN, **headers: str) -> Seen:
        """One request on a connection of its own."""
        content = body if isinstance(body, bytes) else b"" if body is None else codec.format(body)
        said = {
            "host": f"127.0.0.1:{self.port}", "content-length": str(len(content)), "connection": "close",
            "content-type": "application/json" if not path.startswith("fhir") else "application/fhir+json",
            **({"authorization": f"Bearer {token}"} if token else {}),
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }  # fmt: skip
        head = f"{method} /ehr/{self.ehr.name}/{path} HTTP/1.1\r\n" + "".join(f"{k}: {v}\r\n" for k, v in said.items())
        with socket.create_connection(("127.0.0.1", self.port), timeout=10) as wire:
            wire.sendall(head.encode() + b"\r\n" + content)
            return _seen(wire, time.monotonic())

    def ask(self, step: str, parameters: dict[str, str]) -> Seen:
        """A form to the token endpoint, or a GET of the authorization endpoint."""
        said = urlencode(parameters)
        if step == "authorize":
            return self.send("GET", f"auth/{step}?{said}", token=None)
        kind = "application/x-www-form-urlencoded"
        return self.send("POST", f"auth/{step}", said.encode(), token=None, content_type=kind)

    def authorized(self, *faults: str) -> dict[str, str]:
        """What the redirect of an automatic launch that names these faults says."""
        body = {"client_id": "app", "patient": "p1", "user": "Practitioner/d1", "automatic": True}
        launch = self.send("POST", "launch", {**body, "faults": list(faults)}, token=None).json()["launch"]
        challenge = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).decode().rstrip("=")
        answer = self.ask("authorize", {
            "response_type": "code", "client_id": "app", "redirect_uri": BACK, "launch": launch, "state": "st",
            "nonce": "n", "scope": "launch openid fhirUser offline_access patient/*.rs", "aud": self.ehr.fhir,
            "code_challenge": challenge, "code_challenge_method": "S256",
        })  # fmt: skip
        assert answer.status == 303
        return dict(parse_qsl(answer.headers["location"].partition("?")[2]))

    def redeemed(self, code: str, *, verifier: str = VERIFIER) -> Seen:
        """The token endpoint's answer to a code."""
        return self.ask("token", {
            "grant_type": "authorization_code", "client_id": "app", "redirect_uri": BACK, "code": code,
            "code_verifier": verifier,
        })  # fmt: skip

    def refreshed(self, token: str) -> Seen:
        """The token endpoint's answer to a refresh token."""
        return self.ask("token", {"grant_type": "refresh_token", "client_id": "app", "refresh_token": token})

    def switch(self, *names: str) -> None:
        assert self.send("PUT", "faults", {"active": list(names)}, token=None).status == 200

    def observation(self, **more: Any) -> dict[str, Any]:
        return {
            "resourceType": "Observation", "status": "final", "code": {"text": "t"},
            "subject": {"reference": "Patient/p1"}, **more,
        }  # fmt: skip

    def create(self, key: str, **headers: str) -> Seen:
        """Creates an Observation with an identifier, so that it can be counted."""
        body = self.observation(identifier=[{"system": "urn:test", "value": key}])
        return self.send("POST", "fhir/Observation", body, **headers)

    def copies(self, key: str) -> int:
        """How many there are, seen without faults."""
        active, self.ehr.faults.active = self.ehr.faults.active, ()
        found = self.send("GET", f"fhir/Observation?identifier=urn:test%7C{key}").json()
        self.ehr.faults.active = active
        return len(found.get("entry", ()))


def _seen(wire: socket.socket, began: float) -> Seen:
    data, head_after, ended = b"", 0.0, "cut"
    try:
        while part := wire.recv(65536):
            data += part
            if not head_after and b"\r\n\r\n" in data:
                head_after = time.monotonic() - began
    except ConnectionResetError:
        ended = "reset"
    head, _, body = data.partition(b"\r\n\r\n")
    lines = head.decode().split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    if ended == "cut" and head and len(body) == int(headers.get("content-length", 0)):
        ended = "whole"
    status = int(lines[0].split(" ")[1]) if head else 0
    return Seen(status, headers, body, ended, head_after, time.monotonic() - began)


@contextmanager
def listening(upstream: str | None = None, *, secret: str | None = None) -> Iterator[World]:
    """The world while the block runs, on a thread of its own; ``upstream`` is the base of a FHIR server behind it,
    ``secret`` the operator's."""
    database = open_sqlite(":memory:", metadata=[auth_tables.metadata, tables.metadata])
    ehr = SandboxEhr(
        name="spec", base="http://127.0.0.1/ehr/spec", database=database, keys=KEYS,
        new_id=lambda: f"i{uuid.uuid4().hex}", new_secret=lambda: uuid.uuid4().hex, clock=time.time, operator_secret=secret,
    )  # fmt: skip
    database.run_now(lambda connection, now: _fill(connection, now, ehr))
    bound, ready, done = server.bind(0), threading.Event(), threading.Event()

    async def serve() -> None:
        if upstream is None:
            await _serve()
        else:
            async with opened(upstream=upstream, base=ehr.fhir, new_id=ehr.new_id) as ehr.upstream:
                await _serve()

    async def _serve() -> None:
        async with server.Server(ehr_face.application([ehr]), [bound]).running():
            ready.set()
            await asyncio.to_thread(done.wait)

    thread = threading.Thread(target=lambda: uvloop.run(serve()))
    thread.start()
    ready.wait(60)
    try:
        yield World(ehr=ehr, port=bound.getsockname()[1])
    finally:
        done.set()
        thread.join()
        database.close()


def _fill(connection: Connection, now: float, ehr: SandboxEhr) -> None:
    loading.load(connection, now - 3600, [PATIENT, PRACTITIONER], rules_of(ehr))
    client = Client(
        id="app", name="App", redirect_uris=(BACK,), launch_url="https://app.example/launch",
        grant_types=("authorization_code", "refresh_token"),
        scope="patient/*.cruds launch openid fhirUser offline_access",
    )  # fmt: skip
    save_client(connection, now, client=client)
    for id, token, faults in (("plain", TOKEN, ()), ("marked", MARKED, ("error-503*1", "throttled*2"))):
        grants.save_grant(
            connection,
            now,
            id=id,
            client_id="app",
            scopes=scopes.parse(SCOPES),
            context=grants.Context(),
            faults=faults,
        )
        grants.save_access(connection, now, token=token, grant=id, scopes=SCOPES, life=3600)
