"""Staff sign in at an OpenID provider that is played here, honestly and not; roles open pages, and never a decision."""

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from auth.client.tables import pending
from gateway.launches.launch_limits import Buckets, LaunchLimits, Pace
from gateway.people.identity_provider import read_provider
from gateway.settings import SettingsRefused
from tests.flow.staff_world import APP, BOUND, DECLARED, STRANGER, Provider, World, drive


def test_who_signs_in_has_the_roles_of_the_claim_and_opens_their_pages(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        assert (await world.client.get("/")).headers["location"] == "/sign-in"
        asked = await world.begin()
        assert (asked["code_challenge_method"], asked["scope"], asked["response_type"]) == ("S256", "openid", "code")
        assert asked["redirect_uri"] == f"{APP}/sign-in/callback"
        assert "aud" not in asked
        answer = await world.client.get("/sign-in/callback", params={"code": "c", "state": asked["state"]})
        assert (answer.status_code, answer.headers["location"]) == (303, "/")
        assert world.provider.posted[0]["authorization"].startswith("Basic ")
        assert (await world.client.get("/")).status_code == 200
        assert (await world.client.get("/deliveries")).status_code == 200
        left = await world.client.post("/app/logout", headers={"origin": APP})
        assert left.status_code == 303
        assert (await world.client.get("/")).status_code == 303

    drive(act, tmp_path)


EVERY = DECLARED.replace("[oidc.roles]", 'every_ehr = ["operators"]\n[oidc.roles]') + BOUND


@pytest.mark.parametrize(
    ("groups", "seen"),
    [(["lakeside-staff"], "lakeside"), (["riverside-staff", "lakeside-staff"], "lakeside, riverside"), (["operators"], None),
     (["operators", "lakeside-staff"], None)],
)  # fmt: skip
def test_who_signs_in_is_bound_to_the_ehrs_of_the_claim_and_the_page_says_so(
    tmp_path: Path, groups: list[str], seen: str | None
) -> None:
    async def act(world: World) -> None:
        assert (await world.come_back()).status_code == 303
        page = (await world.client.get("/deliveries")).text
        assert ("You see:" in page) == (seen is not None)
        assert seen is None or f"You see: {seen}</p>" in page
        for ehr in ("lakeside", "riverside"):
            answer = await world.client.get(f"/monitors/none/1/{ehr}")
            assert answer.status_code == 404

    drive(act, tmp_path, Provider(claims={"groups": ["chartgate-engineers", *groups]}), declaration=EVERY)


@pytest.mark.parametrize("groups", [[], ["lakeside"], ["LAKESIDE-STAFF"]])
def test_who_has_a_role_and_no_ehr_is_told_so_and_gets_no_session(tmp_path: Path, groups: list[str]) -> None:
    async def act(world: World) -> None:
        answer = await world.come_back()
        assert (answer.status_code, "no EHR here is yours" in answer.text) == (403, True)
        assert (await world.client.get("/")).status_code == 303

    drive(act, tmp_path, Provider(claims={"groups": ["chartgate-engineers", *groups]}), declaration=EVERY)


def test_the_ehrs_may_stand_in_a_claim_of_their_own(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        assert (await world.come_back()).status_code == 303
        assert "You see: riverside</p>" in (await world.client.get("/deliveries")).text

    claims = {"groups": ["chartgate-engineers", "lakeside-staff"], "hospital": "riverside-staff"}
    drive(
        act,
        tmp_path,
        Provider(claims=claims),
        declaration=EVERY.replace("every_ehr", 'ehrs_claim = "hospital"\nevery_ehr'),
    )


def test_a_sign_in_decides_about_no_output(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        assert (await world.come_back()).status_code == 303
        said = {"reason": "x"}
        answer = await world.client.post("/api/outputs/none/confirm", json=said, headers={"origin": APP})
        assert answer.status_code in (403, 404)

    drive(act, tmp_path, Provider(claims={"sub": "Practitioner/1", "fhirUser": "Practitioner/1"}))


UNPROVEN = {
    "another issuer": {"iss": "https://other.example"},
    "another audience": {"aud": "other"},
    "a second audience without azp": {"aud": ["chartgate", "other"]},
    "a nonce of another": {"nonce": "x"},
    "no nonce": {"nonce": None},
    "past": {"exp": 1},
    "of the future": {"iat": int(time.time()) + 3600},
    "nobody": {"sub": ""},
    "a number": {"sub": 17},
    "another access token's": {"at_hash": "xxxx"},
}


@pytest.mark.parametrize("claims", UNPROVEN.values(), ids=UNPROVEN)
def test_an_id_token_that_does_not_hold_up_signs_nobody_in(tmp_path: Path, claims: dict[str, Any]) -> None:
    async def act(world: World) -> None:
        answer = await world.come_back()
        assert answer.status_code == 403
        assert (await world.client.get("/")).status_code == 303

    drive(act, tmp_path, Provider(claims=claims))


def test_a_strangers_signature_signs_nobody_in(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        assert (await world.come_back()).status_code == 403

    drive(act, tmp_path, Provider(key=STRANGER))


@pytest.mark.parametrize("groups", [None, [], ["others"], "others", 17, [["chartgate-engineers"]]])
def test_who_has_no_role_is_told_so_and_gets_no_session(tmp_path: Path, groups: Any) -> None:
    async def act(world: World) -> None:
        answer = await world.come_back()
        assert (answer.status_code, "no role" in answer.text) == (403, True)
        assert (await world.client.get("/")).status_code == 303

    drive(act, tmp_path, Provider(claims={"groups": groups}))


def test_a_state_is_this_browsers_and_used_once(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        asked = await world.begin()
        query = {"code": "c", "state": asked["state"]}
        kept = dict(world.client.cookies)
        world.client.cookies.clear()
        assert (await world.client.get("/sign-in/callback", params=query)).status_code == 400
        world.client.cookies.update(kept)
        assert (await world.client.get("/sign-in/callback", params=query)).status_code == 303
        assert (await world.client.get("/sign-in/callback", params=query)).status_code == 400
        assert (await world.come_back(iss="https://other.example")).status_code == 400
        assert (await world.come_back(error="access_denied")).status_code >= 400

    drive(act, tmp_path)


def test_however_many_open_the_sign_in_the_provider_is_asked_once(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        async with asyncio.TaskGroup() as together:
            opened = [together.create_task(world.client.get("/sign-in")) for _ in range(20)]
        assert {each.result().status_code for each in opened} == {303}
        assert world.provider.looks == 1
        assert (await world.come_back()).status_code == 303

    drive(act, tmp_path)


def test_more_sign_ins_than_the_pace_get_429_and_leave_nothing(tmp_path: Path) -> None:
    async def act(world: World) -> None:
        statuses = [(await world.client.get("/sign-in")).status_code for _ in range(4)]
        assert statuses == [303, 303, 429, 429]
        begun = await world.gateway.run(lambda c, now: c.scalar(select(func.count()).select_from(pending)))
        assert begun == 2

    drive(act, tmp_path, limits=LaunchLimits(addresses=Buckets(pace=Pace(burst=2, rate=0.01))))


@pytest.mark.parametrize(
    "configuration",
    [
        {"issuer": "https://id.example.org/other"},
        {"token_endpoint": "https://elsewhere.example/token"},
        {"jwks_uri": "http://id.example.org/keys"},
        {"authorization_endpoint": None},
        {"code_challenge_methods_supported": ["plain"]},
    ],
)
def test_a_provider_that_is_not_the_declared_one_is_asked_nothing(
    tmp_path: Path, configuration: dict[str, Any]
) -> None:
    async def act(world: World) -> None:
        assert (await world.client.get("/sign-in")).status_code >= 400
        assert world.provider.posted == []

    drive(act, tmp_path, Provider(configuration=configuration))


@pytest.mark.parametrize(
    ("change", "word"),
    [
        (("client_id", "clientid"), "clientid"),
        (('client_id = "chartgate"\n', ""), "client_id"),
        (("https://id", "http://id"), "issuer"),
        (("engineer =", "surgeon ="), "roles"),
        (('["chartgate-engineers"]', '"chartgate-engineers"'), "roles"),
        (('secret_file = "secret"\n', ""), "secret"),
        (('[oidc.roles]', 'roles_claim = 1\n[oidc.roles]'), "roles_claim"),
        (('[oidc.roles]', 'scopes = ["email"]\n[oidc.roles]'), "openid"),
        (('[oidc.roles]', 'every_ehr = ["operators"]\n[oidc.roles]'), "every_ehr"),
        (('[oidc.roles]', 'ehrs_claim = "hospital"\n[oidc.roles]'), "ehrs_claim"),
        (('[oidc.roles]', '[oidc.ehrs]\nlakeside = "lakeside-staff"\n[oidc.roles]'), "ehrs"),
        (('[oidc.roles]', '[oidc.ehrs]\nlakeside = []\n[oidc.roles]'), "ehrs"),
        (('[oidc.roles]', '[oidc.ehrs]\n[oidc.roles]'), "ehrs"),
        (('[oidc.roles]', 'every_ehr = []\n[oidc.ehrs]\nlakeside = ["a"]\n[oidc.roles]'), "every_ehr"),
    ],
)  # fmt: skip
def test_a_declaration_that_cannot_be_used_is_named(tmp_path: Path, change: tuple[str, str], word: str) -> None:
    (tmp_path / "secret").touch(0o600)
    (tmp_path / "secret").write_text("s")
    (tmp_path / "chartgate.toml").write_text(DECLARED.replace(*change))
    with pytest.raises(SettingsRefused, match=word):
        read_provider(tmp_path / "chartgate.toml")
    (tmp_path / "chartgate.toml").write_text("")
    assert read_provider(tmp_path / "chartgate.toml") is None
