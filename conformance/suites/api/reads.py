"""US Core reads and searches, type by type: what is found is what was asked for, has what it must, and leads somewhere."""

from collections.abc import Mapping
from typing import Any

from conformance import capability
from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Exchange, NotOffered
from conformance.reading import entries, link, resources
from conformance.suites.api.matching import has, invented, matches
from conformance.suites.api.uscore import PROFILES

US = "us-core-6.1.0"


def records(evidence: Evidence, type: str) -> list[Mapping[str, Any]]:
    """What was found of the type without any further wish. Raises NotOffered where there is none."""
    capability.require(evidence, type, "search-type")
    found = [each for each in resources(evidence.seen(f"all {type}")) if each.get("resourceType") == type]
    if not found:
        raise NotOffered(f"any record of {type}")
    return found


def _searched(type: str) -> Check:
    def find(evidence: Evidence) -> Problems:
        capability.require(evidence, type, "search-type")
        for row in evidence[f"searches of {type}"]:
            yield from _found(type, row)

    find.__doc__ = f"""{type} is found by every combination of parameters that US Core requires, and nothing else with it.

        The combinations: {", ".join(PROFILES[type].searches)}; codes with and without system, times with every comparator."""
    find.__name__ = f"{type.lower()}_is_searched"
    return check(f"{US}#{type.lower()}-search")(find)


def _found(type: str, row: Mapping[str, Any]) -> Problems:
    """One search: answered, of the type, of what was asked, and with the record whose values were asked for."""
    answer, pairs, said = row["answer"], row["pairs"], "+".join(name for name, _ in row["pairs"])
    if 400 <= answer.status < 500 and invented(pairs):
        return
    if answer.status != 200 or answer.table.get("type") != "searchset":
        yield f"{said}: answered {answer.status}, or no searchset"
        return
    there = [entry["resource"] for entry in entries(answer) if _mode(entry) == "match" and "resource" in entry]
    found = [each for each in there if isinstance(each, dict)]
    if any(each.get("resourceType") != type or not matches(each, pairs) for each in found):
        yield f"{said}: found what was not asked for"
    ids = {each.get("id") for each in found}
    if row["wanted"] and row["wanted"] not in ids and link(answer) is None:
        yield f"{said}: did not find the record whose values were asked for"


def _mode(entry: Mapping[str, Any]) -> str:
    search = entry.get("search")
    return str(search.get("mode", "match")) if isinstance(search, dict) else "match"


def _posted(type: str) -> Check:
    def find(evidence: Evidence) -> Problems:
        capability.require(evidence, type, "search-type")
        by_get, by_post = evidence.seen(f"{type} by GET"), evidence.seen(f"{type} by POST")
        if by_post.status != 200:
            yield f"answered {by_post.status}"
        elif {each.get("id") for each in resources(by_get)} != {each.get("id") for each in resources(by_post)}:
            yield "found other records than by GET"

    find.__doc__, find.__name__ = f"{type} is found by POST _search as by GET.", f"{type.lower()}_is_searched_by_post"
    return check("fhir-r4#search-post")(find)


def _read(type: str) -> Check:
    def find(evidence: Evidence) -> Problems:
        found = records(evidence, type)
        capability.require(evidence, type, "read")
        answer = evidence.seen(f"read {type}")
        if answer.status != 200 or answer.table.get("id") != found[0].get("id"):
            yield f"answered {answer.status}, or another resource"
        if answer.table.get("resourceType") != type:
            yield "is of another type"

    find.__doc__, find.__name__ = f"{type} is read by the id with which it is found.", f"{type.lower()}_is_read"
    return check(f"{US}#{type.lower()}-read")(find)


def _required(type: str) -> Check:
    def find(evidence: Evidence) -> Problems:
        for path in PROFILES[type].required:
            if lacking := [each for each in records(evidence, type) if not has(each, path)]:
                yield f"{len(lacking)} records lack {path}, and do not say why"

    find.__doc__ = f"Each {type} has the elements that its US Core profile requires, or says why not."
    find.__name__ = f"{type.lower()}_has_what_is_required"
    return check(f"{US}#{type.lower()}-required", f"{US}#data-absent")(find)


def _must(type: str) -> Check:
    def find(evidence: Evidence) -> Problems:
        found = records(evidence, type)
        unseen = [path for path in PROFILES[type].must if not any(has(each, path) for each in found)]
        if len(unseen) == len(PROFILES[type].must):
            yield "none of the must-support elements is populated in any record"
        elif unseen:
            raise NotOffered(f"{type} with {', '.join(unseen)}: no record here has them")

    find.__doc__ = f"Every must-support element of {type} is populated in some record."
    find.__name__ = f"{type.lower()}_shows_its_must_supports"
    return check(f"{US}#must-support")(find)


def _leads(type: str) -> Check:
    def find(evidence: Evidence) -> Problems:
        records(evidence, type)
        if not evidence[f"references of {type}"]:
            raise NotOffered(f"a {type} that refers to anything")
        for row in evidence[f"references of {type}"]:
            answer: Exchange = row["answer"]
            if answer.status != 200 or answer.table.get("resourceType") != row["type"]:
                yield f"a reference to {row['type']} was answered {answer.status}"

    find.__doc__, find.__name__ = f"What a {type} refers to is read.", f"{type.lower()}_leads_to_what_is_there"
    return check(f"{US}#references")(find)


@check(f"{US}#provenance")
def provenance_comes_with_records(evidence: Evidence) -> Problems:
    """_revinclude=Provenance:target is answered for every type of a patient's, with Provenance of what was found only."""
    asked = evidence["with provenance"]
    if not asked:
        raise NotOffered("_revinclude=Provenance:target")
    for type, answer in asked.items():
        if answer.status != 200:
            yield f"{type}: answered {answer.status}"
        included = [entry.get("resource") for entry in entries(answer) if _mode(entry) == "include"]
        if any(not isinstance(each, dict) or each.get("resourceType") != "Provenance" for each in included):
            yield f"{type}: included something else than Provenance"


CHECKS: tuple[Check, ...] = (
    *(made(type) for type in PROFILES for made in (_read, _searched, _posted, _must)),
    *(
        _leads(type)
        for type, profile in PROFILES.items()
        if profile.patient or type in ("PractitionerRole", "Location")
    ),
    *(_required(type) for type, profile in PROFILES.items() if profile.required),
    provenance_comes_with_records,
)
