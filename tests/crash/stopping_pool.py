"""A connection to an EHR whose process stops itself at the worst instant of all, and tells the journal just before."""

import asyncio
import json
import os
import signal
from collections.abc import Callable

from tests.crash.receiver import key_of
from writeback.wire.exchange import Connection, Pool


class Stopping(Pool):
    """Stops the process at the worst instant of all: when all is checked, and nothing is sent."""

    def __init__(self, *, base: str, at: int, write: Callable[..., None]) -> None:
        super().__init__(base=base)
        self._left, self._write = at, write

    async def _take(self) -> Connection:
        connection = await super()._take()
        if isinstance(connection.transport, asyncio.Transport):
            connection.transport = _Held(connection.transport, self)  # type: ignore[assignment]
        return connection

    def hold(self, data: bytes) -> None:
        self._left -= data.startswith((b"POST ", b"PUT "))
        if self._left == 0:
            self._left = -1
            body = json.loads(data.partition(b"\r\n\r\n")[2])
            self._write("stopped", key_of(body))
            os.kill(os.getpid(), signal.SIGSTOP)


class _Held:
    """A transport that asks before it writes."""

    def __init__(self, transport: asyncio.Transport, pool: Stopping) -> None:
        self._transport, self._pool = transport, pool

    def write(self, data: bytes) -> None:
        self._pool.hold(data)
        self._transport.write(data)

    def abort(self) -> None:
        self._transport.abort()

    def is_closing(self) -> bool:
        return self._transport.is_closing()
