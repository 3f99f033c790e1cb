"""Launches at an EHR that is not to be trusted (smart-auth B08-B12); ``drive`` and the EHR are in conftest.py."""

import json
import logging
from base64 import urlsafe_b64encode
from collections.abc import Callable
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx2
import pytest
from joserfc import jwt
from joserfc.jwk import RSAKey

from auth.client.registry import RegisteredEhr, save_ehr
from auth.client.store import find_launch

Drive = Callable[..., None]
FHIR = "https://ehr.example/r4"
NOW = 1_700_000_000.0


def test_an_ehr_launch_ends_in_a_clinicians_session_with_the_patient(drive: Drive) -> None:
    async def act(browser: Any) -> None:
        asked = await browser.begin()
        assert (asked["launch"], asked["aud"]) == ("xyz", FHIR)
        done = await browser.finish(asked)
        session = await browser.session()
        assert session is not None
        assert (done.status_code, done.headers["location"]) == (303, f"/app?launch={session.launch_id}")
        assert (session.patient, session.fhir_user, session.roles) == ("p1", "Practitioner/d1", {"clinician"})
        assert browser.gateway.launched == [session.launch_id]

    drive(act)


@pytest.mark.parametrize("query", ["ehr=spec", urlencode({"iss": FHIR})])
def test_a_standalone_launch_asks_for_a_patient_and_ends_the_same(drive: Drive, query: str) -> None:
    async def act(browser: Any) -> None:
        asked = await browser.begin(query)
        assert "launch" not in asked
        assert "launch/patient" in asked["scope"].split()
        assert (await browser.finish(asked)).status_code == 303
        assert len(browser.gateway.launched) == 1

    drive(act)


def test_the_code_is_exchanged_with_the_verifier_and_a_signed_assertion(drive: Drive) -> None:
    async def act(browser: Any) -> None:
        await browser.finish(await browser.begin())
        posted = [request for request in browser.ehr.seen if request.url.path == "/token"]
        form = dict(parse_qsl(posted[0].content.decode()))
        assert (form["grant_type"], form["code"], len(form["code_verifier"])) == ("authorization_code", "c1", 43)
        assert form["client_assertion"].count(".") == 2

    drive(act)


@pytest.mark.parametrize(
    "query",
    [
        urlencode({"iss": iss, "launch": "x"})
        for iss in (f"{FHIR}/", "http://ehr.example/r4", "https://evil.example/r4", "http://169.254.169.254/", "", "x")
    ]
    + ["", "launch=x", "ehr=nobody", "ehr=spec&launch=x", f"ehr=spec&iss={FHIR}", f"iss={FHIR}&iss={FHIR}&launch=x"]
    + [f"iss={FHIR}&launch=", f"iss={FHIR}&launch={'x' * 9000}", "iss=%00", "ehr=%ff%fe"],
)
def test_b08_a_launch_from_an_unknown_place_is_refused_before_any_fetch(drive: Drive, query: str) -> None:
    async def act(browser: Any) -> None:
        response = await browser.get(f"/app/launch?{query}")
        assert 400 <= response.status_code < 500
        assert browser.ehr.seen == []
        assert not browser.cookies

    drive(act)


@pytest.mark.parametrize("member", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_b08_discovery_that_names_a_foreign_endpoint_sends_nobody_there(drive: Drive, member: str) -> None:
    async def act(browser: Any) -> None:
        response = await browser.get(f"/app/launch?{urlencode({'iss': FHIR, 'launch': 'x'})}")
        assert response.status_code == 502
        assert "location" not in response.headers

    drive(act, configuration={member: "https://evil.example/x"})


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        (httpx2.Response(302, headers={"location": "https://evil.example/"}), 502),
        (httpx2.Response(200, content=b"<html>"), 502),
        (httpx2.Response(200, content=b"x" * 300_000), 502),
        (httpx2.Response(200, content=b"{}", headers={"content-encoding": "br"}), 502),
        (httpx2.Response(404), 502),
        (httpx2.Response(503, headers={"retry-after": "17"}), 503),
        (httpx2.Response(429), 503),
    ],
)
def test_b08_discovery_that_cannot_be_read_stops_the_launch_with_a_page(
    drive: Drive, answer: httpx2.Response, status: int
) -> None:
    async def act(browser: Any) -> None:
        response = await browser.get(f"/app/launch?{urlencode({'iss': FHIR, 'launch': 'x'})}")
        assert response.status_code == status
        assert "<h1>The launch stopped</h1>" in response.text
        assert {request.url.host for request in browser.ehr.seen} == {"ehr.example"}
        assert ("retry-after" in response.headers) == (status == 503)

    drive(act, answers={"/r4/.well-known/smart-configuration": lambda _: answer})


