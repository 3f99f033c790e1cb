"""A person at the EHR's own pages, and everybody who is not that person: the authorization request from authorize to code.

The pages are driven as a browser without scripts would: forms are read from the page and sent back.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest
from sqlalchemy import Connection, select

from auth.keys import SigningKeys
from auth.pkce import challenge
from auth.server import tables as auth_tables
from auth.server.clients import Client, save_client
from auth.server.requests import find_request
from auth.server.sessions import form_token
from gateway import ehr_face
from gateway.database import Sqlite, open_sqlite
from gateway.ehr import SandboxEhr
from gateway.serving import rules_of
from sandbox import loading
from sandbox import tables as store_tables
from sandbox.audit_tables import events

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


def test_sign_in_pickers_and_consent_lead_to_a_token_with_what_was_chosen() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        answer = await allow(browser, await consent_page(world, browser))
        assert back(answer)["state"] == "st"
        assert back(answer)["iss"] == BASE
        token = (await world.token(answer)).json()
        assert (token["patient"], token["encounter"]) == ("p1", "e1")
        assert token["scope"].split() == SCOPE.split()
        assert token["smart_style_url"].startswith(f"{BASE}/style.json?v=")
        assert (await world.http.get(token["smart_style_url"])).json()["color_text"]
        assert await world.read(token["access_token"]) == 200

    drive(act)


def test_what_is_unticked_is_not_granted() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await consent_page(world, browser)
        place = SCOPE.split().index("patient/Patient.rs")
        token = (await world.token(await allow(browser, page, **{f"scope-{place}": None}))).json()
        assert token["scope"].split() == [scope for scope in SCOPE.split() if scope != "patient/Patient.rs"]
        assert await world.read(token["access_token"]) == 403

    drive(act)


def test_nothing_ticked_is_access_denied() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await consent_page(world, browser)
        said = back(await allow(browser, page, **{f"scope-{n}": None for n in range(7)}))
        assert (said["error"], said["state"], said["iss"]) == ("access_denied", "st", BASE)

    drive(act)


def test_deny_is_access_denied_at_every_step() -> None:
    async def act(world: World) -> None:
        first, second = world.browser(), world.browser()
        page = await first.open(world.url())
        assert back(await first.submit(page, holds="decision"))["error"] == "access_denied"
        page = await consent_page(world, second)
        assert back(await second.submit(page, {"decision": "deny"}, holds="decision"))["error"] == "access_denied"

    drive(act)


@pytest.mark.parametrize("scope", ["made-up", "patient/*.cruds", "openid"])
def test_a_scope_that_the_page_did_not_list_is_refused(scope: str) -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await consent_page(world, browser)
        for name in ("scope-5", "scope-99"):
            assert (await allow(browser, page, **{name: scope})).status_code == 403

    drive(act)


def test_no_encounter_may_be_chosen_and_its_scope_is_not_granted() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await signed_in(browser, await browser.open(world.url()))
        page = await browser.submit(page, {"patient": "p1"}, holds="patient")
        page = await browser.submit(page, {"encounter": "none"}, holds="encounter")
        token = (await world.token(await allow(browser, page))).json()
        assert "encounter" not in token
        assert "launch/encounter" not in token["scope"].split()

    drive(act)


@pytest.mark.parametrize(("field", "value"), [
    ("patient", "p9"), ("patient", ""), ("patient", ".."), ("patient", "p1/../p2"), ("patient", "Patient/p1"), ("patient", "\x00"),
])  # fmt: skip
def test_a_patient_that_the_ehr_does_not_have_is_refused(field: str, value: str) -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await signed_in(browser, await browser.open(world.url()))
        answer = await browser.submit(page, {field: value}, holds=field)
        assert answer.status_code in (400, 403)
        assert value == "" or value == ".." or value not in answer.text
        assert heading(await browser.submit(page, {"patient": "p1"}, holds="patient")).startswith(
            "Choose the encounter"
        )

    drive(act)


def test_an_encounter_of_another_patient_is_refused() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await signed_in(browser, await browser.open(world.url()))
        page = await browser.submit(page, {"patient": "p1"}, holds="patient")
        assert "e2" not in Forms(page.text).found[0]["choices"].get("encounter", [])
        assert (await browser.submit(page, {"encounter": "e2"}, holds="encounter")).status_code == 403

    drive(act)


def test_a_user_who_is_nobody_here_is_refused() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await browser.open(world.url())
        for user in ("Practitioner/d9", "Patient/p9", "Device/x", "d1", ""):
            assert (await browser.submit(page, {"user": user}, holds="user")).status_code == 403

    drive(act)


def test_a_patient_is_his_own_patient_and_nobody_elses() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await signed_in(browser, await browser.open(world.url()), "Patient/p2")
        assert heading(page).startswith("Choose the encounter")
        forged = await browser.submit(page, {"patient": "p1", "encounter": "none"}, holds="encounter")
        token = (await world.token(await allow(browser, forged))).json()
        assert token["patient"] == "p2"
        assert await world.read(token["access_token"]) == 404

    drive(act)


def test_a_patient_cannot_answer_a_launch_for_another_patient() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await browser.open(world.url(launch=await world.launch(patient="p1"), scope="launch patient/*.rs"))
        assert "Patient/p2" not in page.text
        assert (await browser.submit(page, {"user": "Patient/p2"}, holds="user")).status_code == 403
        assert heading(await signed_in(browser, page, "Patient/p1")) == "Allow The app?"

    drive(act)


def test_a_launch_for_one_user_is_answered_by_no_other_even_one_who_is_signed_in() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        await signed_in(browser, await browser.open(world.url()), "Practitioner/d2")
        launch = await world.launch(patient="p1", user="Practitioner/d1")
        page = await browser.open(world.url(launch=launch, scope="launch patient/Patient.rs"))
        assert heading(page).startswith("Sign in")
        assert "Practitioner/d2" not in page.text
        assert (await browser.submit(page, {"user": "Practitioner/d2"}, holds="user")).status_code == 403
        assert heading(await signed_in(browser, page)) == "Allow The app?"

    drive(act)


def test_a_launch_that_brings_the_patient_needs_no_picker() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        launch = await world.launch(patient="p1", encounter="e1", user="Practitioner/d1", intent="review", tenant="t1")
        page = await consent_page(world, browser, launch=launch, scope="launch openid fhirUser patient/Patient.rs")
        token = (await world.token(await allow(browser, page))).json()
        assert (token["patient"], token["encounter"], token["intent"], token["tenant"]) == ("p1", "e1", "review", "t1")

    drive(act)


def test_a_launch_is_used_up_by_one_request() -> None:
    async def act(world: World) -> None:
        browser, launch = world.browser(), await world.launch(patient="p1")
        assert heading(await browser.open(world.url(launch=launch))).startswith("Sign in")
        assert back(await browser.open(world.url(launch=launch)))["error"] == "invalid_request"

    drive(act)


def test_a_form_without_its_token_or_with_anothers_changes_nothing() -> None:
    async def act(world: World) -> None:
        browser, other = world.browser(), world.browser()
        page = await consent_page(world, browser)
        foreign = Forms((await consent_page(world, other)).text).found[-1]["fields"]["token"]
        for token in (None, "", "0" * 64, foreign, "ü"):
            answer = await allow(browser, page, token=token)
            assert answer.status_code == 403
            assert "code=" not in answer.headers.get("location", "")
        assert "code" in back(await allow(browser, page))

    drive(act)


@pytest.mark.parametrize("headers", [
    {"origin": "https://evil.example"}, {"origin": "null"}, {"origin": SITE, "sec-fetch-site": "cross-site"},
    {"sec-fetch-site": "same-site"},
])  # fmt: skip
def test_a_form_posted_from_elsewhere_is_refused(headers: dict[str, str]) -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await consent_page(world, browser)
        assert (await browser.submit(page, {"decision": "allow"}, holds="decision", headers=headers)).status_code == 403
        assert "code" in back(await allow(browser, page))

    drive(act)


def test_a_request_is_answered_once() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await consent_page(world, browser)
        assert "code" in back(await allow(browser, page))
        replay = await allow(browser, page)
        assert replay.status_code == 400
        assert "answered already" in replay.text

    drive(act)


def test_two_answers_at_once_give_one_code() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await consent_page(world, browser)
        answers = await asyncio.gather(*(allow(browser, page) for _ in range(8)))
        assert sum(answer.status_code == 303 for answer in answers) == 1

    drive(act)


def test_a_request_is_forgotten_after_ten_minutes() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await consent_page(world, browser)
        world.clock["now"] += 601
        assert (await allow(browser, page)).status_code == 400

    drive(act)


def test_another_browser_cannot_open_or_answer_a_request() -> None:
    async def act(world: World) -> None:
        mine, other = world.browser(), world.browser()
        started = await mine.send("GET", world.url())
        page = await mine.follow(started)
        assert (await other.open(started.headers["location"])).status_code == 403
        await signed_in(other, await other.open(world.url()))
        assert (await other.submit(page, {"user": "Practitioner/d1"}, holds="user")).status_code == 403

    drive(act)


def test_two_tabs_keep_their_own_patients() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        first = await signed_in(browser, await browser.open(world.url(scope="patient/Patient.rs", state="one")))
        second = await browser.open(world.url(scope="patient/Patient.rs", state="two"))
        first = await browser.submit(first, {"patient": "p1"}, holds="patient")
        second = await browser.submit(second, {"patient": "p2"}, holds="patient")
        for page, patient, state in ((first, "p1", "one"), (second, "p2", "two")):
            answer = await allow(browser, page)
            assert back(answer)["state"] == state
            assert (await world.token(answer)).json()["patient"] == patient

    drive(act)


def test_a_consent_page_whose_patient_was_changed_in_another_tab_grants_nothing() -> None:
    """The swap between picker and consent: the page showed one patient, the request holds another."""

    async def act(world: World) -> None:
        browser = world.browser()
        picker = await signed_in(browser, await browser.open(world.url(scope="patient/Patient.rs")))
        await browser.submit(picker, {"patient": "p1"}, holds="patient")
        late = await browser.submit(picker, {"patient": "p2"}, holds="patient")
        assert late.status_code == 403

        racing = world.browser()
        picker = await signed_in(racing, await racing.open(world.url(scope="patient/Patient.rs")))
        answers = await asyncio.gather(*(racing.submit(picker, {"patient": p}, holds="patient") for p in ("p1", "p2")))
        assert sorted(answer.status_code for answer in answers) == [200, 403]

    drive(act)


def test_signing_in_gives_a_cookie_that_nobody_knew_before() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await browser.open(world.url())
        name, before = next(iter(browser.cookies.items()))
        assert name == "__Host-spec-session"
        await signed_in(browser, page)
        assert browser.cookies[name] != before
        planted = world.browser()
        planted.cookies[name] = before
        assert heading(await planted.open(f"{BASE}/auth/manage")).startswith("Sign in")

    drive(act)


def test_the_cookie_of_another_ehr_opens_nothing() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        await signed_in(browser, await browser.open(world.url()))
        secret = browser.cookies["__Host-spec-session"]
        stranger = world.browser()
        stranger.cookies = {"__Host-other-session": secret, "__Host-spec-session": "x" * 43}
        assert heading(await stranger.open(f"{OTHER}/auth/manage")).startswith("Sign in")
        assert heading(await stranger.open(f"{BASE}/auth/manage")).startswith("Sign in")

    drive(act)


def test_a_session_lasts_eight_hours() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        await signed_in(browser, await browser.open(world.url()))
        world.clock["now"] += 8 * 3600 - 1
        assert heading(await browser.open(f"{BASE}/auth/manage")) == "Apps you allowed"
        world.clock["now"] += 2
        assert heading(await browser.open(f"{BASE}/auth/manage")).startswith("Sign in")

    drive(act)


@pytest.mark.parametrize(("extra", "survives"), [("online_access", False), ("online_access offline_access", True)])
def test_online_access_ends_at_sign_out_and_offline_access_does_not(extra: str, survives: bool) -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await consent_page(world, browser, scope=f"patient/Patient.rs {extra}")
        token = (await world.token(await allow(browser, page))).json()
        renewed = await world.refresh(token["refresh_token"])
        assert renewed.status_code == 200
        await browser.submit(await browser.open(f"{BASE}/auth/manage"))
        answer = await world.refresh(renewed.json()["refresh_token"])
        assert answer.status_code == (200 if survives else 400)
        assert survives or answer.json()["error"] == "invalid_grant"

    drive(act)


@pytest.mark.parametrize(("extra", "survives"), [("online_access", False), ("offline_access", True)])
def test_an_automatic_launch_has_a_session_of_the_same_life(extra: str, survives: bool) -> None:
    async def act(world: World) -> None:
        launch = await world.launch(patient="p1", automatic=True)
        answer = await world.browser().send("GET", world.url(launch=launch, scope=f"launch patient/*.rs {extra}"))
        token = (await world.token(answer)).json()
        world.clock["now"] += 8 * 3600 - 60
        renewed = await world.refresh(token["refresh_token"])
        assert renewed.status_code == 200
        world.clock["now"] += 61
        assert (await world.refresh(renewed.json()["refresh_token"])).status_code == (200 if survives else 400)

    drive(act)


def test_a_session_is_no_consent() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        assert "code" in back(await allow(browser, await consent_page(world, browser)))
        for method, options in (("GET", {"params": world.asked()}), ("POST", {"data": world.asked(), "headers": {"origin": "https://app.example", "sec-fetch-site": "cross-site"}})):  # fmt: skip
            answer = await browser.follow(await browser.send(method, f"{BASE}/auth/authorize", **options))
            assert (answer.status_code, heading(answer)) == (200, "Choose the patient for The app")

    drive(act)


def test_every_page_is_unframeable_uncached_and_leads_nowhere_but_to_the_app() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        pages = [await browser.open(world.url())]
        pages.append(await signed_in(browser, pages[0]))
        pages.append(await consent_page(world, world.browser()))
        for page in pages:
            policy = page.headers["content-security-policy"]
            assert "frame-ancestors 'none'" in policy
            assert "form-action 'self' https://app.example;" in policy
            assert "script" not in policy
            assert page.headers["cache-control"] == "no-store"
            assert page.headers["referrer-policy"] == "same-origin"
            assert "<script" not in page.text
        refused = await browser.open(f"{BASE}/auth/sign-in?request=unknown")
        assert (refused.status_code, "frame-ancestors 'none'" in refused.headers["content-security-policy"]) == (
            400,
            True,
        )

    drive(act)


def test_an_address_of_an_app_cannot_write_into_the_policy() -> None:
    async def act(world: World) -> None:
        uri = "https://x; script-src 'unsafe-inline'/back"
        client = Client(id="sly", redirect_uris=(uri,), name="<b>Sly</b>")
        await world.database.run(lambda c, now: save_client(c, now, client=client))
        page = await world.browser().open(world.url(client_id="sly", redirect_uri=uri))
        assert "script-src" not in page.headers["content-security-policy"]
        assert "<b>Sly</b>" not in page.text

    drive(act)


def test_a_person_sees_what_was_allowed_and_revokes_it_at_once() -> None:
    async def act(world: World) -> None:
        browser, other = world.browser(), world.browser()
        bearer = (await world.token(await allow(browser, await consent_page(world, browser)))).json()["access_token"]
        await signed_in(other, await other.open(f"{BASE}/auth/sign-in"), "Practitioner/d2")
        assert "The app" not in (await other.open(f"{BASE}/auth/manage")).text
        page = await browser.open(f"{BASE}/auth/manage")
        assert "Ada One" in page.text
        assert "patient/Patient.rs" in page.text
        grant = next(f["fields"]["grant"] for f in Forms(page.text).found if "grant" in f["fields"])
        theirs = await other.open(f"{BASE}/auth/manage")
        token = Forms(theirs.text).found[0]["fields"]["token"]
        for said in (token, Forms(page.text).found[-1]["fields"]["token"]):
            refused = await other.send("POST", f"{BASE}/auth/manage", data={"grant": grant, "token": said}, headers=OWN)
            assert refused.status_code == 403
        assert await world.read(bearer) == 200
        done = await browser.submit(page, holds="grant")
        assert "Revoked." in done.text
        assert await world.read(bearer) == 401
        assert "Growth" not in done.text
        assert "No app may do anything" in done.text

    drive(act)


def test_somebody_else_cannot_revoke_a_grant_with_a_form_of_his_own() -> None:
    async def act(world: World) -> None:
        browser, other = world.browser(), world.browser()
        bearer = (await world.token(await allow(browser, await consent_page(world, browser)))).json()["access_token"]
        page = await consent_page(world, other)
        await allow(other, page)
        await other.submit(await other.open(f"{BASE}/auth/manage"))
        theirs = await signed_in(other, await other.open(f"{BASE}/auth/sign-in"), "Practitioner/d2")
        again = await other.open(world.url(scope="user/Patient.rs"))
        await allow(other, again)
        theirs = await other.open(f"{BASE}/auth/manage")
        grant = next(f["fields"]["grant"] for f in Forms((await browser.open(f"{BASE}/auth/manage")).text).found if "grant" in f["fields"])  # fmt: skip
        assert (await other.submit(theirs, {"grant": grant}, holds="grant")).status_code == 404
        assert await world.read(bearer) == 200

    drive(act)


def test_before_a_server_that_is_not_ours_only_the_operator_signs_in() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await browser.open(world.url(scope="user/Patient.rs"))
        for said in ("", "wrong", "ü"):
            refused = await browser.submit(page, {"user": "Practitioner/d1", "operator": said}, holds="user")
            assert refused.status_code == 403
        page = await browser.submit(page, {"user": "Practitioner/d1", "operator": "the secret"}, holds="user")
        assert heading(page) == "Allow The app?"

    drive(act, secret="the secret")


@pytest.mark.parametrize("fault", ["access_denied", "invalid_scope", "temporarily_unavailable", "server_error"])
def test_a_fault_of_the_launch_answers_the_request_with_its_error(fault: str) -> None:
    async def act(world: World) -> None:
        launch = await world.launch(patient="p1", faults=[f"authorize-{fault.replace('_', '-')}"])
        said = back(await world.browser().open(world.url(launch=launch)))
        assert (said["error"], said["state"], said["iss"]) == (fault, "st", BASE)

    drive(act)


async def automatic(world: World, *faults: str, extra: str = "openid online_access") -> httpx2.Response:
    launch = await world.launch(patient="p1", user="Practitioner/d1", automatic=True, faults=list(faults))
    return await world.browser().send("GET", world.url(launch=launch, scope=f"launch patient/*.rs {extra}"))


def test_pkce_is_unchecked_only_where_the_launch_names_that_fault() -> None:
    async def act(world: World) -> None:
        weak = await world.token(await automatic(world, "pkce-unchecked"), code_verifier="w" * 43)
        strong = await world.token(await automatic(world), code_verifier="w" * 43)
        asked = await world.browser().send("GET", world.url(faults="pkce-unchecked", launch=await world.launch(patient="p1", automatic=True)))  # fmt: skip
        assert (weak.status_code, strong.status_code) == (200, 400)
        assert (await world.token(asked, code_verifier="w" * 43)).status_code == 400

    drive(act)


def test_faults_of_token_and_refresh_strike_at_their_stage() -> None:
    async def act(world: World) -> None:
        refused = await world.token(await automatic(world, "token-invalid-client"))
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_client")
        expired = (await world.token(await automatic(world, "access-token-expired"))).json()
        assert await world.read(expired["access_token"]) == 401
        stale = (await world.token(await automatic(world, "refresh-invalid-grant"))).json()
        assert await world.read(stale["access_token"]) == 200
        assert (await world.refresh(stale["refresh_token"])).json()["error"] == "invalid_grant"

    drive(act)


def test_faults_of_the_redirect_change_what_the_app_must_check() -> None:
    async def act(world: World) -> None:
        assert "state" not in back(await automatic(world, "redirect-no-state"))
        assert back(await automatic(world, "redirect-wrong-state"))["state"] != "st"
        assert back(await automatic(world, "redirect-wrong-iss"))["iss"] != BASE

    drive(act)


def test_a_fault_that_is_not_in_the_table_is_refused() -> None:
    async def act(world: World) -> None:
        answer = await world.http.post(f"{BASE}/launch", json={"client_id": "app", "faults": ["made-up"]})
        assert answer.status_code == 400
        assert "made-up" not in answer.text
        listed = (await world.http.get(f"{BASE}/launch", headers={"accept": "application/json"})).json()
        assert "pkce-unchecked" in listed["faults"]

    drive(act)


@pytest.mark.parametrize(("context", "member"), [
    ({"reference": "Patient/p1"}, "fhirContext[0].role"), ({"reference": "ImagingStudy/1", "role": ""}, "fhirContext[0].role"),
    ({"role": "launch"}, "fhirContext[0]"), ("ImagingStudy/1", "fhirContext[0]"),
])  # fmt: skip
def test_a_context_that_breaks_a_rule_is_refused_by_name(context: Any, member: str) -> None:
    async def act(world: World) -> None:
        answer = await world.http.post(f"{BASE}/launch", json={"client_id": "app", "fhirContext": [context]})
        assert answer.status_code == 400
        assert member in answer.json()["error_description"]

    drive(act)


def test_a_context_scope_is_granted_when_the_launch_holds_what_it_asks_for() -> None:
    async def act(world: World) -> None:
        for context, granted in (([{"reference": "ImagingStudy/1"}], True), ([{"reference": "List/1"}], False)):
            launch = await world.launch(patient="p1", automatic=True, fhirContext=context)
            answer = await world.browser().send("GET", world.url(launch=launch, scope="launch patient/*.rs launch/imagingstudy"))  # fmt: skip
            token = (await world.token(answer)).json()
            assert token["fhirContext"] == context
            assert ("launch/imagingstudy" in token["scope"].split()) is granted

    drive(act)


def test_the_launchers_form_says_what_is_wrong_and_keeps_what_was_chosen() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await browser.send("GET", f"{BASE}/launch?intent=a%22b", headers={"accept": "text/html"})
        assert 'value="a&#34;b"' in page.text
        wrong = await browser.submit(page, {"patient": "p1", "encounter": "e2"}, holds="client_id")
        assert wrong.status_code == 400
        assert "Encounter is not one of this patient." in wrong.text
        assert 'value="a&#34;b"' in wrong.text
        right = await browser.submit(page, {"patient": "", "encounter": "e2"}, holds="client_id")
        assert right.headers["location"].startswith("https://app.example/launch?iss=")
        elsewhere = await browser.submit(page, holds="client_id", headers={"origin": "https://evil.example"})
        assert elsewhere.status_code == 403

    drive(act)


NASTY = (
    "\x00",
    "..",
    "%",
    "\ud800".encode("utf-8", "surrogatepass").decode("latin-1"),
    "x" * 5000,
    "<b>",
    "p1\n",
    "Patient/p1?_id=p2",
    "é|,$\\",
)


@pytest.mark.parametrize("value", NASTY, ids=range(len(NASTY)))
def test_whatever_is_sent_to_a_page_is_refused_or_ignored_and_never_repeated_as_markup(value: str) -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        page = await signed_in(browser, await browser.open(world.url()))
        key = Forms(page.text).found[0]["fields"]["request"]
        answers = [
            await browser.send("GET", f"{BASE}/auth/sign-in?{urlencode({'request': key, 'name': value})}"),
            await browser.send("GET", f"{BASE}/auth/sign-in?{urlencode({'request': value})}"),
            await browser.send("GET", f"{BASE}/launch?{urlencode({'client_id': value, 'kind': value, 'intent': value, f'fault-{value}': value})}", headers={"accept": "text/html"}),
            await browser.submit(page, {"patient": value, "decision": value}, holds="patient"),
            await browser.submit(page, {"request": value}, holds="patient"),
            await browser.send("POST", f"{BASE}/auth/manage", data={"grant": value, "token": value}, headers=OWN),
            await browser.send("POST", f"{BASE}/auth/sign-out", data={"request": value, "token": value}, headers=OWN),
            await browser.send("POST", f"{BASE}/launch", data={"client_id": value, "patient": value, "user": value}, headers=OWN),
            await browser.send("POST", f"{BASE}/auth/sign-in", content=value.encode() * 2, headers=OWN | {"content-type": "application/x-www-form-urlencoded"}),
        ]  # fmt: skip
        assert [answer.status_code for answer in answers if answer.status_code >= 500] == []
        assert not any('"<b>' in answer.text for answer in answers)
        for answer in answers:
            assert "code=" not in answer.headers.get("location", "")

    drive(act)


def test_a_browser_that_knows_the_whole_request_still_cannot_answer_anothers() -> None:
    """The app itself knows all of its request but the key; should that leak, the cookie is still the other browser's."""

    async def act(world: World) -> None:
        mine, other = world.browser(), world.browser()
        page = await mine.open(world.url())
        await signed_in(other, await other.open(world.url()))
        key = Forms(page.text).found[-1]["fields"]["request"]
        kept = await world.database.run(lambda c, now: find_request(c, now, key))
        assert kept is not None
        for step in ("sign-in", "patient", "consent"):
            token = form_token(other.cookies["__Host-spec-session"], key, step, kept.body)
            said = {"request": key, "token": token, "user": "Practitioner/d1", "patient": "p1", "decision": "allow"}
            answer = await other.send("POST", f"{BASE}/auth/sign-in", data=said, headers=OWN)
            assert (answer.status_code, "another browser" in answer.text) == (403, True)

    drive(act)


