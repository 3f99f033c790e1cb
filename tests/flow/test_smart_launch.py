"""Launch and authorization request (SMART App Launch 2.2 app-launch steps 2 to 4; RFC 9207). Pages: test_sign_in.py."""

from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2
import pytest

from auth.pkce import challenge
from tests.flow.smart_server import APP, BACK, BASE, FHIR, VERIFIER, Registered, World, drive


def _query(answer: httpx2.Response) -> dict[str, str]:
    assert answer.status_code in (302, 303), answer.text
    assert answer.headers["location"].startswith(f"{BACK}?")
    return dict(parse_qsl(urlsplit(answer.headers["location"]).query))


async def _launch(world: World, client: Registered, **more: object) -> dict[str, str]:
    body = {"client_id": client.id, "patient": "p1", "user": "Practitioner/d1", "automatic": True, **more}
    said: dict[str, str] = (await world.http.post(f"{BASE}/launch", json=body)).json()
    return said


def _asked(client: Registered, **changed: str) -> dict[str, str]:
    said = {
        "response_type": "code", "client_id": client.id, "redirect_uri": BACK, "scope": "launch patient/*.rs", "state": "st-1",
        "aud": FHIR, "code_challenge": challenge(VERIFIER), "code_challenge_method": "S256", **changed,
    }  # fmt: skip
    return {name: value for name, value in said.items() if value}


async def _send(world: World, method: str, said: dict[str, str]) -> httpx2.Response:
    if method == "POST":
        return await world.http.post(f"{BASE}/auth/authorize", data=said)
    return await world.http.get(f"{BASE}/auth/authorize?{urlencode(said)}")


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_an_ehr_launch_goes_to_the_registered_address_with_iss_and_launch_and_comes_back_with_a_code(
    method: str,
) -> None:
    async def act(world: World) -> None:
        client = await world.register()
        prepared = await _launch(world, client)
        url = urlsplit(prepared["url"])
        assert f"{url.scheme}://{url.netloc}{url.path}" == f"{APP}/launch"
        assert dict(parse_qsl(url.query)) == {"iss": FHIR, "launch": prepared["launch"]}
        said = _query(await _send(world, method, _asked(client, launch=prepared["launch"])))
        assert set(said) == {"code", "state", "iss"}
        assert (said["state"], said["iss"]) == ("st-1", BASE)
        assert (await world.redeem(client, said["code"])).status_code == 200

    drive(act)


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_standalone_launch_needs_no_launch(method: str) -> None:
    async def act(world: World) -> None:
        client = await world.register()
        await _launch(world, client, standalone=True, code_challenge=challenge(VERIFIER))
        said = _query(await _send(world, method, _asked(client, scope="launch/patient patient/*.rs")))
        assert (await world.redeem(client, said["code"])).json()["patient"] == "p1"

    drive(act)


WRONG = {
    "response_type token": ({"response_type": "token"}, "unsupported_response_type"),
    "no response_type": ({"response_type": ""}, "unsupported_response_type"),
    "no challenge": ({"code_challenge": ""}, "invalid_request"),
    "no challenge method": ({"code_challenge_method": ""}, "invalid_request"),
    "plain": ({"code_challenge_method": "plain"}, "invalid_request"),
    "plain with the verifier": ({"code_challenge_method": "plain", "code_challenge": VERIFIER}, "invalid_request"),
    "S256 in lower case": ({"code_challenge_method": "s256"}, "invalid_request"),
    "a challenge too short": ({"code_challenge": "x" * 42}, "invalid_request"),
    "a challenge too long": ({"code_challenge": "x" * 44}, "invalid_request"),
    "no aud": ({"aud": ""}, "invalid_request"),
    "another aud": ({"aud": "https://other.example/fhir"}, "invalid_request"),
    "no scope": ({"scope": ""}, "invalid_scope"),
    "a scope that nobody has": ({"scope": "nonsense"}, "invalid_scope"),
    "a launch that is made up": ({"launch": "x" * 43}, "invalid_request"),
    "a request object": ({"request": "e30.e30."}, "request_not_supported"),
    "the address of one": ({"request_uri": "https://e.example/r"}, "request_uri_not_supported"),
    "an answer in the fragment": ({"response_mode": "fragment"}, "invalid_request"),
}


