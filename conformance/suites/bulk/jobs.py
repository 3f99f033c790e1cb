"""Edge: evidence of exports: kicked off, waited for, fetched, cancelled, and asked for by those who may not."""

import asyncio
import time

from conformance.client import register
from conformance.evidence import Evidence, Exchange, Missing
from conformance.reading import id_in, references, resources
from conformance.session import Session
from conformance.suites.bulk.exports import FORMATS, LEVELS, TYPES, WRONG, advertised, any_level
from conformance.suites.bulk.manifests import FILES, PATIENCE, listed

ASYNC = {"prefer": "respond-async", "accept": "application/fhir+json"}
FUTURE = "2100-01-01T00:00:00Z"


async def exports(session: Session, evidence: Evidence) -> None:
    """An export at each level that is advertised, to its last file. Raises Missing."""
    token = await session.system_access("system/*.rs")
    any_level(evidence)
    for level in LEVELS:
        if advertised(evidence, level):
            await _export(session, evidence, level, token)


async def _export(session: Session, evidence: Evidence, level: str, token: str | None) -> None:
    place = await _place(session, evidence, level, token)
    asked = f"{place}?_type={','.join(TYPES)}"
    answer = await _kick(session, asked, token)
    if 400 <= answer.status < 500:  # _type is a server's choice
        answer = await _kick(session, place, token)
    evidence[f"export {level}"] = answer
    where = answer.headers.get("content-location")
    if where is None:
        return
    if "status without a token" not in evidence:
        evidence["status without a token"] = await session.probe.send("GET", where)
    status = evidence[f"status {level}"] = await _wait(session, where, token)
    urls = [str(row.get("url")) for row in listed(status)[:FILES]]
    accept = {"accept": "application/fhir+ndjson"}
    shown = token if status.table.get("requiresAccessToken") is True else None  # elsewhere it is nobody's business
    evidence[f"files {level}"] = [await session.probe.send("GET", url, token=shown, headers=accept) for url in urls]
    if "requires token" not in evidence and urls:
        evidence["requires token"] = bool(status.table.get("requiresAccessToken"))
        evidence["file without a token"] = await session.probe.send("GET", urls[0], headers=accept)
        garbage = "garbage"
        evidence["file with garbage"] = await session.probe.send("GET", urls[0], token=garbage, headers=accept)
        await _other(session, evidence, where, urls[0] if shown else None)
    await session.probe.send("DELETE", where, token=token)


async def _place(session: Session, evidence: Evidence, level: str, token: str | None) -> str:
    """Where it is kicked off; for a group, the first one, whose members are kept as evidence. Raises Missing."""
    if level != "group":
        return LEVELS[level]
    found = resources(await session.probe.send("GET", "Group?_count=1", token=token))
    if not found:
        raise Missing("a Group")
    evidence["members"] = [str(id_in(f"/{name}")) for name in references(found[0].get("member"))]
    return LEVELS[level].format(group=found[0].get("id"))


async def _kick(session: Session, place: str, token: str | None) -> Exchange:
    return await session.probe.send("GET", place, token=token, headers=ASYNC)


async def _wait(session: Session, where: str, token: str | None) -> Exchange:
    """The last answer of the status. Asked soon at first, then as often as the server says."""
    until, pause = time.monotonic() + PATIENCE, 0.05
    while True:
        answer = await session.probe.send("GET", where, token=token, headers={"accept": "application/json"})
        if answer.status not in (202, 429) or time.monotonic() > until:
            return answer
        said = answer.headers.get("retry-after", "")
        longest = float(said) if said.isdigit() else 2.0
        await asyncio.sleep(min(pause, longest, 10.0))
        pause *= 2


async def _other(session: Session, evidence: Evidence, where: str, url: str | None) -> None:
    """What another client, registered for this, is told: of the status, and of a file that wants a token."""
    other = None if session.open else await register(session.probe, session.endpoints, Evidence())
    if other is None:
        return
    answer = await other.post({"grant_type": "client_credentials", "scope": "system/*.rs"})
    token = answer.table.get("access_token")
    if isinstance(token, str):
        evidence["status for another client"] = await session.probe.send("GET", where, token=token)
        if url is not None:
            evidence["file for another client"] = await session.probe.send("GET", url, token=token)


async def parameters(session: Session, evidence: Evidence) -> None:
    """Parameters that narrow, and such as are wrong. Raises Missing."""
    token = await session.system_access("system/*.rs")
    place = await _place(session, evidence, any_level(evidence), token)
    for name, (query, _) in WRONG.items():
        evidence[f"export with {name}"] = await _begun(session, f"{place}?{query}", token)
    for format in FORMATS:
        said = format.replace("+", "%2B")
        evidence[f"format {format}"] = await _begun(session, f"{place}?_type=Patient&_outputFormat={said}", token)
    since = await _kick(session, f"{place}?_type=Patient&_since={FUTURE}", token)
    await _ended(session, evidence, "status since", since, token)


async def _begun(session: Session, place: str, token: str | None) -> Exchange:
    """A kick-off that is cancelled at once."""
    answer = await _kick(session, place, token)
    if where := answer.headers.get("content-location"):
        await session.probe.send("DELETE", where, token=token)
    return answer


async def _ended(session: Session, evidence: Evidence, name: str, begun: Exchange, token: str | None) -> None:
    where = begun.headers.get("content-location")
    if where is not None:
        evidence[name] = await _wait(session, where, token)
        await session.probe.send("DELETE", where, token=token)


async def permissions(session: Session, evidence: Evidence) -> None:
    """Kick-offs without a token, with a patient's, and with one for a single type. Raises Missing."""
    token = await session.system_access("system/*.rs")
    place = await _place(session, evidence, any_level(evidence), token)
    evidence["export without a token"] = await _begun(session, place, None)
    narrow = await session.system_access("system/Patient.rs system/Group.rs")
    begun = await _kick(session, f"{place}?_type=Patient", narrow)
    await _ended(session, evidence, "status narrow", begun, narrow)
    beyond = evidence["export beyond scope"] = await _kick(session, f"{place}?_type=Condition", narrow)
    await _ended(session, evidence, "status beyond scope", beyond, narrow)
    patient = await session.access("patient/*.rs", patient=evidence["patients"][0])
    evidence["export by a patient"] = await _begun(session, place, patient)


async def cancelled(session: Session, evidence: Evidence) -> None:
    """An export that is cancelled. Raises Missing."""
    token = await session.system_access("system/*.rs")
    place = await _place(session, evidence, any_level(evidence), token)
    where = (await _kick(session, f"{place}?_type=Patient", token)).headers.get("content-location")
    if where is not None:
        evidence["cancel"] = await session.probe.send("DELETE", where, token=token)
        evidence["status cancelled"] = await session.probe.send("GET", where, token=token)
