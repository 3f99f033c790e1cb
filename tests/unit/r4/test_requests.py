"""Requests as values: what each method and path means, what is none, and what parameters may say."""

import json
from typing import Any

import pytest

from r4.criteria import check, checked, traversed, uses
from r4.interaction import Interaction, InteractionError, format, methods_of, parse

JSON = (("content-type", "application/fhir+json"),)
PATCH = (("content-type", "application/json-patch+json"),)
BODY = b'{"resourceType":"Observation","id":"o"}'


def asked(method: str, url: str, body: bytes = b"", headers: Any = JSON) -> Interaction:
    path, _, query = url.partition("?")
    return parse(method, path, query, headers, body)


@pytest.mark.parametrize(
    ("method", "url", "body", "headers", "members"),
    [
        ("GET", "Observation/o", b"", JSON, {"action": "read", "id": "o"}),
        ("GET", "Observation/o/_history/2", b"", JSON, {"action": "vread", "version": "2"}),
        ("GET", "Observation/o/_history?_count=2", b"", JSON, {"action": "history", "id": "o"}),
        ("GET", "Observation/_history", b"", JSON, {"action": "history", "id": None}),
        ("GET", "_history?_since=2026-01-01", b"", JSON, {"action": "history", "type": None}),
        ("GET", "Observation?code=a", b"", JSON, {"action": "search", "query": (("code", "a"),)}),
        ("GET", "Patient/p/Observation?code=a", b"", JSON, {"action": "search", "compartment": "p"}),
        ("POST", "Observation", BODY, JSON, {"action": "create"}),
        ("PUT", "Observation/o", BODY, (*JSON, ("if-match", 'W/"3"')), {"action": "update", "if_match": "3"}),
        ("PUT", "Observation?identifier=a", BODY, JSON, {"action": "update", "condition": (("identifier", "a"),), "query": ()}),
        ("PATCH", "Observation/o", b'[{"op":"remove","path":"/note"}]', PATCH, {"action": "patch"}),
        ("PATCH", "Observation/o", b'{"resourceType":"Parameters"}', JSON, {"action": "patch"}),
        ("PATCH", "Observation?code=a", b'{"resourceType":"Parameters"}', JSON, {"action": "patch", "id": None, "condition": (("code", "a"),)}),
        ("DELETE", "Observation/o", b"", JSON, {"action": "delete", "id": "o"}),
        ("DELETE", "Observation?code=a", b"", JSON, {"action": "delete", "id": None, "condition": (("code", "a"),)}),
        ("GET", "Patient/p/$everything", b"", JSON, {"action": "operation", "operation": "$everything"}),
        ("GET", "Observation/o", b"", (("if-none-match", 'W/"3"'), ("if-modified-since", "Fri, 02 Jan 2026 00:00:00 GMT")),
         {"if_none_match": "3", "if_modified_since": 1767312000.0}),
    ],
)  # fmt: skip
def test_a_request_is_one_interaction_and_back(method: str, url: str, body: bytes, headers: Any, members: Any) -> None:
    interaction = asked(method, url, body, headers)
    assert {name: getattr(interaction, name) for name in members} == members
    again = format(interaction)
    assert parse(again.method, again.path, again.query, tuple(again.headers.items()), again.body or b"") == interaction


