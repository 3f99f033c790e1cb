"""What a sandbox EHR says of itself, and what it knows of a resource and of a query."""

from typing import Any

import pytest

from sandbox import capabilities
from sandbox.comparing import LATE, Known
from sandbox.search import compile, without_cursor
from sandbox.store import stamped
from tests.unit.sandbox.stores import BASE


@pytest.mark.parametrize(
    ("query", "total"), [("", ""), ("_total=none", "none"), ("_total=accurate", "accurate"), ("_total=estimate", "accurate")]
)  # fmt: skip
def test_an_estimate_is_the_whole_truth(query: str, total: str) -> None:
    pairs = tuple(tuple(each.split("=")) for each in query.split("&") if each)
    assert compile("Observation", pairs, Known(base=BASE)).total == total  # type: ignore[arg-type]


def test_the_query_of_the_first_page_has_no_cursor() -> None:
    assert without_cursor((("code", "a"), ("_cursor", "x"), ("_count", "1"))) == (("code", "a"), ("_count", "1"))


def test_what_the_server_knows_is_stamped_over_what_was_sent() -> None:
    made = stamped(
        {"status": "final", "id": "x", "resourceType": "Observation", "meta": {"versionId": "9", "tag": []}},
        id="y",
        version=2,
        now=0.0,
    )
    assert made == {
        "resourceType": "Observation",
        "id": "y",
        "meta": {"versionId": "2", "lastUpdated": made["meta"]["lastUpdated"], "tag": []},
        "status": "final",
    }
    assert list(made) == ["resourceType", "id", "meta", "status"]
    assert set(stamped({"resourceType": "Observation", "meta": "x"}, id="y", version=1, now=0.0)["meta"]) == {
        "versionId",
        "lastUpdated",
    }


def test_the_capability_statement_says_how_deletes_and_exports_are_served() -> None:
    rest = capabilities.statement(base=BASE, date="2026-01-01T00:00:00Z", operations=("$export", "$everything"))[
        "rest"
    ][0]
    assert rest["operation"] == [
        {"name": "export", "definition": "http://hl7.org/fhir/uv/bulkdata/OperationDefinition/export"}
    ]
    row = next(each for each in rest["resource"] if each["type"] == "Patient")
    assert (row["conditionalDelete"], row["conditionalUpdate"]) == ("single", True)
    assert [each["code"] for each in row["interaction"]] == [
        "read", "vread", "update", "patch", "delete", "history-instance", "history-type", "create", "search-type",
    ]  # fmt: skip
    assert [each["name"] for each in row["operation"]] == ["everything", "export"]
    assert {"gt", "ge", "ap"} == LATE


def resources(**options: Any) -> dict[str, dict[str, Any]]:
    rest = capabilities.statement(base=BASE, date="2026-01-01T00:00:00Z", **options)["rest"][0]
    return {row["type"]: row for row in rest["resource"]}


def test_includes_are_told_both_ways_as_references_allow() -> None:
    told = resources()
    assert {"Observation:subject", "Observation:patient", "Observation:encounter"} <= set(
        told["Observation"]["searchInclude"]
    )
    assert {"Observation:subject", "Condition:patient"} <= set(told["Patient"]["searchRevInclude"])
    assert "Observation:encounter" not in told["Patient"]["searchRevInclude"]
    for type, row in told.items():
        kinds = {each["name"]: each["type"] for each in row["searchParam"]}
        assert all(kinds[name.partition(":")[2]] == "reference" for name in row.get("searchInclude", ()))
        assert row.get("searchInclude", ["one"])
        assert row.get("searchRevInclude", ["one"])
        assert ("supportedProfile" in row) is (type == "Basic")


def test_a_server_behind_another_tells_less_and_says_so() -> None:
    own, behind = capabilities.statement(base=BASE, date="d"), capabilities.statement(base=BASE, date="d", behind=True)
    assert behind["rest"][0]["documentation"].startswith(own["rest"][0]["documentation"])
    assert len(behind["rest"][0]["documentation"]) > len(own["rest"][0]["documentation"])
    fewer = {type: len(row["searchParam"]) for type, row in resources(behind=True).items()}
    assert all(fewer[type] <= len(row["searchParam"]) for type, row in resources().items())
    assert sum(fewer.values()) < sum(len(row["searchParam"]) for row in resources().values())
    assert fewer["Patient"] > 10
    for names, told in ((("$export",), True), ((), False)):
        made = capabilities.statement(base=BASE, date="d", operations=names)
        assert ("instantiates" in made) is ("operation" in made["rest"][0]) is told
