"""What answers say, also those that say it wrongly."""

import pytest

from conformance import capability, reading
from conformance.evidence import Evidence, Exchange, NotOffered
from conformance.suites.access.scopes import ACTS, demanded
from conformance.suites.writeback.numbers import same


def answer(body: bytes = b"", status: int = 200, **headers: str) -> Exchange:
    return Exchange(method="GET", url="http://x/fhir/Observation/a", status=status, headers=headers, body=body)


def stated(body: bytes) -> Evidence:
    evidence = Evidence()
    evidence["metadata"] = answer(body)
    return evidence


STATEMENT = (
    b'{"rest":[{"mode":"server","interaction":[{"code":"batch"}],"resource":[{"type":"Observation","conditionalDelete":'
    b'"single","updateCreate":false,"versioning":"versioned","interaction":[{"code":"read"}],"searchParam":[{"name":"code",'
    b'"type":"token"}],"operation":[{"name":"$export"}]}]}]}'
)


def test_an_id_is_read_from_wherever_it_is_told() -> None:
    for place in ("http://x/fhir/Observation/a/_history/1", "Observation/a", "/ehr/fhir/Observation/a"):
        assert reading.id_of(answer(status=201, location=place)) == "a"
    assert reading.id_of(answer(b'{"resourceType":"Observation","id":"a"}')) == "a"
    assert reading.id_of(answer(b'{"resourceType":"OperationOutcome","id":"a"}')) is None
    assert reading.id_of(answer(location="nowhere")) is None


def test_a_bundle_that_is_none_has_no_entries() -> None:
    for body in (b"", b"[]", b'{"entry":{}}', b'{"entry":[1]}', b'{"entry":[{"resource":1}]}'):
        assert reading.resources(answer(body)) == []
    assert reading.statuses(answer(b'{"entry":[{"response":{"status":"201 Created"}},{}]}')) == [201, 0]


def test_a_reference_names_a_record_in_every_form() -> None:
    for said in ("Patient/p", "http://x/fhir/Patient/p", "Patient/p/_history/3"):
        assert reading.names({"subject": {"reference": said}}, "Patient/p")
    assert not reading.names({"subject": {"reference": "Patient/pp"}}, "Patient/p")


def test_only_what_a_server_says_is_owed() -> None:
    evidence = stated(STATEMENT)
    assert capability.offers(evidence, "Observation", "read", "conditional-delete")
    assert not capability.offers(evidence, "Observation", "vread")
    assert not capability.versioned(evidence, "Observation")
    assert capability.whole(evidence, "batch")
    assert capability.parameters(evidence, "Observation") == {"code": "token"}
    assert capability.operations(evidence, "Observation") == {"export"}
    with pytest.raises(NotOffered, match="update-create of Observation"):
        capability.require(evidence, "Observation", "read", "update-create")
    with pytest.raises(NotOffered, match="transaction"):
        capability.require_whole(evidence, "transaction")


def test_a_statement_that_is_none_offers_nothing() -> None:
    for body in (b"", b'{"rest":{}}', b'{"rest":[{"mode":"client"}]}', b'{"rest":[{"mode":"server","resource":[1]}]}'):
        assert not capability.offers(stated(body), "Observation", "read")


def test_a_number_is_the_same_when_value_and_precision_are() -> None:
    assert same("1e2", "1E+2")
    assert same("0.10", "0.10")
    assert not same("1e2", "100")
    assert not same("1.00", "1.0")
    assert not same("1.00", None)


def test_a_letter_permits_its_own_interaction_and_what_needs_more_is_left_open() -> None:
    assert demanded("create", "c") is True
    assert demanded("create", "ruds") is False
    assert demanded("update_that_creates", "u") is None
    assert demanded("update_that_creates", "cu") is True
    assert all(act.letter in "cruds" for act in ACTS.values())
