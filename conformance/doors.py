"""Edge: how somebody is signed in at an EHR of somebody else's: a browser that follows a script, or a person.

A login script is TOML: ``[[step]]`` tables in their order, each with one of ``fill``, ``click``, ``select`` or ``wait`` and a CSS
selector; ``fill`` and ``select`` say ``with`` what, or ``env``, the name of the environment variable that holds it;
``optional = true`` passes over what does not come up. docs/how-to/conform-at-a-vendor-sandbox.md
"""

import asyncio
import contextlib
import os
import shutil
import time
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from conformance.evidence import Exchange, Missing, split
from conformance.probe import CannotRun, Wire, trust
from conformance.vouching import vouching

Does = Literal["fill", "click", "select", "wait"]
DOES: tuple[Does, ...] = ("fill", "click", "select", "wait")
PATIENCE = 15.0
"""Seconds for a step, and for the redirect after the last."""
SHORT = 2.0
"""Seconds for an optional step."""
BY_HAND = 6
"""How many times a person is asked in one run."""
CHROMIUM = ("chromium", "chromium-browser", "google-chrome")


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """One thing that is done on a login page. ``value`` may be a secret."""

    does: Does
    selector: str
    value: str = field(default="", repr=False)
    optional: bool = False


def load_script(path: Path, environment: Mapping[str, str] = os.environ) -> tuple[Step, ...]:
    """The steps of a login script. Raises CannotRun, naming the step."""
    try:
        document = tomllib.loads(path.read_text())
    except (OSError, ValueError) as failure:
        raise CannotRun("--login must name a TOML file of steps") from failure
    tables = document.get("step")
    if set(document) != {"step"} or not isinstance(tables, list) or not tables:
        raise CannotRun("--login: the file has [[step]] tables and nothing else")
    return tuple(_step(place + 1, table, environment) for place, table in enumerate(tables))


def _step(place: int, table: Any, environment: Mapping[str, str]) -> Step:
    kinds = [name for name in DOES if isinstance(table, dict) and isinstance(table.get(name), str)]
    if len(kinds) != 1 or set(table) - {*kinds, "with", "env", "optional"}:
        raise CannotRun(f"--login: step {place} needs one of {', '.join(DOES)}, and beside it with, env, optional only")
    does = kinds[0]
    if (does in ("fill", "select")) != (("with" in table) != ("env" in table)):
        raise CannotRun(f"--login: step {place}: fill and select need with or env, the others neither")
    if "env" in table and table["env"] not in environment:
        raise CannotRun(f"--login: step {place}: the environment variable it names is not set")
    value = environment[table["env"]] if "env" in table else table.get("with", "")
    return Step(does=does, selector=table[does], value=str(value), optional=table.get("optional") is True)


@dataclass(kw_only=True)
class BrowserDoor:
    """A real browser, one for the run, a profile of its own for each sign-in."""

    steps: tuple[Step, ...]
    wire: Wire = field(default_factory=Wire)
    _browser: Any = None
    _open_until_closed: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)

    async def __call__(self, address: str, redirect_uri: str) -> Exchange:
        """Opens the address, takes the steps, and waits for the redirect address, which is not asked itself."""
        browser = await self._open()
        context = await browser.new_context()
        reached: asyncio.Future[str] = asyncio.get_running_loop().create_future()

        async def stop(route: Any) -> None:
            if not reached.done():
                reached.set_result(str(route.request.url))
            await route.fulfill(status=200, content_type="text/plain", body="Back at the suite.")

        try:
            await context.route(lambda url: _is_at(url, redirect_uri), stop)
            page = await context.new_page()
            status = await self._arrive(page, address)
            await self._take(page, reached)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(asyncio.shield(reached), SHORT if status >= 400 else PATIENCE)
            return _answered(address, reached, status)
        finally:
            await context.close()

    async def _arrive(self, page: Any, address: str) -> int:
        """The status of the page where it begins."""
        from playwright.async_api import Error

        try:
            opened = await page.goto(address)
        except Error as failure:
            raise Missing("the login page: the browser could not open it") from failure
        return opened.status if opened else 0

    async def _take(self, page: Any, reached: "asyncio.Future[str]") -> None:
        from playwright.async_api import Error

        for place, step in enumerate(self.steps):
            if reached.done():
                return
            try:
                await _do(page, step)
            except Error as failure:
                if not step.optional and not reached.done():
                    raise Missing(f"the login page: step {place + 1} ({step.does}) did not come up") from failure

    async def _open(self) -> Any:
        if self._browser is None:
            self._browser = await _start(self.wire, self._open_until_closed)
        return self._browser

    async def close(self) -> None:
        """Ends the browser."""
        self._browser = None
        await self._open_until_closed.aclose()