def test_signing_in_as_somebody_else_ends_the_session_before() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        await signed_in(browser, await browser.open(world.url()), "Practitioner/d2")
        earlier = world.browser()
        earlier.cookies = dict(browser.cookies)
        assert heading(await earlier.open(f"{BASE}/auth/manage")) == "Apps you allowed"
        launch = await world.launch(patient="p1", user="Practitioner/d1")
        await signed_in(browser, await browser.open(world.url(launch=launch, scope="launch patient/Patient.rs")))
        assert heading(await earlier.open(f"{BASE}/auth/manage")).startswith("Sign in")

    drive(act)


def test_what_a_person_does_is_in_the_audit_log() -> None:
    async def act(world: World) -> None:
        browser = world.browser()
        await world.token(await allow(browser, await consent_page(world, browser)))
        denied = await browser.open(world.url(scope="user/Patient.rs"))
        await browser.submit(denied, {"decision": "deny"}, holds="decision")
        page = await browser.open(f"{BASE}/auth/manage")
        page = await browser.submit(page, holds="grant")
        await browser.submit(page)
        rows = await world.database.run(lambda c, now: c.execute(select(events).order_by(events.c.number)).all())
        told = [(row.what, row.status, row.user, row.patient) for row in rows if row.what != "search"]
        who = "Practitioner/d1"
        assert told == [
            ("sign-in", 200, who, None), ("code", 200, who, "p1"), ("token", 200, who, "p1"), ("sign-in", 400, None, None),
            ("revoke", 200, who, "p1"), ("sign-out", 200, who, None),
        ]  # fmt: skip

    drive(act)
