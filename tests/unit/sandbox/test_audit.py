"""Audit rows as AuditEvents: valid R4 for every kind, and what BALP asks of each of its profiles."""

from base64 import b64decode
from typing import Any

import pytest

from r4.validate import validate
from sandbox import audit
from sandbox.audit import Event, event, names_of, patients_of
from sandbox.audit_codes import ACCESSES, KINDS, PROFILE

BASE = "http://127.0.0.1:8700/ehr/spec/fhir"
FULL = Event(
    "read", 1_700_000_000.125, 200, None, "app", "Practitioner/d1", "p1", "g1", "Observation", "o1", "3", "code&_count",
    "rq-1", "127.0.0.1",
)  # fmt: skip

BALP: dict[str, tuple[str, str, str, str]] = {
    # action letter, client type, server type, user type: FSH of IHE/ITI.BasicAudit at 09fe729, Patient*.fsh
    "Create": ("C", "110153", "110152", "AUT"), "Read": ("R", "110152", "110153", "IRCP"),
    "Update": ("U", "110153", "110152", "AUT"), "Delete": ("D", "110150", "custodian", "AUT"),
    "Query": ("E", "110153", "110152", "IRCP"),
}  # fmt: skip


def made(said: Event) -> dict[str, Any]:
    return event(said, id="spec-1", base=BASE, site="spec")


def agent(resource: dict[str, Any], code: str) -> dict[str, Any]:
    found = [a for a in resource["agent"] if code in [c["code"] for c in a["type"]["coding"]]]
    assert len(found) == 1
    return found[0]


def entities(resource: dict[str, Any], type: str, role: str | None = None) -> list[dict[str, Any]]:
    return [
        e for e in resource.get("entity", [])
        if e["type"]["code"] == type and (role is None or e.get("role", {}).get("code") == role)
    ]  # fmt: skip


@pytest.mark.parametrize("what", KINDS)
@pytest.mark.parametrize("status", [200, 403, 503])
@pytest.mark.parametrize(
    "missing", ["", "patient", "user", "grant", "client", "id", "network", "version", "type", "request"]
)
def test_every_row_is_a_valid_audit_event_whatever_is_not_known(what: str, status: int, missing: str) -> None:
    said = FULL._replace(what=what, status=status, reason=None if status == 200 else "forbidden")
    resource = made(said._replace(**{missing: None}) if missing else said)
    assert validate(resource, type="AuditEvent") == []
    assert resource["outcome"] == {200: "0", 403: "4", 503: "8"}[status]
    assert sum(each["requestor"] for each in resource["agent"]) == 1


def test_the_validator_notices_an_audit_event_that_is_not_valid() -> None:
    assert validate({**made(FULL), "action": "X"}, type="AuditEvent")


@pytest.mark.parametrize("what", ACCESSES)
@pytest.mark.parametrize("patient", ["p1", None])
def test_a_success_has_what_its_balp_profile_asks_for(what: str, patient: str | None) -> None:
    resource = made(FULL._replace(what=what, patient=patient))
    claimed = [each.removeprefix(PROFILE) for each in resource["meta"]["profile"]]
    assert claimed[-1] == "OAUTHaccessTokenUse.Minimal"
    kind = KINDS[what].profile
    assert claimed[:-1] == ([f"{'Patient' if patient else ''}{kind}"] if kind else [])
    if kind is None:
        return
    letter, client, server, user = BALP[kind]
    assert (resource["action"], resource["type"]["code"], len(resource["subtype"])) == (letter, "rest", 1)
    assert resource["subtype"][0]["system"] == "http://hl7.org/fhir/restful-interaction"
    for code in (client, server):
        assert {"who", "network"} <= agent(resource, code).keys()
    person = agent(resource, user)
    assert person["requestor"] is True
    assert "network" not in person
    assert bool(entities(resource, "1", "1")) is (patient is not None)
    assert len(entities(resource, "XrequestId")) == 1
    assert len(entities(resource, "2", "24" if what == "search" else "4")) == 1


def test_the_token_is_told_by_its_grant_and_never_in_part() -> None:
    holder = agent(made(FULL), "UserOauthAgent")
    assert holder["policy"] == ["urn:ietf:params:oauth:jti:g1"]
    assert "media" not in holder


def test_a_backend_client_is_the_initiator_itself() -> None:
    resource = made(FULL._replace(user=None))
    assert agent(resource, "UserOauthAgent")["who"] == {"identifier": {"value": "app"}}


@pytest.mark.parametrize(
    "change",
    [{"status": 403}, {"network": None}, {"client": None}, {"id": None}],
    ids=["refused", "network", "client", "id"],
)
def test_no_balp_access_profile_is_claimed_for_what_does_not_conform(change: dict[str, Any]) -> None:
    assert [each.removeprefix(PROFILE) for each in made(FULL._replace(**change))["meta"]["profile"]] == [
        "OAUTHaccessTokenUse.Minimal"
    ]


def test_an_access_without_a_token_claims_no_profile() -> None:
    assert "meta" not in made(FULL._replace(grant=None, client=None, user=None, status=401))


def test_the_version_that_was_read_is_named() -> None:
    assert entities(made(FULL), "2", "4")[0]["what"] == {"reference": "Observation/o1/_history/3"}


def test_a_query_is_kept_as_names_without_values_modifiers_or_unknown_names() -> None:
    pairs = (
        ("family:exact", "Doe"),
        ("_count", "5"),
        ("subject:Patient.name", "Doe"),
        ("Doe=1", "x"),
        ("birthdate", "1970"),
    )
    query = names_of("Patient", pairs)
    assert query == "family&_count&…&…&birthdate"
    row = made(FULL._replace(what="search", type="Patient", query=query))
    assert b64decode(entities(row, "2", "24")[0]["query"]).decode() == f"Patient?{query}"


def test_the_patients_of_a_resource_and_of_a_bundle() -> None:
    mine = {"resourceType": "Observation", "subject": {"reference": f"{BASE}/Patient/p1"}}
    other = {"resourceType": "AllergyIntolerance", "patient": {"reference": "Patient/p2/_history/1"}}
    group = {"resourceType": "Observation", "subject": {"reference": "Group/g1"}}
    person = {"resourceType": "Patient", "id": "p1"}
    assert [patients_of(each, base=BASE) for each in (mine, other, group, person)] == [("p1",), ("p2",), (), ("p1",)]
    entries = [{"resource": each} for each in (mine, other, mine, group)] + [{"fullUrl": "urn:x"}]
    assert patients_of({"resourceType": "Bundle", "entry": entries}, base=BASE) == ("p1", "p2")


def test_the_rows_make_a_valid_bundle() -> None:
    found = audit.bundle([made(FULL)], ["urn:uuid:6f1f4b5e-95c4-5d2d-9d0f-000000000001"])
    assert validate(found, type="Bundle") == []
    assert validate(audit.bundle([], []), type="Bundle") == []
