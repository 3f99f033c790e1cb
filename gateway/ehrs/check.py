"""Edge: asks a registered EHR, before anyone launches from it, for all that ``gateway.ehrs.lines`` judges."""

import asyncio
import ssl
import time
from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import httpx2

from auth.client.ehr import RegisteredEhr
from auth.client.errors import ClientError, LaunchError
from auth.client.flow import BackendTokens, Means
from auth.client.registry import list_ehrs
from auth.discovery import DiscoveryError, SmartConfiguration, issuer_keys
from auth.discovery import parse as parse_configuration
from gateway.ehrs.facts import Asked, Facts, Line, Trouble
from gateway.ehrs.fetch import BYTES, SECONDS, Fetched, Reach, well_known
from gateway.ehrs.lines import judged
from gateway.ehrs.reachable import Unreachable
from gateway.ehrs.registrations import RegistrationRefused
from gateway.ehrs.verbs import NOBODY
from gateway.installation import Installation
from gateway.keyring import Keyring
from gateway.model_folders.models import load_all
from gateway.vendors import sign_in_rules
from r4 import codec
from vocabulary.manifest import Manifest

if TYPE_CHECKING:
    from gateway.app import Gateway

STATEMENT_BYTES = 8 * 1024 * 1024
"""A CapabilityStatement of a real EHR has megabytes."""
SIDE_BY_SIDE = 4
"""EHRs that are asked at once."""
Arguments = Mapping[str, Any]


async def check(
    ehr: RegisteredEhr, *, reach: Reach, means: Means, models: Sequence[Manifest], schedules: Sequence[Asked] = ()
) -> tuple[Line, ...]:
    """What will and will not work with this EHR. Nothing is written to it; of what it answers only verdicts come back."""
    base = ehr.issuer.rstrip("/")
    asked, began = means.clock(), time.monotonic()
    discovery, metadata = await asyncio.gather(
        _look(reach, ehr, f"{base}/.well-known/smart-configuration"),
        _look(reach, ehr, f"{base}/metadata", limit=STATEMENT_BYTES),
    )
    facts = Facts(
        ehr=ehr, models=tuple(models), now=(asked + means.clock()) / 2, discovery=discovery, metadata=metadata,
        statement=_object(metadata), seconds=time.monotonic() - began, schedules=tuple(schedules),
    )  # fmt: skip
    facts = _with_configuration(facts)
    if facts.configuration is not None:
        facts = await _second(facts, facts.configuration, reach, means)
    return tuple(judged(facts))


async def _second(facts: Facts, found: SmartConfiguration, reach: Reach, means: Means) -> Facts:
    """What only an EHR with a readable configuration can be asked."""
    ehr = facts.ehr
    openid, backend = await asyncio.gather(
        _look(reach, ehr, well_known(found.issuer, "openid-configuration") if found.issuer else None),
        _backend(ehr, found, means),
    )
    found = replace(found, jwks_uri=found.jwks_uri or _issuer_keys(openid, found.issuer))
    keys = await _look(reach, ehr, found.jwks_uri)
    return replace(facts, configuration=found, keys=keys, openid=_object(openid), backend=backend)


def _issuer_keys(openid: Fetched | Trouble | None, issuer: str | None) -> str | None:
    """Where the issuer's own configuration says that its keys are, for an EHR whose SMART configuration does not."""
    if not isinstance(openid, Fetched) or openid.status != 200 or issuer is None:
        return None
    try:
        return issuer_keys(openid.body, issuer=issuer)
    except DiscoveryError:
        return None


def _with_configuration(facts: Facts) -> Facts:
    answer = facts.discovery
    if not isinstance(answer, Fetched) or answer.status != 200:
        return facts
    try:
        tolerant = sign_in_rules(facts.ehr.vendor).plain_challenge
        found = parse_configuration(answer.body, iss=facts.ehr.issuer, plain_challenge=tolerant)
        return replace(facts, configuration=found)
    except DiscoveryError as failure:
        return replace(facts, unusable=str(failure))


async def _backend(ehr: RegisteredEhr, found: SmartConfiguration, means: Means) -> str | Trouble | None:
    """The scopes that the backend client is granted; None when the gateway is not registered for one."""
    if ehr.method == "none" or not ehr.backend_scopes or not ehr.allows(found.token_endpoint):
        return None

    async def configuration(_: RegisteredEhr) -> SmartConfiguration:
        return found

    try:
        return await BackendTokens(ehr=ehr, means=replace(means, configuration=configuration)).scopes()
    except LaunchError as failure:
        return Trouble(failure.happened, failure.advice)
    except ClientError as failure:
        return Trouble(str(failure), "Check the registration.")


