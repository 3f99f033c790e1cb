"""App state, decision by decision: whose code it is, whom a scope reaches, what is kept of a Basic."""

from typing import Any

import pytest

from auth import scopes
from auth.access import app_state
from auth.access.app_state import State, code_of, is_code, knows, permits, read
from auth.server.clients import Client
from auth.server.grants import Context, Grant
from r4.outcome import Issue

BASE = "http://127.0.0.1:8700/ehr/spec/fhir"
CODE = "https://app.example/state|theme"
KINDS = ("Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person")
"""https://hl7.org/fhir/smart-app-launch/STU2.2/app-state.html: whom state may be about."""


def held(words: str, *, patient: str | None = "p1", user: str | None = "Practitioner/d") -> Grant:
    context = Context(patient=patient, user=user)
    return Grant(id="g", client_id="c", scopes=scopes.parse(words), context=context, expires=1e12)


def basic(**members: Any) -> dict[str, Any]:
    coding = {"system": "https://app.example/state", "code": "theme"}
    return {"resourceType": "Basic", "code": {"coding": [coding]}, **members}


@pytest.mark.parametrize(
    ("code", "fine"),
    [(CODE, True), ("urn:x|a", True), ("urn:x|", False), ("|a", False), ("urn:x", False), ("urn:x|a|b", False),
     ("urn:x|a\n", False), (f"urn:x|{'a' * 994}", True), (f"urn:x|{'a' * 995}", False)],
)  # fmt: skip
def test_a_code_is_a_system_and_a_value(code: str, fine: bool) -> None:
    assert is_code(code) is fine


OWN = Client(
    id="c", redirect_uris=("https://app.example/cb",), launch_url="https://start.example/l", state_codes=("urn:x|a",)
)


@pytest.mark.parametrize(
    ("code", "fine"),
    [(CODE, True), ("https://start.example/s|a", True), ("urn:x|a", True), ("urn:x|b", False), ("https://other.example/s|a", False),
     ("https://app.example:70000/s|a", False), ("https://app.example/s", False), ("https://keys.example/s|a", False)],
)  # fmt: skip
def test_an_app_has_the_codes_of_its_own_origins_and_those_it_was_given(code: str, fine: bool) -> None:
    assert knows(OWN, code) is fine


def test_an_app_without_any_web_address_has_no_code_of_another_scheme() -> None:
    assert not knows(Client(id="c", redirect_uris=("com.example.app:/cb",)), "com.example.app:/s|a")
    assert knows(Client(id="c", jwks_uri="https://keys.example/jwks"), "https://keys.example/s|a")


@pytest.mark.parametrize(
    ("code", "found"),
    [({"coding": [{"system": "s", "code": "c"}]}, "s|c"), ({"coding": [{"system": "s"}]}, None), ({"coding": [{"code": "c"}]}, None),
     ({"coding": [{"system": "s", "code": 1}]}, None), ({"coding": [{"system": 1, "code": "c"}]}, None), ({"coding": []}, None),
     ({"coding": {"system": "s", "code": "c"}}, None), ({"coding": ["s|c"]}, None), ({"text": "c"}, None), ("s|c", None), (None, None),
     ({"coding": [{"system": "s", "code": "c"}, {"system": "s", "code": "c"}]}, None)],
)  # fmt: skip
def test_the_code_of_a_basic_is_its_one_coding(code: Any, found: str | None) -> None:
    assert code_of({"code": code}) == found


@pytest.mark.parametrize(
    ("words", "letter", "subject", "reached"),
    [
        ("patient/Basic.cruds", "r", "Patient/p1", True), ("patient/*.cruds", "r", "Patient/p1", True),
        ("patient/Observation.cruds", "r", "Patient/p1", False), ("patient/Basic.cruds", "r", "Patient/p2", False),
        ("patient/Basic.cruds", "r", "Practitioner/d", False), ("patient/Basic.cruds", "r", None, False),
        ("patient/Basic.s", "r", "Patient/p1", False), ("openid launch", "r", "Patient/p1", False),
        ("user/Basic.cruds", "c", "Practitioner/d", True), ("user/Basic.cruds", "c", "Patient/p1", True),
        ("user/Basic.cruds", "c", "Practitioner/e", False), ("user/Basic.cruds", "c", "Patient/p2", False),
        ("system/Basic.cruds", "c", "Practitioner/e", True), ("system/Basic.cruds", "d", None, True),
        ("user/Basic.rs?code=theme", "r", "Practitioner/d", True), (f"user/Basic.rs?code={CODE}", "r", "Practitioner/d", True),
        ("user/Basic.rs?code=other", "r", "Practitioner/d", False), ("user/Basic.rs?subject=Practitioner/d", "r", "Practitioner/d", True),
        ("user/Basic.rs?subject=d", "r", "Practitioner/d", True), ("user/Basic.rs?subject=Practitioner/e", "r", "Practitioner/d", False),
        ("user/Basic.rs?subject=d", "r", None, False), ("user/Basic.rs?author=d", "r", "Practitioner/d", False),
        ("user/Basic.rs?code=theme&subject=e", "r", "Practitioner/d", False),
    ],
)  # fmt: skip
def test_a_scope_reaches_the_state_of_its_patient_its_user_or_of_everybody(
    words: str, letter: str, subject: str | None, reached: bool
) -> None:
    assert permits(held(words), letter, CODE, subject) is reached


