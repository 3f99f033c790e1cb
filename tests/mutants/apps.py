"""Apps with one fault each, made of our own app face: what the suite ``gateway`` must catch (smart-auth B08 to B12)."""

import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx2

from auth import assertions
from auth.client import ehr, flow, identity, launch, requests, tokens
from auth.client.identity import Identity
from gateway.ehrs import reachable
from gateway.routes import launches
from tests.conformance.app_world import judged_app
from tests.mutants.catching import caught
from tests.mutants.mutant import Answered, Asked, Mutant

QUERY, BUILT, AUTHENTICATED, PARSED, TAKEN, FOUND, OWN = (
    launch._query, assertions.build, requests.authenticate, tokens.parse, launches.take_pending, launches.find_issuer,
    launch.own,
)  # fmt: skip
CODE, RENEWED = launch.code_request, requests.refresh_request
KEPT: dict[str, Any] = {}


def _asking(**changes: str | None) -> tuple[Any, str, Any]:
    """The authorization request has other parameters."""

    def query(*said: Any) -> list[tuple[str, str]]:
        pairs = {**dict(QUERY(*said)), **changes}
        return [(name, value) for name, value in pairs.items() if value is not None]

    return (launch, "_query", query)


def _signing(**changes: Any) -> tuple[Any, str, Any]:
    """Assertions are made with other values."""

    def build(client_id: str, audience: str, key: Any, *, now: float, jti: str) -> str:
        said = {"client_id": client_id, "audience": audience, "now": now, "jti": jti}
        said |= {name: make(said[name]) for name, make in changes.items()}
        return BUILT(said["client_id"], said["audience"], key, now=said["now"], jti=said["jti"])

    return (assertions, "build", build)


def _posting(
    change: Callable[[tuple[tuple[str, str], ...]], tuple[tuple[str, str], ...]],
) -> tuple[tuple[Any, str, Any], ...]:
    """Token requests have another form."""

    def authenticate(request: Any, *said: Any, **more: Any) -> Any:
        made = AUTHENTICATED(request, *said, **more)
        return replace(made, form=change(made.form))

    return tuple((place, "authenticate", authenticate) for place in (requests, flow) if hasattr(place, "authenticate"))


def _keeps(connection: Any, now: float, *, state: str, **said: Any) -> Any:
    """A state is good again and again."""
    if state not in KEPT:
        KEPT[state] = TAKEN(connection, now, state=state, **said)
    return KEPT[state]


def _trusts(connection: Any, now: float, *, issuer: str, cipher: Any) -> Any:
    """Issuers are compared without their last slash."""
    return FOUND(connection, now, issuer=issuer.rstrip("/"), cipher=cipher)


async def _believes(reach: Any, known: Any, begun: Any, id_token: str | None, *, access: str, now: float) -> Any:
    """An id_token is read, and not checked."""
    try:
        claims = json.loads(urlsafe_b64decode(str(id_token).split(".")[1] + "=="))
        return Identity(fhir_user="/".join(str(claims["fhirUser"]).rsplit("/", 2)[-2:]), subject=str(claims["sub"]))
    except (IndexError, ValueError, KeyError):
        return Identity(fhir_user="Practitioner/conformance-d1", subject="x")


def _grants_all(reply: Any, *, asked: tuple[str, ...], now: float) -> Any:
    """What was asked for is taken as granted."""
    given, context, id_token = PARSED(reply, asked=asked, now=now)
    return replace(given, scopes=" ".join(asked)), replace(context, missing=()), id_token


async def _anywhere(self: Any, request: httpx2.Request) -> httpx2.Response:
    return await self._inner.handle_async_request(request)