async def _start(wire: Wire, stack: contextlib.AsyncExitStack) -> Any:
    """A Chromium of the system, until the stack is closed. Where authorities or a certificate of ours are named, it sees the
    servers as the suite does, and no other way. Raises CannotRun."""
    try:
        from playwright.async_api import Error, async_playwright
    except ImportError as failure:
        raise CannotRun("--login needs Playwright: pip install playwright") from failure
    found = next((path for path in map(shutil.which, CHROMIUM) if path), None)
    if found is None:
        raise CannotRun("--login needs Chromium; on Debian: apt-get install chromium")
    flags = ["--no-sandbox"] if os.geteuid() == 0 else []  # Chromium's own sandbox refuses to run as root
    proxy: Any = {"server": wire.proxy} if wire.proxy else None
    if (context := trust(wire)) is not None:
        vouched = await stack.enter_async_context(vouching(context, through=wire.proxy))
        flags = [*flags, f"--ignore-certificate-errors-spki-list={vouched.spki}"]
        proxy = {"server": vouched.proxy, "bypass": "<-loopback>"}  # loopback goes through it too
    playwright = await async_playwright().start()
    stack.push_async_callback(playwright.stop)
    try:
        browser = await playwright.chromium.launch(executable_path=found, args=flags, proxy=proxy)
    except Error as failure:
        raise CannotRun("--login: Chromium does not start") from failure
    stack.push_async_callback(browser.close)
    return browser


async def _do(page: Any, step: Step) -> None:
    wait = {"timeout": 1000 * (SHORT if step.optional else PATIENCE)}
    place = page.locator(step.selector).first
    if step.does == "fill":
        await place.fill(step.value, **wait)
    elif step.does == "select":
        await place.select_option(step.value, **wait)
    elif step.does == "click":
        await place.click(**wait)
    else:
        await place.wait_for(**wait)


def _is_at(url: str, address: str) -> bool:
    one, other = split(url), split(address)
    return (one.scheme, one.netloc, one.path) == (other.scheme, other.netloc, other.path)


def _answered(address: str, reached: "asyncio.Future[str]", status: int) -> Exchange:
    """As if the authorization endpoint had answered at once: a redirect, or the page on which it ended."""
    now = time.time()
    if reached.done():
        return Exchange(method="GET", url=address, status=302, headers={"location": reached.result()}, at=now)
    return Exchange(method="GET", url=address, status=status, at=now)


@dataclass(kw_only=True)
class PastedDoor:
    """A person with a browser: the address is printed, and the one where it ended is pasted."""

    ask: Callable[[str], str]
    times: int = 0

    async def __call__(self, address: str, redirect_uri: str) -> Exchange:
        """Asks at most a few times in a run. Raises Missing."""
        if self.times >= BY_HAND:
            raise Missing(f"a person was asked {BY_HAND} times: name the steps of the login page with --login FILE")
        self.times += 1
        said = (await asyncio.to_thread(self.ask, address)).strip()
        if not _is_at(said, redirect_uri):
            return Exchange(method="GET", url=address, status=400 if not said else 200, at=time.time())
        return Exchange(method="GET", url=address, status=302, headers={"location": said}, at=time.time())

    async def close(self) -> None:
        """Nothing is open."""
