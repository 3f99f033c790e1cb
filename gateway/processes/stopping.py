"""Edge: how a process ends: SIGTERM or SIGINT."""

import asyncio
import signal

from gateway.processes import interpreter


async def serve_until_stopped() -> None:
    """Returns at SIGTERM or SIGINT."""
    interpreter.settle()
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopped.set)
    await stopped.wait()
