"""Parts of the store that are functions of values, decision by decision: batches, exports, what a resource says, what it names."""

from typing import Any

import pytest

from r4 import codec
from r4.interaction import Answer, Interaction, InteractionError
from sandbox import batch, bulk, capabilities
from sandbox.answering import REMEMBERED_BYTES, parsed, refusal, unplain
from sandbox.comparing import LATE, Known
from sandbox.indexing import FOREVER, NO_DATE, READERS, Term, date_of, index, key, logical, mark, together
from sandbox.search import compile, without_cursor
from sandbox.store import stamped
from tests.unit.sandbox.stores import BASE

# references


@pytest.mark.parametrize("said", ["Patient/1", "Patient/1/_history/2", "http://e.example/Patient/1", "https://e.example/x", "urn:uuid:a", "#a",
                                  f"{BASE}/Patient/1"])  # fmt: skip
def test_what_names_something_may_be_stored(said: str) -> None:
    body = {"resourceType": "Observation", "subject": {"reference": said}}
    assert list(unplain(body, base=BASE)) == list(unplain(body, base=BASE, said=[said])) == []


@pytest.mark.parametrize(
    "said",
    [
        "Patient?identifier=1",
        "Patient",
        "patient/1",
        "http://e.example/a b",
        "urn:a b",
        "#a b",
        "ftp://e.example/x",
        "",
    ],
)
def test_what_names_nothing_is_told_by_its_element(said: str) -> None:
    body = {"resourceType": "Observation", "subject": {"reference": said}, "focus": [{"reference": "Patient/1"}]}
    assert [issue.element for issue in unplain(body, base=BASE)] == ["Observation.subject.reference"]
    assert [issue.element for issue in unplain(body, base=BASE, said=[said])] == ["Observation.subject.reference"]


def test_a_long_body_is_read_as_well_as_a_short_one() -> None:
    for size in (1, REMEMBERED_BYTES):
        assert parsed(codec.format({"a": "x" * size})) == {"a": "x" * size}
    assert refusal(400, "value", "no").headers == {}
    assert refusal(410, "deleted", "no", headers={"etag": "x"}).headers == {"etag": "x"}


# batch and transaction


def entry(action: Any, **members: Any) -> Interaction:
    return Interaction(action=action, type=members.pop("type", "Observation"), **members)


SEQUENCE = ("delete", "create", "update", "patch", "read", "vread", "search", "history")
"""R4 §3.1.0.11.2: DELETE, POST, PUT and PATCH, GET."""


@pytest.mark.parametrize("id", [None, "x"])
def test_a_transaction_deletes_creates_changes_and_reads_in_that_order(id: str | None) -> None:
    entries = [entry(action, id=id) for action in reversed(SEQUENCE)]
    assert [entries[place].action for place in batch.ordered(entries)] == list(SEQUENCE)


def refers(to: str) -> dict[str, Any]:
    return {"subject": {"reference": to}}


def test_among_updates_what_others_refer_to_comes_first() -> None:
    third, second = (
        entry("update", id="3", body=refers("Patient/2/_history/1")),
        entry("update", type="Patient", id="2", body=refers("Patient/1")),
    )
    first, other = entry("update", type="Patient", id="1"), entry("update", id="0", body=refers("Patient/elsewhere"))
    assert batch.ordered([third, second, first, other]) == [2, 1, 0, 3]
    assert batch.ordered(
        [entry("read", type="Patient", id="1"), entry("update", id="2", body=refers("Patient/1"))]
    ) == [1, 0]
    one, two = (
        entry("update", id="1", body=refers("Observation/2")),
        entry("update", id="2", body=refers("Observation/1")),
    )
    assert sorted(batch.ordered([one, two])) == [0, 1]


