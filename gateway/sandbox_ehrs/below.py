"""Edge: what the sandbox reads of its own records, below the guard, for its launcher."""

from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from auth.errors import OAuthError
from gateway.face.serving import rules_of
from gateway.sandbox_ehrs.ehr import SandboxEhr
from r4.interaction import Answer, Interaction
from sandbox import store

LISTED = 500
"""Records of one type in the launcher, at most."""


async def perform(ehr: SandboxEhr, interaction: Interaction) -> Answer:
    """One interaction, by nobody's grant."""
    if ehr.upstream is not None:
        return await ehr.upstream.perform(interaction)
    rules = rules_of(ehr)
    return await ehr.database.run(lambda connection, now: store.perform(connection, now, interaction, rules))


async def read(ehr: SandboxEhr, reference: str) -> dict[str, Any] | None:
    """The resource ``Type/id``, or None."""
    type, _, id = reference.partition("/")
    answer = await perform(ehr, Interaction(action="read", type=type, id=id))
    return answer.resource if answer.status == 200 else None


async def search(ehr: SandboxEhr, type: str, *query: tuple[str, str]) -> list[dict[str, Any]]:
    """The first resources of a search, page by page: a server behind has pages of its own size. Raises OAuthError 503 when
    it does not answer."""
    found: list[dict[str, Any]] = []
    asked: tuple[tuple[str, str], ...] = (*query, ("_count", str(LISTED)))
    while asked and len(found) < LISTED:
        answer = await perform(ehr, Interaction(action="search", type=type, query=asked))
        if answer.status != 200 or answer.resource is None:
            raise OAuthError("temporarily_unavailable", "the FHIR server behind this EHR does not answer", status=503)
        entries = answer.resource.get("entry", ())
        found += [entry["resource"] for entry in entries if isinstance(entry.get("resource"), dict)]
        asked = _next(answer.resource) if entries else ()
    return found[:LISTED]


def _next(bundle: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """The query of the next page; none at the end."""
    links = [str(link["url"]) for link in bundle.get("link", ()) if link.get("relation") == "next"]
    return tuple(parse_qsl(urlsplit(links[0]).query)) if links else ()


def name_of(person: Mapping[str, Any]) -> str:
    """A person's name on one line; the id where there is none."""
    for name in person.get("name") or ():
        parts = [*(name.get("given") or ()), name.get("family") or ""]
        shown = name.get("text") or " ".join(part for part in parts if part)
        if shown:
            return str(shown)
    return str(person.get("id", ""))
