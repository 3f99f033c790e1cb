"""Edge: what a launch was granted decides what is attempted, whatever was asked (SMART App Launch 2.2 scopes: "clients should
examine the granted scopes"). What it does not allow is not sent to the EHR at all."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache

from auth.scopes import FhirScope, parse
from gateway.launches.charts import Reader, Reply
from writeback.capabilities import Capabilities, TypeCapability
from writeback.speaking.answers import Answer

LETTERS: Mapping[str, str] = {"create": "c", "read": "r", "update": "u", "search-type": "s"}
"""The letter of a v2 scope that an interaction of a CapabilityStatement takes; others take none."""


@lru_cache(256)
def _understood(granted: str) -> tuple[FhirScope, ...]:
    """The scopes on data of a scope string: the same few come with every output."""
    return tuple(scope for scope in parse(granted) if isinstance(scope, FhirScope))


def permits(granted: str, type: str, letter: str) -> bool:
    """Whether a single granted scope allows the interaction with this letter (of ``cruds``) on some resource of the type."""
    return any(scope.type in ("*", type) and letter in scope.actions for scope in _understood(granted))


class _Reached(Mapping[str, TypeCapability]):
    """What each type offers as far as the scopes reach, worked out when it is asked for: an output asks for a few of many."""

    def __init__(self, offered: Mapping[str, TypeCapability], granted: str) -> None:
        self._offered, self._granted = offered, granted
        self._known: dict[str, TypeCapability] = {}

    def __getitem__(self, type: str) -> TypeCapability:
        if type not in self._known:
            self._known[type] = self._found(type)
        return self._known[type]

    def _found(self, type: str) -> TypeCapability:
        offered = self._offered[type]
        reached = (
            each for each in offered.interactions if each not in LETTERS or permits(self._granted, type, LETTERS[each])
        )
        return replace(offered, interactions=frozenset(reached))

    def __iter__(self) -> Iterator[str]:
        return iter(self._offered)

    def __len__(self) -> int:
        return len(self._offered)


_NARROWED: dict[tuple[int, str], tuple[Capabilities, Capabilities]] = {}
KEPT = 256


def narrowed(capabilities: Capabilities, granted: str) -> Capabilities:
    """What the EHR offers, as far as the scopes reach: of the same statement and scopes the same value each time."""
    known = _NARROWED.get((id(capabilities), granted))
    if known is None:  # the statement is held beside what came of it, so that its number is nobody else's
        if len(_NARROWED) >= KEPT:
            _NARROWED.clear()
        known = capabilities, replace(capabilities, types=_Reached(capabilities.types, granted))
        _NARROWED[id(capabilities), granted] = known
    return known[1]


class GrantedReader:
    """A reader that asks the EHR only for what the launch was granted: the rest is answered 403 here."""

    def __init__(self, inner: Reader, granted: str) -> None:
        self._inner, self._granted, self.base = inner, granted, inner.base

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Reply:
        """See ``charts.Reader``."""
        type = path.partition("?")[0].partition("/")[0]
        letter = "s" if path.partition("?")[0] == type else "r"
        if not permits(self._granted, type, letter):
            return Answer(status=403)
        return await self._inner.send(method, path, headers=headers, body=body)