@pytest.mark.parametrize(
    ("one", "other", "wrong"),
    [
        (entry("update", id="1"), entry("delete", id="1"), True), (entry("patch", id="1"), entry("patch", id="1"), True),
        (entry("update", id="1"), entry("read", id="1"), False), (entry("update", id="1"), entry("update", id="2"), False),
        (entry("update", id="1"), entry("update", type="Patient", id="1"), False), (entry("delete"), entry("delete"), False),
        (entry("create", full_url="urn:a"), entry("create", full_url="urn:a"), True), (entry("create"), entry("create"), False),
        (entry("create", full_url="urn:a"), entry("create", full_url="urn:b"), False),
        (entry("update", id="1", full_url="urn:a"), entry("update", id="2", full_url="urn:a"), False),
    ],
)  # fmt: skip
def test_a_resource_and_a_name_stand_in_a_transaction_once(one: Interaction, other: Interaction, wrong: bool) -> None:
    found = batch.fault([one, other])
    assert (found is not None) is wrong
    assert found is None or found.element == "Bundle.entry[1]"


def test_names_inside_a_bundle_become_what_their_resources_will_be_called() -> None:
    entries = [
        entry("create", type="Patient", full_url="urn:p", body={"resourceType": "Patient"}),
        entry("create", type="Patient", full_url="urn:q", body={}, if_none_exist=(("identifier", "1"),)),
        entry("update", type="Patient", id="r", full_url="urn:r", body={}),
        entry("update", type="Patient", id="s", full_url="http://e.example/Patient/s", body={}),
        entry("create", body={
            **refers("urn:p"), "focus": [{"reference": "urn:q"}, {"reference": "urn:r"}, {"reference": "http://e.example/Patient/s"}],
            "note": {"url": "urn:p", "uri": "urn:p", "text": "urn:p"}, "n": [1],
        }),
        entry("read", id="x"),
    ]  # fmt: skip
    made = batch.assign(entries, [f"n{number}" for number in range(6)])
    assert [(each.action, each.id) for each in made] == [
        ("update", "n0"),
        ("create", None),
        ("update", "r"),
        ("update", "s"),
        ("update", "n4"),
        ("read", "x"),
    ]
    assert made[0].body == {"resourceType": "Patient", "id": "n0"}
    assert made[4].body == {
        "id": "n4", **refers("Patient/n0"), "focus": [{"reference": "urn:q"}, {"reference": "Patient/r"}, {"reference": "http://e.example/Patient/s"}],
        "note": {"url": "Patient/n0", "uri": "Patient/n0", "text": "urn:p"}, "n": [1],
    }  # fmt: skip
    assert made[5].body is None


# exports


def asked(
    *query: tuple[str, str], type: str | None = "Patient", id: str | None = None, body: Any = None
) -> bulk.Export:
    told = Interaction(action="operation", operation="$export", type=type, id=id, query=query, body=body)
    return bulk.parse(told, lenient=False)


def test_the_types_that_come_along_and_the_parameters_of_an_export() -> None:
    assert {"Practitioner", "PractitionerRole", "Organization", "Location", "Medication", "Device"} == bulk.ASSOCIATED
    for said in ("application/fhir+ndjson", "application/ndjson", "ndjson"):
        asked(("_outputFormat", said))
    assert {"_outputFormat", "_since", "_type", "_typeFilter", "_elements", "patient"} == bulk.KNOWN