@pytest.mark.parametrize(
    ("method", "url", "body", "headers", "status"),
    [
        ("GET", "Patient/p/../q", b"", JSON, 404),
        ("GET", "Patient/..", b"", JSON, 404),
        ("GET", "Patient/p%2Fq", b"", JSON, 404),
        ("GET", "Patient/%2e%2e", b"", JSON, 404),
        ("GET", "Patient//p", b"", JSON, 404),
        ("GET", "Patient/p;x", b"", JSON, 404),
        ("GET", "Patient/p%00", b"", JSON, 404),
        ("GET", "Patient/p/*", b"", JSON, 404),
        ("GET", "Encounter/e/Observation", b"", JSON, 404),
        ("GET", "Patient/p/Observation/o", b"", JSON, 404),
        ("GET", "Nothing/p", b"", JSON, 404),
        ("GET", "", b"", JSON, 404),
        ("PATCH", "Observation", b"[]", PATCH, 400),
        ("POST", "Observation/o", BODY, JSON, 405),
        ("PUT", "Observation", BODY, JSON, 400),
        ("DELETE", "Observation", b"", JSON, 400),
        ("PATCH", "Observation/o", b"{}", JSON, 400),
        ("PATCH", "Observation/o", b"[]", JSON, 400),
        ("PATCH", "Observation/o", b"{}", PATCH, 400),
        ("PATCH", "Observation/o", b"{}", (("content-type", "application/merge-patch+json"),), 415),
        ("PUT", "Observation/o", b"<a/>", (("content-type", "application/fhir+xml"),), 415),
        ("PUT", "Observation/o", BODY, (*JSON, ("content-encoding", "gzip")), 415),
        ("GET", "Observation", b"", (("accept", "application/fhir+xml"),), 406),
        ("GET", "Observation?_format=ttl", b"", JSON, 406),
        ("GET", "Observation", b"", (("accept", "application/fhir+json; fhirVersion=3.0"),), 406),
        ("PUT", "Observation/o", BODY, (("content-type", "application/fhir+json; fhirVersion=3.0"),), 415),
        ("GET", "Observation/o", b"", (("x-http-method-override", "DELETE"),), 400),
        ("GET", "Observation/o", b"", (("if-none-match", 'W/"1"'), ("if-none-match", 'W/"2"')), 400),
        ("PUT", "Observation/o", BODY, (*JSON, ("if-match", "W/1")), 400),
    ],
)
def test_what_is_no_request_of_this_server_is_refused(
    method: str, url: str, body: bytes, headers: Any, status: int
) -> None:
    with pytest.raises(InteractionError) as wrong:
        asked(method, url, body, headers)
    assert wrong.value.status == status


@pytest.mark.parametrize(
    ("url", "accept"),
    [
        ("Observation?_format=application/fhir+json", "*/*"),
        ("Observation?_format=application/fhir%2Bjson", "*/*"),
        ("Observation?_format=json", "application/fhir+xml"),
        ("Observation?_format=application/json", "text/turtle"),
    ],
)
def test_a_format_in_the_address_counts_and_its_plus_may_stand_as_it_is(url: str, accept: str) -> None:
    assert asked("GET", url, headers=(("accept", accept),)).query == ()


@pytest.mark.parametrize("version", ["4.0", '"4.0"', "4.0.1"])
def test_a_version_of_fhir_that_is_spoken_here_may_be_named(version: str) -> None:
    kind = f"application/fhir+json; charset=utf-8; fhirVersion={version}"
    assert asked("PUT", "Observation/o", BODY, (("content-type", kind), ("accept", kind))).action == "update"
    other = f"application/fhir+json; fhirVersion=3.0, {kind};q=0.5"
    assert asked("GET", "Observation/o", headers=(("accept", other),)).action == "read"


@pytest.mark.parametrize("said", ['"1", W/"2"', '"a:b"', 'W/"3-gzip ", "x"', "nonsense"])
def test_a_tag_that_no_version_here_has_makes_no_read_wrong(said: str) -> None:
    assert asked("GET", "Observation/o", headers=(("if-none-match", said),)).if_none_match is None


@pytest.mark.parametrize(
    "said", ["identifier=http://e.example/?a|1", "Patient?identifier=http://e.example/?a|1", "?identifier=http://e.example/?a|1"]
)  # fmt: skip
def test_a_question_mark_in_a_value_begins_no_query(said: str) -> None:
    found = asked("POST", "Patient", b"{}", (*JSON, ("if-none-exist", said)))
    assert found.if_none_exist == (("identifier", "http://e.example/?a|1"),)


def test_an_update_may_say_that_nothing_stands_there_yet() -> None:
    found = asked("PUT", "Observation/o", BODY, (*JSON, ("if-none-match", "*")))
    assert found.if_none_match == "*"


@pytest.mark.parametrize(
    ("path", "methods"),
    [
        ("Observation", "DELETE, GET, HEAD, PATCH, POST, PUT"),
        ("Observation/o", "DELETE, GET, HEAD, PATCH, PUT"),
        ("Observation/o/_history/1", "GET, HEAD"),
        ("metadata", "GET, HEAD"),
        ("", "POST"),
        ("Nothing/o", ""),
        ("Patient/p;x", ""),
    ],
)
def test_the_methods_of_a_path_are_those_that_are_served_there(path: str, methods: str) -> None:
    assert ", ".join(methods_of(path, lambda _: True)) == methods


