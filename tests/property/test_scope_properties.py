"""Scopes as an algebra, judged by a small model of what each permits, which knows nothing of the product's own code."""

import re
from functools import cache
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from auth import scopes
from auth.scopes import FhirScope, WordScope

CONTEXTS, TYPES = ("patient", "user", "system"), ("Patient", "Observation", "Condition")
SUFFIXES = [
    "read",
    "write",
    "*",
    *("".join(letter for place, letter in enumerate("cruds") if mask >> place & 1) for mask in range(1, 32)),
]
QUERIES = ("", "?category=a", "?category=b", "?code=x", "?category=a&code=x", "?code=s|x")
REQUESTS = [
    (context, type, letter, frozenset(attributes))
    for context in CONTEXTS
    for type in TYPES
    for letter in "cruds"
    for attributes in (
        [],
        ["category=a"],
        ["category=b"],
        ["code=x"],
        ["category=a", "code=x"],
        ["code=s|x", "category=b"],
    )
]
"""Everything that can be asked in a world of three types and few attributes."""

fhir = st.builds(
    lambda context, type, suffix, query: f"{context}/{type}.{suffix}{query if type != '*' and len(suffix) and suffix not in ('read', 'write', '*') else ''}",
    st.sampled_from(CONTEXTS), st.sampled_from((*TYPES, "*")), st.sampled_from(SUFFIXES), st.sampled_from(QUERIES),
)  # fmt: skip
words = st.sampled_from(
    ["openid", "fhirUser", "launch", "launch/patient", "offline_access", "launch/imagingstudy?role=http://x.example/r"]
)
word = st.one_of(fhir, words)
scope_lists = st.lists(word, max_size=6)
LETTERS = {"read": "rs", "write": "cud", "*": "cruds"}
_WRITTEN = re.compile(r"(patient|user|system)/([A-Za-z*]+)\.([a-z*]+)(?:\?(.+))?")


def permits(written: str, request: tuple[str, str, str, frozenset[str]]) -> bool:
    """The model: whether a scope, as it is written, lets one request through."""
    match = _WRITTEN.fullmatch(written)
    if match is None:
        return False
    context, type, letter, attributes = request
    asked = set((match[4] or "").split("&")) - {""}
    return (
        match[1] == context
        and match[2] in ("*", type)
        and letter in LETTERS.get(match[3], match[3])
        and asked <= attributes
    )


@cache
def permitted(written: str) -> frozenset[Any]:
    return frozenset(request for request in REQUESTS if permits(written, request))


def as_written(scope: scopes.Scope) -> str:
    return scopes.format_one(scope)


@given(scope_lists)
def test_what_is_parsed_is_written_again_as_it_was(said: list[str]) -> None:
    parsed = scopes.parse(" ".join(said))
    assert {as_written(each) for each in parsed} == set(said)
    assert scopes.parse(scopes.format(parsed)) == parsed


@given(st.text(alphabet="patientusrymOb/.*?=&:|cd% \u00e9\x00", max_size=40))
def test_what_is_not_understood_is_dropped_and_what_is_kept_comes_back(said: str) -> None:
    parsed = scopes.parse(said)
    assert scopes.parse(scopes.format(parsed)) == parsed
    assert len(parsed) <= len(said.split())


@given(fhir)
def test_a_scope_means_what_the_model_says(said: str) -> None:
    parsed = scopes.parse_one(said)
    assert isinstance(parsed, FhirScope)
    for context, type, letter, attributes in REQUESTS:
        product = (
            parsed.context == context and parsed.type in ("*", type) and letter in parsed.actions
            and {f"{name}={value}" for name, value in parsed.query} <= attributes
        )  # fmt: skip
        assert product == permits(said, (context, type, letter, attributes))


@given(word, word, word)
def test_covering_is_a_partial_order(one: str, two: str, three: str) -> None:
    a, b, c = (scopes.parse(each)[0] for each in (one, two, three))
    assert scopes.covers(a, a)
    assert not (scopes.covers(a, b) and scopes.covers(b, c)) or scopes.covers(a, c)
    if scopes.covers(a, b) and scopes.covers(b, a):
        assert permitted(as_written(a)) == permitted(as_written(b))
        assert isinstance(a, WordScope) == isinstance(b, WordScope)


@given(fhir, fhir)
def test_what_covers_permits_at_least_as_much(one: str, two: str) -> None:
    if scopes.covers(scopes.parse(one)[0], scopes.parse(two)[0]):
        assert permitted(one) >= permitted(two)


@given(scope_lists, scope_lists)
def test_what_is_granted_is_within_one_scope_asked_for_and_one_allowed(asked: list[str], allowed: list[str]) -> None:
    granted = scopes.narrow(scopes.parse(" ".join(asked)), scopes.parse(" ".join(allowed)))
    for each in map(as_written, granted):
        if _WRITTEN.fullmatch(each) is None:
            assert each in asked
            assert each in allowed
            continue
        assert any(permitted(each) <= permitted(other) for other in asked), (each, asked)
        assert any(permitted(each) <= permitted(other) for other in allowed), (each, allowed)


@given(scope_lists, scope_lists)
def test_what_both_permit_in_single_scopes_is_not_lost(asked: list[str], allowed: list[str]) -> None:
    """Narrowing takes away only what one of the two does not permit."""
    granted = scopes.narrow(scopes.parse(" ".join(asked)), scopes.parse(" ".join(allowed)))
    both = {
        request
        for one in asked
        for two in allowed
        if not ({"?"} & {*one, *two}) or scopes.covers(scopes.parse(two)[0], scopes.parse(one)[0])
        for request in permitted(one) & permitted(two)
    }
    assert both <= frozenset().union(*(permitted(as_written(each)) for each in granted))


@given(scope_lists, scope_lists)
def test_narrowing_again_changes_nothing(asked: list[str], allowed: list[str]) -> None:
    permitted_scopes = scopes.parse(" ".join(allowed))
    once = scopes.narrow(scopes.parse(" ".join(asked)), permitted_scopes)
    assert set(scopes.narrow(once, permitted_scopes)) == set(once)


@given(scope_lists, scope_lists)
def test_what_is_kept_apart_was_asked_for_and_permits_nothing_more(asked: list[str], allowed: list[str]) -> None:
    wanted, having = scopes.parse(" ".join(asked)), scopes.parse(" ".join(allowed))
    granted, apart = scopes.narrow(wanted, having), scopes.narrow(wanted, having, apart=True)
    assert set(granted) <= set(apart)
    assert scopes.outermost(apart) == granted
    for scope in set(apart) - set(granted):
        assert scope in wanted
        assert any(permitted(as_written(scope)) <= permitted(as_written(other)) for other in granted)
    assert set(scopes.narrow(apart, having, apart=True)) == set(apart)


@given(fhir, st.sampled_from(["read", "write", "*"]))
def test_one_scope_in_the_spelling_of_v1_and_of_v2_is_not_lost(one: str, suffix: str) -> None:
    said = scopes.parse(f"{one.partition('.')[0]}.{suffix} {one.partition('.')[0]}.{LETTERS[suffix]}")
    assert scopes.narrow(said, said) == said


def test_the_model_sees_a_narrowing_that_gives_too_much() -> None:
    """The failing twin: a union instead of a meeting."""
    too_much = scopes.parse("patient/*.cruds")
    assert not any(
        permitted(as_written(too_much[0])) <= permitted(other) for other in ["patient/Observation.rs", "patient/*.r"]
    )
