"""Edge: further claim checkers, loaded from entry points or called at configured addresses, none of which can hold up an output.

An address is called only where ``chartgate.toml`` names it as ``[[claim_checker]]``: resolved, checked against its networks,
pinned, without redirects and proxies. Whatever goes wrong with a checker (late, wrong, gone) makes its verdict uncheckable.
"""

import asyncio
import logging
import tomllib
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from ipaddress import ip_network
from pathlib import Path
from time import perf_counter
from typing import Any, get_args
from urllib.parse import urlsplit

import httpx2
import msgspec

from gateway.ehrs.file import FILE, SettingsRefused
from gateway.ehrs.reachable import PinnedTransport
from gateway.model_folders.remote_models import LOOPBACK
from monitoring.grounding import checker as rules
from monitoring.grounding.merging import Answered
from monitoring.grounding.protocol import (
    GROUP,
    AnswerInvalid,
    CheckRequest,
    ClaimChecker,
    Kind,
    check_spans,
    format_request,
    parse_answer,
)
from monitoring.grounding.values import ClaimVerdict

logger = logging.getLogger("chartgate.checkers")

TABLE = "claim_checker"
BUDGET = 2000
LONGEST = 1_000_000
"""Bytes of an answer that are read."""
MEMBERS = {"name": str, "url": str, "kind": str, "timeout_ms": int, "send_chart": bool, "networks": list}
LOOPBACK_NETWORKS = ("127.0.0.0/8", "::1/128")


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A configured checker. ``networks``: where its name may lead, public addresses when empty; ``send_chart``: it gets the
    resources as well, else the text and the names of the resources."""

    name: str
    url: str
    kind: Kind
    timeout_ms: int = BUDGET
    send_chart: bool = False
    networks: tuple[str, ...] = ()


def read_addresses(path: Path) -> tuple[Address, ...]:
    """``[[claim_checker]]`` of ``chartgate.toml``; none without a file. Raises SettingsRefused."""
    try:
        tables = tomllib.loads(path.read_text()).get(TABLE, [])
    except FileNotFoundError:
        return ()
    except (OSError, ValueError) as failure:
        raise SettingsRefused(f"{FILE} cannot be read as TOML") from failure
    if not isinstance(tables, list) or not all(isinstance(each, dict) for each in tables):
        raise SettingsRefused(f"{TABLE} in {FILE} must be written as [[{TABLE}]], once for each checker")
    found = tuple(_address(table, number) for number, table in enumerate(tables, start=1))
    if len({each.name for each in found}) < len(found) or rules.NAME in {each.name for each in found}:
        raise SettingsRefused(f"{FILE} has two [[{TABLE}]] of one name (or one named {rules.NAME}): give each its own")
    return found


def _address(table: dict[str, Any], number: int) -> Address:
    where = f"{FILE}, [[{TABLE}]] {number}: "
    for name, value in table.items():
        if name not in MEMBERS:
            raise SettingsRefused(f"{where}{name} is not known: take it out; there is {', '.join(MEMBERS)}")
        if type(value) is not MEMBERS[name]:
            raise SettingsRefused(f"{where}{name} must be {MEMBERS[name].__name__}")
    for name in ("name", "url", "kind"):
        if not table.get(name):
            raise SettingsRefused(f"{where}{name} is missing")
    if table["kind"] not in get_args(Kind):
        raise SettingsRefused(f"{where}kind must be one of {', '.join(get_args(Kind))}")
    networks = tuple(map(str, table.get("networks", ())))
    if not 1 <= table.get("timeout_ms", BUDGET) <= 30_000:
        raise SettingsRefused(f"{where}timeout_ms must be from 1 to 30000")
    try:
        address, _ = urlsplit(table["url"]), [ip_network(each) for each in networks]
        local = address.hostname in LOOPBACK
    except ValueError as failure:
        raise SettingsRefused(f"{where}url must be an address, networks a list such as 10.0.0.0/8") from failure
    if address.scheme != "https" and not (address.scheme == "http" and local):
        raise SettingsRefused(f"{where}url must be https (http on loopback only)")
    if not address.hostname or address.username or address.password:
        raise SettingsRefused(f"{where}url must name a host and hold no credentials")
    return Address(**{**table, "networks": networks or (LOOPBACK_NETWORKS if local else ())})


class Plugin:
    """A checker in this process. One call at a time: while one hangs, further texts are uncheckable to it, and no thread more
    is spent on it."""

    def __init__(self, checker: ClaimChecker) -> None:
        self.name, self.version, self.kind = str(checker.name), str(checker.version), checker.kind
        self._checker, self._running = checker, False
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="checker")

    async def ask(self, request: CheckRequest) -> Answered:
        """Its verdicts, or why there are none."""
        silent = Answered(name=self.name, version=self.version, kind=self.kind, failure="late")
        if self._running:
            return silent
        self._running = True
        work = asyncio.get_running_loop().run_in_executor(self._thread, self._check, request)
        try:
            found = await asyncio.wait_for(asyncio.shield(work), request.budget_ms / 1000)
        except TimeoutError:
            return silent
        return found

    def _check(self, request: CheckRequest) -> Answered:
        silent = Answered(name=self.name, version=self.version, kind=self.kind, failure="failed")
        try:
            claims = tuple(self._checker.check(request))
            msgspec.convert(msgspec.to_builtins(claims), type=tuple[ClaimVerdict, ...])
            check_spans(claims, request)
        except Exception as failure:  # it is somebody else's code
            logger.warning("a claim checker failed: %s", type(failure).__name__)
            return silent
        finally:
            self._running = False
        return replace(silent, failure="", claims=claims)

    async def aclose(self) -> None:
        self._thread.shutdown(wait=False, cancel_futures=True)


class Remote:
    """A checker at a configured address: one POST of the protocol's JSON."""

    def __init__(self, address: Address, *, transport: httpx2.AsyncBaseTransport | None = None) -> None:
        self.name, self.kind, self.version = address.name, address.kind, "unknown"
        self._address = address
        self._client = httpx2.AsyncClient(
            transport=transport or PinnedTransport(address.networks), follow_redirects=False, trust_env=False,
            timeout=address.timeout_ms / 1000,
        )  # fmt: skip

    async def ask(self, request: CheckRequest) -> Answered:
        """Its verdicts, or why there are none. The chart goes only where the configuration says so."""
        budget = self._address.timeout_ms
        chart = request.chart if self._address.send_chart else ()
        sent = msgspec.structs.replace(request, chart=chart, budget_ms=budget)
        try:
            async with asyncio.timeout(budget / 1000):
                answer = parse_answer(await self._post(format_request(sent)), request)
        except TimeoutError:
            return self._silent("late")
        except (httpx2.HTTPError, AnswerInvalid) as failure:
            logger.warning("a claim checker could not be used: %s", type(failure).__name__)
            return self._silent("failed")
        self.version = answer.version[:64]
        return Answered(name=self.name, version=self.version, kind=self.kind, claims=answer.claims)

    def _silent(self, failure: str) -> Answered:
        return Answered(name=self.name, version=self.version, kind=self.kind, failure=failure)

    async def _post(self, body: bytes) -> bytes:
        headers = {"content-type": "application/json", "accept": "application/json"}
        async with self._client.stream("POST", self._address.url, content=body, headers=headers) as reply:
            if reply.status_code != 200:
                raise AnswerInvalid("the status is not 200")
            content = b""
            async for piece in reply.aiter_bytes():
                content += piece
                if len(content) > LONGEST:
                    raise AnswerInvalid("the answer is too long")
        return content

    async def aclose(self) -> None:
        await self._client.aclose()


