"""Edge: the sandbox EHRs of an installation: opened, seeded once, and introduced to the gateway, and it to them."""

import contextlib
import os
import secrets
from collections.abc import AsyncIterator, Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx2
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from auth.client.ehr import BACKEND_SCOPES, LAUNCH_SCOPES, is_loopback
from auth.client.registry import RegisteredEhr, save_ehr
from auth.server import tables as auth_tables
from auth.server.clients import Client, save_client
from auth.server.grants import any_faults
from auth.server.upgrade import add_columns
from gateway.ehrs.reachable import trust
from gateway.exports.export_runs import clearing
from gateway.face.serving import rules_of
from gateway.installation import Installation
from gateway.sandbox_ehrs import filling, hapi
from gateway.sandbox_ehrs.client_verbs import CLIENT_ID
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.sandbox_ehrs.faults import Faults
from gateway.sandbox_ehrs.id_keys import open_ring, turning
from gateway.storage.database import open_sqlite
from gateway.vendors import vendor_for
from sandbox import backlog, loading, tables
from sandbox import upgrade as store_upgrade
from sandbox.personas import PERSONAS as PERSONAS
from sandbox.personas import Persona
from sandbox.personas import tables as persona_tables
from sandbox.seed import upstream as seeding
from sandbox.seed.messy import CLEAN, Messiness
from sandbox.upstream import Upstream
from sandbox.upstream import opened as open_upstream

if TYPE_CHECKING:
    from gateway.processes.process import Options, Progress

SECRET_FILE = "operator.secret"  # noqa: S105 -- a file name
HOUR = 3600.0
SILENT = "the FHIR server does not answer: is it running, and is this its base?"


class SandboxError(RuntimeError):
    """The sandbox cannot be started as asked; the text says what to do."""


@contextlib.asynccontextmanager
async def opened(
    installation: Installation, options: "Options", ehr_url: str, progress: "Progress", *,
    clock: Callable[[], float], new_id: Callable[[], str],
) -> AsyncIterator[tuple[SandboxEhr, ...]]:  # fmt: skip
    """The EHRs while the block runs. Raises SandboxError, HapiError."""
    async with contextlib.AsyncExitStack() as stack:
        if options.messiness is not None and _unseeded(options):
            raise SandboxError("--messy is about the synthetic patients: for a server at a URL add --seed")
        chosen = [PERSONAS[options.persona]] if options.persona else list(PERSONAS.values())
        if options.ehr != "embedded":
            chosen = chosen[:1]
        found: list[SandboxEhr] = []
        for persona in chosen:
            ehr = _ehr(installation, persona, options, ehr_url, clock=clock, new_id=new_id)
            stack.callback(ehr.database.close)
            stack.callback(ehr.audit.close)
            if options.ehr == "embedded":
                ehr.seeding = partial(_seed, ehr, options.messiness, installation.directory, progress)
                if not found:  # the others are seeded at their first use: nine at once would be seconds
                    await ehr.ready()
            else:
                ehr.upstream = await stack.enter_async_context(_behind(installation, ehr, options, progress))
            found.append(ehr)
        await stack.enter_async_context(turning(found))
        await stack.enter_async_context(clearing(found))
        yield tuple(found)


def _ehr(
    installation: Installation, persona: Persona, options: "Options", ehr_url: str, *, clock: Callable[[], float],
    new_id: Callable[[], str],
) -> SandboxEhr:  # fmt: skip
    path = installation.directory / f"ehr-{persona.name}.db"
    database = open_sqlite(path, metadata=[auth_tables.metadata, tables.metadata, persona_tables.metadata], clock=clock)
    database.run_now(add_columns)
    fhir = f"{ehr_url}/ehr/{persona.name}/fhir"
    database.run_now(lambda connection, now: store_upgrade.upgrade(connection, now, base=fhir))
    database.run_now(lambda connection, now: backlog.served_at(connection, now, base=fhir))
    database.run_now(lambda connection, now: store_upgrade.complete(connection, now, base=fhir))
    guarded = options.upstream_auth is not None or options.allow_remote or _unseeded(options)
    return SandboxEhr(
        name=persona.name, base=f"{ehr_url}/ehr/{persona.name}", database=database, keys=open_ring(database, clock),
        new_id=new_id,
        new_secret=lambda: secrets.token_urlsafe(32), clock=clock,
        references=options.references, persona=persona,
        allow_loopback_jwks=options.allow_loopback_jwks,
        operator_secret=_operator_secret(installation.directory) if guarded else None,
        faults=Faults(launches=database.run_now(any_faults)),
    )  # fmt: skip


def _unseeded(options: "Options") -> bool:
    return options.ehr not in ("embedded", "hapi") and not options.seed


def _operator_secret(directory: Path) -> str:
    """What registration, launcher and automatic sign-in want as bearer: in a file of mode 0600, made when missing."""
    path = directory / SECRET_FILE
    if not path.exists():
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "w") as file:
            file.write(secrets.token_urlsafe(32))
    return read_secret(path)


def read_secret(path: Path) -> str:
    """One line of a file that only its owner reads. Raises SandboxError."""
    try:
        if path.stat().st_mode & 0o077:
            raise SandboxError(f"{path.name} can be read by others: chmod 600 it, and consider it known")
        text = path.read_text().strip()
    except OSError as failure:
        raise SandboxError(f"{path.name} cannot be read") from failure
    if not text or not text.isprintable():
        raise SandboxError(f"{path.name} must hold one printable line")
    return text


