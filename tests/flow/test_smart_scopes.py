"""Scopes (SMART App Launch 2.2 scopes-and-launch-context): what is granted of what is asked, and what a token then opens."""

from typing import Any

import pytest

from tests.flow.smart_server import World, drive

ALL = "launch openid fhirUser offline_access patient/*.cruds user/*.cruds"


async def _granted(world: World, asked: str, *, registered: str = ALL, **launch: Any) -> dict[str, Any]:
    client = await world.register(scope=registered)
    return await world.signed_in(client, scope=asked, launch=launch)


GRANTED = {
    "v2": ("patient/Observation.rs", "patient/Observation.rs"),
    "every letter": ("patient/Observation.cruds", "patient/Observation.cruds"),
    "v1 read": ("patient/Observation.read", "patient/Observation.read"),
    "v1 write": ("patient/Observation.write", "patient/Observation.write"),
    "v1 all": ("patient/Observation.*", "patient/Observation.*"),
    "v1 and v2 together": ("patient/Observation.read user/Observation.rs", "patient/Observation.read user/Observation.rs"),
    "granular": ("patient/Observation.rs?category=http://c|lab", "patient/Observation.rs?category=http://c|lab"),
    "granular beside a broader one": ("patient/Observation.rs patient/Observation.rs?category=http://c|lab", "patient/Observation.rs"),
    "one in v1 and in v2": ("patient/Observation.read patient/Observation.rs", "patient/Observation.read patient/Observation.rs"),
    "wildcard": ("patient/*.rs", "patient/*.rs"),
    "out of order": ("patient/Observation.rs patient/Observation.dus", "patient/Observation.rs"),
    "a letter twice": ("patient/Observation.rs patient/Condition.rrs", "patient/Observation.rs"),
    "an unknown letter": ("patient/Observation.rs patient/Condition.rsX", "patient/Observation.rs"),
    "an unknown type": ("patient/Observation.rs patient/Nonsense.rs", "patient/Observation.rs"),
    "a type in lower case": ("patient/Observation.rs patient/observation.rs", "patient/Observation.rs"),
    "an unknown word": ("patient/Observation.rs https://ehr.example/scope", "patient/Observation.rs"),
    "no value": ("patient/Observation.rs patient/Condition.rs?category", "patient/Observation.rs"),
    "two values": ("patient/Observation.rs patient/Condition.rs?a=b=c", "patient/Observation.rs"),
    "a modifier": ("patient/Observation.rs patient/Condition.rs?code:in=x", "patient/Observation.rs"),
    "a chain": ("patient/Observation.rs patient/Condition.rs?subject.name=x", "patient/Observation.rs"),
    "a control parameter": ("patient/Observation.rs patient/Condition.rs?_include=x", "patient/Observation.rs"),
    "an empty query": ("patient/Observation.rs patient/Condition.rs?", "patient/Observation.rs"),
    "of the system": ("patient/Observation.rs system/*.rs", "patient/Observation.rs"),
    "a tab for a space": ("patient/Observation.rs patient/Condition.rs\tx", "patient/Observation.rs"),
    "another kind of space": ("patient/Observation.rs patient/Condition.rs\u2028x", "patient/Observation.rs"),
    "two spaces": ("patient/Observation.rs  patient/Condition.rs", "patient/Observation.rs patient/Condition.rs"),
    "one twice": ("patient/Observation.rs patient/Observation.rs", "patient/Observation.rs"),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "granted"), GRANTED.values(), ids=GRANTED)
def test_what_is_understood_is_granted_as_it_was_asked_and_nothing_else(asked: str, granted: str) -> None:
    async def act(world: World) -> None:
        said = await _granted(world, f"launch {asked}")
        assert said["scope"].split(" ") == ["launch", *granted.split(" ")]

    drive(act)


