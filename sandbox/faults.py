"""Named faults of a sandbox EHR's FHIR base: what goes wrong when its operator, or one launch, says so.

Never switched by the client's request. A fault is spoken as ``name:value@what/every*times``, of which all but the name
may be left out: a number (see ``unit``), which requests it is narrowed to (``read``, ``search``, ``write``), that only each
so manieth of them is struck, and how often at most. Those of the authorization server have a table of their own
(``auth.server.faults``). Everything here is values: ``gateway.sandbox_ehrs.faulty`` acts on them.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from email.utils import formatdate, parsedate_to_datetime
from typing import Any, Literal

from msgspec import structs

from r4.interaction import Answer, Interaction
from r4.moments import moment_range
from r4.outcome import Issue, outcome
from vocabulary.instant import format_instant

Touches = Literal["all", "write", "read", "search", "conditional"]
Act = Literal["answer", "after", "request", "change", "wire", "token"]


@dataclass(frozen=True, slots=True)
class Fault:
    """``touches`` says which interactions it strikes. ``act`` says where: instead of the store (``answer``), instead of
    its answer (``after``), on what is asked of it (``request``), on what it said (``change``), on the bytes (``wire``), on
    the bearer (``token``). ``value`` is what ``name:value`` stands for when no value is given, in ``unit``."""

    name: str
    touches: Touches
    act: Act
    says: str
    status: int = 0
    value: int = 0
    unit: str = ""


FAULTS: Sequence[Fault] = (
    *(Fault(f"error-{n}", "all", "answer", f"{n} before anything is stored", n) for n in (500, 502, 503, 504)),
    *(Fault(f"committed-{n}", "write", "after", f"{n} after the write was stored", n) for n in (500, 502, 503, 504)),
    Fault("answer-lost", "write", "wire", "the connection is closed without an answer, after the write was stored"),
    Fault("throttled", "all", "answer", "429 without Retry-After", 429),
    Fault("throttled-seconds", "all", "answer", "429 with Retry-After in seconds", 429, 1, "seconds"),
    Fault("throttled-date", "all", "answer", "429 with Retry-After as a date", 429, 2, "seconds"),
    Fault("empty-403", "all", "answer", "403 without a body", 403),
    Fault("empty-406", "all", "answer", "406 without a body", 406),
    Fault("html-error", "all", "answer", "502 with a page of HTML", 502),
    Fault("wrong-content-type", "all", "wire", "the answer says that it is text/plain"),
    Fault("slow-headers", "all", "wire", "the status line comes at once, the headers later", 0, 2, "seconds"),
    Fault("slow-body", "all", "wire", "the body comes in small parts", 0, 2, "seconds"),
    Fault("reset-at-byte", "all", "wire", "the connection is reset after so many bytes of the body", 0, 40, "bytes"),
    Fault("truncated-json", "all", "wire", "the body ends in the middle, and its length says so too"),
    Fault("duplicate-race", "conditional", "request", "If-None-Exist is not looked at, as in a lost race"),
    Fault("version-skew", "write", "change", "ETag and Location of a write name the version after the one stored"),
    Fault("stale-reads", "read", "change", "what was written less than so long ago is not seen yet", 0, 5, "seconds"),
    Fault("clock-skew", "all", "wire", "Date, Last-Modified and lastUpdated are so much ahead", 0, 300, "seconds"),
    Fault("token-dies", "all", "token", "an access token opens nothing after so many requests", 0, 3, "requests"),
    Fault(
        "search-truncated",
        "search",
        "change",
        "a search ends after so many matches, and does not say so",
        0,
        1,
        "matches",
    ),
)
BY_NAME: Mapping[str, Fault] = {fault.name: fault for fault in FAULTS}

_SPOKEN = re.compile(
    r"([a-z0-9-]{1,32})(?::([0-9]{1,6}))?(?:@(read|search|write))?(?:/([1-9][0-9]{0,3}))?(?:\*([1-9][0-9]{0,3}))?"
)
WRITES = frozenset({"create", "update", "patch", "delete", "transaction", "batch"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Active:
    """A fault as it was spoken: ``touches`` is what it is narrowed to, ``times`` None when it strikes for ever."""

    fault: Fault
    spoken: str
    value: int
    touches: Touches = "all"
    every: int = 1
    times: int | None = None

    def struck(self, asked: int) -> int:
        """How often it has struck when so many requests that it touches were made."""
        often = asked // self.every
        return often if self.times is None else min(often, self.times)


def parse(spoken: str) -> Active | None:
    """None for what names no fault here, or gives a value to one that takes none."""
    match = _SPOKEN.fullmatch(spoken)
    fault = BY_NAME.get(match[1]) if match else None
    if match is None or fault is None or (match[2] is not None and not fault.unit):
        return None
    value = fault.value if match[2] is None else int(match[2])
    narrowed: dict[str | None, Touches] = {"read": "read", "search": "search", "write": "write"}
    return Active(
        fault=fault, spoken=spoken, value=value, touches=narrowed.get(match[3], "all"), every=int(match[4] or 1),
        times=int(match[5]) if match[5] else None,
    )  # fmt: skip


def strikes(active: Active, interaction: Interaction) -> bool:
    """Whether it touches such an interaction."""
    return _touched(active.fault.touches, interaction) and _touched(active.touches, interaction)


def _touched(touches: Touches, interaction: Interaction) -> bool:
    if touches == "write":
        return interaction.action in WRITES
    if touches == "conditional":
        return any(entry.if_none_exist is not None for entry in interaction.entries or (interaction,))
    if touches == "search":
        return interaction.action == "search"
    return touches == "all" or interaction.action in ("read", "search")


def instead(active: Active, *, now: float) -> Answer:
    """What is answered in place of the store's answer; ``now`` in Unix seconds."""
    fault = active.fault
    headers = {
        "throttled-seconds": {"retry-after": str(active.value)},
        "throttled-date": {"retry-after": formatdate(now + active.value, usegmt=True)},
        "html-error": {"content-type": "text/html; charset=utf-8"},
    }.get(fault.name, {})
    if fault.name.startswith("empty-"):
        return Answer(status=fault.status)
    if fault.name == "html-error":
        page = b"<!doctype html><title>Bad gateway</title><h1>Bad gateway</h1>"
        return Answer(status=fault.status, encoded=page, headers=headers)
    issue = Issue("throttled" if fault.status == 429 else "transient", "Simulated: a fault is switched on.")
    return Answer(status=fault.status, resource=outcome([issue]), headers=headers)