@pytest.mark.parametrize(
    "entry",
    [
        {"request": {"method": "GET", "url": "$export"}},
        {"request": {"method": "GET", "url": "metadata"}},
        {"request": {"method": "POST", "url": ""}, "resource": {"resourceType": "Bundle", "type": "batch"}},
        {"request": {"method": "GET", "url": "http://elsewhere/Observation"}},
        {"request": {"method": "GET", "url": "//Observation"}},
        {"request": {"method": "GET", "url": "/metadata"}},
        {"request": {"method": "GET", "url": "//elsewhere/fhir/Observation"}},
        {"request": {"method": "PATCH", "url": "Observation/o"}, "resource": {"resourceType": "Binary", "data": "!"}},
        {"request": {"method": "PATCH", "url": "Observation/o"}, "resource": {"resourceType": "Observation"}},
    ],
)
def test_an_entry_is_nothing_that_would_not_be_decided_alone(entry: Any) -> None:
    good = {"request": {"method": "GET", "url": "Observation/o"}}
    body = {"resourceType": "Bundle", "entry": [good, entry]}
    with pytest.raises(InteractionError) as wrong:
        asked("POST", "", json.dumps({**body, "type": "transaction"}).encode())
    assert wrong.value.issue.element.startswith("Bundle.entry[1]")
    one, other = asked("POST", "", json.dumps({**body, "type": "batch"}).encode()).entries
    assert (one.action, one.wrong) == ("read", None)
    assert other.action == "operation"
    assert other.wrong is not None
    assert (other.wrong.status, other.wrong.issue) == (
        wrong.value.status,
        wrong.value.issue,
    )


SUMMARY = ("Patient/example", "Condition?patient=example", "Observation?patient=example&code=http://loinc.org|55284-4")
"""What R4's example bundle-request-simplesummary asks for, there with a slash before each."""


@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_an_entrys_address_may_begin_with_a_slash_as_in_r4s_own_example(kind: str) -> None:
    told = [
        asked("POST", "", json.dumps({"resourceType": "Bundle", "type": kind, "entry": [
            {"request": {"method": "GET", "url": slash + url}} for url in SUMMARY
        ]}).encode()).entries
        for slash in ("/", "")
    ]  # fmt: skip
    assert told[0] == told[1]
    assert [entry.action for entry in told[0]] == ["read", "search", "search"]


@pytest.mark.parametrize(
    "entry", [{"request": {"method": "get", "url": "Observation"}}, {"request": {"method": [], "url": "Observation"}},
              {"request": {"url": "Observation"}}, {"request": {"method": "GET"}}, {}, "nonsense"],
)  # fmt: skip
@pytest.mark.parametrize("kind", ["batch", "transaction"])
def test_a_bundle_with_an_entry_that_asks_for_nothing_is_none(kind: str, entry: Any) -> None:
    with pytest.raises(InteractionError) as wrong:
        asked("POST", "", json.dumps({"resourceType": "Bundle", "type": kind, "entry": [entry]}).encode())
    assert (wrong.value.status, wrong.value.issue.element) == (400, "Bundle.entry[0].request")


def test_a_parameter_that_one_entry_of_a_batch_may_not_say_is_that_entrys_alone() -> None:
    entries = [{"request": {"method": "GET", "url": url}} for url in ("Observation?nothing=1", "Observation?code=a")]
    body = {"resourceType": "Bundle", "entry": entries}
    one, other = checked(asked("POST", "", json.dumps({**body, "type": "batch"}).encode())).entries
    assert (one.wrong is not None and one.wrong.status, other.wrong) == (400, None)
    with pytest.raises(InteractionError):
        checked(asked("POST", "", json.dumps({**body, "type": "transaction"}).encode()))


def test_what_is_preferred_of_a_bundle_is_preferred_of_what_it_writes() -> None:
    entries = [{"request": {"method": "POST", "url": "Observation"}, "resource": {}}, {"request": {"method": "GET", "url": "Observation/o"}}]  # fmt: skip
    for kind in ("batch", "transaction"):
        body = json.dumps({"resourceType": "Bundle", "type": kind, "entry": entries}).encode()
        found = asked("POST", "", body, (*JSON, ("prefer", "return=minimal"))).entries
        assert [each.prefer for each in found] == ["minimal", None]


def test_a_json_patch_stands_in_a_binary_in_a_bundle() -> None:
    resource = {"resourceType": "Binary", "contentType": "application/json-patch+json", "data": "W10="}
    entries = [{"request": {"method": "PATCH", "url": "Observation/o"}, "resource": resource}]
    found = asked("POST", "", json.dumps({"resourceType": "Bundle", "type": "batch", "entry": entries}).encode())
    assert (found.entries[0].action, found.entries[0].patch) == ("patch", [])


