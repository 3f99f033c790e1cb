"""Reading what is the other patient's: by id, by a path that means two things, by a version, by a kind of its own."""

from typing import Any

from tests.abuse import holes
from tests.abuse.sign_in import FULL, NARROW, token
from tests.abuse.target import Target


def reads_by_id(target: Target) -> list[str]:
    for scope in (NARROW, FULL):
        bearer = token(target, scope)
        for reference in target.chart.seconds():
            type = reference.partition("/")[0]
            absent = target.fhir("GET", f"{type}/there-is-none", bearer)
            target.alike(f"read of {reference}", target.fhir("GET", reference, bearer), absent)
    return target.problems


def test_a01_a_foreign_resource_reads_as_an_absent_one(target: Target) -> None:
    assert reads_by_id(target) == []


def test_a01_twin_without_a_check_of_what_was_read(holed: Any) -> None:
    assert reads_by_id(holed(holes.nothing_is_checked)) != []
