"""Scope × interaction × launch level (SMART App Launch 2.2.0, scopes-and-launch-context): a table of interactions and one of
tokens; every cell is asked, and what was refused is read back with a stronger token."""

from collections.abc import Mapping
from typing import NamedTuple

from conformance import capability
from conformance.check import Check, Problems, check, marked
from conformance.evidence import Evidence, Exchange
from conformance.reading import resources, statuses, version_of
from conformance.suites.smart.ids import smart

LEVELS = ("patient", "user", "system")
LETTERS = "cruds"
SCOPES = "hl7.fhir.uv.smart-app-launch_2.2.0#scopes"


class Act(NamedTuple):
    """An interaction: ``letter`` it needs, ``code`` under which a server says that it has it, of the type or (``whole``) of
    the system. ``more`` are letters without which a server may refuse it too."""

    letter: str
    code: str
    writes: bool = False
    whole: bool = False
    more: str = ""


ACTS: Mapping[str, Act] = {
    "read": Act("r", "read"),
    "vread": Act("r", "vread"),
    "history": Act("r", "history-instance"),
    "search": Act("s", "search-type"),
    "search_by_post": Act("s", "search-type"),
    "batch_read": Act("r", "batch", whole=True),
    "create": Act("c", "create", writes=True),
    "conditional_create": Act("c", "conditional-create", writes=True, more="s"),
    "update_that_creates": Act("u", "update-create", writes=True, more="c"),
    "batch_create": Act("c", "batch", writes=True, whole=True),
    "transaction_create": Act("c", "transaction", writes=True, whole=True),
    "update": Act("u", "update", writes=True),
    "conditional_update": Act("u", "conditional-update", writes=True, more="s"),
    "patch": Act("u", "patch", writes=True),
    "conditional_delete": Act("d", "conditional-delete", writes=True, more="s"),
    "delete": Act("d", "delete", writes=True),
}
"""What SMART's table of interactions and letters says; what deletes comes last."""
MAKES = frozenset({"create", "conditional_create", "update_that_creates", "batch_create", "transaction_create"})

WORDS: Mapping[str, tuple[str, str]] = {
    "v1_read": ("patient/Observation.read", "rs"),
    "v1_write": ("patient/Observation.write", "cud"),
    "v1_wildcard_write": ("patient/*.write", "cud"),
    "v1_beside_v2": ("patient/Observation.read patient/Observation.c", "rsc"),
    "wildcard": ("patient/*.cruds", "cruds"),
    "letters_of_two_types": ("patient/Observation.r patient/Condition.cuds", "r"),
    "another_type": ("patient/Condition.cruds", ""),
    "no_scope_for_data": ("openid fhirUser", ""),
}
"""Words of a patient's token, and the letters on Observation that they come to: two scopes are never added up."""


def offered(evidence: Evidence, name: str) -> bool:
    """Whether the server says that it has the interaction."""
    act = ACTS[name]
    return capability.whole(evidence, act.code) if act.whole else capability.offers(evidence, "Observation", act.code)


def demanded(name: str, letters: str) -> bool | None:
    """Whether it must be done (True), must be refused (False), or may be either (None)."""
    act = ACTS[name]
    if act.letter not in letters:
        return False
    return True if set(act.more) <= set(letters) else None


def judged(evidence: Evidence, token: str, name: str, letters: str) -> Problems:
    """One cell: done or refused as the letters say, and what was refused left no trace."""
    answer, wanted = evidence.seen(f"{token}: {name}"), demanded(name, letters)
    status = outcome(answer)
    if wanted and status not in (200, 201, 202, 204):
        yield f"{name} was refused with {status} though .{letters or 'nothing'} permits it"
    if wanted is False and status not in (401, 403, 404):
        yield f"{name} was answered {status} though .{letters or 'nothing'} does not permit it"
    if wanted is False and not ACTS[name].writes and holds(answer):
        yield f"{name} shows data that .{letters or 'nothing'} does not permit"
    if wanted is False and ACTS[name].writes:
        yield from unchanged(evidence, f"{token}: {name}")


def outcome(answer: Exchange) -> int:
    """The status of a request, or that of the one entry of its batch."""
    found = statuses(answer) if str(answer.table.get("type")).endswith("-response") else []
    return found[0] if len(found) == 1 else answer.status


def holds(answer: Exchange) -> bool:
    """Whether it holds an Observation."""
    found = [answer.table, *resources(answer)]
    return any(each.get("resourceType") == "Observation" for each in found)


def unchanged(evidence: Evidence, name: str) -> Problems:
    """What a stronger token reads after a refused write: nothing new by its mark, or the version that was there before."""
    after = evidence.seen(f"{name}, read back")
    if after.table.get("resourceType") == "Bundle":
        if resources(after):
            yield "what was refused is there all the same"
    elif (after.status, version_of(after)) != (200, evidence[f"{name}, before"]):
        yield "what was refused is done all the same"


def _follows(level: str, name: str) -> Check:
    def find(evidence: Evidence) -> Problems:
        _require(evidence, name)
        for letter in LETTERS:
            yield from judged(evidence, f"{level}/Observation.{letter}", name, letter)

    act = name.replace("_", " ")
    find.__doc__ = f"""With a {level} token, {act} is done with .{ACTS[name].letter}, refused with every other letter.

        Compare the letter of the interaction with those of the granted scope before anything else is done, and before a
        condition is looked up; a scope of another type or level adds nothing."""
    find.__name__ = f"{level}_{name}_follows_its_scope"
    return check(SCOPES, f"{SCOPES}-{level}")(find)


def _opens(word: str) -> Check:
    said, letters = WORDS[word]

    def find(evidence: Evidence) -> Problems:
        for name, act in ACTS.items():
            if offered(evidence, name) and (not act.writes or capability.offers(evidence, "Observation", "create")):
                yield from judged(evidence, word, name, letters)

    opens = f".{letters}" if letters else "nothing"
    find.__doc__ = f"""A token of {said} opens {opens} on Observation."""
    find.__name__ = f"{word}_opens_what_it_says"
    also = smart(123) if word == "wildcard" else ()
    return check(f"{SCOPES}-v1" if word.startswith("v1") else SCOPES, *also)(find)


def _require(evidence: Evidence, name: str) -> None:
    act = ACTS[name]
    if act.writes:
        capability.require(evidence, "Observation", "create")
    if act.whole:
        capability.require_whole(evidence, act.code)
    else:
        capability.require(evidence, "Observation", act.code)


CONDITIONAL = frozenset({"conditional_create", "update_that_creates", "conditional_update", "conditional_delete"})


def asked(level: str) -> list[str]:
    """The interactions that are asked of a level: conditions are looked up in the patient's alone."""
    return [name for name in ACTS if level == "patient" or name not in CONDITIONAL]


CHECKS: tuple[Check, ...] = marked(
    (*(_follows(level, name) for level in LEVELS for name in asked(level)), *map(_opens, WORDS)), writes=True
)
