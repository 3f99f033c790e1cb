"""Edge: an event loop that is the network of an attack: it resolves the names it is told, and notes who was called."""

import asyncio
import socket
from typing import Any


class Loop(asyncio.SelectorEventLoop):
    """``names`` has the addresses of a name, one list for each time it is resolved, the last for ever after. Nothing
    beyond loopback is ever called; ``called`` holds every address that somebody tried."""

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, list[list[str]]] = {}
        self.called: list[str] = []

    async def getaddrinfo(self, host: Any, port: Any, **options: Any) -> Any:
        script = self.names.get(str(host))
        if script is None:
            return await super().getaddrinfo(host, port, **options)
        found = script.pop(0) if len(script) > 1 else script[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, int(port))) for address in found]

    async def create_connection(self, factory: Any, host: Any = None, port: Any = None, **options: Any) -> Any:
        if host is not None:
            self.called.append(str(host))
            if not str(host).startswith("127."):
                raise ConnectionRefusedError("nothing beyond this machine is called")
        return await super().create_connection(factory, host, port, **options)
