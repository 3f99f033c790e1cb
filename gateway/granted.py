"""Edge: what a launch was granted decides what is attempted, whatever was asked (SMART App Launch 2.2 scopes: "clients should
examine the granted scopes"). What it does not allow is not sent to the EHR at all."""

from collections.abc import Mapping
from dataclasses import replace

from auth.scopes import FhirScope, parse
from gateway.charts import Reader, Reply
from writeback.answers import Answer
from writeback.capabilities import Capabilities

LETTERS: Mapping[str, str] = {"create": "c", "read": "r", "update": "u", "search-type": "s"}
"""The letter of a v2 scope that an interaction of a CapabilityStatement takes; others take none."""


def permits(granted: str, type: str, letter: str) -> bool:
    """Whether a single granted scope allows the interaction with this letter (of ``cruds``) on some resource of the type."""
    return any(
        isinstance(scope, FhirScope) and scope.type in ("*", type) and letter in scope.actions
        for scope in parse(granted)
    )


def narrowed(capabilities: Capabilities, granted: str) -> Capabilities:
    """What the EHR offers, as far as the scopes reach."""
    types = {
        type: replace(
            offered,
            interactions=frozenset(
                each for each in offered.interactions if each not in LETTERS or permits(granted, type, LETTERS[each])
            ),
        )
        for type, offered in capabilities.types.items()
    }
    return replace(capabilities, types=types)


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
