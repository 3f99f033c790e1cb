"""Reading what is the other patient's: by id, by a path that means two things, by a version, by a type's history."""

from collections.abc import Iterator
from typing import Any

from tests.abuse import holes, holes_of_requests
from tests.abuse.sign_in import FULL, NARROW, token
from tests.abuse.target import Target


def reads_by_id(target: Target) -> list[str]:
    for scope in (NARROW, FULL):
        bearer = token(target, scope)
        for reference in target.chart.seconds():
            type = reference.partition("/")[0]
            absent = target.fhir("GET", f"{type}/there-is-none", bearer)
            target.alike(f"read of {reference}", target.fhir("GET", reference, bearer), absent)
    bearer = token(target, FULL)
    foreign, absent = target.chart.ref("Observation/o2"), "Observation/there-is-none"
    for rest in ("", "/_history", "/_history/1", "/_history/2"):
        replies = [target.fhir("GET", f"{name}{rest}", bearer) for name in (foreign, absent)]
        target.alike(f"read of {foreign}{rest}", *replies)
        told = [target.calls("GET", f"{name}{rest}", bearer) for name in (foreign, absent)]
        target.expect(
            told[0] == told[1], f"{foreign}{rest} asks the store for {len(told[0])}, absent {len(told[1])} things"
        )
    own = target.fhir("GET", target.chart.ref("Observation/o1"), bearer)
    target.expect(own.status == 200, "one's own record is not read")
    return target.problems


def test_a01_a_foreign_resource_reads_as_an_absent_one(target: Target) -> None:
    assert reads_by_id(target) == []


def test_a01_twin_without_a_check_of_what_was_read(holed: Any) -> None:
    assert reads_by_id(holed(holes.nothing_is_checked)) != []


def test_a01_twin_that_forbids_what_is_foreign(holed: Any) -> None:
    assert reads_by_id(holed(holes.foreign_is_forbidden)) != []


PATHS = (
    "Patient/{p1}/../{p2}", "Patient/{p1}/%2e%2e/{p2}", "Patient/{p1}/%2E./{p2}", "Patient/{p1}%2F..%2F{p2}",
    "Patient/{p1}/..%2F{p2}", "Patient/{p1}/..%5C{p2}", "Patient//{p2}", "/Patient/{p2}", "Patient/{p2}/", "Patient/./{p2}",
    "Patient/{p1};/../{p2}", "Patient;x=1/{p2}", "Patient/{p2};v=1", "Patient/{p1}/..;/{p2}", "Patient/{p1}%00/{p2}",
    "Patient/{p2}%00", "Patient/..", "Patient/%2e%2e", "Patient/.", "Patient/{p1}/..", "Patient%2F{p2}",
    "Patient%3F_id={p2}", "Patient/{p1}%3F_id={p2}", "Patient/{p1}%23/../{p2}", "Patient\\{p2}", "Patient/{p1}\\..\\{p2}",
    "Patient/{p1}/%252e%252e/{p2}", "Patient/{p1}/../../fhir/Patient/{p2}", "../fhir/Patient/{p2}", "%2e%2e/fhir/Patient/{p2}",
    "Patient/{p1}/_history/../../{p2}", "patient/{p2}", "PATIENT/{p2}", "%50atient/{p2}", "Patient/{coded}",
    "metadata/../Patient/{p2}", ".well-known/../Patient/{p2}", "Patient/{p2}%20", "Patient/%20{p2}", "Patient/{p2}%0a",
    "Patient/{p2}.", "Patient/{p1}/%EF%BC%8E%EF%BC%8E/{p2}", "Patient/{p1},{p2}", "Patient/{p1}|{p2}", "Patient/*",
    "Patient/{p1}/{p2}", "Patient/{p1}/Patient/{p2}", "Observation/../Patient/{p2}", "Patient/%c0%ae%c0%ae/{p2}",
)  # fmt: skip
"""Ways to write one place and mean another (smart-auth.md §3.3)."""


def paths(target: Target) -> list[str]:
    ids = {name: target.chart.id(name) for name in ("p1", "p2")}
    coded = "".join(f"%{ord(sign):02x}" for sign in ids["p2"])
    bearer = token(target, FULL)
    with target.untouched("a path that means two things"):
        for method in ("GET", "DELETE"):
            for path in PATHS:
                reply = target.fhir(method, path.format(**ids, coded=coded), bearer)
                target.refused(reply, f"{method} {path}")
    return target.problems


def test_a02_a_path_means_one_thing_or_nothing(target: Target) -> None:
    assert paths(target) == []


def test_a02_twin_that_tidies_paths_up_after_the_guard(holed: Any) -> None:
    problems = paths(holed(holes.nothing_is_checked, holes_of_requests.paths_are_resolved))
    assert {path for path in PATHS if any(f"GET {path}" in each for each in problems)} >= {
        "Patient/{p1}/../{p2}", "Patient/{p1}/%2e%2e/{p2}", "Patient/{p1}%2F..%2F{p2}", "Patient//{p2}", "Patient/{coded}",
    }  # fmt: skip


def _versions(target: Target) -> Iterator[str]:
    for name in ("given", "taken", "x2", "o2", "relabelled"):
        reference = target.chart.ref(f"Observation/{name}")
        yield f"{reference}/_history"
        yield f"{reference}/_history?_count=1"
        yield from (f"{reference}/_history/{version}" for version in (1, 2, 3))


def histories(target: Target) -> list[str]:
    for scope in (NARROW, FULL, "patient/Observation.r"):
        bearer = token(target, scope)
        for path in _versions(target):
            target.fhir("GET", path, bearer)
        for path in ("_history", "Observation/_history", "Patient/_history", "Observation/_history?_since=2000-01-01"):
            reply = target.fhir("GET", path, bearer)
            told = {each.get("fullUrl", "").rpartition("/")[2] for each in reply.json.get("entry", ())}
            seconds = {name.partition("/")[2] for name in (*target.chart.seconds(), *target.chart.deleted[1:])}
            target.expect(not told & seconds, f"{path} names what is p2's")
            if scope == "patient/Observation.r":
                target.refused(reply, f"{path} without s")
    gone, absent = (target.fhir("GET", name, bearer) for name in (target.chart.deleted[1], "Observation/there-is-none"))
    target.alike("a deleted record of p2", gone, absent)
    replies = [target.fhir("GET", f"{name}/_history", bearer) for name in (target.chart.deleted[1], "Observation/none")]
    target.alike("the history of a deleted record of p2", *replies)
    return target.problems


def test_a25_an_earlier_version_is_whose_it_was_and_whose_it_is(target: Target) -> None:
    assert histories(target) == []


def test_a25_twin_that_judges_the_current_version_only(holed: Any) -> None:
    problems = histories(holed(holes.answers_are_not_checked))
    assert any("taken" in each for each in problems)
