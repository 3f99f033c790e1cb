"""Edge: one sandbox process: installation, EHRs, gateway and server put together, and taken apart again in order."""

import contextlib
import os
import secrets
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Literal

from gateway import app_face, ehr_face
from gateway.app import Gateway, open_gateway
from gateway.ehrs import check, file, rotating, verbs
from gateway.installation import Installation, open_installation
from gateway.model_folders import model_versions
from gateway.outputs import delivery_verbs
from gateway.outputs.rehearsing import rehearse
from gateway.people import links
from gateway.processes import server, tls
from gateway.processes.hosts import APP_HOST, EHR_HOST, Faces
from gateway.routes import control, health
from gateway.sandbox_ehrs import sandboxes
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.sites.declaration import Site
from gateway.storage import backups
from sandbox.seed.messy import Messiness
from writeback.terms import EVERYTHING, ReadBack

Progress = Callable[[str], None]


@dataclass(frozen=True, kw_only=True, slots=True)
class Options:
    """What ``up`` and ``demo`` were asked for. ``ehr`` is ``embedded``, ``hapi`` or a FHIR base;
    ``only`` leaves but the models of that id; ``messiness`` None takes an installation as it was seeded, clean at first."""

    port: int = 8700
    ehr: str = "embedded"
    persona: str | None = None
    models: tuple[Path, ...] = ()
    only: str | None = None
    references: Literal["check", "free"] = "check"
    allow_loopback_jwks: bool = False
    seed: bool = False
    messiness: Messiness | None = None
    allow_remote: bool = False
    upstream_auth: Path | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None
    read_back: ReadBack = EVERYTHING
    site: Site | None = None
    """A site that is rehearsed: played at the sandbox's own EHRs."""
    sees: frozenset[str] = frozenset()
    """The EHRs that the session of the one-time link is bound to; empty means all."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Running:
    """``app`` is the app face, ``ehr`` maps EHR names to FHIR bases, ``enter`` is the one-time link."""

    app: str
    ehr: dict[str, str]
    enter: str
    gateway: Gateway
    ehrs: tuple[Any, ...] = field(default=())


def new_id() -> str:
    """A UUID of version 7 (RFC 9562 §5.7): the time in milliseconds, so that an index grows at its end, and 74 random bits."""
    moment, chance = f"{int(time.time() * 1000):012x}", os.urandom(10).hex()
    variant = "89ab"[int(chance[19], 16) & 3]
    return f"{moment[:8]}-{moment[8:]}-7{chance[:3]}-{variant}{chance[3:6]}-{chance[6:18]}"


@contextlib.asynccontextmanager
async def running(directory: Path, options: Options, progress: Progress) -> AsyncIterator[Running]:
    """The whole sandbox on loopback while the block runs. Raises PortTaken, KeyFileError, SandboxError, HapiError,
    SettingsRefused, TlsError."""
    async with contextlib.AsyncExitStack() as stack:
        installation = open_installation(directory)
        stack.callback(installation.close)
        await file.register_declared(installation, progress)
        secured = tls.load(options.tls_cert, options.tls_key) if options.tls_cert and options.tls_key else None
        listening = server.bind(options.port)
        stack.callback(listening.close)
        port: int = listening.getsockname()[1]
        scheme = "https" if secured else "http"
        app_url, ehr_url = f"{scheme}://{APP_HOST}:{port}", f"{scheme}://{EHR_HOST}:{port}"
        ehrs = await stack.enter_async_context(
            sandboxes.opened(installation, options, ehr_url, progress, clock=time.time, new_id=new_id)
        )
        gateway = await stack.enter_async_context(_gateway(installation, options, app_url))
        introduced = partial(
            sandboxes.introduce, installation, ehrs, app_url, ca=secured.certificates if secured else None
        )
        await introduced()
        faces = _faces(gateway, ehrs, port, scheme, introduced)
        await stack.enter_async_context(_served(installation, faces, listening, secured))
        await stack.enter_async_context(gateway.working())
        link = await _announced(gateway, app_url, options.sees)
        stack.callback(lambda: (installation.directory / server.SERVER_FILE).unlink(missing_ok=True))
        yield Running(
            app=app_url,
            ehr={ehr.name: ehr.fhir for ehr in ehrs},
            enter=f"{app_url}/enter?token={link}",
            gateway=gateway,
            ehrs=tuple(ehrs),
        )


@contextlib.asynccontextmanager
async def _gateway(installation: Installation, options: Options, app_url: str) -> AsyncIterator[Gateway]:
    async with open_gateway(
        installation, models=options.models, only=options.only, base_url=app_url, clock=time.time,
        read_back=options.read_back,
        rehearsed={} if options.site is None else dict.fromkeys(options.site.ehrs, options.site),
    ) as gateway:  # fmt: skip
        await rehearse(gateway)
        yield gateway


async def _announced(gateway: Gateway, app_url: str, sees: frozenset[str]) -> str:
    """Tells where the server is, and gives the secret of the one-time link. Raises SandboxError."""
    if not sees <= set(gateway.senders.names()):
        raise sandboxes.SandboxError(
            "--sees names no EHR of this installation: chartgate ehrs list says which there are"
        )
    link = secrets.token_urlsafe(32)
    await gateway.run(lambda connection, now: links.add_link(connection, now, link, sees))
    server.write_server_file(gateway.installation.directory, app_url)
    return link


@contextlib.asynccontextmanager
async def _served(
    installation: Installation, application: Faces, listening: socket.socket, secured: tls.Tls | None
) -> AsyncIterator[None]:
    """The application on its port, by TLS where there is a certificate, and on the installation's own socket."""
    control_socket = server.bind_control(installation.directory)
    context = secured.context if secured else None
    try:
        async with (
            server.Server(application, [listening], tls=context).running(),
            server.Server(application, [control_socket]).running(),
        ):
            yield
    finally:
        (installation.directory / server.SOCKET_NAME).unlink(missing_ok=True)


def _faces(
    gateway: Gateway, ehrs: Sequence[SandboxEhr], port: int, scheme: str, introduced: Callable[[], Awaitable[None]]
) -> Faces:  # fmt: skip
    return Faces(
        app=app_face.application(gateway),
        ehr=ehr_face.application(ehrs),
        operations=health.app(ready=gateway.ready, metrics=gateway.metrics),
        control=control.app(
            gateway.installation.database,
            {ehr.name: ehr.database for ehr in ehrs},
            {
                **delivery_verbs.acts(gateway),
                **verbs.acts(gateway),
                **model_versions.acts(gateway),
                **check.acts(gateway),
                **rotating.acts(gateway, published=introduced),
                **backups.acts(gateway.installation, {ehr.name: ehr.database for ehr in ehrs}),
            },
        ),
        port=port,
        scheme=scheme,
    )
