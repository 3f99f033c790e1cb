"""Edge: one process on loopback: binds the port and the installation's Unix socket, and writes ``server.json``."""

import asyncio
import contextlib
import errno
import json
import os
import select
import signal
import socket
import ssl
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import uvicorn

from gateway.processes import wire

SOCKET_NAME = "control.sock"
SERVER_FILE = "server.json"


class PortTaken(RuntimeError):
    """The address cannot be listened on; the text says what to do."""


def bind(port: int, host: str = "127.0.0.1") -> socket.socket:
    """A listening socket, of loopback where nothing else is said; port 0 is any free one. Raises PortTaken."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
    except OSError as failure:
        raise PortTaken("host is no address of this machine: give one, such as 127.0.0.1 or 0.0.0.0") from failure
    listening = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # said, so that asyncio sets NODELAY
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listening.bind(address)
    except OSError as failure:
        listening.close()
        if failure.errno != errno.EADDRINUSE:
            raise PortTaken(
                f"port {port} cannot be listened on at this host: give another --host or --port"
            ) from failure
        raise PortTaken(f"port {port} is in use: stop what runs there, or take another with --port 0") from failure
    listening.listen(2048)
    listening.setblocking(False)
    return listening


@contextlib.contextmanager
def relative(directory: Path) -> Iterator[str]:
    """A short path to the installation, since the address of a Unix socket holds about a hundred characters."""
    handle = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{handle}"
    finally:
        os.close(handle)


def bind_control(directory: Path) -> socket.socket:
    """The installation's Unix socket, mode 0600; one that a killed process left behind is replaced."""
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    (directory / SOCKET_NAME).unlink(missing_ok=True)
    with relative(directory) as short:
        listening.bind(f"{short}/{SOCKET_NAME}")
    (directory / SOCKET_NAME).chmod(0o600)
    listening.listen(64)
    listening.setblocking(False)
    return listening


def write_server_file(directory: Path, url: str) -> None:
    """``{"url", "pid"}``, whole or not at all; holds no secret."""
    partial = directory / f"{SERVER_FILE}.part"
    partial.write_text(json.dumps({"url": url, "pid": os.getpid()}))
    partial.replace(directory / SERVER_FILE)


def read_server_file(directory: Path) -> dict[str, Any] | None:
    """What ``server.json`` says, if the process it names is alive."""
    try:
        said = json.loads((directory / SERVER_FILE).read_text())
        os.kill(int(said["pid"]), 0)
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return dict(said)


def stop(directory: Path, *, patience: float = 15.0) -> bool:
    """Ends the server of an installation (SIGTERM) and waits until it is gone; False when none runs."""
    running = read_server_file(directory)
    if running is None:
        return False
    with contextlib.suppress(ProcessLookupError):
        pid = int(running["pid"])
        ended = _handle(pid)
        os.kill(pid, signal.SIGTERM)
        ended(patience)
    return True


def _handle(pid: int) -> Callable[[float], None]:
    """What waits until the process has ended, for so many seconds at most. Raises ProcessLookupError."""
    if not hasattr(os, "pidfd_open"):  # Linux alone has it; elsewhere it is asked for again and again
        return lambda seconds: _asked_for(pid, seconds)
    handle = os.pidfd_open(pid)  # readable when it has ended

    def wait(seconds: float) -> None:
        try:
            select.select([handle], [], [], seconds)
        finally:
            os.close(handle)

    return wait


def _asked_for(pid: int, seconds: float) -> None:
    """Raises ProcessLookupError when it has ended."""
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        os.kill(pid, 0)
        time.sleep(0.02)


class Server:
    """uvicorn on sockets that are bound already, without signal handling of its own and without access log. Who asks is who
    is connected, whatever a request says of itself (``X-Forwarded-For``): that is what the audit log keeps."""

    def __init__(
        self, application: Callable[..., Awaitable[None]], sockets: list[socket.socket], *,
        tls: ssl.SSLContext | None = None,
    ) -> None:  # fmt: skip
        self._sockets, self._tls = sockets, tls
        self._uvicorn = uvicorn.Server(
            uvicorn.Config(
                application,
                log_level="warning",
                access_log=False,
                lifespan="off",
                loop="none",
                http=wire.Protocol,
                timeout_keep_alive=75,
                timeout_graceful_shutdown=5,
                server_header=False,
                date_header=True,
                proxy_headers=False,
            )
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Serves while the block runs; leaves after the requests under way have been answered."""
        self._uvicorn.config.load()
        self._uvicorn.config.ssl = self._tls
        self._uvicorn.lifespan = self._uvicorn.config.lifespan_class(self._uvicorn.config)
        await self._uvicorn.startup(sockets=self._sockets)
        turning = asyncio.create_task(self._uvicorn.main_loop())
        try:
            yield
        finally:
            self._uvicorn.should_exit = True
            await turning
            await self._uvicorn.shutdown(sockets=self._sockets)
