"""Edge: what the sandbox reads of its own records, below the guard, for its launcher."""

from collections.abc import Mapping
from typing import Any

from auth.errors import OAuthError
from gateway.ehr import SandboxEhr
from gateway.serving import rules_of
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
    """The first resources of a search. Raises OAuthError 503 when the server behind does not answer."""
    answer = await perform(ehr, Interaction(action="search", type=type, query=(*query, ("_count", str(LISTED)))))
    if answer.status != 200 or answer.resource is None:
        raise OAuthError("temporarily_unavailable", "the FHIR server behind this EHR does not answer", status=503)
    return [entry["resource"] for entry in answer.resource.get("entry", ()) if isinstance(entry.get("resource"), dict)]


def name_of(person: Mapping[str, Any]) -> str:
    """A person's name on one line; the id where there is none."""
    for name in person.get("name") or ():
        parts = [*(name.get("given") or ()), name.get("family") or ""]
        shown = name.get("text") or " ".join(part for part in parts if part)
        if shown:
            return str(shown)
    return str(person.get("id", ""))