def test_an_export_as_it_is_asked_for() -> None:
    nothing = asked()
    assert (nothing.level, nothing.group, nothing.types, nothing.since, nothing.shape, nothing.filters, nothing.patients) == (
        "patient", None, None, None, None, {}, None,
    )  # fmt: skip
    assert (asked(type="Group", id="g").level, asked(type="Group", id="g").group, asked(type=None).level) == (
        "group",
        "g",
        "system",
    )
    assert asked(("_type", "Patient, Observation"), ("_type", "Patient")).types == ("Patient", "Observation")
    assert asked(("_since", "2026-01-01T00:00:00 01:00")).since == "2026-01-01T00:00:00+01:00"
    assert asked(("patient", "Patient/a"), ("patient", "b")).patients == ("a", "b")
    assert asked(("_elements", "id,status")).shape is not None
    filters = asked(
        ("_typeFilter", "Observation?code=a,b,Patient?gender=male"), ("_typeFilter", "Observation?_id=1")
    ).filters
    assert filters == {"Observation": ((("code", "a,b"),), (("_id", "1"),)), "Patient": ((("gender", "male"),),)}
    posted = {
        "resourceType": "Parameters",
        "parameter": [
            {"name": "patient", "valueReference": {"reference": "Patient/a"}},
            {"name": "_type", "valueString": "Patient"},
        ],
    }
    assert (asked(body=posted).patients, asked(body=posted).types) == (("a",), ("Patient",))
    assert asked(body={"resourceType": "Parameters"}).types is None


@pytest.mark.parametrize(
    ("query", "options"),
    [
        ((("nothing", "1"),), {}), ((("_outputFormat", "csv"),), {}), ((("_since", "yesterday"),), {}), ((("patient", "a"),), {"type": None}),
        ((("_since", "2026-01-01T00:00:00Z"), ("_since", "2026-01-01T00:00:00Z")), {}), ((("_outputFormat", "ndjson"), ("_outputFormat", "ndjson")), {}),
        ((("_type", ""),), {}), ((("_type", "Nothing"),), {}), ((("_typeFilter", "Observation"),), {}), ((("_typeFilter", "Nothing?a=1"),), {}),
        ((("_typeFilter", "Observation?_sort=date"),), {}), ((("_typeFilter", "Observation?nothing=1"),), {}),
        ((), {"body": {"resourceType": "Patient"}}), ((), {"body": {"resourceType": "Parameters", "parameter": {}}}),
        ((("_type", "Patient"),), {"body": {"resourceType": "Parameters"}}), ((), {"body": {"resourceType": "Parameters", "parameter": ["x"]}}),
        ((), {"body": {"resourceType": "Parameters", "parameter": [{"name": "_type"}]}}),
        ((), {"body": {"resourceType": "Parameters", "parameter": [{"name": "_type", "valueString": "Patient", "valueCode": "Patient"}]}}),
        ((), {"body": {"resourceType": "Parameters", "parameter": [{"valueString": "Patient"}]}}),
        ((), {"body": {"resourceType": "Parameters", "parameter": [{"name": "_type", "valueInteger": 1}]}}),
    ],
)  # fmt: skip
def test_an_export_that_is_not_understood_is_refused(query: Any, options: dict[str, Any]) -> None:
    with pytest.raises(InteractionError):
        asked(*query, **options)


def test_a_lenient_export_leaves_out_what_it_does_not_know() -> None:
    told = Interaction(action="operation", operation="$export", type="Patient", query=(("nothing", "1"),))
    assert bulk.parse(told, lenient=True).types is None


def test_a_manifest_lists_what_was_deleted_where_that_was_asked() -> None:
    made = bulk.manifest(at="t", request="r", output=[("Patient", "u", 1)], deleted=None)
    assert made == {
        "transactionTime": "t",
        "request": "r",
        "requiresAccessToken": True,
        "output": [{"type": "Patient", "url": "u", "count": 1}],
        "error": [],
    }
    assert bulk.manifest(at="t", request="r", output=(), deleted=())["deleted"] == []


# what a resource says


def terms(name: str, type: str = "Observation", **members: Any) -> list[tuple[Any, ...]]:
    number = key(type, name)
    return [term[1:] for term in index({"resourceType": type, **members}, base=BASE) if term.parameter == number]


def test_each_kind_of_parameter_is_read() -> None:
    assert set(READERS) == {"token", "reference", "string", "date", "quantity", "number", "uri"}