def without_conditions(interaction: Interaction) -> Interaction:
    """Its creates as if nobody had asked whether there is one already."""
    entries = tuple(structs.replace(entry, if_none_exist=None) for entry in interaction.entries)
    return structs.replace(interaction, if_none_exist=None, entries=entries)


def skewed(answer: Answer) -> Answer:
    """ETag and Location of a write with the version after the one that was stored."""
    headers = dict(answer.headers)
    match = re.fullmatch(r'W/"([0-9]{1,9})"', headers.get("etag", ""))
    if match is None:
        return answer
    later = str(int(match[1]) + 1)
    headers["etag"] = f'W/"{later}"'
    if "location" in headers:
        headers["location"] = re.sub(r"/_history/[0-9]+$", f"/_history/{later}", headers["location"])
    return replace(answer, headers=headers)


def truncated(answer: Answer, matches: int) -> Answer:
    """A searchset that ends early and says that this was all."""
    bundle = answer.resource
    if not isinstance(bundle, dict) or bundle.get("type") != "searchset":
        return answer
    entries = list(bundle.get("entry", ()))[:matches]
    links = [link for link in bundle.get("link", ()) if link.get("relation") != "next"]
    kept = {name: value for name, value in bundle.items() if name not in ("entry", "link", "total")}
    if "total" in bundle:
        kept["total"] = len(entries)
    kept["link"] = links
    return replace(answer, encoded=None, resource={**kept, **({"entry": entries} if entries else {})})


def updated_of(resource: Any) -> str:
    """``meta.lastUpdated`` of a resource, empty where there is none."""
    meta = resource.get("meta") if isinstance(resource, dict) else None
    return str(meta.get("lastUpdated", "")) if isinstance(meta, dict) else ""


def ahead(answer: Answer, seconds: int) -> Answer:
    """The answer of a server whose clock is ahead: ``Last-Modified`` and every ``lastUpdated``, also in a Bundle."""
    headers, resource = dict(answer.headers), answer.resource
    if "last-modified" in headers:
        told = parsedate_to_datetime(headers["last-modified"]).timestamp()
        headers["last-modified"] = formatdate(told + seconds, usegmt=True)
    if not isinstance(resource, dict):
        return replace(answer, headers=headers)
    return replace(answer, headers=headers, resource=_later(resource, seconds), encoded=None)


def _later(resource: Mapping[str, Any], seconds: int) -> dict[str, Any]:
    later = dict(resource)
    if (span := moment_range(updated_of(resource))) is not None:
        later["meta"] = {**resource["meta"], "lastUpdated": format_instant(span[0] + seconds)}
    if resource.get("resourceType") == "Bundle" and "entry" in resource:
        later["entry"] = [
            {**entry, "resource": _later(entry["resource"], seconds)} if "resource" in entry else entry
            for entry in resource["entry"]
        ]
    return later


def known(names: Iterable[str]) -> bool:
    """Whether each is spoken as the table allows."""
    return all(parse(name) is not None for name in names)