@pytest.mark.parametrize(
    ("user", "letters"),
    [("Practitioner/d", "cruds"), ("PractitionerRole/d", "cruds"), ("Patient/p1", "rs"), ("RelatedPerson/r", "rs"), (None, "")],
)  # fmt: skip
def test_state_about_nobody_is_read_by_users_and_changed_by_administrators(user: str | None, letters: str) -> None:
    grant = held("user/Basic.cruds", user=user)
    assert "".join(letter for letter in "cruds" if permits(grant, letter, CODE, None)) == letters


def test_without_a_patient_or_a_user_a_scope_reaches_nobodys_state() -> None:
    assert not permits(held("patient/Basic.rs", patient=None), "r", CODE, None)
    assert not permits(held("user/Basic.rs", user=None), "r", CODE, "Patient/p1")
    assert not permits(held("user/Basic.rs", patient=None), "r", CODE, "Patient/p1")


@pytest.mark.parametrize("kind", KINDS)
def test_state_may_be_about_people(kind: str) -> None:
    found = read(basic(subject={"reference": f"{BASE}/{kind}/x"}), base=BASE, new=True)
    assert isinstance(found, State)
    assert (found.subject, found.code) == (f"{kind}/x", CODE)


@pytest.mark.parametrize(
    ("subject", "element"),
    [({"reference": f"{BASE}/Group/x"}, "Basic.subject.reference"), ({"reference": "Patient/x"}, "Basic.subject.reference"),
     ({"reference": f"{BASE}/Patient/x/_history/1"}, "Basic.subject.reference"), ({"reference": "http://e.example/Patient/x"}, "Basic.subject.reference"),
     ({"reference": f"{BASE}/Patient/x", "display": "X"}, "Basic.subject.reference"), ("Patient/x", "Basic.subject.reference"),
     ({}, "Basic.subject.reference"), (None, "Basic.subject.reference")],
)  # fmt: skip
def test_a_subject_is_one_absolute_reference_to_a_person(subject: Any, element: str) -> None:
    found = read(basic(subject=subject), base=BASE, new=True)
    assert isinstance(found, Issue)
    assert found.element == element


URL = {"url": "https://app.example/x", "valueString": "dark"}
CODING = {"system": "https://app.example/state", "code": "theme"}


@pytest.mark.parametrize(
    ("members", "new"),
    [({}, True), ({"id": "x"}, False), ({"meta": {"versionId": "1"}}, False), ({"meta": {}}, True), ({"meta": "x"}, True),
     ({"extension": [URL]}, True), ({"extension": []}, True), ({"code": {"coding": [{**CODING, "display": "Theme"}]}}, True)],
)  # fmt: skip
def test_a_state_as_it_may_be_sent(members: dict[str, Any], new: bool) -> None:
    found = read(basic(**members), base=BASE, new=new)
    assert isinstance(found, State)
    assert found.subject is None
    assert found.coding.items() >= CODING.items()
    assert list(found.extension) == members.get("extension", [])


@pytest.mark.parametrize(
    ("members", "new", "element"),
    [
        ({"author": {"reference": "Practitioner/d"}}, True, "Basic"), ({"text": {}}, False, "Basic"),
        ({"id": "x"}, True, "Basic.id"), ({"meta": {"versionId": "1"}}, True, "Basic.id"),
        ({"code": {"text": "theme"}}, True, "Basic.code"), ({"code": {"coding": [CODING], "text": "t"}}, True, "Basic.code"),
        ({"code": {"coding": [{**CODING, "version": "1"}]}}, True, "Basic.code"), ({"code": {"coding": [{**CODING, "display": ""}]}}, True, "Basic.code"),
        ({"code": {"coding": [{**CODING, "display": 1}]}}, True, "Basic.code"), ({"extension": URL}, True, "Basic.extension[0]"),
        ({"extension": [URL, {**URL, "id": "x"}]}, True, "Basic.extension[1]"), ({"extension": [{**URL, "valueString": ""}]}, True, "Basic.extension[0]"),
        ({"extension": [{"url": "u", "valueCode": "x"}]}, True, "Basic.extension[0]"), ({"extension": ["x"]}, True, "Basic.extension[0]"),
    ],
)  # fmt: skip
def test_what_could_not_be_kept_whole_is_refused_by_element(members: dict[str, Any], new: bool, element: str) -> None:
    found = read(basic(**members), base=BASE, new=new)
    assert isinstance(found, Issue)
    assert found.element == element


def test_every_member_that_is_kept_is_named() -> None:
    assert {"resourceType", "id", "meta", "code", "subject", "extension"} == app_state.MEMBERS
