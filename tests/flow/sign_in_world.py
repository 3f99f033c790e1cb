"""A person at the EHR's own pages, and everybody who is not that person: the authorization request from authorize to code.

The pages are driven as a browser without scripts would: forms are read from the page and sent back."""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
from sqlalchemy import Connection

from auth.keys import SigningKeys
from auth.pkce import challenge
from auth.server import tables as auth_tables
from auth.server.clients import Client, save_client
from gateway import ehr_face
from gateway.face.serving import rules_of
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.database import Sqlite, open_sqlite
from sandbox import loading
from sandbox import tables as store_tables

SITE = "http://127.0.0.1:8700"


BASE, OTHER = f"{SITE}/ehr/spec", f"{SITE}/ehr/other"


BACK = "https://app.example/callback"


KEYS = SigningKeys.generate()


VERIFIER = "v" * 43


SCOPE = "openid fhirUser launch/patient launch/encounter online_access patient/Patient.rs patient/Observation.rs"


OWN = {"origin": SITE, "sec-fetch-site": "same-origin"}


RECORDS: list[dict[str, Any]] = [
    {"resourceType": "Patient", "id": "p1", "name": [{"given": ["Ada"], "family": "One"}], "birthDate": "1970-01-01"},
    {"resourceType": "Patient", "id": "p2", "name": [{"given": ["Bo"], "family": "Two"}]},
    {"resourceType": "Practitioner", "id": "d1", "name": [{"text": "Dr. Dee"}]},
    {"resourceType": "Practitioner", "id": "d2", "name": [{"text": "Dr. Two"}]},
    *(
        {"resourceType": "Encounter", "id": f"e{n}", "status": "in-progress", "class": {"code": "IMP"}, "subject": {"reference": f"Patient/p{n}"}}
        for n in (1, 2)
    ),
]  # fmt: skip


class Forms(HTMLParser):
    """The forms of a page: address, fields as a browser would send them untouched, and what could be chosen."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[dict[str, Any]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        said = {name: value or "" for name, value in attributes}
        if tag == "form":
            self.found.append({"action": said.get("action", ""), "fields": {}, "choices": {}})
        if not self.found or ("name" not in said and tag != "option"):
            return
        form = self.found[-1]
        if tag == "input" and said.get("type") in ("hidden", "text"):
            form["fields"][said["name"]] = said.get("value", "")
        elif tag == "input":
            form["choices"].setdefault(said["name"], []).append(said.get("value", "on"))
            if "checked" in said:
                form["fields"][said["name"]] = said.get("value", "on")
        elif tag == "select":
            form["choices"][said["name"]] = form["options"] = []
            form["select"] = said["name"]
        elif tag == "option":
            form["options"].append(said.get("value", ""))
            if len(form["options"]) == 1 or "selected" in said:
                form["fields"][form["select"]] = said.get("value", "")
        elif tag == "button":
            form["choices"].setdefault(said["name"], []).append(said.get("value", ""))


@dataclass
class Browser:
    """One browser: keeps the cookies of this site, sends ``Origin`` as browsers do, follows redirects within the site."""

    http: httpx2.AsyncClient
    cookies: dict[str, str] = field(default_factory=dict)
    last: httpx2.Response | None = None

    async def send(self, method: str, url: str, *, headers: Mapping[str, str] = {}, **options: Any) -> httpx2.Response:
        sent = {
            **({"cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())} if self.cookies else {}),
            **headers,
        }
        answer = await self.http.request(method, url, headers=sent, **options)
        for line in answer.headers.get_list("set-cookie"):
            name, _, value = line.partition(";")[0].partition("=")
            self.cookies[name] = value
        self.last = answer
        return answer

    async def follow(self, answer: httpx2.Response) -> httpx2.Response:
        while answer.status_code == 303 and answer.headers["location"].startswith(f"{SITE}/"):
            answer = await self.send("GET", answer.headers["location"])
        return answer

    async def open(self, url: str) -> httpx2.Response:
        return await self.follow(await self.send("GET", url))

    async def submit(
        self, page: httpx2.Response, fill: Mapping[str, str | None] = {}, *, holds: str = "token",
        headers: Mapping[str, str] = OWN,
    ) -> httpx2.Response:  # fmt: skip
        """Sends the page's form that has, or offers, the field ``holds``; ``None`` takes a field off."""
        form = next(f for f in Forms(page.text).found if holds in f["fields"] or holds in f["choices"])
        fields = {name: value for name, value in {**form["fields"], **fill}.items() if value is not None}
        return await self.follow(await self.send("POST", form["action"], data=fields, headers=headers))


