"""Bulk Data Access 2.0.0 at a sandbox EHR: who may export what, how it is asked for, and what comes."""

import time
from typing import Any

import pytest

from tests.flow.bulk_world import ASYNC, World, drive


def test_a_group_is_exported_with_what_its_members_refer_to_and_nothing_else() -> None:
    async def act(world: World) -> None:
        found = await world.exported("Group/g/$export")
        assert found == {
            "Patient": {"p1", "p2"}, "Observation": {"v1", "v2", "l1", "l2"}, "Practitioner": {"d1", "d2"},
        }  # fmt: skip

    drive(act)


def test_all_patients_and_the_whole_system_are_exported() -> None:
    async def act(world: World) -> None:
        found = await world.exported("Patient/$export")
        assert (found["Patient"], len(found["Observation"]), "Group" in found) == ({"p1", "p2", "p3", "p4"}, 8, False)
        whole = await world.exported("$export")
        assert (whole["Group"], len(whole["Practitioner"])) == ({"g"}, 4)

    drive(act)


def test_the_manifest_says_what_was_asked_when_and_where_it_is() -> None:
    async def act(world: World) -> None:
        before = time.time()
        where = await world.begin("Group/g/$export?_type=Patient&_outputFormat=application/fhir%2Bndjson")
        manifest = await world.ended(where)
        answer = await world.send("GET", where)
        assert (answer.headers["content-type"], "expires" in answer.headers) == ("application/json", True)
        assert manifest["request"].endswith("/Group/g/$export?_type=Patient&_outputFormat=application/fhir%2Bndjson")
        assert (manifest["requiresAccessToken"], manifest["error"]) == (True, [])
        assert manifest["transactionTime"][:4] == time.strftime("%Y", time.gmtime(before))
        assert [(part["type"], part["count"]) for part in manifest["output"]] == [("Patient", 2)]

    drive(act)


@pytest.mark.parametrize(
    "said", ["application/fhir+ndjson", "application/fhir%2Bndjson", "application/ndjson", "ndjson"]
)
def test_a_format_is_asked_for_with_its_plus_escaped_or_not(said: str) -> None:
    async def act(world: World) -> None:
        answer = await world.send("GET", f"Patient/$export?_type=Patient&_outputFormat={said}", headers=ASYNC)
        assert answer.status_code == 202, answer.text

    drive(act)


@pytest.mark.parametrize(("query", "ids"), [
    ("_type=Observation&_typeFilter=Observation%3Fcategory%3Dlaboratory", {"l1", "l2"}),
    ("_type=Observation&_typeFilter=Observation%3Fcategory%3Dlaboratory,Observation%3F_id%3Dv1", {"l1", "l2", "v1"}),
    ("_type=Observation&_since=2999-01-01T00:00:00Z", set()),
    ("_type=Observation&_since=2001-01-01T00:00:00Z", {"v1", "v2", "l1", "l2"}),
])  # fmt: skip
def test_filters_and_since_narrow(query: str, ids: set[str]) -> None:
    async def act(world: World) -> None:
        assert (await world.exported(f"Group/g/$export?{query}")).get("Observation", set()) == ids

    drive(act)


def test_elements_are_a_marked_subset() -> None:
    async def act(world: World) -> None:
        manifest = await world.ended(await world.begin("Patient/$export?_type=Patient&_elements=Patient.gender"))
        resource = (await world.lines(manifest["output"][0]["url"]))[0]
        assert (resource["gender"], "birthDate" in resource) == ("female", False)
        assert resource["meta"]["tag"][-1]["code"] == "SUBSETTED"

    drive(act)


def test_a_posted_export_may_name_its_patients() -> None:
    async def act(world: World) -> None:
        def body(*patients: str) -> dict[str, Any]:
            listed = [{"name": "patient", "valueReference": {"reference": f"Patient/{each}"}} for each in patients]
            return {
                "resourceType": "Parameters",
                "parameter": [*listed, {"name": "_type", "valueString": "Patient,Observation"}],
            }

        answer = await world.send("POST", "Group/g/$export", json=body("p2"), headers=ASYNC)
        manifest = await world.ended(answer.headers["content-location"])
        assert [(part["type"], part["count"]) for part in manifest["output"]] == [("Observation", 2), ("Patient", 1)]
        assert (await world.send("POST", "Group/g/$export", json=body("p4"), headers=ASYNC)).status_code == 400
        assert (await world.send("POST", "$export", json=body("p1"), headers=ASYNC)).status_code == 400

    drive(act)


def test_granular_scopes_narrow_what_is_exported() -> None:
    async def act(world: World) -> None:
        assert await world.exported("Group/g/$export", "vitals") == {
            "Patient": {"p1", "p2"},
            "Observation": {"v1", "v2"},
        }
        answer = await world.send("GET", "Group/g/$export?_type=Encounter", "vitals", headers=ASYNC)
        assert answer.status_code == 403

    drive(act)


@pytest.mark.parametrize(
    ("who", "status"), [("read", 403), ("user", 403), ("patient", 403), ("nobody", 401), (None, 401)]
)
def test_who_may_not_export_is_told_so(who: str | None, status: int) -> None:
    async def act(world: World) -> None:
        for place in ("$export", "Patient/$export", "Group/g/$export"):
            assert (await world.send("GET", place, who, headers=ASYNC)).status_code == status

    drive(act)