async def _seed(
    ehr: SandboxEhr, asked: Messiness | None, directory: Path, progress: "Progress"
) -> None:  # fmt: skip
    """Loads the synthetic patients, once: the marker is written in the same transaction. The ward day hangs on the hour
    of that first use. Raises SandboxError."""

    def work(connection: Connection, now: float) -> tuple[int, float, Messiness]:
        found = filling.seeded(connection, now)
        if found is not None:
            return 0, *found
        anchor, messiness = now - now % HOUR, asked or CLEAN
        count = loading.load(connection, now, filling.feed(messiness, anchor), rules_of(ehr))
        filling.keep_seeded(connection, now, anchor=anchor, messiness=messiness)
        return count, anchor, messiness

    count, anchor, messiness = await ehr.database.run(work)
    if asked not in (None, messiness):
        raise SandboxError(filling.OTHERWISE)
    filling.write_labels(directory, messiness, anchor, anew=count > 0)
    if count:
        progress(f"EHR {ehr.name}: {count} synthetic resources loaded")


@contextlib.asynccontextmanager
async def _behind(
    installation: Installation, ehr: SandboxEhr, options: "Options", progress: "Progress"
) -> AsyncIterator[Upstream]:
    """The FHIR server behind this EHR: HAPI started here, or the one at the given base."""
    url, stop = _base(installation, options, progress)
    credential = read_secret(options.upstream_auth) if options.upstream_auth else None
    try:
        if options.ehr == "hapi" or options.seed:
            anchor = ehr.clock()
            await _seed_upstream(installation, options, url, anchor - anchor % HOUR, progress)
        else:
            await _greet(url)
        async with open_upstream(
            upstream=url, base=ehr.fhir, new_id=ehr.new_id, credential=credential, references=ehr.references
        ) as upstream:
            yield upstream
    finally:
        stop()


def _base(installation: Installation, options: "Options", progress: "Progress") -> tuple[str, Callable[[], None]]:
    if options.ehr == "hapi":
        started = hapi.start(installation.directory / "hapi", progress=progress)
        return started.url.rstrip("/"), started.stop
    parts = urlsplit(options.ehr)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query or parts.fragment:
        raise SandboxError("--ehr must be embedded, hapi, or the http(s) base of a FHIR R4 server")
    if not is_loopback(parts.hostname) and not options.allow_remote:
        raise SandboxError("--ehr names a server that is not on this machine: add --allow-remote if that is meant")
    return options.ehr.rstrip("/"), lambda: None


async def _seed_upstream(
    installation: Installation, options: "Options", url: str, anchor: float, progress: "Progress"
) -> None:
    messiness = options.messiness or CLEAN
    try:
        sent = await seeding.seed(url, anchor=anchor, progress=progress, messiness=messiness)
        filling.write_labels(installation.directory, messiness, anchor, anew=sent > 0)
    except seeding.SeedError as failure:
        raise SandboxError(f"the server did not take the synthetic patients: {failure}") from failure
    except httpx2.HTTPError as failure:
        raise SandboxError(SILENT) from failure


async def _greet(url: str) -> None:
    """Whether anything answers there; what it answers is its own affair. Raises SandboxError."""
    async with httpx2.AsyncClient(timeout=10.0, trust_env=False, verify=trust(None)) as client:
        try:
            await client.get(f"{url}/metadata", headers={"accept": "application/fhir+json"})
        except httpx2.TransportError as failure:
            raise SandboxError(SILENT) from failure


async def introduce(
    installation: Installation, ehrs: Sequence[SandboxEhr], app_url: str, *, ca: str | None = None
) -> None:
    """Registers the gateway as a client of each EHR, and each EHR with the gateway, at the addresses of this start.
    ``ca`` is the certificate (PEM) that they are served with."""
    cipher = installation.keyring.cipher
    for ehr in ehrs:
        client = Client(
            id=CLIENT_ID, name="Chartgate", method="private_key_jwt",
            redirect_uris=(f"{app_url}/app/callback/{ehr.name}",), launch_url=f"{app_url}/app/launch",
            grant_types=("authorization_code", "refresh_token", "client_credentials"),
            scope=" ".join((*LAUNCH_SCOPES, *BACKEND_SCOPES)),
            jwks=installation.keyring.signing.jwks(ehr.clock()),
        )  # fmt: skip
        registered = RegisteredEhr(
            name=ehr.name,
            issuer=ehr.fhir,
            client_id=CLIENT_ID,
            networks=("127.0.0.0/8",),
            ca=ca,
            vendor=vendor_for(ehr.name),
            declared="sandbox",
        )
        await ehr.database.run(lambda connection, now, client=client: save_client(connection, now, client=client))  # type: ignore[misc]
        try:
            await installation.database.run(
                lambda connection, now, registered=registered: save_ehr(connection, now, ehr=registered, cipher=cipher)  # type: ignore[misc]
            )
        except IntegrityError as failure:
            raise SandboxError(
                f"the address of the sandbox EHR {ehr.name} is registered already by another name: chartgate ehrs remove "
                "that one, or take another port with --port"
            ) from failure
