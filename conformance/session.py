"""What the parts of a run share: the server under test, its addresses, the client and how somebody is signed in."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from conformance.check import Check
from conformance.client import App
from conformance.evidence import Evidence, Exchange, Missing
from conformance.probe import Probe
from conformance.scope_words import covers, of_fhir


@dataclass(kw_only=True)
class Session:
    """``app`` is the registered client, ``launcher`` the address that prepares launches; each None where there is none.
    ``open``: a FHIR server that asks for no token at all. ``listen`` and ``public_url`` are where a suite that plays the EHR
    serves, ``given`` is what ``--client`` holds."""

    probe: Probe
    endpoints: Mapping[str, Any] = field(default_factory=dict)
    app: App | None = None
    launcher: str | None = None
    open: bool = False
    listen: str | None = None
    public_url: str | None = None
    given: Mapping[str, Any] | None = None
    others: dict[str, App] = field(default_factory=dict)

    def other(self, name: str) -> App:
        """A further client of this run, by what it is. Raises Missing."""
        if name not in self.others:
            raise Missing(f"a {name} client")
        return self.others[name]

    def ready(self, evidence: Evidence, *, people: bool = True) -> bool:
        """Whether there is somebody who may ask; and, where ``people`` are wanted, patients, and a way to sign in."""
        if not people:
            return self.open or self.app is not None
        enters = self.app is not None and (self.launcher is not None or self.app.door is not None)
        return "patients" in evidence and (self.open or enters)

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

    async def access(self, scope: str, *, patient: str | None = None, **context: Any) -> str | None:
        """An access token of a launch for that patient, with ``launch`` beside the scopes; None where none is needed. Raises
        LookupError, also when a scope of FHIR was not granted: what is refused then shows nothing."""
        if self.open:
            return None
        if patient is not None:
            context["patient"] = patient
        asked = " ".join(dict.fromkeys(["launch", *scope.split()]))
        return _token(await self.client().sign_in(scope=asked, **context), scope)

    async def system_access(self, scope: str) -> str | None:
        """An access token of backend services; None where none is needed. Raises LookupError."""
        if self.open:
            return None
        return _token(await self.client().post({"grant_type": "client_credentials", "scope": scope}), scope)


def _token(answer: Exchange, scope: str) -> str:
    token, granted = answer.table.get("access_token"), answer.table.get("scope", scope)
    if not isinstance(token, str):
        raise Missing(f"an access token: the token endpoint answered {answer.status}")
    if short := [word for word in of_fhir(scope) if not covers(str(granted), word)]:
        raise Missing(f"a token with {short[0]}: it was not granted")
    return token


def token_in(answer: Exchange, member: str = "access_token") -> str:
    """The token of an answer. Raises Missing."""
    found = answer.table.get(member)
    if not isinstance(found, str):
        raise Missing(f"{member}: the token endpoint answered {answer.status} without one")
    return found


def code_in(answer: Exchange) -> str:
    """The code of an answer to an authorization request. Raises Missing."""
    found = answer.redirected.get("code")
    if found is None:
        raise Missing(f"a code: the authorization request was answered {answer.status} without one")
    return found


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
    """What is looked at, and how it is judged. One that ``plays`` the EHR judges an app: it runs alone, and its target is
    the app's launch address. ``people``: it is about test patients, without whom little of it is seen."""

    checks: tuple[Check, ...]
    parts: tuple[Part, ...]
    plays: bool = False
    people: bool = True