@pytest.mark.parametrize(("place", "headers", "status"), [
    ("Group/g/$export", {}, 400), ("Group/g/$export?_outputFormat=text/csv", ASYNC, 400),
    ("Group/g/$export?_since=yesterday", ASYNC, 400), ("Group/g/$export?_type=Nothing", ASYNC, 400),
    ("Group/g/$export?includeAssociatedData=x", ASYNC, 400), ("Group/g/$export?_typeFilter=Observation", ASYNC, 400),
    ("Group/g/$export?_typeFilter=Observation%3Fnothing%3D1", ASYNC, 400),
    ("Group/g/$export?_typeFilter=Observation%3F_count%3D1", ASYNC, 400),
    ("Group/nobody/$export", ASYNC, 404), ("Observation/$export", ASYNC, 404), ("Patient/p1/$export", ASYNC, 404),
])  # fmt: skip
def test_what_is_not_understood_is_refused_with_an_outcome(place: str, headers: dict[str, str], status: int) -> None:
    async def act(world: World) -> None:
        answer = await world.send("GET", place, headers=headers)
        assert (answer.status_code, answer.json()["resourceType"]) == (status, "OperationOutcome")

    drive(act)


def test_a_lenient_client_may_ask_for_more_than_is_known() -> None:
    async def act(world: World) -> None:
        lenient = {"prefer": "respond-async, handling=lenient"}
        assert await world.exported("Group/g/$export?_type=Patient&includeAssociatedData=x", headers=lenient)

    drive(act)


def test_an_export_is_its_clients_alone() -> None:
    async def act(world: World) -> None:
        where = await world.begin("Group/g/$export")
        url = (await world.ended(where))["output"][0]["url"]
        for place in (where, url):
            assert (await world.send("GET", place, "other")).status_code == 404
            assert (await world.send("GET", place, None)).status_code == 401
        assert (await world.send("DELETE", where, "other")).status_code == 404
        assert (await world.send("GET", url, "patient")).status_code == 403
        assert (await world.send("GET", url)).status_code == 200

    drive(act)


@pytest.mark.parametrize(
    "tail", ["/../x", "/%2e%2e/secrets", "/1.ndjson/", "/0001234567.ndjson", "x", "/-1.ndjson", "/1"]
)
def test_a_place_that_is_none_is_absent(tail: str) -> None:
    async def act(world: World) -> None:
        where = await world.begin("Group/g/$export")
        await world.ended(where)
        assert (await world.send("GET", f"{where}{tail}")).status_code == 404

    drive(act)


def test_another_method_at_an_export_is_told_which_are_served() -> None:
    async def act(world: World) -> None:
        where = await world.begin("Group/g/$export?_type=Patient")
        part = (await world.ended(where))["output"][0]["url"]
        for url, allowed in ((where, "DELETE, GET"), (part, "GET")):
            answer = await world.send("PUT", url)
            assert (answer.status_code, answer.headers["allow"]) == (405, allowed)

    drive(act)


def test_a_cancelled_export_is_gone() -> None:
    async def act(world: World) -> None:
        where = await world.begin("Group/g/$export")
        assert (await world.send("DELETE", where)).status_code == 202
        gone = await world.send("GET", where)
        assert (gone.status_code, gone.json()["resourceType"]) == (404, "OperationOutcome")

    drive(act)


def test_one_that_another_process_left_has_failed_and_says_so() -> None:
    async def act(world: World) -> None:
        where = await world.begin("Group/g/$export")
        await world.ended(where)
        world.ehr.database.run_now(
            lambda c, now: c.exec_driver_sql("UPDATE fhir_export_jobs SET state='running', boot='x'")
        )
        assert (await world.send("GET", where)).status_code == 500

    drive(act)


def test_asking_without_pause_is_throttled() -> None:
    async def act(world: World) -> None:
        where = await world.begin("Group/g/$export")
        answers = [await world.send("GET", where) for _ in range(60)]
        late = [each for each in answers if each.status_code == 429]
        assert late[0].headers["retry-after"] == "1"

    drive(act)


def test_it_is_advertised_and_recorded() -> None:
    async def act(world: World) -> None:
        said = (await world.send("GET", "metadata", None)).json()
        rest = said["rest"][0]
        assert said["instantiates"] == ["http://hl7.org/fhir/uv/bulkdata/CapabilityStatement/bulk-data"]
        assert [each["name"] for each in rest["operation"]] == ["export"]
        named = {
            row["type"] for row in rest["resource"] if any(op["name"] == "export" for op in row.get("operation", ()))
        }
        assert named == {"Patient", "Group"}
        await world.exported("Group/g/$export?_type=Patient")
        world.ehr.audit.close()
        rows = world.ehr.database.run_now(
            lambda c, now: c.exec_driver_sql("SELECT what, client FROM audit_events").all()
        )
        assert ("operation", "one") in rows

    drive(act)


def test_a_group_before_hapi_is_exported_alike(hapi_seeded: str) -> None:
    async def act(world: World) -> None:
        found = await world.exported("Group/ward/$export?_type=Patient,Observation,Practitioner,Encounter")
        assert len(found["Patient"]) >= 2
        assert len(found["Observation"]) > 50
        assert found["Encounter"]

    drive(act, hapi_seeded)
