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
    """``app`` is the registered client, ``launcher`` the address that prepares launches; each None where there is none.
    ``others`` are further clients of the run, by what they are. A suite that plays the EHR has ``probe`` at the app's
    launch address, listens at ``listen`` (``host:port``), is reached at ``public_url``, and knows of the app what was
    ``given`` of it."""

    probe: Probe
    endpoints: Mapping[str, Any] = field(default_factory=dict)
    app: App | None = None
    launcher: str | None = None
    others: dict[str, App] = field(default_factory=dict)
    listen: str | None = None
    public_url: str | None = None
    given: Mapping[str, Any] = field(default_factory=dict)

    def other(self, name: str) -> App:
        """A further client. Raises Missing."""
        if name not in self.others:
            raise Missing(f"a {name} client")
        return self.others[name]

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
    """What is looked at, and how it is judged. One that ``plays`` is the EHR itself, and judges an app."""

    checks: tuple[Check, ...]
    parts: tuple[Part, ...]
    plays: bool = False
