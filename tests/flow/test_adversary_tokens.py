"""What an EHR that is not to be trusted says of who signed in, and what becomes of tokens that it takes back
(smart-auth B10 and B11)."""

import asyncio
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from hashlib import sha256
from hmac import digest
from typing import Any

import httpx2
import pytest
from joserfc import jwe, jwt
from joserfc.jwk import RSAKey

from auth.client import store
from auth.client.errors import GrantEnded
from auth.client.flow import LaunchTokens, SmartAuth
from auth.client.registry import find_ehr
from gateway.ehrs.senders import Senders
from tests.flow.adversarial_ehr import EHR_KEY, NEXT_KEY, Answer, Ehr, told
from tests.flow.adversary import KEYS, Visit

Run = Callable[..., None]
Claims = dict[str, Any]


def _part(value: Any) -> str:
    return urlsafe_b64encode(value if isinstance(value, bytes) else json.dumps(value).encode()).decode().rstrip("=")


def unsigned(algorithm: str) -> Callable[[Claims], str]:
    return lambda claims: f"{_part({'alg': algorithm, 'kid': 'k1'})}.{_part(claims)}."


def by_public_key(claims: Claims) -> str:
    """HS256 with the published key as the secret (CVE-2016-10555 and its kind)."""
    text = f"{_part({'alg': 'HS256', 'kid': 'k1'})}.{_part(claims)}"
    return f"{text}.{_part(digest(EHR_KEY.as_pem(private=False), text.encode(), sha256))}"


def encrypted(claims: Claims) -> str:
    header = {"alg": "RSA-OAEP", "enc": "A256GCM"}
    return jwe.encrypt_compact(header, json.dumps(claims).encode(), EHR_KEY, algorithms=["RSA-OAEP", "A256GCM"])


def signed_by(key: RSAKey, **header: Any) -> Callable[[Claims], str]:
    return lambda claims: jwt.encode({"alg": "RS256", "kid": key.kid, **header}, claims, key)


def forged(claims: Claims) -> str:
    head, _, signature = signed_by(EHR_KEY)(claims).split(".")
    return f"{head}.{_part({**claims, 'fhirUser': 'Practitioner/d2'})}.{signature}"


WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "expired": ({"claims": {"exp": 1_600_000_000}}, "its clock and ours may differ"),
    "not yet issued": ({"claims": {"iat": 4_000_000_000}}, "its clock and ours may differ"),
    "wrong audience": ({"claims": {"aud": "another"}}, "(aud)"),
    "further audience without azp": ({"claims": {"aud": ["gateway", "another"]}}, "(azp)"),
    "wrong issuer": ({"claims": {"iss": "https://evil.example"}}, "(iss)"),
    "another launch's": ({"claims": {"nonce": "another"}}, "(nonce)"),
    "another token's": ({"claims": {"at_hash": "another"}}, "(at_hash)"),
    "no subject": ({"claims": {"sub": 7}}, "(sub)"),
    "unsigned": ({"sign": unsigned("none")}, "(alg)"),
    "unsigned, said otherwise": ({"sign": unsigned("NoNe")}, "(alg)"),
    "without signature": ({"sign": unsigned("RS256")}, "(signature)"),
    "public key as secret": ({"sign": by_public_key}, "(alg)"),
    "encrypted": ({"sign": encrypted}, "(alg)"),
    "changed": ({"sign": forged}, "(signature)"),
    "an unpublished key": ({"sign": signed_by(NEXT_KEY)}, "(kid)"),
    "no token": ({"sign": lambda claims: "not a token"}, "(alg)"),
    "absent": ({"tokens": {"id_token": None}}, "did not say who signed in"),
    "two keys of one id": ({"keys": [EHR_KEY.as_dict(private=False)] * 2}, "(kid)"),
    "no issuer": ({"configuration": {"issuer": None, "authorization_response_iss_parameter_supported": False}}, ""),
}


@pytest.mark.parametrize("name", WRONG)
def test_b10_an_id_token_that_does_not_hold_up_means_nobody_says_why_and_stops_no_launch(run: Run, name: str) -> None:
    members, words = WRONG[name]

    async def act(visit: Visit) -> None:
        back = {"iss": None} if name == "no issuer" else {}
        assert (await visit.launch(**back)).status_code == 303
        session = await visit.session()
        assert session is not None
        assert (session.patient, session.fhir_user, session.roles) == ("p1", None, frozenset())
        (told,) = await visit.problems()
        assert words in told
        assert "to confirm or reject one, launch again" in told

    run(act, **members)


