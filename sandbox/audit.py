"""What the audit log keeps of an access or an authorization event, and the same as a FHIR R4 AuditEvent (IHE BALP).

An ``Event`` is the row itself: ids, names and numbers, no value of a chart, no token, no code. The AuditEvent is made when
somebody reads the log, never on the way of an answer.
"""

from base64 import b64encode
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from r4.definitions import parameters
from sandbox import audit_codes as codes
from sandbox.audit_codes import KINDS, Code, Kind
from vocabulary.instant import format_instant


class Event(NamedTuple):
    """``what`` is a word of ``audit_codes.KINDS``; ``at`` Unix seconds; ``status`` the HTTP status of the answer;
    ``reason`` an issue type or OAuth error code. ``client`` is a client id, ``user`` ``Type/id``, ``patient`` the bare id of
    whom the data is about, ``grant`` the grant's id. ``type``, ``id``, ``version`` name the resource; ``query`` holds
    parameter names only. ``request`` is the caller's X-Request-Id, ``network`` its address."""

    what: str
    at: float
    status: int
    reason: str | None = None
    client: str | None = None
    user: str | None = None
    patient: str | None = None
    grant: str | None = None
    type: str | None = None
    id: str | None = None
    version: str | None = None
    query: str | None = None
    request: str | None = None
    network: str | None = None


class Caller(NamedTuple):
    """Where a request came from: the peer's address, and its X-Request-Id where that is an id."""

    network: str | None = None
    request: str | None = None


NOBODY = Caller()
SUBJECTS = ("subject", "patient", "beneficiary", "individual", "for")
"""The elements that say whom a resource is about (R4 patient compartment, the members that are the subject)."""
CONTROLS = frozenset(
    {"_count", "_sort", "_include", "_revinclude", "_total", "_summary", "_elements", "_cursor", "_since", "_contained"}
)


def names_of(type: str | None, query: Iterable[tuple[str, str]]) -> str:
    """The parameters of a search without values and modifiers; a name that this server does not know is ``…``."""
    known = parameters(type) if type else {}
    names = (name.partition(":")[0].partition(".")[0] for name, _ in query)
    return "&".join(name if name in known or name in CONTROLS else "…" for name in names)


def patients_of(resource: Mapping[str, Any], *, base: str) -> tuple[str, ...]:
    """The bare ids of the patients that a resource, or what a Bundle holds, is about, each once."""
    kind = resource.get("resourceType")
    if kind == "Bundle":
        inner = (entry["resource"] for entry in resource.get("entry", ()) if "resource" in entry)
        return tuple(dict.fromkeys(id for each in inner for id in patients_of(each, base=base)))
    if kind == "Patient":
        return (resource["id"],) if "id" in resource else ()
    for name in SUBJECTS:
        said = resource.get(name)
        if isinstance(said, dict) and isinstance(reference := said.get("reference"), str):
            local = reference if reference.startswith("Patient/") else reference.removeprefix(f"{base}/")
            return (local[8:].partition("/")[0],) if local.startswith("Patient/") else ()
    return ()


def event(said: Event, *, id: str, base: str, site: str) -> dict[str, Any]:
    """The AuditEvent of a row. ``base`` is the FHIR base of the EHR that recorded it, ``site`` its name."""
    kind = KINDS[said.what]
    holder = [*_holder(said, kind)]
    agents = [_client(said, kind, initiator=not holder), _server(kind, base), *holder]
    members = {
        "resourceType": "AuditEvent", "id": id, "meta": _meta(said, kind), "type": _coding(kind.type),
        "subtype": [_coding(each) for each in kind.subtypes], "action": kind.action, "recorded": format_instant(said.at),
        "outcome": "0" if said.status < 400 else "4" if said.status < 500 else "8", "outcomeDesc": said.reason,
        "agent": agents, "source": _source(said, site), "entity": [*_entities(said)],
    }  # fmt: skip
    return {name: value for name, value in members.items() if value}


