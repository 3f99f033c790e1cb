"""How much is shown, what may be left out, what a transaction calls by a search, and the parameters of operations."""

import uuid
from collections.abc import Iterator
from typing import Any

import httpx2
import pytest

from auth.server import tables as auth_tables
from gateway.storage.database import open_sqlite
from sandbox import tables
from tests.contract.minimal import MINIMAL
from tests.contract.system import OF_PATIENT, Server

SUBSETTED = "SUBSETTED"


@pytest.fixture(scope="module", params=["embedded", pytest.param("hapi", marks=pytest.mark.hapi)])
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    database = open_sqlite(":memory:", metadata=[auth_tables.metadata, tables.metadata])
    upstream = request.getfixturevalue("hapi") if request.param == "hapi" else None
    made = Server(database, seeded=False, upstream=upstream)
    patient = {
        **MINIMAL["Patient"],
        "text": {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'},
    }
    old = {**MINIMAL["Observation"], "id": "cap-old", "effectiveDateTime": "2019-05-05", "note": [{"text": "n"}]}
    bodies = [patient, {**patient, "id": "cap-other"}, MINIMAL["Observation"], old, MINIMAL["CareTeam"]]
    organizations = [{"resourceType": "Organization", "id": f"cap-org{n}", "name": "o", "identifier": [{"system": "urn:cap", "value": value}]}
                     for n, value in enumerate(("one", "many", "many"))]  # fmt: skip
    for reply in made.ask(
        *(("PUT", f"{body['resourceType']}/{body['id']}", body) for body in [*bodies, *organizations])
    ):
        assert reply.status_code in (200, 201), reply.text  # a HAPI that was given may know them
    yield made
    made.close()


def tags(resource: dict[str, Any]) -> list[str]:
    return [tag["code"] for tag in resource["meta"].get("tag", ())]


@pytest.mark.parametrize(
    ("query", "has", "lacks"),
    [("_summary=true", {"name", "birthDate"}, {"text"}), ("_summary=text", {"text"}, {"name"}), ("_summary=data", {"name"}, {"text"}),
     ("_elements=gender", {"gender"}, {"name", "text"}), ("_elements=Patient.gender,name", {"gender", "name"}, {"birthDate"}),
     ("_elements=Observation.code", set(), {"gender"})],
)  # fmt: skip
@pytest.mark.parametrize(
    "path", ["Patient?_id=cap-patient&", "Patient/cap-patient?", "Patient/cap-patient/_history/1?"]
)
def test_as_much_is_shown_as_was_asked_for_and_it_says_that_it_is_a_part(
    server: Server, path: str, query: str, has: set[str], lacks: set[str]
) -> None:
    body = server.one("GET", path + query, token=OF_PATIENT).json()
    shown = body["entry"][0]["resource"] if body["resourceType"] == "Bundle" else body
    assert has <= shown.keys()
    assert not lacks & shown.keys()
    assert {"resourceType", "id"} <= shown.keys()
    assert tags(shown) == [SUBSETTED]


def test_what_is_mandatory_stays_and_a_whole_resource_carries_no_tag(server: Server) -> None:
    entry = server.one("GET", "Observation?_id=cap-old&_elements=note").json()["entry"][0]["resource"]
    assert entry.keys() == {"resourceType", "id", "meta", "status", "code", "note"}
    assert SUBSETTED not in tags(server.one("GET", "Patient/cap-patient?_summary=false").json())
    stored = server.one("GET", "Observation/cap-old").json()
    assert (len(stored), SUBSETTED in tags(stored)) == (9, False)


def test_a_shape_opens_nothing_that_the_whole_would_not(server: Server) -> None:
    """Who it belongs to is judged before anything is cut away."""
    both = "Patient?_id=cap-patient,cap-other&_elements=gender"
    found = server.one("GET", both, token=OF_PATIENT).json()["entry"]
    assert [each["resource"]["id"] for each in found] == ["cap-patient"]
    assert len(server.one("GET", both).json()["entry"]) == 2
    assert server.one("GET", "Patient/cap-other?_elements=gender", token=OF_PATIENT).status_code == 404
    assert server.one("GET", "Patient/cap-other?_elements=gender").status_code == 200


@pytest.mark.parametrize(
    "query", ["_summary=some", "_elements=", "_summary=true&_elements=id", "_summary=true&_summary=data"]
)
def test_a_shape_that_is_none_is_refused(server: Server, query: str) -> None:
    assert server.one("GET", f"Patient?{query}").status_code == 400
    assert server.one("GET", f"Patient/cap-patient?{query}").status_code == 400


def test_a_lenient_search_leaves_out_what_it_does_not_know_and_says_what_it_used(server: Server) -> None:
    path = "Observation?nothing=x&status=final&code:text=y&_id=cap-old"
    assert server.one("GET", path).status_code == 400
    assert server.one("GET", path, prefer="handling=strict").status_code == 400
    answer = server.one("GET", path, prefer="handling=lenient, return=minimal").json()
    assert [each["resource"]["id"] for each in answer["entry"]] == ["cap-old"]
    self_link = next(each["url"] for each in answer["link"] if each["relation"] == "self")
    assert httpx2.QueryParams(self_link.partition("?")[2]).multi_items() == [("status", "final"), ("_id", "cap-old")]
    assert server.one("GET", "Observation?status=final&date=nonsense", prefer="handling=lenient").status_code == 400


def transaction(*entries: dict[str, Any]) -> dict[str, Any]:
    return {"resourceType": "Bundle", "type": "transaction", "entry": list(entries)}


def posted(body: dict[str, Any], **members: str) -> dict[str, Any]:
    more = {"fullUrl": members.pop("fullUrl")} if "fullUrl" in members else {}
    return {**more, "resource": body, "request": {"method": "POST", "url": body["resourceType"], **members}}


def kept_at(reference: str) -> dict[str, Any]:
    subject = {"reference": "Patient/cap-patient"}
    return {"resourceType": "Encounter", "status": "finished", "class": {"code": "AMB"}, "subject": subject, "serviceProvider": {"reference": reference}}  # fmt: skip


def test_a_conditional_reference_becomes_the_one_resource_that_it_matches(server: Server) -> None:
    answer = server.one("POST", "", transaction(posted(kept_at("Organization?identifier=urn:cap|one"))))
    made = str(answer.json()["entry"][0]["response"]["location"]).split("/fhir/")[1].partition("/_history")[0]
    assert server.one("GET", made).json()["serviceProvider"] == {"reference": "Organization/cap-org0"}


@pytest.mark.parametrize(
    ("reference", "status"),
    [("Organization?identifier=urn:cap|none", 412), ("Organization?identifier=urn:cap|many", 412), ("Organization?nothing=x", 400), ("Nowhere?identifier=x", 412)],
)  # fmt: skip
def test_a_conditional_reference_that_matches_none_or_several_undoes_the_transaction(
    server: Server, reference: str, status: int
) -> None:
    counted = "Encounter?subject=Patient/cap-patient&_summary=count"
    before = server.one("GET", counted).json()["total"]
    answer = server.one("POST", "", transaction(posted(kept_at("Organization/cap-org0")), posted(kept_at(reference))))
    assert answer.status_code == status
    assert answer.json()["issue"][0]["expression"] == ["Bundle.entry[1].resource.serviceProvider.reference"]
    assert server.one("GET", counted).json()["total"] == before


def test_what_a_conditional_create_finds_or_makes_is_what_others_refer_to(server: Server) -> None:
    fresh = uuid.uuid4().hex
    identifier = {"system": "urn:cap", "value": fresh}
    organization = {"resourceType": "Organization", "name": "new", "identifier": [identifier]}
    name = "urn:uuid:0b4f2f2c-95f0-4f0e-8f8e-000000000001"
    bundle = transaction(
        posted(organization, fullUrl=name, ifNoneExist=f"identifier=urn:cap|{fresh}"), posted(kept_at(name))
    )
    providers = set()
    for status in ("201", "200"):
        entries = server.one("POST", "", bundle).json()["entry"]
        assert entries[0]["response"]["status"].startswith(status)
        made = str(entries[1]["response"]["location"]).split("/fhir/")[1].partition("/_history")[0]
        providers.add(server.one("GET", made).json()["serviceProvider"]["reference"])
    assert len(providers) == 1
    assert server.one("GET", providers.pop()).json()["name"] == "new"


def everything(server: Server, query: str) -> set[str]:
    answer = server.one("GET", f"Patient/cap-patient/$everything?{query}", token=OF_PATIENT)
    assert answer.status_code == 200, answer.text
    return {each["resource"]["id"] for each in answer.json().get("entry", ())}


def test_everything_is_of_a_time_of_care_or_since_a_change(server: Server) -> None:
    kinds = "_type=Patient,Observation,CareTeam"
    assert everything(server, kinds) >= {"cap-patient", "cap-old", "cap-observation", "cap-careteam"}
    assert everything(server, f"{kinds}&start=2020") == {"cap-patient", "cap-observation"}
    assert everything(server, f"{kinds}&end=2020-01") == {"cap-patient", "cap-old"}
    assert everything(server, f"{kinds}&_since=2038-01-01T00:00:00Z") == set()
    assert everything(server, f"{kinds}&_since=2001-01-01T00:00:00Z") >= {"cap-patient", "cap-old"}
    assert server.one("GET", "Patient/cap-patient/$everything?start=never").status_code == 400


def validated(server: Server, path: str, body: Any) -> tuple[int, str]:
    answer = server.one("POST", path, body)
    return answer.status_code, str(answer.json()["issue"][0]["code"])


def test_a_validation_has_a_mode_and_refuses_a_profile_that_it_does_not_know(server: Server) -> None:
    good = MINIMAL["Observation"]
    own = "http://hl7.org/fhir/StructureDefinition/Observation"
    assert validated(server, f"Observation/$validate?mode=create&profile={own}", good) == (200, "informational")
    assert validated(server, "Observation/$validate?profile=urn:other", good) == (400, "not-supported")
    assert validated(server, "Observation/$validate?mode=update", {**good, "id": None}) == (200, "structure")
    assert validated(server, "Observation/other/$validate?mode=update", good) == (200, "value")
    assert validated(server, "Observation/cap-old/$validate?mode=delete", None) == (200, "informational")
    assert validated(server, "Observation/$validate?mode=delete", good) == (400, "value")
    assert validated(server, "Observation/$validate?mode=perhaps", good) == (400, "value")