@dataclass
class World:
    """Two EHRs, one app, as many browsers as are wanted, and a clock that can be moved."""

    clock: dict[str, float]
    ehr: SandboxEhr
    database: Sqlite
    http: httpx2.AsyncClient

    def browser(self) -> Browser:
        return Browser(http=self.http)

    def asked(self, **changed: str | None) -> dict[str, str]:
        said: dict[str, str | None] = {
            "response_type": "code", "client_id": "app", "redirect_uri": BACK, "scope": SCOPE, "state": "st",
            "aud": f"{BASE}/fhir", "code_challenge": challenge(VERIFIER), "code_challenge_method": "S256", **changed,
        }  # fmt: skip
        return {name: value for name, value in said.items() if value is not None}

    def url(self, **changed: str | None) -> str:
        return f"{BASE}/auth/authorize?{urlencode(self.asked(**changed))}"

    async def launch(self, **body: Any) -> str:
        answer = await self.http.post(f"{BASE}/launch", json={"client_id": "app", **body})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["launch"])

    async def token(self, answer: httpx2.Response, **changed: str) -> httpx2.Response:
        form = {
            "grant_type": "authorization_code", "code": back(answer)["code"], "redirect_uri": BACK,
            "client_id": "app", "code_verifier": VERIFIER, **changed,
        }  # fmt: skip
        return await self.http.post(f"{BASE}/auth/token", data=form)

    async def refresh(self, token: str) -> httpx2.Response:
        form = {"grant_type": "refresh_token", "refresh_token": token, "client_id": "app"}
        return await self.http.post(f"{BASE}/auth/token", data=form)

    async def read(self, bearer: str) -> int:
        answer = await self.http.get(f"{BASE}/fhir/Patient/p1", headers={"authorization": f"Bearer {bearer}"})
        return answer.status_code


def back(answer: httpx2.Response) -> dict[str, str]:
    """What the app was told; fails unless this is the redirect to it."""
    assert answer.status_code == 303, answer.text
    assert answer.headers["location"].startswith(f"{BACK}?")
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


def heading(page: httpx2.Response) -> str:
    match = re.search(r"<h1>(.*?)</h1>", page.text)
    assert match is not None, page.text
    return match[1]


async def signed_in(browser: Browser, page: httpx2.Response, user: str = "Practitioner/d1") -> httpx2.Response:
    assert heading(page).startswith("Sign in")
    return await browser.submit(page, {"user": user}, holds="user")


async def consent_page(world: World, browser: Browser, **changed: str | None) -> httpx2.Response:
    """Everything up to the page that asks."""
    page = await signed_in(browser, await browser.open(world.url(**changed)))
    if heading(page).startswith("Choose the patient"):
        page = await browser.submit(page, {"patient": "p1"}, holds="patient")
    if heading(page).startswith("Choose the encounter"):
        page = await browser.submit(page, {"encounter": "e1"}, holds="encounter")
    assert heading(page) == "Allow The app?"
    return page


async def allow(browser: Browser, page: httpx2.Response, **fill: str | None) -> httpx2.Response:
    return await browser.submit(page, {"decision": "allow", **fill}, holds="decision")


def _ehr(name: str, clock: dict[str, float], secret: str | None = None) -> SandboxEhr:
    database = open_sqlite(
        ":memory:", metadata=[auth_tables.metadata, store_tables.metadata], clock=lambda: clock["now"]
    )
    return SandboxEhr(
        name=name, base=f"{SITE}/ehr/{name}", database=database, keys=KEYS, new_id=lambda: f"i{token_urlsafe(8)}",
        new_secret=lambda: token_urlsafe(32), clock=lambda: clock["now"], operator_secret=secret,
    )  # fmt: skip


async def _story(act: Callable[[World], Awaitable[None]], secret: str | None) -> None:
    clock = {"now": 1_800_000_000.0}
    ehrs = [_ehr("spec", clock, secret), _ehr("other", clock)]
    client = Client(
        id="app", name="The app", redirect_uris=(BACK,), launch_url="https://app.example/launch",
        grant_types=("authorization_code", "refresh_token"), scope=f"{SCOPE} offline_access user/*.cruds launch launch/imagingstudy",
    )  # fmt: skip

    for ehr in ehrs:

        def fill(connection: Connection, now: float, ehr: SandboxEhr = ehr) -> None:
            loading.load(connection, now, RECORDS, rules_of(ehr))
            save_client(connection, now, client=client)

        ehr.database.run_now(fill)
    async with httpx2.AsyncClient(transport=httpx2.ASGITransport(ehr_face.application(ehrs))) as http:
        world = World(clock=clock, ehr=ehrs[0], database=ehrs[0].database, http=http)
        try:
            await act(world)
        finally:
            for ehr in ehrs:
                ehr.database.close()


def drive(act: Callable[[World], Awaitable[None]], *, secret: str | None = None) -> None:
    asyncio.run(_story(act, secret))


async def automatic(world: World, *faults: str, extra: str = "openid online_access") -> httpx2.Response:
    launch = await world.launch(patient="p1", user="Practitioner/d1", automatic=True, faults=list(faults))
    return await world.browser().send("GET", world.url(launch=launch, scope=f"launch patient/*.rs {extra}"))