NARROWED = {
    "to the type": ("patient/*.rs", "patient/Observation.rs", "patient/Observation.rs"),
    "to the letters": ("patient/Observation.cruds", "patient/Observation.r", "patient/Observation.r"),
    "to what is registered in v1": ("patient/Observation.rs", "patient/*.read", "patient/Observation.rs"),
    "to the query": (
        "patient/Observation.rs", "patient/Observation.rs?category=http://c|lab", "patient/Observation.rs?category=http://c|lab",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("asked", "registered", "granted"), NARROWED.values(), ids=NARROWED)
def test_no_more_is_granted_than_the_client_is_registered_for(asked: str, registered: str, granted: str) -> None:
    async def act(world: World) -> None:
        said = await _granted(world, f"launch {asked} user/Patient.rs", registered=f"launch {registered}")
        assert said["scope"] == f"launch {granted}"

    drive(act)


def test_nothing_that_can_be_granted_is_an_error() -> None:
    async def act(world: World) -> None:
        client = await world.register(scope="launch patient/Patient.rs")
        answer = await world.authorize(client, scope="nonsense system/*.rs user/*.rs")
        assert "error=invalid_scope" in answer.headers["location"]

    drive(act)


def _observation(**more: Any) -> dict[str, Any]:
    return {
        "resourceType": "Observation", "status": "final", "subject": {"reference": "Patient/p1"},
        "code": {"coding": [{"system": "http://loinc.org", "code": "718-7"}]}, **more,
    }  # fmt: skip


LETTERS: dict[str, tuple[str, str, Any]] = {
    "c": ("POST", "Observation", _observation()),
    "r": ("GET", "Observation/laboratory-p1", None),
    "u": ("PUT", "Observation/laboratory-p1", _observation(id="laboratory-p1")),
    "d": ("DELETE", "Observation/laboratory-p1", None),
    "s": ("GET", "Observation?patient=p1", None),
}


@pytest.mark.parametrize("letter", LETTERS)
@pytest.mark.parametrize("context", ["patient", "user"])
def test_each_letter_opens_its_interaction_and_no_other(letter: str, context: str) -> None:
    async def act(world: World) -> None:
        token = (await _granted(world, f"launch {context}/Observation.{letter}"))["access_token"]
        for other in sorted(LETTERS, key=lambda each: each == letter):
            method, path, body = LETTERS[other]
            answer = await world.fhir(token, method, path, json=body)
            assert (answer.status_code < 300) is (other == letter), (other, answer.status_code, answer.text)

    drive(act)


V1 = {"read": "rs", "write": "cud", "*": "crusd"}


@pytest.mark.parametrize("word", V1)
def test_the_words_of_v1_open_what_their_letters_do(word: str) -> None:
    async def act(world: World) -> None:
        token = (await _granted(world, f"launch patient/Observation.{word}"))["access_token"]
        for letter in "crsud":
            method, path, body = LETTERS[letter]
            answer = await world.fhir(token, method, path, json=body)
            assert (answer.status_code < 300) is (letter in V1[word]), (letter, answer.text)

    drive(act)


def test_the_letter_u_with_c_makes_what_is_not_there_and_alone_does_not() -> None:
    """Requirement 123: an update may create; here only with the letter for creating beside it."""

    async def act(world: World) -> None:
        both = (await _granted(world, "launch patient/Observation.cu"))["access_token"]
        assert (await world.fhir(both, "PUT", "Observation/new-1", json=_observation(id="new-1"))).status_code == 201

    drive(act)


def test_a_batch_is_as_good_as_its_entries() -> None:
    async def act(world: World) -> None:
        token = (await _granted(world, "launch patient/Observation.r"))["access_token"]
        entries = [
            {"request": {"method": method, "url": path}, **({"resource": body} if body else {})}
            for method, path, body in (LETTERS[letter] for letter in "rscd")
        ]
        answer = await world.fhir(token, "POST", "", json={"resourceType": "Bundle", "type": "batch", "entry": entries})
        assert [each["response"]["status"][:3] for each in answer.json()["entry"]] == ["200", "403", "403", "403"]
        whole = await world.fhir(
            token, "POST", "", json={"resourceType": "Bundle", "type": "transaction", "entry": entries}
        )
        assert whole.status_code == 403

    drive(act)


def test_a_patient_scope_reaches_one_patient_and_a_user_scope_what_the_user_reaches() -> None:
    async def act(world: World) -> None:
        mine = (await _granted(world, "launch patient/*.rs"))["access_token"]
        doctor = (await _granted(world, "launch user/*.rs"))["access_token"]
        patient = (await _granted(world, "launch user/*.rs", user="Patient/p1"))["access_token"]
        for path in ("Patient/p2", "Observation/laboratory-p2"):
            assert (await world.fhir(mine, "GET", path)).status_code == 404
            assert (await world.fhir(patient, "GET", path)).status_code == 404
            assert (await world.fhir(doctor, "GET", path)).status_code == 200

    drive(act)


def test_a_wildcard_reaches_every_type() -> None:
    async def act(world: World) -> None:
        token = (await _granted(world, "launch patient/*.rs"))["access_token"]
        for path in (
            "Patient/p1",
            "Observation/laboratory-p1",
            "Encounter/e1",
            "Condition?patient=p1",
            "Goal?patient=p1",
        ):
            assert (await world.fhir(token, "GET", path)).status_code == 200

    drive(act)


def test_a_granular_scope_reaches_what_matches() -> None:
    async def act(world: World) -> None:
        category = "http://terminology.hl7.org/CodeSystem/observation-category|laboratory"
        token = (await _granted(world, f"launch patient/Observation.rs?category={category}"))["access_token"]
        assert (await world.fhir(token, "GET", "Observation/laboratory-p1")).status_code == 200
        assert (await world.fhir(token, "GET", "Observation/vital-signs-p1")).status_code == 404
        found = (await world.fhir(token, "GET", "Observation?patient=p1")).json()
        assert [each["resource"]["id"] for each in found["entry"]] == ["laboratory-p1"]

    drive(act)


def test_a_link_from_one_patient_to_another_is_not_followed() -> None:
    """Requirement 139: so docs/reference/authorization-server.md says it."""

    async def act(world: World) -> None:
        doctor = (await _granted(world, "launch user/Patient.u"))["access_token"]
        linked = {
            "resourceType": "Patient", "id": "p1", "name": [{"family": "One"}],
            "link": [{"other": {"reference": "Patient/p2"}, "type": "seealso"}],
        }  # fmt: skip
        assert (await world.fhir(doctor, "PUT", "Patient/p1", json=linked)).status_code == 200
        token = (await _granted(world, "launch patient/*.rs"))["access_token"]
        assert (await world.fhir(token, "GET", "Patient/p1")).json()["link"]
        assert (await world.fhir(token, "GET", "Patient/p2")).status_code == 404
        assert (await world.fhir(token, "GET", "Observation/laboratory-p2")).status_code == 404

    drive(act)


def test_without_fhir_scopes_there_is_no_access() -> None:
    async def act(world: World) -> None:
        token = (await _granted(world, "launch openid fhirUser"))["access_token"]
        for path in ("Patient/p1", "Practitioner/d1", "Observation?patient=p1"):
            assert (await world.fhir(token, "GET", path)).status_code == 403

    drive(act)


def test_a_token_stands_in_one_header_and_nowhere_else() -> None:
    async def act(world: World) -> None:
        token = (await _granted(world, "launch patient/*.rs"))["access_token"]
        assert (await world.fhir(None, "GET", "Patient/p1")).status_code == 401
        assert (await world.fhir(None, "GET", f"Patient/p1?access_token={token}")).status_code == 400
        assert (await world.fhir("x" * 43, "GET", "Patient/p1")).headers["www-authenticate"].startswith("Bearer")
        assert (await world.fhir(token, "GET", "Patient/p1")).status_code == 200

    drive(act)
