"""What the parts of a run share: the server under test, its addresses, the client and how a launch is prepared."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.check import Check
from conformance.client import App
from conformance.evidence import Evidence, Missing
from conformance.probe import Probe


@dataclass(kw_only=True)
class Session:
    """``app`` is the registered client, ``launcher`` the address that prepares launches; each None where there is none."""

    probe: Probe
    endpoints: Mapping[str, Any] = field(default_factory=dict)
    app: App | None = None
    launcher: str | None = None
    open: bool = False

    async def access(self, scope: str, *, patient: str | None = None, **context: Any) -> str | None:
        """The token of a launch. Raises Missing."""
        if self.open:
            return None
        app, launcher = self.launching()
        given = {"patient": patient} if patient else {}
        return self._granted(scope, (await app.sign_in(launcher, scope=f"launch {scope}", **given, **context)).table)

    async def system_access(self, scope: str) -> str | None:
        """A backend token. Raises Missing."""
        if self.open:
            return None
        answer = await self.client().post({"grant_type": "client_credentials", "scope": scope})
        return self._granted(scope, answer.table)

    @staticmethod
    def _granted(scope: str, table: Mapping[str, Any]) -> str:
        wanted = {word for word in scope.split() if "/" in word and not word.startswith("launch")}
        if "access_token" not in table or wanted - set(str(table.get("scope")).split()):
            raise Missing(f"a token of {scope}")
        return str(table["access_token"])

    def client(self) -> App:
        """The registered client. Raises Missing."""
        if self.app is None:
            raise Missing("a registered client")
        return self.app

    def launching(self) -> tuple[App, str]:
        """The client and the launcher. Raises Missing."""
        if self.launcher is None:
            raise Missing("a launcher")
        return self.client(), self.launcher


Collect = Callable[[Session, Evidence], Awaitable[None]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One stretch of evidence, fetched in one go. One that ``writes`` or is ``slow`` is left out unless that was asked
    for; one that stops leaves the rest of its own evidence unseen, and nobody else's."""

    name: str
    collect: Collect
    writes: bool = False
    slow: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Suite:
    """What is looked at, and how it is judged."""

    checks: tuple[Check, ...]
    parts: tuple[Part, ...]
