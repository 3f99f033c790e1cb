"""Chartgate's sign-in and scope enforcement in front of a real HAPI: the same checks pass as on the embedded store."""

import asyncio
import time
import uuid
from typing import Any

import pytest

from auth.server import tables as auth_tables
from gateway.sandbox_ehrs import below
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import open_sqlite
from r4.interaction import Interaction
from sandbox import tables
from sandbox.upstream import opened
from tests.keys import KEYS

BASE = "http://127.0.0.1:8700/ehr/spec/fhir"

pytestmark = pytest.mark.hapi


def new_id() -> str:
    return str(uuid.uuid4())


async def asked(hapi: str, *interactions: Interaction) -> list[Any]:
    async with opened(upstream=hapi, base=BASE, new_id=new_id) as upstream:
        return [await upstream.perform(each) for each in interactions]


def test_what_hapi_takes_wrongly_is_refused_and_its_conflicts_are_what_r4_says(hapi_seeded: str) -> None:
    id = f"t-{uuid.uuid4()}"
    basic = {"resourceType": "Basic", "id": id, "code": {"text": "a"}}
    wrong = {"resourceType": "Basic", "id": id, "code": {"text": "a"}, "unknown": 1}

    def update(body: dict[str, Any], **more: Any) -> Interaction:
        return Interaction(action="update", type="Basic", id=id, body=body, **more)

    answers = asyncio.run(
        asked(
            hapi_seeded, update(wrong), update(basic), update({**basic, "code": {"text": "b"}}, if_match="7"),
            update({**basic, "code": {"text": "b"}}, if_match="*"),
            Interaction(action="delete", type="Basic", id=id, if_match="1"), Interaction(action="delete", type="Basic", id=id),
            Interaction(action="read", type="Basic", id=id),
        )
    )  # fmt: skip
    assert [answer.status for answer in answers] == [422, 201, 412, 200, 412, 204, 410]


def test_the_servers_address_and_words_never_leave(hapi_seeded: str) -> None:
    page = Interaction(action="search", type="Observation", query=(("_count", "3"),))
    lost = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "x"},
        "subject": {"reference": "Patient/nobody"},
    }
    found, refused = asyncio.run(asked(hapi_seeded, page, Interaction(action="create", type="Observation", body=lost)))
    assert hapi_seeded not in str(found.resource)
    links = {link["relation"]: link["url"] for link in found.resource["link"]}
    assert links["next"].startswith(f"{BASE}/Observation?")
    assert refused.status == 422
    assert refused.resource["issue"][0]["expression"] == ["Observation.subject.reference"]
    assert "HAPI" not in str(refused.resource)


def test_what_the_sandbox_lists_of_a_server_behind_goes_on_after_its_first_page(hapi_seeded: str) -> None:
    async def listed() -> list[Any]:
        database = open_sqlite(":memory:", metadata=[auth_tables.metadata, tables.metadata])
        ehr = SandboxEhr(
            name="spec", base=BASE.removesuffix("/fhir"), database=database, keys=KEYS, new_id=new_id,
            new_secret=lambda: uuid.uuid4().hex, clock=time.time,
        )  # fmt: skip
        async with opened(upstream=hapi_seeded, base=BASE, new_id=new_id) as upstream:
            ehr.upstream = upstream
            found = await below.search(ehr, "Observation", ("status", "final"))
        database.close()
        return found

    found = asyncio.run(listed())
    assert len(found) == len({each["id"] for each in found}) == below.LISTED


def test_the_last_page_is_told_from_a_full_one_and_partial_dates_are_whole(hapi_seeded: str) -> None:
    word = f"w{uuid.uuid4().hex[:8]}"
    tag = {"tag": [{"system": "urn:t", "code": word}]}

    def create(number: int) -> Interaction:
        body = {
            "resourceType": "Organization",
            "id": f"{word}{number}",
            "meta": tag,
            "name": "one",
            "alias": ["two", "three"],
        }
        return Interaction(action="update", type="Organization", id=f"{word}{number}", body=body)

    mine = ("_tag", f"urn:t|{word}")
    named = Interaction(action="search", type="Organization", query=(mine, ("name:missing", "false"), ("_count", "2")))
    absolute = Interaction(action="search", type="Patient", query=(("organization", f"{BASE}/Organization/{word}0"),))
    listed = Interaction(action="search", type="Patient", query=(mine, ("birthdate", "ge1950,le1960")))
    *_, page, none, refused = asyncio.run(asked(hapi_seeded, *map(create, range(3)), named, absolute, listed))
    assert len(page.resource["entry"]) == 2
    assert [link["relation"] for link in page.resource["link"]] == ["next"]
    assert (none.status, none.resource.get("entry")) == (200, None)
    assert refused.status == 400


def test_a_server_that_is_not_there_or_answers_html_is_503() -> None:
    read = Interaction(action="read", type="Patient", id="p")
    (answer,) = asyncio.run(asked("http://127.0.0.1:9/fhir", read))
    assert answer.status == 503
    assert answer.headers["retry-after"]
