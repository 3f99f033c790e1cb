"""User-access brands (SMART App Launch 2.2 brands)."""

from datetime import datetime
from typing import Any

from r4.validate import validate
from tests.flow.smart_server import BASE, FHIR, World, drive


async def _brands(world: World) -> tuple[dict[str, Any], dict[str, Any]]:
    said = (await world.http.get(f"{FHIR}/.well-known/smart-configuration")).json()
    answer = await world.http.get(said["user_access_brand_bundle"])
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/fhir+json")
    return said, answer.json()


def _of(bundle: dict[str, Any], type: str) -> list[dict[str, Any]]:
    return [each["resource"] for each in bundle["entry"] if each["resource"]["resourceType"] == type]


def test_the_bundle_is_a_collection_with_its_time() -> None:
    async def act(world: World) -> None:
        _, bundle = await _brands(world)
        assert bundle["type"] == "collection"
        assert datetime.fromisoformat(bundle["timestamp"].replace("Z", "+00:00")).tzinfo is not None
        assert all(each["resource"]["meta"]["lastUpdated"] for each in bundle["entry"])
        for each in bundle["entry"]:
            assert list(validate(each["resource"])) == []

    drive(act)


def test_exactly_one_organization_has_the_identifier_of_the_configuration() -> None:
    async def act(world: World) -> None:
        said, bundle = await _brands(world)
        wanted = said["user_access_brand_identifier"]
        assert set(wanted) == {"system", "value"}
        assert [wanted in brand["identifier"] for brand in _of(bundle, "Organization")] == [True]

    drive(act)


def test_the_primary_brand_and_its_portal_name_every_endpoint() -> None:
    async def act(world: World) -> None:
        _, bundle = await _brands(world)
        (brand,) = _of(bundle, "Organization")
        (endpoint,) = _of(bundle, "Endpoint")
        portal = {each["url"]: each for each in brand["extension"][0]["extension"]}
        assert brand["endpoint"] == [{"reference": f"Endpoint/{endpoint['id']}"}]
        assert portal["portalEndpoint"]["valueReference"] == brand["endpoint"][0]
        assert endpoint["address"] == FHIR
        assert endpoint["extension"][0]["valueCode"] == "4.0.1"
        assert endpoint["connectionType"]["code"] == "hl7-fhir-rest"
        assert any(each["system"] == "url" for each in endpoint["contact"])
        assert (brand["name"], brand["telecom"][0]["system"]) == ("Chartgate sandbox EHR spec", "url")
        assert (await world.http.get(portal["portalUrl"]["valueUrl"])).status_code in (200, 303)

    drive(act)


def test_no_reason_for_absent_data_is_given() -> None:
    async def act(world: World) -> None:
        assert "data-absent-reason" not in (await world.http.get(f"{BASE}/brands")).text

    drive(act)


def test_who_has_it_already_is_told_so() -> None:
    async def act(world: World) -> None:
        first = await world.http.get(f"{BASE}/brands")
        tag = first.headers["etag"]
        assert tag.startswith('W/"')
        for known in (tag, f'"x", {tag}', "*"):
            answer = await world.http.get(
                f"{BASE}/brands", headers={"if-none-match": known, "origin": "https://any.example"}
            )
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", tag)
            assert answer.headers["access-control-allow-origin"] == "*"
        assert (await world.http.get(f"{BASE}/brands", headers={"if-none-match": 'W/"x"'})).status_code == 200

    drive(act)