def test_b10_a_rotated_key_is_fetched_and_known(run: Run) -> None:
    """The first launch has the old key; a minute later the next one is signed with the new."""

    async def act(visit: Visit) -> None:
        await visit.launch()
        visit.ehr.keys = [NEXT_KEY.as_dict(private=False)]
        visit.ehr.sign = signed_by(NEXT_KEY)
        await visit.launch()
        assert (await visit.session()).fhir_user is None  # type: ignore[union-attr]
        assert visit.ehr.paths().count("/jwks") == 1
        visit.world.clock.ahead += 61.0
        await visit.launch()
        assert (await visit.session()).fhir_user == "Practitioner/d1"  # type: ignore[union-attr]
        assert visit.ehr.paths().count("/jwks") == 2

    run(act)


def test_b10_a_flood_of_invented_key_ids_asks_once(run: Run) -> None:
    async def act(visit: Visit) -> None:
        for number in range(4):
            visit.ehr.sign = signed_by(EHR_KEY, kid=f"invented-{number}")
            await visit.launch()
        assert visit.ehr.paths().count("/jwks") == 1

    run(act)


def test_b10_without_a_jwks_uri_the_issuer_s_own_configuration_says_where_the_keys_are(run: Run) -> None:
    async def act(visit: Visit) -> None:
        await visit.launch()
        assert (await visit.session()).fhir_user == "Practitioner/d1"  # type: ignore[union-attr]
        assert "/.well-known/openid-configuration" in visit.ehr.paths()

    found: Callable[[Ehr], Answer] = lambda ehr: told({"issuer": ehr.url, "jwks_uri": f"{ehr.url}/jwks"})  # noqa: E731
    run(act, configuration={"jwks_uri": None}, answers={"/.well-known/openid-configuration": found})


@pytest.mark.parametrize(
    "found",
    [
        lambda ehr: told({"issuer": ehr.url, "jwks_uri": f"{ehr.elsewhere}/jwks"}),
        lambda ehr: told({"issuer": "https://evil.example", "jwks_uri": f"{ehr.url}/jwks"}),
        lambda ehr: told({"issuer": ehr.url}),
        lambda ehr: told([]),
        lambda ehr: Answer(302, {"location": f"{ehr.elsewhere}/"}),
    ],
)
def test_b10_an_issuer_s_configuration_that_does_not_hold_up_means_nobody(
    run: Run, found: Callable[[Ehr], Answer]
) -> None:
    async def act(visit: Visit) -> None:
        assert (await visit.launch()).status_code == 303
        assert (await visit.session()).fhir_user is None  # type: ignore[union-attr]

    run(act, configuration={"jwks_uri": None}, answers={"/.well-known/openid-configuration": found})


async def _tokens(visit: Visit) -> LaunchTokens:
    session = await visit.session()
    registered = await visit.world.gateway.run(lambda c, now: find_ehr(c, now, name=visit.name, cipher=KEYS.cipher))
    assert session is not None
    assert registered is not None
    return LaunchTokens(launch_id=str(session.launch_id), ehr=registered, means=visit.world.gateway.means)


def test_tokens_are_dropped_when_the_ehr_has_revoked_the_grant(run: Run) -> None:
    async def act(visit: Visit) -> None:
        await visit.launch()
        visit.ehr.answers["/token"] = lambda ehr: told({"error": "invalid_grant"}, 400)
        tokens = await _tokens(visit)
        with pytest.raises(GrantEnded):
            await tokens.bearer(refused="secret-access")
        id = tokens._id
        with pytest.raises(GrantEnded):
            await visit.world.gateway.run(lambda c, now: store.load_tokens(c, now, id=id, cipher=KEYS.cipher))
        asked = len(visit.ehr.asked)
        with pytest.raises(GrantEnded):
            await tokens.bearer()
        assert len(visit.ehr.asked) == asked

    run(act)


def test_a_launch_whose_grant_has_ended_is_told_so_and_its_chart_is_read_with_no_other_token(run: Run) -> None:
    async def act(visit: Visit) -> None:
        await visit.begin()
        visit.ehr.tokens = {"expires_in": 1, "refresh_token": "secret-refresh"}
        real = visit.ehr.answer

        def answer(method: str, path: str) -> Answer:
            if path == "/token" and visit.ehr.paths("POST").count("/token") > 1:
                return told({"error": "invalid_grant"}, 400)
            return real(method, path)

        visit.ehr.answer = answer  # type: ignore[method-assign]
        await visit.finish()
        await visit.world.gateway.idle()
        assert "gives no more tokens for this launch. Launch again" in (await visit.problems())[0]
        assert not [path for path in visit.ehr.paths() if path.startswith("/r4/Patient")]
        assert visit.ehr.paths("POST") == ["/token", "/token"]

    run(act)