@pytest.mark.parametrize(
    ("said", "low", "high"),
    [({"start": "1970-01-02"}, 86400.0, FOREVER), ({"end": "1970-01-02"}, -FOREVER, 172800.0), ({"start": "1970-01-01", "end": "1970-01-02"}, 0.0, 172800.0)],
)  # fmt: skip
def test_a_period_ends_where_it_says_or_never(said: dict[str, str], low: float, high: float) -> None:
    assert terms("date", effectivePeriod=said) == [(0, None, 0, low, high)]


def test_what_is_no_date_says_none() -> None:
    assert terms("date", effectivePeriod={"id": "x"}) == []
    assert terms("date", effectiveDateTime="yesterday") == []
    assert terms("date", effectiveTiming={"event": ["1970-01-02", "1970-01-03"]}) == [
        (0, None, 0, 86400.0, 172800.0),
        (0, None, 0, 172800.0, 259200.0),
    ]
    assert terms("date", effectiveTiming={"repeat": {}}) == []


UCUM = "http://unitsofmeasure.org"


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"value": 5, "system": UCUM, "code": "kg", "unit": "kg"}, [(0, "kg", mark(UCUM), 5.0, 5.0)]),
        ({"value": 5, "system": UCUM, "code": "kg", "unit": "kilo"}, [(0, "kg", mark(UCUM), 5.0, 5.0), (0, "kilo", mark(UCUM), 5.0, 5.0)]),
        ({"value": 5, "unit": "kilo"}, [(0, "kilo", 0, 5.0, 5.0)]), ({"value": 5, "code": "kg"}, [(0, "kg", 0, 5.0, 5.0)]), ({"value": 0}, [(0, "", 0, 0.0, 0.0)]),
        ({"unit": "kg"}, []), ("5 kg", []),
    ],
)  # fmt: skip
def test_a_quantity_stands_under_its_code_and_its_unit(said: Any, found: list[Any]) -> None:
    assert terms("value-quantity", valueQuantity=said) == found


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"low": {"value": 1, "unit": "y"}, "high": {"value": 2, "unit": "y"}}, [("y", 1.0, 2.0)]), ({"low": {"value": 1, "unit": "y"}}, [("y", 1.0, 1e300)]),
        ({"high": {"value": 2, "unit": "y"}}, [("y", -1e300, 2.0)]), ({"low": {"unit": "y"}}, []), ({"low": "1", "high": {"value": 2}}, [("", -1e300, 2.0)]),
    ],
)  # fmt: skip
def test_a_range_reaches_from_its_low_to_its_high(said: Any, found: list[Any]) -> None:
    told = terms("onset-age", "Condition", onsetRange=said)
    assert [(value, low, high) for _, value, _, low, high in told] == found


@pytest.mark.parametrize(
    ("said", "found"),
    [
        ({"coding": [{"system": "s", "code": "a"}, {"code": "b"}], "text": "t"}, [("a", mark("s")), ("b", 0)]), ({"coding": {"code": "a"}}, []), ({"text": "t"}, []),
        ({"coding": ["a"]}, [("a", 0)]), ({"coding": [{"system": 1, "code": "a"}, {"code": 1}]}, [("a", 0)]),
    ],
)  # fmt: skip
def test_a_concept_says_its_codings(said: Any, found: list[Any]) -> None:
    assert [each[1:3] for each in terms("code", code=said)] == found


def test_identifiers_truth_values_codes_and_uris() -> None:
    assert [each[1:3] for each in terms("identifier", identifier=[{"system": "s", "value": "v"}, {"value": "w"}])] == [
        ("v", mark("s")),
        ("w", 0),
    ]
    assert terms("active", "Patient", active=False) == [(0, "false", 0, None, None)]
    assert terms("active", "Patient", active=True) == [(0, "true", 0, None, None)]
    assert terms("active", "Patient", active=1) == []
    assert terms("deceased", "Patient") == [(0, "false", 0, None, None)]
    assert terms("deceased", "Patient", deceasedDateTime="2020") == [(0, "true", 0, None, None)]
    assert [each[1] for each in terms("_profile", meta={"profile": ["urn:p", 1]})] == ["urn:p"]
    assert terms(
        "probability", "RiskAssessment", prediction=[{"probabilityDecimal": 0.5}, {"probabilityDecimal": "x"}]
    ) == [(1, None, 0, 0.5, 0.5)]
    assert terms("probability", "RiskAssessment", prediction=[{"probabilityDecimal": True}]) == []


