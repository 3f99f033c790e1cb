"""Edge: the ``serve`` process: an installation, the gateway on it and its address; put together, and taken apart in order.

At SIGTERM it is not ready any more, takes no further connection, answers what it was asked, finishes and records what it
sends, and ends: within ten seconds, whatever an EHR does. What did not end is left as a kill would leave it.
"""

import asyncio
import contextlib
import logging
import socket
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from auth.client.oidc import Provider
from gateway import app_face
from gateway.app import Gateway, open_gateway
from gateway.ehrs import check, file, rotating, verbs
from gateway.health import Watch
from gateway.installation import Installation, open_as_told
from gateway.launches.launch_limits import LaunchLimits
from gateway.model_folders import model_versions
from gateway.outputs import delivery_verbs
from gateway.outputs.rehearsing import rehearse
from gateway.people.identity_provider import read_provider
from gateway.processes import front, server, tls
from gateway.routes import control, operations
from gateway.settings import FILE, LOOPBACK, Settings, check_exposure
from gateway.sites import going_live
from gateway.storage import backups

logger = logging.getLogger("chartgate.serve")


@dataclass(frozen=True, kw_only=True, slots=True)
class Serving:
    """``url`` is the app face as browsers reach it; ``listening`` where this process listens."""

    url: str
    listening: str
    gateway: Gateway


@contextlib.asynccontextmanager
async def serving(
    directory: Path, settings: Settings, environment: Mapping[str, str], *, config: Path | None = None
) -> AsyncIterator[Serving]:
    """The app face while the block runs. Raises SettingsRefused, KeyFileError, PortTaken, TlsError, ModelError,
    ManifestError, DatabaseAway, NotReady."""
    check_exposure(settings)
    provider = read_provider(config or directory / FILE)
    async with contextlib.AsyncExitStack() as stack:
        installation = open_as_told(directory, settings, environment)
        stack.callback(installation.close)
        await file.register_declared(installation, logger.warning, config)
        secured = tls.watched(settings.tls_cert, settings.tls_key)
        listening = server.bind(settings.port, settings.host)
        stack.callback(listening.close)
        settings = replace(settings, port=listening.getsockname()[1])
        url = address_of(settings)
        gateway = await stack.enter_async_context(_gateway(installation, settings, url, config))
        await going_live.check_sites(gateway)
        await rehearse(gateway)
        await stack.enter_async_context(gateway.working())
        watch = Watch(gateway, served=lambda: secured.certificates if secured else None)
        await stack.enter_async_context(_kept_up(watch, secured))
        await stack.enter_async_context(
            _served(installation, _front(gateway, watch, settings, url, provider), listening, secured)
        )
        stack.callback(gateway.stop)  # first: what is under way ends while requests are answered
        yield Serving(url=url, listening=f"{settings.host}:{settings.port}", gateway=gateway)


def _gateway(
    installation: Installation, settings: Settings, url: str, config: Path | None
) -> contextlib.AbstractAsyncContextManager[Gateway]:  # fmt: skip
    return open_gateway(
        installation, models=settings.models, base_url=url, clock=time.time, read_back=settings.read_back,
        shared=settings.database_url is not None, config=config,
    )  # fmt: skip


def address_of(settings: Settings) -> str:
    """How browsers reach this server: as it was told, else by this machine's own name for itself."""
    if settings.url is not None:
        return settings.url
    if settings.host not in LOOPBACK or settings.behind_proxy:
        logger.warning("url is not set in [serve] of %s: browsers elsewhere cannot launch or sign in", FILE)
    scheme = "https" if settings.tls_cert is not None else "http"
    return f"{scheme}://localhost:{settings.port}"


def _front(
    gateway: Gateway, watch: Watch, settings: Settings, url: str, provider: Provider | None
) -> front.Front:  # fmt: skip
    limits = LaunchLimits(behind_proxy=settings.behind_proxy)
    app = app_face.application(gateway, production=True, provider=provider, limits=limits)
    acts = {
        **delivery_verbs.acts(gateway), **verbs.acts(gateway), **check.acts(gateway),
        **model_versions.acts(gateway),
        **rotating.acts(gateway, published=_nothing), **backups.acts(gateway.installation, {}),
    }  # fmt: skip
    return front.Front(
        app=app, routes=app.router.routes, operations=operations.app(gateway, watch),
        control=control.app(gateway.installation.database, {}, acts), own=url,
        names=front.names_of(url, host=settings.host, port=settings.port),
    )  # fmt: skip


async def _nothing() -> None:
    """New public keys are fetched by whoever needs them: EHRs here are told an address, not keys."""


@contextlib.asynccontextmanager
async def _kept_up(watch: Watch, secured: tls.Watched | None) -> AsyncIterator[None]:
    """Looks at what is around, and takes up a renewed certificate, while the block runs."""
    tasks = [asyncio.create_task(watch.serve())]
    if secured is not None:
        tasks.append(asyncio.create_task(secured.serve()))
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@contextlib.asynccontextmanager
async def _served(
    installation: Installation, application: front.Front, listening: socket.socket, secured: tls.Watched | None
) -> AsyncIterator[None]:
    """The application on its port, and on the installation's own socket; ``server.json`` says where."""
    control_socket = server.bind_control(installation.directory)
    try:
        async with (
            server.Server(application, [control_socket]).running(),
            server.Server(application, [listening], tls=secured.context if secured else None).running(),
        ):
            server.write_server_file(installation.directory, application.own)
            yield
    finally:
        for name in (server.SERVER_FILE, server.SOCKET_NAME):
            (installation.directory / name).unlink(missing_ok=True)
