"""App state (SMART App Launch 2.2 app-state, experimental)."""

from typing import Any

from tests.flow.smart_server import APP, FHIR, Registered, World

SCOPE = "launch patient/Basic.cruds user/Basic.cruds"


CODE = f"{APP}|keys"


def basic(subject: str | None = "Patient/p1", *, value: str = "v1", code: str = CODE, **more: Any) -> dict[str, Any]:
    system, _, name = code.partition("|")
    return {
        "resourceType": "Basic",
        "code": {"coding": [{"system": system, "code": name}]},
        **({"subject": {"reference": f"{FHIR}/{subject}"}} if subject else {}),
        "extension": [{"url": f"{APP}/state", "valueString": value}],
        **more,
    }


async def bearer(world: World, scope: str = SCOPE, client: Registered | None = None, **launch: Any) -> str:
    client = client or await world.register(scope="launch patient/*.cruds user/*.cruds")
    said = await world.signed_in(client, scope=scope, launch=launch)
    return str(said["access_token"])


async def found(world: World, token: str, query: str) -> list[dict[str, Any]]:
    answer = await world.fhir(token, "GET", f"Basic?{query}")
    assert answer.status_code == 200, answer.text
    bundle = answer.json()
    assert (bundle["type"], bundle["total"]) == ("searchset", len(bundle.get("entry", [])))
    return [each["resource"] for each in bundle.get("entry", [])]


SUBJECTS = {"the patient": "Patient/p1", "the user": "Practitioner/d1", "nobody": None}