def test_what_was_accepted_is_written_by_the_backend_client_when_the_launch_has_ended(run: Run) -> None:
    """The launch's token is taken back before the delivery: its output is written all the same, once."""

    async def act(visit: Visit) -> None:
        await visit.launch()
        session = await visit.session()
        assert session is not None
        id = str(session.launch_id)
        await visit.world.gateway.run(lambda c, now: store.end_launch(c, now, id=id))
        visit.ehr.tokens = {"access_token": "secret-access-of-the-backend", "refresh_token": None}
        for _ in range(4):
            await visit.world.gateway.worker.turn(visit.name)
        written = [headers for method, path, headers, _ in visit.ehr.asked if path.startswith("/r4/RiskAssessment/")]
        assert [headers["authorization"] for headers in written if "content-type" in headers] == [
            "Bearer secret-access-of-the-backend"
        ]

    run(act)


def test_a_public_client_has_no_backend_and_never_pretends_to(run: Run) -> None:
    """What its backend client would write, Device and model card, is left out; the output itself is written."""

    async def act(visit: Visit) -> None:
        await visit.launch()
        for _ in range(3):
            await visit.world.gateway.worker.turn(visit.name)
        grants = [dict(httpx2.QueryParams(body.decode())) for _, path, _, body in visit.ehr.asked if path == "/token"]
        assert [grant["grant_type"] for grant in grants] == ["authorization_code"]
        assert grants[0]["client_id"] == "gateway"
        written = [body for _, path, _, body in visit.ehr.asked if path.startswith("/r4/RiskAssessment/") and body]
        assert len(written) == 1
        assert b"AIAST" in written[0]
        assert {path.split("/")[2] for path in visit.ehr.paths("PUT")} == {"RiskAssessment", "Provenance"}

    run(act, declared={"method": "none"})


def test_b11_a_bearer_reaches_no_redirect_s_target_and_no_other_path(run: Run) -> None:
    async def act(visit: Visit) -> None:
        await visit.launch()
        tokens = await _tokens(visit)
        ehr = tokens._ehr
        visit.ehr.answers["/r4/Patient/p1"] = lambda ehr: Answer(302, {"location": f"{ehr.elsewhere}/r4/Patient/p1"})
        client = visit.world.gateway.reach.client(ehr)
        answer = await client.get(f"{visit.ehr.fhir}/Patient/p1", auth=SmartAuth(ehr, tokens))
        assert answer.status_code == 302
        visit.ehr.asked.clear()
        for url in (f"{visit.ehr.elsewhere}/r4/Patient/p1", f"{visit.ehr.url}/token", f"{visit.ehr.fhir}/../token"):
            with pytest.raises(httpx2.ConnectError) as refused:
                await client.get(url, headers={"authorization": "Bearer secret-access"})
            assert "secret" not in str(refused.value)
        sender = Senders(means=visit.world.gateway.means, clock=visit.world.gateway.clock)
        sender.know({visit.name: ehr})
        reader = await sender.reader(visit.name, f"launch:{tokens._id}")
        for path in ("../token", "http://127.0.0.1:1/x", "/token", "Patient/../../token", "Patient/%2E%2e/%2e./token"):
            with pytest.raises(OSError, match="about to leave"):
                await reader.send("GET", path)
        assert visit.ehr.asked == []

    run(act)


@pytest.mark.parametrize("algorithm", ["RS384", "ES384"])
def test_the_token_request_is_signed_with_a_key_that_is_published(run: Run, algorithm: str) -> None:
    async def act(visit: Visit) -> None:
        await visit.launch()
        published = (await visit.get("/app/jwks.json")).json()["keys"]
        form = next(dict(httpx2.QueryParams(body.decode())) for _, path, _, body in visit.ehr.asked if path == "/token")
        header = json.loads(urlsafe_b64decode(form["client_assertion"].split(".")[0] + "=="))
        assert (header["alg"], header["typ"]) == (algorithm, "JWT")
        (key,) = [key for key in published if key["kid"] == header["kid"]]
        assert (key["alg"], key["use"]) == (algorithm, "sig")

    run(act, declared={"algorithm": algorithm})


def test_one_of_many_who_launch_at_once_asks_for_the_configuration(run: Run) -> None:
    async def act(visit: Visit) -> None:
        others = [Visit(world=visit.world, ehr=visit.ehr, name=visit.name) for _ in range(5)]
        answers = await asyncio.gather(*(each.begin() for each in others))
        assert {answer.status_code for answer in answers} == {303}
        assert len(visit.ehr.asked) == 1

    run(act)
