"""What the entries of a transaction call one another, and what they call by a search (R4 §3.1.0.11.2): found out before
anything is decided, within what the grant reaches."""

import re
from collections.abc import Generator, Sequence
from dataclasses import replace

from msgspec import structs

from auth.access.decide import allowing
from auth.server.grants import Grant
from gateway.face.guarding import Means
from gateway.face.searching import check_search, matching, recheck_search
from r4.criteria import check
from r4.interaction import Answer, Interaction, InteractionError
from r4.outcome import outcome
from r4.references import named, walk
from r4.requests import Pairs, query_of
from r4.served import SERVED
from sandbox import batch
from sandbox.answering import refusal

Naming = Generator[Interaction, Answer, Answer | list[Interaction]]
_CONDITIONAL = re.compile(r"([A-Z][A-Za-z]{1,63})\?(.+)", re.DOTALL)
SEARCHES = 200
"""Different references by a search in one transaction, at most: nothing else is done at this EHR meanwhile."""
COSTLY = refusal(413, "too-costly", f"A transaction may refer by {SEARCHES} searches at most.")
NO_SUCH = refusal(412, "not-found", "must match exactly one resource")


def resolved(entries: Sequence[Interaction], grant: Grant, means: Means) -> Naming:
    """The entries with conditional references (``Patient?identifier=…``) replaced by what they match, and with conditional
    creates decided: what is there already is referred to, what is not is created like any other."""
    names: dict[str, str] = {}
    kept: list[Interaction] = []
    for place, entry in enumerate(entries):
        for said in named(entry.body or {}):
            if "?" in said and said not in names:
                if len(names) >= SEARCHES:
                    return placed(_at(COSTLY, entry, said), place)
                found = yield from _one(said, grant, means)
                if isinstance(found, Answer):
                    return placed(_at(found, entry, said), place)
                names[said] = found
        kept.append((yield from _decided(entry, names, grant, means)))
    return [batch.resolve(entry, names) for entry in kept]


def _decided(
    entry: Interaction, names: dict[str, str], grant: Grant, means: Means
) -> Generator[Interaction, Answer, Interaction]:
    """A conditional write that others refer to. Whether it may be done at all is decided later, as for any other."""
    if entry.action == "update" and entry.condition is not None and (entry.full_url or "").startswith(batch.NAMES):
        return (yield from _updated(entry, entry.condition, names, grant, means))
    scopes = allowing(grant, "create", str(entry.type))
    if entry.action != "create" or entry.if_none_exist is None or not entry.full_url or not scopes:
        return entry
    found = yield from matching(str(entry.type), entry.if_none_exist, scopes, grant, means)
    if isinstance(found, Answer):
        return entry
    if found and entry.full_url.startswith(batch.NAMES):
        names[entry.full_url] = f"{entry.type}/{found[0]['id']}"
    return entry if found else structs.replace(entry, if_none_exist=None)


def _updated(
    entry: Interaction, condition: Pairs, names: dict[str, str], grant: Grant, means: Means
) -> Generator[Interaction, Answer, Interaction]:
    """A conditional update that others refer to: of what is there, of the id that its body says, or a create."""
    type, name = str(entry.type), str(entry.full_url)
    scopes = allowing(grant, "update", type)
    found = (yield from matching(type, condition, scopes, grant, means)) if scopes else NO_SUCH
    if isinstance(found, Answer):
        return entry
    id = found[0]["id"] if found else (entry.body or {}).get("id")
    if isinstance(id, str):
        names[name] = f"{type}/{id}"
        return entry
    creating = entry.if_match is None and any(scope in allowing(grant, "create", type) for scope in scopes)
    return structs.replace(entry, action="create", condition=None) if creating else entry


def _one(said: str, grant: Grant, means: Means) -> Generator[Interaction, Answer, Answer | str]:
    """``Type/id`` of the one resource that a conditional reference matches."""
    match = _CONDITIONAL.fullmatch(said)
    if match is None or match[1] not in SERVED:
        return NO_SUCH
    try:
        search = Interaction(action="search", type=match[1], query=query_of(match[2]))
        check(search)
    except InteractionError as wrong:
        return Answer(status=400, resource=outcome([wrong.issue]))
    checked = check_search(
        structs.replace(search, query=(*search.query, ("_count", "2"), ("_total", "none"))), grant, means
    )
    if isinstance(checked, Answer):
        return checked
    answer = yield from recheck_search(checked, (yield checked), grant, means)
    found = [each["resource"] for each in (answer.resource or {}).get("entry", ()) if each["search"]["mode"] == "match"]
    return f"{match[1]}/{found[0]['id']}" if answer.status == 200 and len(found) == 1 else NO_SUCH


def _at(answer: Answer, entry: Interaction, said: str) -> Answer:
    """The refusal, with the reference that it is about."""
    path = next(path for path, reference in walk(entry.body or {}) if reference["reference"] == said)
    issues = [{**issue, "expression": [f"{path}.reference"]} for issue in (answer.resource or {}).get("issue", ())]
    return replace(answer, resource={"resourceType": "OperationOutcome", "issue": issues}, encoded=None)


def placed(answer: Answer, place: int) -> Answer:
    """The refusal of an entry, its elements named from the Bundle on."""
    here = f"Bundle.entry[{place}]"
    issues = []
    for issue in (answer.resource or {}).get("issue", ()):
        said = [str(path).partition(".") for path in issue.get("expression") or ()]
        issues.append(
            {**issue, "expression": [f"{here}.resource.{rest}" if dot else here for _, dot, rest in said] or [here]}
        )
    return replace(answer, resource={"resourceType": "OperationOutcome", "issue": issues}, encoded=None)
