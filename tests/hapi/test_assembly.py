"""What the gateway relies on when HAPI is the EHR. A new HAPI version that behaves otherwise fails here first.

The container image is held to the same list where an engine is at hand.
"""

import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest

from r4 import codec

pytestmark = pytest.mark.hapi

JSON = {"Content-Type": "application/fhir+json", "Accept": "application/fhir+json"}
SYSTEM = "urn:test:hapi"


@pytest.fixture(scope="module")
def client(hapi: str) -> Iterator[httpx2.Client]:
    with httpx2.Client(base_url=f"{hapi}/", headers=JSON, timeout=60, trust_env=False) as client:
        yield client


@pytest.fixture(scope="module")
def patient(client: httpx2.Client) -> str:
    return created(client, "Patient", {"resourceType": "Patient"})


def created(client: httpx2.Client, type: str, resource: dict[str, Any]) -> str:
    answer = client.post(type, content=codec.format(resource))
    assert answer.status_code == 201
    return f"{type}/{answer.json()['id']}"


def observation(patient: str, *, key: str | None = None, value: str = "1.50") -> dict[str, Any]:
    return {
        "resourceType": "Observation",
        "status": "final",
        "identifier": [{"system": SYSTEM, "value": key or uuid.uuid4().hex}],
        "code": {"coding": [{"system": "http://loinc.org", "code": "2160-0"}]},
        "subject": {"reference": patient},
        "valueQuantity": {"value": codec.Decimal(value), "unit": "mg/dL"},
    }


def test_it_says_that_it_is_hapi_for_r4(client: httpx2.Client) -> None:
    statement = client.get("metadata").json()
    assert statement["fhirVersion"] == "4.0.1"
    assert "HAPI" in statement["software"]["name"]


def test_a_create_answers_with_the_place_of_the_first_version(client: httpx2.Client, patient: str) -> None:
    answer = client.post("Observation", content=codec.format(observation(patient)))
    assert answer.status_code == 201
    assert answer.headers["Location"].endswith("/_history/1")
    assert answer.headers["ETag"] == 'W/"1"'


def test_a_decimal_comes_back_with_its_digits(client: httpx2.Client, patient: str) -> None:
    name = created(client, "Observation", observation(patient, value="1.50"))
    assert codec.parse(client.get(name).content)["valueQuantity"]["value"].literal == "1.50"


def test_a_put_to_a_new_id_creates_and_the_same_again_changes_nothing(client: httpx2.Client, patient: str) -> None:
    name = f"Observation/{uuid.uuid4()}"
    body = codec.format(observation(patient) | {"id": name.split("/")[1]})
    first, second = client.put(name, content=body), client.put(name, content=body)
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.headers["ETag"] == second.headers["ETag"] == 'W/"1"'


def test_an_update_of_the_current_version_makes_the_next_one(client: httpx2.Client, patient: str) -> None:
    name = created(client, "Observation", observation(patient))
    changed = codec.format(observation(patient, value="2.5") | {"id": name.split("/")[1]})
    answer = client.put(name, content=changed, headers={"If-Match": 'W/"1"'})
    assert (answer.status_code, answer.headers["ETag"]) == (200, 'W/"2"')


def test_an_update_of_a_stale_version_is_a_conflict_409(client: httpx2.Client, patient: str) -> None:
    name = created(client, "Observation", observation(patient))
    for value, version in (("2", "1"), ("3", "1")):
        changed = codec.format(observation(patient, value=value) | {"id": name.split("/")[1]})
        answer = client.put(name, content=changed, headers={"If-Match": f'W/"{version}"'})
    assert answer.status_code == 409
    assert "Retry-After" not in answer.headers


def test_a_conditional_create_creates_once(client: httpx2.Client, patient: str) -> None:
    key = uuid.uuid4().hex
    body, condition = codec.format(observation(patient, key=key)), {"If-None-Exist": f"identifier={SYSTEM}|{key}"}
    answers = [client.post("Observation", content=body, headers=condition) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 200]


def test_a_conditional_create_with_two_matches_is_412(client: httpx2.Client, patient: str) -> None:
    key = uuid.uuid4().hex
    body = codec.format(observation(patient, key=key))
    for _ in range(2):
        client.post("Observation", content=body)
    answer = client.post("Observation", content=body, headers={"If-None-Exist": f"identifier={SYSTEM}|{key}"})
    assert answer.status_code == 412


def test_eight_equal_conditional_creates_at_once_store_one_resource(client: httpx2.Client, patient: str) -> None:
    key = uuid.uuid4().hex
    body, condition = codec.format(observation(patient, key=key)), {"If-None-Exist": f"identifier={SYSTEM}|{key}"}
    with ThreadPoolExecutor(8) as threads:
        sent = [threads.submit(client.post, "Observation", content=body, headers=condition) for _ in range(8)]
        statuses = {future.result().status_code for future in sent}
    assert 201 in statuses
    assert statuses <= {200, 201, 409}
    assert client.get("Observation", params={"identifier": f"{SYSTEM}|{key}", "_summary": "count"}).json()["total"] == 1


def test_a_search_finds_what_was_just_written(client: httpx2.Client, patient: str) -> None:
    key = uuid.uuid4().hex
    query = {"identifier": f"{SYSTEM}|{key}", "_summary": "count"}
    before = client.get("Observation", params=query).json()["total"]
    created(client, "Observation", observation(patient, key=key))
    assert (before, client.get("Observation", params=query).json()["total"]) == (0, 1)


def test_a_reference_to_nothing_is_refused_and_one_to_something_is_not(client: httpx2.Client, patient: str) -> None:
    stray = client.post("Observation", content=codec.format(observation("Patient/nobody-at-all")))
    sound = client.post("Observation", content=codec.format(observation(patient)))
    assert (stray.status_code, sound.status_code) == (400, 201)


def test_deleted_is_410_and_never_there_is_404(client: httpx2.Client, patient: str) -> None:
    name = created(client, "Observation", observation(patient))
    client.delete(name)
    assert (client.get(name).status_code, client.get("Observation/never-there").status_code) == (410, 404)


def transaction(*resources: dict[str, Any]) -> bytes:
    entries = [{"resource": item, "request": {"method": "POST", "url": "Observation"}} for item in resources]
    return codec.format({"resourceType": "Bundle", "type": "transaction", "entry": entries})


def test_a_transaction_stores_all_or_nothing(client: httpx2.Client, patient: str) -> None:
    good, lost, key = uuid.uuid4().hex, uuid.uuid4().hex, uuid.uuid4().hex
    pair = transaction(observation(patient, key=good), observation(patient, key=key))
    broken = transaction(observation(patient, key=lost), observation("Patient/nobody-at-all"))
    assert (client.post("", content=pair).status_code, client.post("", content=broken).status_code) == (200, 400)
    counts = [
        client.get("Observation", params={"identifier": f"{SYSTEM}|{value}", "_summary": "count"}).json()["total"]
        for value in (good, lost)
    ]
    assert counts == [1, 0]