async def _look(reach: Reach, ehr: RegisteredEhr, url: str | None, *, limit: int = BYTES) -> Fetched | Trouble | None:
    if url is None or not ehr.allows(url):
        return None
    try:
        return await reach.look(ehr, url, limit=limit)
    except LaunchError as failure:
        return _why(failure)


WHY: tuple[tuple[type[BaseException], str, str], ...] = (
    (Unreachable, "its address is in no network that it was registered with",
     "If it is right there: chartgate ehrs add … --network CIDR."),
    (ssl.SSLCertVerificationError, "its certificate is not trusted, or names another host",
     "Give the authority that signed it: chartgate ehrs add … --ca FILE."),
    (ssl.SSLError, "the TLS handshake failed",
     "If it wants a client certificate: chartgate ehrs add … --cert FILE --key FILE; it must speak TLS 1.2 or later."),
    (httpx2.ProxyError, "the proxy would not connect to it", "Ask whoever runs the proxy to allow this EHR."),
    (TimeoutError, f"no whole answer came within {SECONDS:.0f} seconds", "Ask whoever runs the EHR, or the network."),
    (httpx2.TimeoutException, f"no whole answer came within {SECONDS:.0f} seconds",
     "Ask whoever runs the EHR, or the network."),
    (httpx2.ConnectError, "nothing answers at its address, or its name is unknown",
     "Check the issuer, and whether a firewall is between."),
    (httpx2.HTTPError, "the connection broke off", "Try again; if it goes on, tell whoever runs the EHR."),
)  # fmt: skip
"""What a failure says to whoever runs this gateway, the most telling first."""


def _why(failure: LaunchError) -> Trouble:
    chain = tuple(_chain(failure))
    for kind, happened, advice in WHY:
        if any(isinstance(each, kind) for each in chain):
            return Trouble(happened, advice)
    return Trouble(failure.happened, failure.advice)


def _chain(failure: BaseException | None) -> Iterator[BaseException]:
    while failure is not None:
        yield failure
        failure = failure.__cause__ or failure.__context__


def _object(answer: Fetched | Trouble | None) -> Mapping[str, Any] | None:
    if not isinstance(answer, Fetched) or answer.status != 200:
        return None
    try:
        found = codec.parse(answer.body)
    except codec.CodecError:
        return None
    return found if isinstance(found, dict) else None


async def check_named(
    arguments: Arguments, *, ehrs: Sequence[RegisteredEhr], reach: Reach, means: Callable[[Reach], Means],
    models: Sequence[Manifest], schedules: Sequence[Asked] = (),
) -> list[dict[str, Any]]:  # fmt: skip
    """``[{"ehr", "lines": [{"check", "result", "text", "next"}]}]`` of the EHR that ``name`` names, None being all of them.
    Raises RegistrationRefused."""
    chosen = [ehr for ehr in ehrs if arguments["name"] in (None, ehr.name)]
    if not chosen:
        raise RegistrationRefused(NOBODY)
    anew, turns = reach.anew(), asyncio.Semaphore(SIDE_BY_SIDE)

    async def one(ehr: RegisteredEhr) -> dict[str, Any]:
        async with turns:
            lines = await check(ehr, reach=anew, means=means(anew), models=models, schedules=schedules)
        return {"ehr": ehr.name, "lines": [asdict(line) for line in lines]}

    try:
        return list(await asyncio.gather(*map(one, chosen)))
    finally:
        await anew.aclose()


def acts(gateway: "Gateway") -> Mapping[str, Callable[[Arguments], Awaitable[Any]]]:
    """The check in a running gateway, for the models that it runs."""

    async def act(arguments: Arguments) -> Any:
        return await _check(
            arguments, gateway.installation, gateway.reach, [m.manifest for m in gateway.models.values()]
        )

    return {"ehrs.check": act}


async def check_here(installation: Installation, arguments: Arguments) -> Any:
    """The check where no server runs, for the models that come with the product."""
    return await _check(arguments, installation, Reach(clock=time.time), [model.manifest for model in load_all()])


async def _check(arguments: Arguments, installation: Installation, reach: Reach, models: Sequence[Manifest]) -> Any:
    cipher, means = installation.keyring.cipher, means_of(installation, lambda: installation.keyring)
    ehrs = await installation.database.run(lambda c, now: list_ehrs(c, now, cipher=cipher))
    return await check_named(arguments, ehrs=ehrs, reach=reach, means=means, models=models)


def means_of(installation: Installation, secrets: Callable[[], Keyring]) -> Callable[[Reach], Means]:
    """With what an EHR is asked, besides the way there: ``secrets`` are the keys that the EHR knows the gateway by."""
    return lambda reach: Means(
        run=installation.database.run, secrets=secrets, clock=time.time, configuration=reach.configuration,
        send=reach.send,
    )  # fmt: skip
