"""Granular scopes (SMART App Launch 2.2.0, "Finer-grained resource constraints using search parameters"): a token of vital
signs, at vital signs and at laboratory results, way by way; and links to further pages, which are nobody else's."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from conformance import capability
from conformance.check import Check, Problems, check, marked
from conformance.evidence import Evidence, Exchange
from conformance.reading import codings, resources, statuses, version_of

GRANULAR = "hl7.fhir.uv.smart-app-launch_2.2.0#granular"
WORD = "patient/Observation.cruds?category=http://terminology.hl7.org/CodeSystem/observation-category|vital-signs"
OTHER_WORD = WORD.replace("|vital-signs", "|laboratory")
PAGES = "chartgate#pages-are-the-grants"


class Ask(NamedTuple):
    """A request of the token of vital signs; ``{inside}`` and ``{outside}`` are ids of an Observation that it reaches and of
    one that it does not. ``refused`` is whether it must be a refusal; else it may find nothing. ``codes`` as in foreign."""

    title: str
    method: str
    path: str
    refused: bool = True
    codes: tuple[str, ...] = ("read",)
    writes: bool = False
    whole: str = ""


ASKS: Mapping[str, Ask] = {
    "granular_read": Ask("read", "GET", "Observation/{outside}"),
    "granular_vread": Ask("read by version", "GET", "Observation/{outside}/_history/{version}", codes=("vread",)),
    "granular_history": Ask("read by history", "GET", "Observation/{outside}/_history", codes=("history-instance",)),
    "granular_search": Ask("searched", "GET", "Observation?_count=100", refused=False, codes=("search-type",)),
    "granular_search_by_id": Ask("searched by id", "GET", "Observation?_id={outside}", refused=False, codes=("search-type",)),
    "granular_search_by_category": Ask("searched by category", "GET", "Observation?category=laboratory", refused=False,
                                       codes=("search-type",)),
    "granular_everything": Ask("given by $everything", "GET", "Patient/{patient}/$everything?_type=Observation", refused=False),
    "granular_batch": Ask("read in a batch", "POST", "", refused=False, whole="batch"),
    "granular_create": Ask("created", "POST", "Observation", codes=("create",), writes=True),
    "granular_update": Ask("made of one inside by an update", "PUT", "Observation/{inside}", codes=("update",), writes=True),
    "granular_patch": Ask("made of one inside by a patch", "PATCH", "Observation/{inside}", codes=("patch",), writes=True),
    "granular_theft": Ask("made one inside by an update", "PUT", "Observation/{outside}", codes=("update",), writes=True),
    "granular_delete": Ask("deleted", "DELETE", "Observation/{outside}", codes=("delete",), writes=True),
}  # fmt: skip


def offered(evidence: Evidence, ask: Ask) -> bool:
    """Whether the server says that it has what this asks."""
    return capability.offers(evidence, "Observation", *ask.codes) and (
        not ask.whole or capability.whole(evidence, ask.whole)
    )


def outside(found: Any) -> bool:
    """Whether it is an Observation that is no vital sign."""
    observation = isinstance(found, dict) and found.get("resourceType") == "Observation"
    return observation and "vital-signs" not in {code for _, code in codings(found, "category")}


def shows(answer: Exchange) -> Problems:
    """Nothing outside stands in the answer."""
    if outside(answer.table) or any(map(outside, resources(answer))):
        yield "the answer shows what the scope does not reach"


def _confined(name: str, ask: Ask) -> Check:
    def find(evidence: Evidence) -> Problems:
        if ask.whole:
            capability.require_whole(evidence, ask.whole)
        capability.require(evidence, "Observation", *(("create",) if ask.writes else ()), *ask.codes)
        answer = evidence.seen(name)
        said = statuses(answer) if ask.whole and answer.status == 200 else [answer.status]
        if ask.refused and not all(400 <= each < 500 for each in said):
            yield f"answered {said}"
        yield from shows(answer)
        if ask.writes:
            yield from _kept(evidence, name)

    find.__doc__ = f"With a scope of vital signs, another Observation is not {ask.title}."
    find.__name__ = f"{name}_stays_inside"
    return check(GRANULAR)(find)


def _kept(evidence: Evidence, name: str) -> Problems:
    after = evidence.seen(f"{name}, read back")
    found = after.table.get("resourceType") == "Bundle"
    if found and resources(after):
        yield "what was refused is there all the same"
    if not found and [after.status, version_of(after)] != evidence[f"{name}, before"]:
        yield "the record is not as it was before"


@check(GRANULAR)
def a_granular_scope_opens_what_it_names(evidence: Evidence) -> Problems:
    """With a scope of vital signs, vital signs are read and found."""
    if evidence.seen("granular inside").status != 200:
        yield f"a read was answered {evidence.seen('granular inside').status}"
    if not resources(evidence.seen("granular_search")):
        yield "a search found nothing"


@check(f"{GRANULAR}-several")
def several_granular_scopes_reach_what_any_reaches(evidence: Evidence) -> Problems:
    """With a scope of vital signs and one of laboratory results, both are read, and both are found by one search."""
    capability.require(evidence, "Observation", "read", "search-type")
    for name, answer in evidence["several read"].items():
        if answer.status != 200:
            yield f"a {name} was answered {answer.status}"
    if {each.get("id") for each in resources(evidence.seen("several searched"))} != set(
        evidence["several ids"].values()
    ):
        yield "one search did not find both and nothing else"


@check("us-core-write#vital-signs-scope", writes=True)
def a_granular_scope_permits_its_own_creates(evidence: Evidence) -> Problems:
    """With a scope of vital signs, a vital sign is created."""
    capability.require(evidence, "Observation", "create")
    if evidence.seen("granular own create").status not in (200, 201, 202):
        yield f"answered {evidence.seen('granular own create').status}"


@check(PAGES)
def a_further_page_is_found(evidence: Evidence) -> Problems:
    """The link to the next page leads to further records, none of them twice."""
    first, second = evidence.seen("first page"), evidence.seen("second page")
    before, after = ({each.get("id") for each in resources(page)} for page in (first, second))
    if second.status != 200 or not after:
        yield f"answered {second.status} with {len(after)} records"
    if before & after:
        yield "a record stands on both pages"


def _page(name: str, title: str) -> Check:
    def find(evidence: Evidence) -> Problems:
        answer = evidence.seen(name)
        mine = {each.get("id") for page in ("first page", "second page") for each in resources(evidence.seen(page))}
        if answer.status >= 500:
            yield f"answered {answer.status}"
        if mine & {each.get("id") for each in resources(answer)}:
            yield "shows the records of the link's patient"

    find.__doc__, find.__name__ = title, f"{name.replace(' ', '_')}_shows_nothing"
    return check(PAGES)(find)


CHECKS: tuple[Check, ...] = (
    a_granular_scope_opens_what_it_names,
    several_granular_scopes_reach_what_any_reaches,
    a_granular_scope_permits_its_own_creates,
    *(_confined(name, ask) for name, ask in ASKS.items() if not ask.writes),
    *marked(tuple(_confined(name, ask) for name, ask in ASKS.items() if ask.writes), writes=True),
    a_further_page_is_found,
    _page("page of another", "The link to a further page shows another patient's token nothing."),
    _page("page for another type", "The link to a further page shows a token for another type nothing."),
    _page("page without a token", "The link to a further page shows nothing without a token."),
)
