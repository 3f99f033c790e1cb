"""Edge: who speaks with which EHR: pooled connections, a bearer for each principal, and what each EHR says it takes."""

import re
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address

from auth.client.ehr import RegisteredEhr
from auth.client.flow import BackendTokens, LaunchTokens, Means, OutlivingTokens
from gateway.ehrs.reachable import permitted, trust
from gateway.launches.charts import Unavailable
from gateway.vendors import VendorUnknown, vendor_of
from r4 import codec
from writeback.capabilities import Capabilities, parse_capabilities
from writeback.rules import WriteRules
from writeback.terms import EVERYTHING, ReadBack, Terms
from writeback.wire.exchange import CONNECTIONS, Pool
from writeback.wire.transport import HttpSender, open_session

HELD = 4096
"""Launches whose tokens are kept at hand; the others' are read from the database when they are needed again."""
CAPABILITIES_LIFE = 300.0
"""Seconds that a CapabilityStatement is believed."""


class EhrUnknown(LookupError):
    """The gateway is not registered with an EHR of that name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Statement:
    capabilities: Capabilities
    fetched: float
    software: str = ""


class Senders:
    """One for the process. ``know`` tells it the registered EHRs; a changed declaration starts new connections."""

    def __init__(self, *, means: Means, clock: Callable[[], float], read_back: ReadBack = EVERYTHING) -> None:
        self._means, self._clock, self._read_back = means, clock, read_back
        self._ehrs: Mapping[str, RegisteredEhr] = {}
        self._sessions: dict[RegisteredEhr, Pool] = {}
        self._backend_tokens: dict[RegisteredEhr, BackendTokens] = {}
        self._backends: dict[RegisteredEhr, HttpSender] = {}
        self._launches: OrderedDict[tuple[RegisteredEhr, str], HttpSender] = OrderedDict()
        self._statements: dict[RegisteredEhr, _Statement] = {}

    def know(self, ehrs: Mapping[str, RegisteredEhr]) -> None:
        """The EHRs as they are registered now."""
        self._ehrs = ehrs

    def names(self) -> tuple[str, ...]:
        return tuple(self._ehrs)

    def sender(self, ehr: str, principal: str) -> HttpSender:
        """Who writes for ``launch:<id>`` or ``backend`` at the EHR of that name; for a launch that has ended, the backend
        client does. Raises EhrUnknown."""
        registered = self.registered(ehr)
        if principal == "backend":
            if registered not in self._backends:
                self._backends[registered] = self._open(registered, self._backend(registered).bearer)
            return self._backends[registered]
        key = (registered, principal)
        if key not in self._launches:
            outliving = OutlivingTokens(self._launch(registered, principal), self._backend(registered))
            self._launches[key] = self._open(registered, outliving.bearer)
            if len(self._launches) > HELD:
                self._launches.popitem(last=False)
        self._launches.move_to_end(key)
        return self._launches[key]

    def forget_launches(self, launches: Sequence[str]) -> None:
        """They have ended: their tokens are at hand no longer, and what is still to be written is the backend client's."""
        ended = {f"launch:{id}" for id in launches}
        for key in [each for each in self._launches if each[1] in ended]:
            del self._launches[key]

    async def reader(self, ehr: str, principal: str) -> HttpSender:
        """Who reads for a launch, with its own tokens and no others. Raises EhrUnknown, GrantEnded when a new launch is
        needed, EhrUnavailable and LaunchError when no token can be had."""
        registered = self.registered(ehr)
        tokens = self._launch(registered, principal)
        await tokens.bearer()
        return self._open(registered, tokens.bearer)

    def _launch(self, registered: RegisteredEhr, principal: str) -> LaunchTokens:
        return LaunchTokens(launch_id=principal.removeprefix("launch:"), ehr=registered, means=self._means)

    def _backend(self, registered: RegisteredEhr) -> BackendTokens:
        if registered not in self._backend_tokens:
            self._backend_tokens[registered] = BackendTokens(ehr=registered, means=self._means)
        return self._backend_tokens[registered]

    def registered(self, ehr: str) -> RegisteredEhr:
        """Raises EhrUnknown."""
        found = self._ehrs.get(ehr)
        if found is None:
            raise EhrUnknown("the gateway is not registered with an EHR of that name")
        return found

    def base(self, ehr: str) -> str:
        """The EHR's FHIR base. Raises EhrUnknown."""
        return self.registered(ehr).issuer

    def rules(self, ehr: str) -> WriteRules:
        """What is known about the EHR's writing beyond what it says. Raises EhrUnknown."""
        return _rules(self.registered(ehr))

    def backend_scopes(self, ehr: str) -> str:
        """What the backend client may do at most: a public client has none. Raises EhrUnknown."""
        registered = self.registered(ehr)
        return "" if registered.method == "none" else " ".join(registered.backend_scopes)

    async def backend_grant(self, ehr: str) -> str:
        """What the backend client was granted, space separated. Raises EhrUnknown, and ClientError when it gets no token."""
        return await self._backend(self.registered(ehr)).scopes()

    async def capabilities(self, ehr: str) -> Capabilities:
        """What the EHR says it takes. Raises Unavailable, EhrUnknown."""
        registered = self.registered(ehr)
        kept = self._statements.get(registered)
        if kept is None or kept.fetched + CAPABILITIES_LIFE < self._clock():
            statement = await self._statement(registered)
            found = parse_capabilities(statement)
            if kept is not None and kept.capabilities == found:
                found = kept.capabilities  # the very same, so that what was made of it holds
            kept = _Statement(capabilities=found, fetched=self._clock(), software=software_of(statement))
            self._statements[registered] = kept
        return kept.capabilities

    def software(self) -> dict[str, str]:
        """By EHR, the software and version that its statement named when it was read last."""
        return {ehr.name: kept.software for ehr, kept in self._statements.items() if kept.software}

    async def terms(self, ehr: str) -> Terms:
        """On what terms deliveries are sent to the EHR. Raises Unavailable, EhrUnknown."""
        advertised = (await self.capabilities(ehr)).interactions
        rules = self.rules(ehr)
        return Terms(
            batch="batch" in advertised, transaction="transaction" in advertised,
            per_minute=rules.requests_per_minute, read_back=self._read_back.of(ehr),
            already_there=rules.already_there, refusals=rules.refusals, never=rules.never, later=rules.later,
            first_put=rules.first_put, search_reads=rules.search_reads, at_once=rules.at_once,
        )  # fmt: skip

    async def aclose(self) -> None:
        for session in self._sessions.values():
            await session.close()

    async def _statement(self, ehr: RegisteredEhr) -> Mapping[str, object]:
        try:
            reply = await self._open(ehr, None).send("GET", "metadata", headers={"accept": "application/fhir+json"})
            statement = codec.parse(reply.body)
        except (OSError, TimeoutError, codec.CodecError) as failure:
            raise Unavailable("the EHR does not say what it takes") from failure
        if reply.status != 200 or not isinstance(statement, dict):
            raise Unavailable("the EHR does not say what it takes")
        return statement

    def _open(self, ehr: RegisteredEhr, bearer: object) -> HttpSender:
        if ehr not in self._sessions:
            encrypted, rules = ehr.issuer.startswith("https://"), _rules(ehr)
            self._sessions[ehr] = open_session(
                base=ehr.issuer, connections=rules.at_once or CONNECTIONS,
                lingers=rules.quarantine if rules.at_once else 0.0,
                permits=lambda host: permitted(ip_address(host), ehr.networks, encrypted=encrypted),
                trust=trust(ehr.ca, ehr.certificate, ehr.key), proxy=ehr.proxy,
            )  # fmt: skip
        return HttpSender(base=ehr.issuer, session=self._sessions[ehr], bearer=bearer)  # type: ignore[arg-type]


def _rules(ehr: RegisteredEhr) -> WriteRules:
    try:
        return vendor_of(ehr.vendor).write
    except VendorUnknown as failure:
        raise EhrUnknown("the EHR is registered with a vendor that this version does not know") from failure


_PLAIN = re.compile(r"[\w .,:+()/-]{1,80}")


def software_of(statement: Mapping[str, object]) -> str:
    """Name and version of the software behind a CapabilityStatement, in plain characters; empty where it names no version."""
    software = statement.get("software")
    version = software.get("version") if isinstance(software, dict) else None
    if not isinstance(software, dict) or not isinstance(version, str):
        return ""
    named = f"{software.get('name') or 'EHR software'} {version}"
    return named if _PLAIN.fullmatch(named) else f"version {sha256(named.encode()).hexdigest()[:12]}"