@pytest.mark.parametrize(("changed", "error"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_request_that_is_wrong_is_told_to_the_app_with_state_and_issuer(
    method: str, changed: dict[str, str], error: str
) -> None:
    async def act(world: World) -> None:
        client = await world.register()
        prepared = await _launch(world, client)
        answer = await _send(world, method, _asked(client, **{"launch": prepared["launch"], **changed}))
        said = _query(answer)
        assert set(said) == {"error", "error_description", "state", "iss"}
        assert (said["error"], said["state"], said["iss"]) == (error, "st-1", BASE)

    drive(act)


@pytest.mark.parametrize("automatic", [True, False])
def test_an_app_that_wants_no_page_shown_gets_none(automatic: bool) -> None:
    """OpenID Connect Core §3.1.2.1: with ``prompt=none`` the server must not display a page."""

    async def act(world: World) -> None:
        client = await world.register()
        prepared = await _launch(world, client, automatic=automatic)
        said = _query(await _send(world, "GET", _asked(client, launch=prepared["launch"], prompt="none")))
        assert ("code" in said, said.get("error")) == ((True, None) if automatic else (False, "login_required"))

    drive(act)


def test_the_state_is_required() -> None:
    async def act(world: World) -> None:
        client = await world.register()
        said = _query(await _send(world, "GET", _asked(client, state="")))
        assert said["error"] == "invalid_request"
        assert "state" not in said

    drive(act)


def test_resource_is_another_word_for_aud() -> None:
    async def act(world: World) -> None:
        client = await world.register()
        prepared = await _launch(world, client)
        assert "code" in _query(
            await _send(world, "GET", _asked(client, aud="", resource=FHIR, launch=prepared["launch"]))
        )

    drive(act)


@pytest.mark.parametrize("name", ["client_id", "redirect_uri", "scope", "state", "code_challenge"])
def test_a_parameter_that_is_said_twice_is_refused_without_a_redirect(name: str) -> None:
    async def act(world: World) -> None:
        client = await world.register()
        said = _asked(client)
        answer = await world.http.get(f"{BASE}/auth/authorize?{urlencode(said)}&{name}=x")
        assert answer.status_code == 400
        assert "location" not in answer.headers

    drive(act)


def test_an_unknown_client_is_told_on_a_page() -> None:
    async def act(world: World) -> None:
        client = await world.register()
        for id in ("nobody", ""):
            answer = await _send(world, "GET", _asked(client, client_id=id))
            assert (answer.status_code, answer.headers["content-type"][:9]) == (400, "text/html")
            assert "location" not in answer.headers

    drive(act)


def test_a_client_id_is_given_at_registration_and_no_two_are_alike() -> None:
    async def act(world: World) -> None:
        assert (await world.register()).id != (await world.register()).id

    drive(act)


def test_a_launch_is_for_its_client_once_and_for_five_minutes() -> None:
    async def act(world: World) -> None:
        mine, other = await world.register(), await world.register()
        prepared = await _launch(world, mine)
        assert _query(await _send(world, "GET", _asked(other, launch=prepared["launch"])))["error"] == "invalid_request"
        assert "code" in _query(await _send(world, "GET", _asked(mine, launch=prepared["launch"])))
        assert _query(await _send(world, "GET", _asked(mine, launch=prepared["launch"])))["error"] == "invalid_request"
        late = await _launch(world, mine)
        world.clock.now += 300
        assert _query(await _send(world, "GET", _asked(mine, launch=late["launch"])))["error"] == "invalid_request"

    drive(act)


def test_tokens_are_strings_that_a_header_can_hold() -> None:
    """RFC 6750 §2.1: b64token."""

    async def act(world: World) -> None:
        said = await world.signed_in(await world.register())
        for token in (said["access_token"], said["refresh_token"]):
            assert len(token) >= 43
            assert token.replace("-", "").replace("_", "").isalnum()

    drive(act)