@pytest.mark.parametrize(
    "url",
    ["Observation?code=a&_count=2&_sort=-date&_total=none&_include=Observation:subject:Patient", "Observation?subject:Patient.name=x", "Observation?code:not=a",
     "Patient?_has:Observation:subject:code=a", "Patient?name:exact=a", "Observation?subject:Patient.name:exact=a", "Observation?patient.gender:not=a", "Observation?patient.name:contains=a", "Observation?patient.birthdate:missing=true",
     "Observation?subject.identifier:not=a", "Observation?encounter.subject:Patient=a", "Patient?_has:Observation:patient:code:not=a", "Patient?_has:Observation:patient:date:missing=true",
     "Observation/_history?_count=2&_since=2026", "Patient/p/$everything?_type=Observation", "Observation?_page=x"],
)  # fmt: skip
def test_parameters_that_are_served_pass(url: str) -> None:
    check(asked("GET", url))


@pytest.mark.parametrize(
    "url",
    ["Observation?PATIENT=a", "Observation?code:in=a", "Observation?code:text=a", "Observation?subject:Patient.name.x=a", "Observation?subject.nothing=a",
     "Observation?code.x=a", "Observation?_include=*", "Observation?_include=Observation:*", "Observation?_include:iterate=Observation:subject",
     "Observation?_revinclude:recurse=Provenance:target", "Observation?_filter=a", "Observation?_text=a", "Observation?_list=a",
     "Observation?_cursor=a", "Observation?_page=x&code=a", "Observation?_page=x&_page=y", "Observation/o?code=a", "Observation/o/_history?_to=2020", "Observation/_history?code=a",
     "Patient?_has:Observation:subject=a", "Patient?_has:Observation:code:code=a", "Patient?_has:Nothing:subject:code=a", "Patient/p/$everything?begin=2020", "Observation?_id:not=a",
     "Observation?subject:Patient.name:not=a", "Observation?patient.gender:in=a", "Observation?patient.gender:exact=a", "Observation?patient.name:text=a", "Observation?patient.name:=a",
     "Observation?patient._id:not=a", "Observation?patient._lastUpdated:missing=true", "Observation?encounter.subject:Patient.name=a", "Observation?encounter.subject.name:exact=a",
     "Patient?_has:Observation:patient:code:in=a", "Patient?_has:Observation:patient:code:", "Patient?_has:Observation:patient:_id:not=a", "Patient?_has:Observation:patient:code-value-quantity:missing=true",
     "Patient?_has:Observation:patient:subject:Patient.name=a", "Patient?_has:Observation:patient:_has:Provenance:target:recorded=a", "Patient?_has:Observation:patient:date:missing:missing=true",
     "Observation?_elements=", "Observation?_elements=id&_summary=true", "Observation?=a"],
)  # fmt: skip
def test_parameters_that_nobody_decided_about_are_refused(url: str) -> None:
    with pytest.raises(InteractionError) as wrong:
        check(asked("GET", url))
    assert wrong.value.status == 400


@pytest.mark.parametrize(
    "condition",
    ["_count=2", "subject.name=a", "_has:Observation:subject:code=a", "identifier=", "_sort=date", "code:in=a"],
)
def test_a_condition_holds_plain_filters_only(condition: str) -> None:
    for said in (
        asked("DELETE", f"Patient?{condition}"),
        asked("POST", "Patient", b"{}", (*JSON, ("if-none-exist", condition))),
    ):
        with pytest.raises(InteractionError):
            check(said)


def test_features_and_types_of_a_search_are_named() -> None:
    found = asked(
        "GET", "Observation?subject:Patient.name=x&_has:Provenance:target:recorded=ge2000&_include=Observation:subject"
    )
    assert uses(found) == {"chain", "_has", "_include"}
    assert traversed(found) == {"Patient", "Provenance"}


def test_a_modifier_at_the_end_hides_no_feature_and_no_type() -> None:
    for said, feature, type in (
        ("subject:Patient.name:exact=x", "chain", "Patient"), ("encounter.subject:Patient=x", "chain", "Encounter"),
        ("_has:Provenance:target:recorded:missing=true", "_has", "Provenance"), ("_has:Provenance:target:agent:Device=x", "_has", "Provenance"),
    ):  # fmt: skip
        found = asked("GET", f"Observation?{said}")
        check(found)
        assert (uses(found), traversed(found)) == ({feature}, {type})
