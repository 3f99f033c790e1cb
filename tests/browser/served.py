"""The app face of an installation on a socket, for a browser in another thread."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from playwright.sync_api import Page

from gateway.people import links
from gateway.processes import server
from tests.flow.delivery_world import ChartEhr, World, opened

Loop = asyncio.AbstractEventLoop


class Site:
    """The app face on a socket, in a loop of its own thread."""

    def __init__(self, world: World, loop: Loop, url: str) -> None:
        self.world, self.url, self._loop = world, url, loop

    def do(self, coroutine: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(120)

    def enter(self, page: Page) -> None:
        """In by a one-time link."""
        self.do(self.world.gateway.run(lambda c, now: links.add_link(c, now, f"link-{id(page)}")))
        page.goto(f"{self.url}/enter?token=link-{id(page)}")


@contextmanager
def serving(folder: Path, ehr: ChartEhr, fill: Callable[[World], Awaitable[None]], **more: Any) -> Iterator[Site]:
    """An installation in the folder, before the EHR, filled and served until the block ends; ``more`` as ``opened`` takes it."""
    begun: Future[Site] = Future()
    ended = threading.Event()

    async def serve() -> None:
        listening = server.bind(0)
        url = f"http://localhost:{listening.getsockname()[1]}"
        async with (
            opened(folder, base_url=url, ehr=ehr, **more) as world,
            server.Server(world.application, [listening]).running(),
        ):
            await fill(world)
            begun.set_result(Site(world, asyncio.get_running_loop(), url))
            await asyncio.to_thread(ended.wait)
        listening.close()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), daemon=True)
    thread.start()
    yield begun.result(120)
    ended.set()
    thread.join(120)
