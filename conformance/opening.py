"""Edge: how a run begins: discovery, a client of our own, who can be signed in; and how it ends: what it made is taken away."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from conformance.client import App, Door, register
from conformance.evidence import Evidence
from conformance.probe import PLAIN, CannotRun, Probe
from conformance.reading import resources
from conformance.session import Session
from conformance.signing import Signer, read_signer

KEYS = {"accept": "application/jwk-set+json, application/json"}
Stopped = (LookupError, CannotRun)
"""What ends a part of a run without ending the run."""


async def open_session(
    probe: Probe, evidence: Evidence, given: Mapping[str, Any] | None, *, door: Door | None = None,
    patients: Sequence[str] = (), session: Session | None = None,
) -> tuple[Session, list[str]]:  # fmt: skip
    """The session, and what is missing from it, in words. Raises CannotRun when there is no FHIR server at all."""
    session = session or Session(probe=probe, given=given)
    session.endpoints, missing = await discover(probe, evidence)
    session.open = await stands_open(probe, evidence)
    if session.open:
        return session, await _without_sign_in(probe, evidence, patients)
    try:
        session.app = await find_app(probe, session.endpoints, evidence, given)
        if session.app is None:
            missing.append(_no_client(evidence))
        else:
            session.app.door = door
        await _who(session, evidence, patients)
    except Exception as failure:
        readable = isinstance(failure, Stopped) and not isinstance(failure, KeyError | IndexError)
        said = str(failure) if readable else f"an answer that cannot be read ({type(failure).__name__})"
        missing.append(f"sign-in: {said}")
    return session, missing


def _no_client(evidence: Evidence) -> str:
    if "registration" in evidence:
        return (
            f"no client: registration was answered {evidence.seen('registration').status}, and --client was not given"
        )
    return "no client: the server offers no dynamic registration, and --client was not given"


async def _who(session: Session, evidence: Evidence, patients: Sequence[str]) -> None:
    """The patients of the run: the launcher's, or those that were named."""
    if session.app is not None and session.app.door is not None:
        evidence["user"] = None
        if len(patients) < 2:
            raise LookupError("name two test patients: --patient A --patient B, the one that is signed in first")
        evidence["patients"] = list(patients)
        return
    if patients:  # also without a launcher: a backend needs nobody's sign-in
        evidence["patients"], evidence["user"] = list(patients), None
    session.launcher = await find_launcher(session.probe, evidence)
    if patients:
        evidence["patients"] = list(patients)
    if session.app is not None:
        session.app.launcher = session.launcher


async def discover(probe: Probe, evidence: Evidence) -> tuple[Mapping[str, Any], list[str]]:
    """Metadata, the endpoints of discovery, and what of it did not come. Raises CannotRun when there is no FHIR server."""
    evidence["metadata"] = await probe.send("GET", "metadata")
    endpoints: Mapping[str, Any] = {}
    try:
        smart = evidence["smart"] = await probe.send("GET", ".well-known/smart-configuration")
        endpoints = smart.table if smart.status == 200 else {}
        if isinstance(endpoints.get("jwks_uri"), str):
            evidence["jwks"] = await probe.send("GET", endpoints["jwks_uri"], headers=KEYS)
    except CannotRun as failure:
        return endpoints, [f"{'the key set' if 'smart' in evidence else 'the smart-configuration'}: {failure}"]
    return endpoints, []


def discovered(session: Session, evidence: Evidence) -> bool:
    """Whether all of discovery came that there is."""
    keys = isinstance(session.endpoints.get("jwks_uri"), str)
    return "smart" in evidence and ("jwks" in evidence or not keys)


async def stands_open(probe: Probe, evidence: Evidence) -> bool:
    """Whether this is a FHIR server without sign-in: no SMART configuration, and patients without a token."""
    if "smart" not in evidence or evidence["smart"].status == 200 or evidence["metadata"].status != 200:
        return False
    found = evidence["open search"] = await probe.send("GET", "Patient?_count=2")
    return found.status == 200 and found.table.get("resourceType") == "Bundle"


async def _without_sign_in(probe: Probe, evidence: Evidence, patients: Sequence[str]) -> list[str]:
    found = [
        str(each["id"]) for each in resources(evidence["open search"])
        if each.get("resourceType") == "Patient" and "id" in each
    ]  # fmt: skip
    evidence["user"] = None
    if len(patients or found) >= 2:
        evidence["patients"] = list(patients or found)[:2]
        return ["sign-in: this server has none; it was read without a token"]
    return ["sign-in: this server has none, and no two patients were found: name them with --patient"]


async def find_app(
    probe: Probe, endpoints: Mapping[str, Any], evidence: Evidence, given: Mapping[str, Any] | None
) -> App | None:
    """The given client, or one that is registered dynamically."""
    if given is None:
        return await register(probe, endpoints, evidence)
    return App(
        probe=probe, endpoints=endpoints, id=str(given["client_id"]), secret=given.get("client_secret"),
        signer=_signer(given.get("jwk")), redirect_uri=str(given.get("redirect_uri", "")),
    )  # fmt: skip


def _signer(jwk: Any) -> Signer | None:
    """The key of a client that authenticates with one. Raises CannotRun."""
    try:
        return None if jwk is None else read_signer(jwk)
    except ValueError as failure:
        raise CannotRun("--client: jwk must be a private key, EC with curve P-384 or RSA, with its kid") from failure


async def find_launcher(probe: Probe, evidence: Evidence) -> str:
    """The launcher beside the base. Raises LookupError where there is none."""
    address = f"{probe.base.removesuffix('/fhir')}/launch"
    listed = await probe.send("GET", address, headers=PLAIN)
    patients = listed.table.get("patients")
    if listed.status != 200 or not isinstance(patients, list) or len(patients) < 2:
        raise LookupError("no launcher with two patients: for an EHR of somebody else's, --login FILE or --paste")
    evidence["launcher"] = listed
    evidence["patients"] = [str(each["id"]) for each in patients]
    users = [each for each in listed.table.get("users", ()) if isinstance(each, dict)]
    evidence["user"] = str(users[0]["reference"]) if users else None
    return address


async def close_session(session: Session) -> list[str]:
    """Takes away what the run made, newest first, with the token that made it, else with one of backend services. What
    stays is returned by type: an id may be a patient's."""
    probe, broad = session.probe, None
    for address, token in reversed(tuple(probe.written.items())):
        if not await _removed(probe, address, token) and token is not None:
            broad = broad or await _broad(session)
            await _removed(probe, address, broad)
    for address, token in tuple(probe.clients.items()):
        if await _removed(probe, address, token):
            probe.clients.pop(address, None)
    return standing(probe)


def standing(probe: Probe) -> list[str]:
    """What was made and is still there: how many of each type, and how many clients."""
    counts = Counter(address.removeprefix(f"{probe.base}/").partition("/")[0] for address in probe.written)
    clients = len(probe.clients) + probe.unmanaged
    return [f"{number} {type}" for type, number in sorted(counts.items())] + [f"{clients} registered clients"] * bool(
        clients
    )


async def _removed(probe: Probe, address: str, token: str | None) -> bool:
    try:
        answer = await probe.send("DELETE", address, token=token)
    except CannotRun:
        return False
    if answer.status in (404, 410):
        probe.written.pop(address, None)
    return answer.status in (200, 204, 404, 410)


async def _broad(session: Session) -> str | None:
    try:
        return await session.system_access("system/*.cruds")
    except (*Stopped, KeyError):
        return None