def _state_from_the_launch(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    """Remembers what the last launch asked with, and its cookie."""
    if asked.path == "/app/launch" and "location" in answered.headers:
        mutant.kept["state"] = dict(parse_qsl(urlsplit(answered.headers["location"]).query))["state"]
        mutant.kept["iss"] = dict(parse_qsl(asked.query))["iss"].removesuffix("/fhir")
        mutant.kept["cookie"] = answered.headers["set-cookie"].partition(";")[0]


def _calling_back(*names: str, browser: bool = False) -> Callable[[Mutant, Asked], None]:
    """The callback is read as if these parameters were right."""

    def before(mutant: Mutant, asked: Asked) -> None:
        if asked.path.startswith("/app/callback"):
            said = {**dict(parse_qsl(asked.query)), **{name: mutant.kept[name] for name in names}}
            asked.query = urlencode(said)
            if browser:
                asked.headers["cookie"] = mutant.kept["cookie"]

    return before


def _follows_next(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    target = dict(parse_qsl(asked.query)).get("next")
    if asked.path.startswith("/app/callback") and target:
        answered.headers["location"] = target


def _repeats(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if asked.path.startswith("/app/callback") and answered.status == 400:
        answered.body += dict(parse_qsl(asked.query)).get("error", "").encode()


def _tells_tokens(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    """The code goes on in the redirect to the app's own page, and into a cookie."""
    code = dict(parse_qsl(asked.query)).get("code")
    if asked.path.startswith("/app/callback") and answered.status == 303 and code:
        answered.headers["location"] += f"&code={code}"
        answered.headers["set-cookie"] = f"code={code}; {answered.headers.get('set-cookie', '').partition(';')[2]}"


def _breaks(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if answered.status in (502, 503):
        answered.status = 500


def _pretends(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if asked.path.startswith("/app/callback") and answered.status in (502, 503):
        answered.status = 200


def _bare(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    for name in ("content-security-policy", "cache-control", "referrer-policy"):
        answered.headers.pop(name, None)


def _plain_cookies(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if "set-cookie" in answered.headers:
        answered.headers["set-cookie"] = (
            answered.headers["set-cookie"].replace("HttpOnly; ", "").replace("Secure; ", "")
        )


def _private_keys(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if asked.path.endswith("/jwks.json"):
        keys = [{**key, "d": "x"} for key in json.loads(answered.body)["keys"]]
        answered.body = json.dumps({"keys": keys}).encode()


def _app(*cases: str, **how: Any) -> Callable[[frozenset[str]], Mutant]:
    """The honest launches are played, and these cases."""
    return lambda checks: Mutant(checks, world=lambda mutant: judged_app(mutant, *(cases or ("none",))), **how)


FAULTS: Mapping[str, Callable[[frozenset[str]], Mutant]] = {
    "an app whose state can be guessed": _app(overrides=((launches, "token_bytes", lambda count: b"\1" * count),)),
    "an app that asks without aud": _app(overrides=(_asking(aud=None),)),
    "an app that asks for another server": _app(overrides=(_asking(aud="https://elsewhere.example/fhir"),)),
    "an app that asks with a plain challenge": _app(overrides=(_asking(code_challenge_method="plain"),)),
    "an app that asks for a token at once": _app(overrides=(_asking(response_type="token"),)),
    "an app that forgets the launch": _app(overrides=(_asking(launch=None),)),
    "an app that asks for scopes out of order": _app(overrides=(_asking(scope="launch launch/patient patient/*.sr"),)),
    "an app that asks for the user without openid": _app(overrides=(_asking(scope="launch launch/patient fhirUser patient/*.rs"),)),
    "an app that asks with max_age": _app(overrides=(_asking(max_age="60"),)),
    "an app whose assertions live an hour": _app(overrides=((assertions, "LIFETIME", 3600.0),)),
    "an app whose assertions are for the FHIR base": _app(overrides=(
        _signing(audience=lambda said: said.removesuffix("/auth/token")),)),
    "an app whose assertions are all alike": _app(overrides=(_signing(jti=lambda said: "always the same"),)),
    "an app whose assertions are another client's": _app(overrides=(_signing(client_id=lambda said: "another"),)),
    "an app that says its client_id beside its assertion": _app(overrides=_posting(
        lambda form: (*form, ("client_id", "conformance-client")))),
    "an app that forgets its verifier": _app(overrides=_posting(
        lambda form: tuple(pair for pair in form if pair[0] != "code_verifier"))),
    "an app that renews for more": _app("short token", overrides=_posting(
        lambda form: (*form, ("scope", "system/*.cruds")) if ("grant_type", "refresh_token") in form else form)),
    "an app that takes any state": _app("wrong state", "no state", before=_calling_back("state"), after=_state_from_the_launch),
    "an app that takes any browser": _app("another browser", before=_calling_back(browser=True), after=_state_from_the_launch),
    "an app that takes any issuer": _app("wrong issuer", "no issuer", "error of another issuer",
                                         before=_calling_back("iss"), after=_state_from_the_launch),
    "an app that takes a callback twice": _app("callback twice", overrides=((launches, "take_pending", _keeps),)),
    "an app that trusts nearly its issuer": _app(overrides=((launches, "find_issuer", _trusts),)),
    "an app that believes every id_token": _app(
        "identity expired", "identity for another", "identity unsigned", "identity encrypted",
        "identity of another key", "no identity", overrides=((launches, "identify", _believes),)),
    "an app that looks at no end of an identity": _app("identity expired", overrides=(
        (identity.RULES, "exp", lambda said, expected: True),)),
    "an app that looks at no nonce": _app("identity with another nonce", "identity without nonce", overrides=(
        (identity.RULES, "nonce", lambda said, expected: True),)),
    "an app that takes what it asked for as granted": _app("narrowed", "read only", overrides=((tokens, "parse", _grants_all),)),
    "an app that goes where it is sent": _app(
        "foreign token endpoint", overrides=(
            (ehr.RegisteredEhr, "allows", lambda self, url: True), (reachable.EhrTransport, "handle_async_request", _anywhere),
            (launch, "own", lambda known, endpoint, member: endpoint))),
    "an app that redirects where it is told": _app("further address", after=_follows_next),
    "an app that repeats what it is told": _app("error that is a script", after=_repeats),
    "an app that passes the code on": _app(after=_tells_tokens),
    "an app that breaks when its EHR is down": _app("discovery down", "token html", after=_breaks),
    "an app that shows success when there is none": _app("token html", "another token type", after=_pretends),
    "an app whose pages are bare": _app(after=_bare),
    "an app whose cookies are plain": _app(after=_plain_cookies),
    "an app that publishes its private keys": _app(after=_private_keys),
}  # fmt: skip
CAUGHT: Mapping[str, str] = {
    "an app whose state can be guessed": (
        "the_challenge_is_new_each_time the_nonce_cannot_be_guessed the_state_cannot_be_guessed"
    ),
    "an app that asks without aud": "the_app_says_for_which_server",
    "an app that asks for another server": "the_app_says_for_which_server",
    "an app that asks with a plain challenge": "the_app_sends_a_challenge",
    "an app that asks for a token at once": "the_app_asks_for_a_code",
    "an app that forgets the launch": "the_app_echoes_the_launch",
    "an app that asks for scopes out of order": "the_apps_scopes_are_in_the_language_of_scopes",
    "an app that asks for the user without openid": "who_asks_for_the_user_asks_for_openid",
    "an app that asks with max_age": "the_app_sends_nothing_that_servers_may_lack",
    "an app whose assertions live an hour": "the_assertion_is_short",
    "an app whose assertions are for the FHIR base": "the_assertion_is_for_this_token_endpoint",
    "an app whose assertions are all alike": "the_assertion_is_made_anew",
    "an app whose assertions are another client's": "the_assertion_is_of_the_client",
    "an app that says its client_id beside its assertion": "the_app_authenticates_in_one_way",
    "an app that forgets its verifier": "the_verifier_is_that_of_the_challenge",
    "an app that renews for more": "the_app_renews_no_more_than_was_granted",
    "an app that takes any state": "a_missing_state_is_refused a_wrong_state_is_refused",
    "an app that takes any browser": "a_state_is_its_browsers",
    "an app that takes any issuer": "a_missing_issuer_is_refused a_wrong_issuer_is_refused",
    "an app that takes a callback twice": "a_callback_is_used_once the_app_sends_a_code_once",
    "an app that trusts nearly its issuer": "a_launch_from_trailing_slash_is_refused",
    "an app that believes every id_token": (
        "a_missing_identity_is_noticed an_encrypted_identity_is_noticed an_expired_identity_is_noticed "
        "an_identity_for_another_is_noticed an_identity_of_another_key_is_noticed an_unsigned_identity_is_noticed"
    ),
    "an app that looks at no end of an identity": "an_expired_identity_is_noticed",
    "an app that looks at no nonce": "an_identity_with_another_nonce_is_noticed an_identity_without_nonce_is_noticed",
    "an app that takes what it asked for as granted": "only_what_was_granted_is_attempted",
    "an app that goes where it is sent": (
        "a_foreign_token_endpoint_is_not_used an_honest_launch_ends_on_a_page what_was_given_goes_nowhere_else"
    ),
    "an app that redirects where it is told": "a_callback_opens_no_redirect",
    "an app that repeats what it is told": "what_came_is_never_run",
    "an app that passes the code on": (
        "an_honest_launch_ends_on_a_page no_token_stands_in_a_cookie no_token_stands_in_a_page"
    ),
    "an app that breaks when its EHR is down": "discovery_down_is_taken token_html_is_taken",
    "an app that shows success when there is none": "another_token_type_is_not_used token_html_is_taken",
    "an app whose pages are bare": (
        "the_apps_keys_say_how_long_they_are_kept the_apps_pages_are_framed_by_its_ehr_only "
        "the_callback_is_not_kept"
    ),
    "an app whose cookies are plain": "the_apps_cookies_are_guarded",
    "an app that publishes its private keys": "the_apps_keys_are_whole_and_public the_assertions_signature_holds",
}  # fmt: skip
"""The checks that fail of each."""
MUTANTS = caught(FAULTS, CAUGHT)
SHORT = ("an app whose assertions are all alike", "an app that takes any state")
