"""What the entries of a transaction call one another, and what they call by a search (R4 §3.1.0.11.2): found out before
anything is decided, within what the grant reaches."""

import re
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

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
    creates decided: what is there already is referred to, what is not is created like any other. The references come last
    (R4 §3.1.0.11.2), so that they may mean what the transaction itself makes."""
    names: dict[str, str] = {}
    asked = _asked(entries)
    if len(asked) > SEARCHES:
        said, place = [*asked.items()][SEARCHES]
        return placed(_at(COSTLY, entries[place], said), place)
    kept: list[Interaction] = []
    for entry in _titled(entries, means) if asked else entries:
        kept.append((yield from _decided(entry, names, grant, means)))
    for said, place in asked.items():
        found = yield from _one(said, kept, grant, means)
        if isinstance(found, Answer):
            return placed(_at(found, entries[place], said), place)
        names[said] = found
    return [batch.resolve(entry, names) for entry in kept]


def _asked(entries: Sequence[Interaction]) -> dict[str, int]:
    """The conditional references, each with the first entry that has it."""
    found: dict[str, int] = {}
    for place, entry in enumerate(entries):
        for said in named(entry.body or {}):
            if "?" in said:
                found.setdefault(said, place)
    return found


def _titled(entries: Sequence[Interaction], means: Means) -> list[Interaction]:
    """The entries, each that makes something with a name by which others can refer to it."""
    return [
        structs.replace(entry, full_url=f"urn:uuid:{means.new_id()}")
        if (entry.action == "create" or entry.condition is not None)
        and not (entry.full_url or "").startswith(batch.NAMES)
        else entry
        for entry in entries
    ]


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


def _one(
    said: str, entries: Sequence[Interaction], grant: Grant, means: Means
) -> Generator[Interaction, Answer, Answer | str]:
    """``Type/id`` of the one resource that a conditional reference matches, or the name of the entry that makes it."""
    match = _CONDITIONAL.fullmatch(said)
    if match is None or match[1] not in SERVED:
        return NO_SUCH
    try:
        search = Interaction(action="search", type=match[1], query=query_of(match[2]))
        check(search)
    except InteractionError as wrong:
        return Answer(status=400, resource=outcome([wrong.issue]))
    checked = check_search(
        structs.replace(search, query=(*search.query, ("_count", "20"), ("_total", "none"))), grant, means
    )
    if isinstance(checked, Answer):
        return checked
    answer = yield from recheck_search(checked, (yield checked), grant, means)
    rows = [each["resource"] for each in (answer.resource or {}).get("entry", ()) if each["search"]["mode"] == "match"]
    written = _written(search, entries)
    found = [name for row in rows if (name := f"{match[1]}/{row['id']}") not in written]
    found += [name for name, fits in written.items() if fits]
    return found[0] if answer.status == 200 and len(found) == 1 else NO_SUCH


def _written(search: Interaction, entries: Sequence[Interaction]) -> dict[str, bool]:
    """By name, whether what the transaction writes has the identifier that is searched for. It is in no index yet, so that
    other searches are about what was there before."""
    if len(search.query) != 1 or search.query[0][0] != "identifier" or re.search(r"[,\\]", search.query[0][1]):
        return {}
    system, mark, value = search.query[0][1].rpartition("|")
    found: dict[str, bool] = {}
    for entry in entries:
        name = f"{entry.type}/{entry.id}" if entry.action == "update" and entry.id else entry.full_url
        made = entry.action == "update" or (entry.action == "create" and entry.if_none_exist is None)
        if entry.type != search.type or not made or entry.condition is not None or not name or not value:
            continue
        said = [(each.get("value"), each.get("system", "")) for each in _identifiers(entry)]
        found[name] = any(each == value and (not mark or of == system) for each, of in said)
    return found


def _identifiers(entry: Interaction) -> list[Any]:
    said = (entry.body or {}).get("identifier")
    return [each for each in (said if isinstance(said, list) else [said]) if isinstance(each, dict)]


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