@pytest.mark.parametrize(
    "changed",
    [
        {"state": "x" * 43}, {"state": None}, {"iss": "https://evil.example"}, {"iss": None}, {"iss": FHIR},
        {"code": None}, {"code": None, "error": "access_denied"},
        {"code": None, "error": "access_denied", "iss": "https://evil.example"},
    ],
)  # fmt: skip
def test_b09_an_answer_that_does_not_add_up_is_a_page_and_no_token_is_asked_for(
    drive: Drive, changed: dict[str, str | None]
) -> None:
    async def act(browser: Any) -> None:
        response = await browser.finish(await browser.begin(), **changed)
        assert response.status_code == 400
        assert "<h1>The launch stopped</h1>" in response.text
        assert "evil" not in response.text
        assert not [request for request in browser.ehr.seen if request.url.path == "/token"]
        assert await browser.session() is None
        assert browser.gateway.launched == []

    drive(act)


def test_b09_a_state_works_once(drive: Drive) -> None:
    async def act(browser: Any) -> None:
        asked = await browser.begin()
        kept = dict(browser.cookies)
        assert (await browser.finish(asked)).status_code == 303
        browser.cookies = kept
        assert (await browser.finish(asked)).status_code == 400
        assert len(browser.gateway.launched) == 1

    drive(act)


def test_b09_the_state_of_another_browser_opens_nothing_and_leaves_it_to_its_own(drive: Drive) -> None:
    async def act(browser: Any) -> None:
        asked = await browser.begin()
        stranger = replace(browser, cookies={})
        assert (await stranger.finish(asked)).status_code == 400
        stranger.cookies = dict.fromkeys(browser.cookies, "x" * 43)
        assert (await stranger.finish(asked)).status_code == 400
        assert (await browser.finish(asked)).status_code == 303

    drive(act)


def test_b09_launches_in_parallel_tabs_do_not_meet(drive: Drive) -> None:
    async def act(browser: Any) -> None:
        first, second = await browser.begin(), await browser.begin()
        browser.ehr.nonce = first["nonce"]
        assert (await browser.finish(first)).status_code == 303
        browser.ehr.nonce = second["nonce"]
        assert (await browser.finish(second)).status_code == 303
        assert len(set(browser.gateway.launched)) == 2

    drive(act)


def test_b09_the_code_of_one_ehr_is_not_taken_to_another(drive: Drive) -> None:
    async def act(browser: Any) -> None:
        other = RegisteredEhr(name="other", issuer="https://other.example/r4", client_id="gateway")
        await browser.gateway.run(lambda c, now: save_ehr(c, now, ehr=other, cipher=browser.gateway.keyring.cipher))
        asked = await browser.begin()
        response = await browser.finish({**asked, "redirect_uri": "http://localhost:8700/app/callback/other"})
        assert response.status_code == 400
        assert {request.url.host for request in browser.ehr.seen} == {"ehr.example"}

    drive(act)


@pytest.mark.parametrize(
    ("tokens", "status"),
    [
        ({"token_type": "mac"}, 502), ({"scope": None}, 502), ({"scope": "openid"}, 400), ({"patient": None}, 400),
        ({"patient": "../p2"}, 502), ({"expires_in": "soon"}, 502), ({"access_token": "a\r\nb"}, 502),
    ],
)  # fmt: skip
def test_a_token_response_that_cannot_be_used_ends_the_launch_with_a_page(
    drive: Drive, tokens: dict[str, Any], status: int
) -> None:
    async def act(browser: Any) -> None:
        response = await browser.finish(await browser.begin())
        assert response.status_code == status
        assert "secret" not in response.text
        assert browser.gateway.launched == []

    drive(act, tokens=tokens)


