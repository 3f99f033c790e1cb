"""Edge: what the pages of an EHR read of a chart: a page at a time, so that no chart is too long for a page or a store."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from auth.errors import OAuthError
from auth.server.clients import hashed
from gateway.face.paging import LIFE, Place
from gateway.pages.showing import AI_LABEL, BY_TYPE, CATEGORY
from gateway.sandbox_ehrs import below
from gateway.sandbox_ehrs.ehr import SandboxEhr
from r4.interaction import Interaction

PAGE, BRIEF, TREND = 25, 6, 50
"""Records of one page, of a section of the chart, and behind the plots of a category."""
LABEL = f"http://terminology.hl7.org/CodeSystem/v3-ObservationValue|{AI_LABEL}"
WRITTEN = ("RiskAssessment", "Observation", "DocumentReference", "DetectedIssue", "Flag", "DiagnosticReport")
"""The types that models write (writeback adapters)."""
PLOTTED = ("vital-signs", "laboratory")
Query = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Listed:
    """``resources`` of one page; ``next`` is the sealed place of the next. ``readable`` is false when the store would not
    answer the search."""

    resources: Sequence[dict[str, Any]] = ()
    next: str | None = None
    readable: bool = True


async def search(
    ehr: SandboxEhr, type: str, query: Query, *, count: int, secret: str, place: str = ""
) -> Listed:  # fmt: skip
    """One page of a search, the first or the one at ``place``, which is this browser's own. Raises OAuthError."""
    asked: Query = (*query, ("_count", str(count)), ("_total", "none"))
    owner = f"person {hashed(secret)}"
    if place:
        asked = (*asked, ("_cursor", _cursor(ehr, type, asked, place, owner)))
    answer = await below.perform(ehr, Interaction(action="search", type=type, query=asked))
    if answer.status != 200 or answer.resource is None:
        return Listed(readable=False)
    found = [each["resource"] for each in answer.resource.get("entry", ()) if isinstance(each.get("resource"), dict)]
    cursor = next(_cursors(answer.resource), "")
    first = tuple(pair for pair in asked if pair[0] != "_cursor")
    sealed = ehr.pages.seal(_place(type, first, cursor, ehr.clock() + LIFE), grant=owner) if cursor else None
    return Listed(resources=[each for each in found if each.get("resourceType") == type], next=sealed)


def _place(type: str, query: Query, cursor: str, expires: float) -> Place:
    return Place("search", None, type, None, None, query=query, cursor=cursor, expires=expires)


def _cursor(ehr: SandboxEhr, type: str, query: Query, sealed: str, owner: str) -> str:
    place = ehr.pages.unseal(sealed, grant=owner, now=ehr.clock())
    if place is None or (place.type, place.query) != (type, query):
        raise OAuthError(
            "invalid_request", "this link to a further page is too old: begin at the first page", status=404
        )
    return place.cursor


def _cursors(bundle: dict[str, Any]) -> Iterator[str]:
    """The cursor of the next page, if there is one."""
    for link in bundle.get("link", ()):
        if link.get("relation") == "next":
            yield from (value for name, value in parse_qsl(urlsplit(link["url"]).query) if name == "_cursor")


async def records(
    ehr: SandboxEhr, type: str, patient: str, *, count: int, secret: str, place: str = "", criteria: Query = ()
) -> Listed:  # fmt: skip
    """A patient's records of a type, the newest first."""
    query: Query = (("patient", f"Patient/{patient}"), *criteria, ("_sort", f"-{BY_TYPE[type].order}"))
    return await search(ehr, type, query, count=count, secret=secret, place=place)


async def plotted(ehr: SandboxEhr, patient: str, *, secret: str) -> list[Sequence[dict[str, Any]]]:
    """The newest vital signs, and the newest laboratory values."""
    found: list[Sequence[dict[str, Any]]] = []
    for category in PLOTTED:
        said = (("category", f"{CATEGORY}|{category}"),)
        listed = await records(ehr, "Observation", patient, count=TREND, secret=secret, criteria=said)
        found.append(listed.resources)
    return found


async def written(ehr: SandboxEhr, patient: str, *, secret: str) -> list[dict[str, Any]]:
    """What models wrote: records with the label AIAST, each with its ``provenance`` where there is one."""
    found: list[dict[str, Any]] = []
    for type in WRITTEN:
        listed = await records(ehr, type, patient, count=BRIEF, secret=secret, criteria=(("_security", LABEL),))
        found += listed.resources
    names = [f"{each['resourceType']}/{each['id']}" for each in found]
    origins = await _provenances(ehr, names, secret=secret)
    return [{"resource": each, "provenance": origins.get(name)} for each, name in zip(found, names, strict=True)]


async def _provenances(ehr: SandboxEhr, names: Sequence[str], *, secret: str) -> dict[str, dict[str, Any]]:
    """The newest Provenance of each of these, by reference."""
    if not names:
        return {}
    query: Query = (("target", ",".join(names)), ("_sort", "-recorded"))
    listed = await search(ehr, "Provenance", query, count=2 * len(names), secret=secret)
    found: dict[str, dict[str, Any]] = {}
    for each in reversed(listed.resources):
        for target in each.get("target", ()):
            said = str(target.get("reference", "")).removeprefix(f"{ehr.fhir}/").partition("/_history/")[0]
            found[said] = each
    return found