Checker = Plugin | Remote


class Checkers:
    """All further checkers of an installation, asked side by side. ``heard`` are the versions that spoke and are noted."""

    def __init__(self, checkers: Sequence[Checker] = ()) -> None:
        self._checkers = tuple(checkers)
        self.heard: dict[str, str] = {}

    async def ask(self, request: CheckRequest) -> list[Answered]:
        """What each says; a late or broken one says that the whole text is uncheckable."""
        answers = []
        for checker, asked in [(each, asyncio.create_task(self._timed(each, request))) for each in self._checkers]:
            answer, spent = await asked
            if answer.failure:
                whole = ClaimVerdict(
                    span=(0, len(request.text)), claim_type="text", verdict="uncheckable", checker=checker.name,
                    latency_ms=spent,
                )  # fmt: skip
                answer = replace(answer, claims=(whole,))
            answers.append(answer)
        return answers

    async def _timed(self, checker: Checker, request: CheckRequest) -> tuple[Answered, float]:
        began = perf_counter()
        answer = await checker.ask(request)
        return answer, (perf_counter() - began) * 1000

    def __bool__(self) -> bool:
        return bool(self._checkers)

    async def aclose(self) -> None:
        for checker in self._checkers:
            await checker.aclose()


def load(path: Path, *, plugins: Callable[[], Iterable[Any]] | None = None) -> Checkers:
    """The installed entry points and the configured addresses. Raises SettingsRefused: a checker that somebody installed and
    that cannot be used must not be missed in silence."""
    found: list[Checker] = []
    for each in (plugins or _installed)():
        made = each() if isinstance(each, type) else each
        if not callable(getattr(made, "check", None)) or getattr(made, "kind", None) not in get_args(Kind):
            raise SettingsRefused(
                f"an entry point of {GROUP} is no claim checker: it needs name, version, kind and check"
            )
        found.append(Plugin(made))
    found += [Remote(address) for address in read_addresses(path)]
    return Checkers(found)


def _installed() -> Iterable[Any]:
    for point in _points():
        try:
            yield point.load()
        except Exception as failure:
            raise SettingsRefused(f"the entry point {point.name} of {GROUP} cannot be loaded") from failure


@cache
def _points() -> tuple[EntryPoint, ...]:
    """What is installed stays as it is while a process runs, and looking through every package takes ten milliseconds."""
    return tuple(entry_points(group=GROUP))