def test_narrowed_scopes_are_what_the_launch_has(drive: Drive) -> None:
    async def act(browser: Any) -> None:
        assert (await browser.finish(await browser.begin())).status_code == 303
        id = browser.gateway.launched[0]
        launch = await browser.gateway.run(
            lambda c, now: find_launch(c, now, id=id, cipher=browser.gateway.keyring.cipher)
        )
        assert launch is not None
        assert launch.scopes == "launch patient/Observation.r"
        assert {"patient/*.rs", "patient/Observation.cu"} <= set(launch.context.missing)

    drive(act, tokens={"scope": "launch patient/Observation.r"})


def _unsigned(claims: dict[str, Any]) -> str:
    parts = ({"alg": "none"}, claims)
    return ".".join(urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts) + "."


@pytest.mark.parametrize(
    "wrong",
    [
        {"claims": {"aud": "another"}}, {"claims": {"iss": "https://evil.example"}}, {"claims": {"nonce": "another"}},
        {"claims": {"exp": int(NOW) - 3600}}, {"sign": _unsigned}, {"sign": lambda _: "a.b.c.d.e"},
        {"tokens": {"id_token": "not a token"}}, {"tokens": {"id_token": None}}, {"claims": {"fhirUser": "Device/1"}},
        {"answers": {"/jwks": lambda _: httpx2.Response(500)}}, {"answers": {"/jwks": lambda _: httpx2.Response(200)}},
        {"claims": {"fhirUser": "https://evil.example/Practitioner/d1"}}, {"claims": {"fhirUser": None}},
    ],
)  # fmt: skip
def test_b10_an_id_token_that_does_not_hold_up_means_nobody_and_stops_no_launch(
    drive: Drive, wrong: dict[str, Any]
) -> None:
    async def act(browser: Any) -> None:
        assert (await browser.finish(await browser.begin())).status_code == 303
        session = await browser.session()
        assert session is not None
        assert (session.patient, session.fhir_user, session.roles) == ("p1", None, frozenset())

    drive(act, **wrong)


def test_b10_a_flood_of_unknown_key_ids_fetches_the_key_set_once_a_minute(drive: Drive) -> None:
    key = RSAKey.generate_key(2048, {"kid": "invented"})

    async def act(browser: Any) -> None:
        for _ in range(3):
            assert (await browser.finish(await browser.begin())).status_code == 303
        assert len([request for request in browser.ehr.seen if request.url.path == "/jwks"]) == 1

    drive(act, sign=lambda claims: jwt.encode({"alg": "RS256", "kid": "invented"}, claims, key))


def test_b12_no_secret_and_no_patient_stands_in_logs(drive: Drive, caplog: pytest.LogCaptureFixture) -> None:
    async def act(browser: Any) -> None:
        asked = await browser.begin()
        cookies = list(browser.cookies.values())
        await browser.finish(asked, code="secret-code")
        secrets = [asked["state"], asked["nonce"], *cookies, *browser.cookies.values()]
        assert not [secret for secret in secrets if secret in caplog.text]

    with caplog.at_level(logging.DEBUG):
        drive(act)
    assert not [word for word in ("secret", "p1", "d1", "Bearer") if word in caplog.text]


def test_a_configuration_that_was_of_no_use_is_fetched_again(drive: Drive) -> None:
    """An EHR that names its own endpoints at last is launched from at once, not when what was kept is old."""

    async def act(browser: Any) -> None:
        address = f"/app/launch?{urlencode({'iss': FHIR, 'launch': 'x'})}"
        assert (await browser.get(address)).status_code == 502
        browser.ehr.configuration.clear()
        assert (await browser.get(address)).status_code == 303

    drive(act, configuration={"authorization_endpoint": "https://evil.example/x"})