def test_a_reference_says_what_it_names_and_its_identifier() -> None:
    here = {"reference": f"{BASE}/Patient/1", "identifier": {"system": "s", "value": "v"}}
    assert terms("subject", subject=here) == [(0, "Patient/1", 0, None, None)]
    assert terms("subject", subject={"reference": "http://e.example/Patient/1"}) == [
        (0, "http://e.example/Patient/1", 0, None, None)
    ]
    assert terms("subject", subject={"display": "x"}) == terms("subject", subject={"reference": 1}) == []
    found = [
        term
        for term in index({"resourceType": "Observation", "subject": here}, base=BASE)
        if term.parameter == logical(key("Observation", "subject"))
    ]
    assert [(term.value, term.mark) for term in found] == [("v", mark("s"))]


def test_a_patient_and_a_code_stand_together() -> None:
    coding = {"coding": [{"system": "s", "code": "a"}, {"code": "b"}], "text": "t"}
    found = terms("patient+code", subject={"reference": "Patient/1"}, code=coding)
    assert found == [
        (0, together("Patient/1", "a"), mark("s"), None, None),
        (0, together("Patient/1", "b"), 0, None, None),
    ]
    assert (
        terms("patient+code", code=coding) == terms("patient+code", subject={"reference": "Group/1"}, code=coding) == []
    )
    assert terms("patient+code", "Encounter", subject={"reference": "Patient/1"}, code=coding) == []


def test_the_leading_date_is_the_earliest_beginning() -> None:
    number = key("Observation", "date")
    said = [
        Term(number, low=5.0, high=6.0),
        Term(number, low=3.0, high=9.0),
        Term(key("Observation", "code"), low=1.0),
        Term(number),
    ]
    assert date_of("Observation", said) == 3.0
    assert date_of("Observation", ()) == NO_DATE
    assert date_of("Medication", said) == 0.0


# searches and answers


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


def test_what_is_a_column_of_the_resource_is_no_term_of_it() -> None:
    said = {"id": "x", "meta": {"lastUpdated": "2026-01-01T00:00:00Z", "tag": [{"code": "t"}]}, "status": "final"}
    found = {term.parameter for term in index({"resourceType": "Observation", **said}, base=BASE)}
    assert found == {key("Observation", "_tag"), key("Observation", "status")}


def test_the_answer_of_a_bundle_has_an_entry_for_each_in_order() -> None:
    answers = [
        Answer(status=201, resource={"id": "1"}, headers={"location": "l", "etag": "e", "last-modified": "m"}),
        Answer(status=204),
        Answer(status=404, resource={"id": "o"}),
        Answer(status=500),
    ]
    made = batch.bundle("batch", answers)
    assert made["type"] == "batch-response"
    assert made["entry"][:3] == [
        {"resource": {"id": "1"}, "response": {"status": "201", "location": "l", "etag": "e"}},
        {"response": {"status": "204"}},
        {"response": {"status": "404", "outcome": {"id": "o"}}},
    ]
    assert made["entry"][3]["response"]["outcome"]["issue"][0]["code"] == "exception"
    assert batch.bundle("transaction", ()) == {"resourceType": "Bundle", "type": "transaction-response"}


def test_nothing_to_rewrite_leaves_an_entry_as_it_is() -> None:
    told = entry("update", id="1", body=refers("urn:p"))
    assert batch.resolve(told, {}) is told
    assert batch.resolve(entry("read", id="1"), {"urn:p": "Patient/1"}).body is None
    assert batch.resolve(told, {"urn:p": "Patient/1"}).body == refers("Patient/1")


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