def _meta(said: Event, kind: Kind) -> dict[str, Any]:
    """The profiles that this event conforms to: BALP's are of successes, with client and network known."""
    if said.what not in codes.ACCESSES or said.grant is None:
        return {}
    profiles = [codes.MINIMAL]
    if kind.profile and said.status < 400 and said.client and said.network and (said.id or said.what == "search"):
        profiles.insert(0, f"{codes.PROFILE}{'Patient' if said.patient else ''}{kind.profile}")
    return {"profile": profiles}


def _coding(code: Code) -> dict[str, str]:
    system, value, display = code
    return {"system": system, "code": value, "display": display}


def _concept(*several: Code) -> dict[str, Any]:
    return {"coding": [_coding(code) for code in several]}


def _client(said: Event, kind: Kind, *, initiator: bool) -> dict[str, Any]:
    who = {"identifier": {"value": said.client}} if said.client else {"display": "unknown"}
    network = {"network": {"address": said.network, "type": "2"}} if said.network else {}
    return {"type": _concept(kind.parties.client), "who": who, "requestor": initiator, **network}


def _server(kind: Kind, base: str) -> dict[str, Any]:
    return {
        "type": _concept(kind.parties.server), "who": {"identifier": {"value": base.removesuffix("/fhir")}},
        "requestor": False, "network": {"address": base, "type": "5"},
    }  # fmt: skip


def _holder(said: Event, kind: Kind) -> Iterator[dict[str, Any]]:
    """Who held the token: the person, or the client where there is none. The initiator, and the only one."""
    if said.grant is None and said.user is None:
        return
    types = ((kind.parties.user,) if said.user else ()) + ((codes.TOKEN,) if said.grant else ())
    who = {"reference": said.user} if said.user else {"identifier": {"value": said.client or "unknown"}}
    policy = {"policy": [f"{codes.JTI}{said.grant}"]} if said.grant else {}
    yield {"type": _concept(*types), "who": who, "requestor": True, **policy}


def _source(said: Event, site: str) -> dict[str, Any]:
    type = codes.APPLICATION_SERVER if said.what in codes.ACCESSES else codes.SECURITY_SERVER
    return {"site": site, "observer": {"display": f"Chartgate EHR {site}"}, "type": [_coding(type)]}


def _entities(said: Event) -> Iterator[dict[str, Any]]:
    if said.what == "search":
        query = f"{said.type}?{said.query or ''}"
        yield {
            "type": _coding(codes.SYSTEM_OBJECT), "role": _coding(codes.QUERY_ROLE), "description": query,
            "query": b64encode(query.encode()).decode(),
        }  # fmt: skip
    elif said.type is not None:
        yield {"type": _coding(codes.SYSTEM_OBJECT), "role": _coding(codes.DOMAIN_RESOURCE), "what": _what(said)}
    if said.patient is not None:
        what = {"reference": f"Patient/{said.patient}"}
        yield {"type": _coding(codes.PERSON), "role": _coding(codes.PATIENT_ROLE), "what": what}
    if said.what not in codes.ACCESSES and said.grant is not None:
        yield {"type": _coding(codes.TOKEN), "what": {"identifier": {"value": f"{codes.JTI}{said.grant}"}}}
    if said.request is not None:
        yield {"type": _coding(codes.REQUEST_ID), "what": {"identifier": {"value": said.request}}}


def _what(said: Event) -> dict[str, str]:
    if said.id is None:
        return {"type": str(said.type), "display": str(said.type)}
    version = f"/_history/{said.version}" if said.version else ""
    return {"reference": f"{said.type}/{said.id}{version}"}


def bundle(events: Iterable[Mapping[str, Any]], names: Iterable[str]) -> dict[str, Any]:
    """AuditEvents as a Bundle of type collection; ``names`` are their full URLs."""
    entries = [{"fullUrl": name, "resource": each} for each, name in zip(events, names, strict=True)]
    return {"resourceType": "Bundle", "type": "collection", **({"entry": entries} if entries else {})}
