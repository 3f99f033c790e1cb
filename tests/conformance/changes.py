"""The smallest change of what an app was seen to do, for each check of the suite ``gateway``, that makes it fail."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from conformance.evidence import Evidence, Exchange
from conformance.suites.gateway.cases import UNKNOWN_ISSUERS, UNUSABLE
from conformance.suites.gateway.distrust import NO_TOKEN, NOT_USED, SCRIPT
from conformance.suites.gateway.identities import IDENTITIES
from conformance.suites.gateway.looking import token_requests

Change = Callable[[dict[str, Any]], None]
ELSEWHERE = "http://elsewhere.example"
STRAY = Exchange(method="GET", url=f"{ELSEWHERE}/x", status=200, incoming=True)


def changed(evidence: Evidence, change: Change) -> Evidence:
    """A copy of the evidence with the change in it."""
    values = {name: dict(value) if isinstance(value, dict) else value for name, value in evidence.items()}
    change(values)
    made = Evidence()
    for name, value in values.items():
        made[name] = value
    return made


def fact(name: str, make: Callable[[Any], Any]) -> Change:
    """A fact is another."""
    return lambda values: values.update({name: make(values.get(name))})


def of(case: str, **members: Any) -> Change:
    """Members of a launch's record are others; a function is given what stood there."""

    def change(values: dict[str, Any]) -> None:
        found = values[case]
        for name, made in members.items():
            found[name] = made(found.get(name)) if callable(made) else made

    return change


def _query(url: str, changes: Mapping[str, str | None]) -> str:
    address, _, query = url.partition("?")
    said = {**dict(parse_qsl(query)), **changes}
    return f"{address}?{urlencode({name: value for name, value in said.items() if value is not None})}"


def asks(case: str = "honest", **parameters: str | None) -> Change:
    """The authorization request has other parameters."""
    return of(case, authorize=lambda found: replace(found, url=_query(found.url, parameters)))


def _posted(each: Exchange, changes: Mapping[str, str | None]) -> Exchange:
    said = {**dict(parse_qsl(each.content.decode())), **changes}
    body = urlencode({name: value for name, value in said.items() if value is not None})
    return replace(each, content=body.encode())


def tokens(make: Callable[[Exchange], Exchange], case: str | None = "honest", *grants: str) -> Change:
    """The requests at the token endpoint are others, in every launch where none is named."""

    def change(values: dict[str, Any]) -> None:
        for name in [case] if case else values["cases"]:
            found = token_requests(values[name], *grants)
            values[name]["asked"] = [make(each) if each in found else each for each in values[name]["asked"]]

    return change


def form(case: str | None = "honest", *grants: str, **parameters: str | None) -> Change:
    """The forms at the token endpoint are others."""
    return tokens(lambda each: _posted(each, parameters), case, *grants)


def _text(said: Any) -> str:
    return base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")


def _part(text: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(base64.urlsafe_b64decode(text + "=="))
    return found


def asserts(header: Mapping[str, Any] | None = None, **claims: Any) -> Change:
    """The assertion says otherwise; its signature stays."""

    def make(each: Exchange) -> Exchange:
        said = dict(parse_qsl(each.content.decode()))
        if "client_assertion" not in said:
            return each
        head, body, signature = said["client_assertion"].split(".")
        parts = (_text({**_part(head), **(header or {})}), _text({**_part(body), **claims}), signature)
        return _posted(each, {"client_assertion": ".".join(parts)})

    return tokens(make)


def shows(case: str, member: str = "callback", **changes: Any) -> Change:
    """The last answer to the person's browser is another."""
    return of(case, **{member: lambda found: [*found[:-1], replace(found[-1], **changes)]})


def ends(case: str, **changes: Any) -> Change:
    """Where the person ended is another page: wherever the record has it."""

    def change(values: dict[str, Any]) -> None:
        record = values[case]
        if "page" in record:
            record["page"] = replace(record["page"], **changes)
        else:
            member = "callback" if record.get("callback") else "pages"
            record[member] = [*record[member][:-1], replace(record[member][-1], **changes)]

    return change


def asked(case: str, *exchanges: Callable[[dict[str, Any]], Exchange] | Exchange) -> Change:
    """Further requests came."""

    def change(values: dict[str, Any]) -> None:
        more = [each(values) if callable(each) else each for each in exchanges]
        values[case]["asked"] = [*values[case]["asked"], *more]

    return change


def astray(case: str, **changes: Any) -> Change:
    """A request went elsewhere."""
    return of(case, astray=[replace(STRAY, **changes)])


def redeemed(values: dict[str, Any]) -> Exchange:
    """The request that redeemed the code of the honest launch."""
    return token_requests(values["honest"], "authorization_code")[0]


def read(method: str = "GET", path: str = "Patient/conformance-p1", token: str = "secret-access-1-case-1") -> Any:
    """A request for a record."""
    return lambda values: Exchange(
        method=method, url=f"{values['fhir base']}/{path}", status=200, incoming=True, at=1.0,
        sent={"authorization": f"Bearer {token}"} if token else {},
    )  # fmt: skip


def again(case: str, path: str) -> Change:
    """What was refused is asked once more at once."""

    def change(values: dict[str, Any]) -> None:
        found = [each for each in values[case]["asked"] if urlsplit(each.url).path.endswith(path)]
        values[case]["asked"] = [*values[case]["asked"], found[0]]

    return change


def like_an_honest_page(case: str) -> Change:
    """The page is that of an honest launch."""

    def change(values: dict[str, Any]) -> None:
        for name in (case, "honest again", "honest after all"):
            values[name]["page"] = values["honest"]["page"]

    return change


def basic(header: str) -> Change:
    """The token requests authenticate by Basic."""
    return tokens(lambda each: replace(
        _posted(each, {"client_assertion": None, "client_assertion_type": None}),
        sent={**each.sent, "authorization": header}))  # fmt: skip


def keys(make: Callable[[dict[str, Any]], dict[str, Any]]) -> Change:
    """The app's key set is another."""

    def change(values: dict[str, Any]) -> None:
        answer = values["app keys"]
        found = [make(dict(key)) for key in json.loads(answer.body)["keys"]]
        values["app keys"] = replace(answer, body=json.dumps({"keys": found}).encode())

    return change


PLACES = {"discovery": "/smart-configuration", "token": "/token", "records": "/Observation"}
BUSY = ("busy for a while", "down for a while")
CHANGES: Mapping[str, Change] = {
    "the_app_discovers_the_ehr": of("discovery html", asked=lambda found: [replace(found[0], method="POST")]),
    "the_app_takes_addresses_from_the_fhir_base": of("relative addresses", authorize=None),
    "the_app_asks_for_a_code": asks(response_type="token"),
    "the_app_says_who_it_is": asks("standalone", client_id="another"),
    "the_app_says_where_it_is_called_back": asks("standalone", redirect_uri="http://app.example/callback"),
    "the_app_echoes_the_launch": asks(launch="another"),
    "a_standalone_launch_has_no_launch": asks("standalone", launch="x"),
    "a_standalone_launch_asks_for_a_patient": asks("standalone", scope="patient/*.rs"),
    "an_ehr_launch_asks_for_its_context": asks(scope="patient/*.rs"),
    "the_app_says_what_it_needs": asks(scope=None),
    "the_apps_scopes_are_in_the_language_of_scopes": asks(scope="launch patient/*.sr"),
    "scopes_as_addresses_have_their_prefix": asks(scope="launch https://app.example/patient/*.rs"),
    "the_app_does_not_ask_for_everything": asks(scope="launch system/*.rs"),
    "who_asks_for_the_user_asks_for_openid": asks(scope="launch fhirUser"),
    "the_app_sends_a_state": asks(state=None),
    "the_state_cannot_be_guessed": asks(state="1"),
    "the_nonce_cannot_be_guessed": asks("standalone", nonce=None),
    "the_app_says_for_which_server": asks(aud=ELSEWHERE),
    "the_app_sends_a_challenge": asks(code_challenge_method="plain"),
    "the_challenge_is_new_each_time": lambda values: [
        asks(case, code_challenge="c" * 43)(values) for case in ("honest", "honest again")].clear(),
    "the_app_sends_nothing_that_servers_may_lack": asks(max_age="1"),
    "no_secret_stands_in_the_request": asks(client_secret="x"),
    "the_app_trades_the_code_by_post": tokens(lambda each: replace(each, method="GET")),
    "the_app_sends_the_code_that_came": form(code="another"),
    "the_app_sends_a_code_once": asked("honest", redeemed),
    "the_app_says_again_where_it_is_called_back": form(redirect_uri=None),
    "the_verifier_is_that_of_the_challenge": form(code_verifier="v" * 43),
    "the_app_authenticates_in_one_way": tokens(lambda each: replace(each, sent={**each.sent, "authorization": "Basic eDp5"})),
    "the_secret_is_the_registered_one": basic("Basic not-base64"),
    "the_app_renews_with_the_token_that_it_was_given": form("short token", "refresh_token", refresh_token="another"),
    "the_app_renews_no_more_than_was_granted": form("short token", "refresh_token", scope="system/*.rs"),
    "the_app_takes_the_new_refresh_token": asked("short token", lambda values: token_requests(
        values["short token"], "refresh_token")[0]),
    "who_renews_had_asked_to": asks("short token", scope="launch patient/*.rs"),
    "the_backend_asks_for_system_scopes": form(None, "client_credentials", scope="patient/*.rs"),
    "the_backend_authenticates": form(None, "client_credentials", client_assertion=None),
    "no_secret_stands_in_the_address_of_the_token_endpoint": tokens(lambda each: replace(each, url=f"{each.url}?x=y")),
    "a_refused_renewal_is_not_repeated": asked("short token that is not renewed", *(lambda values: token_requests(
        values["short token that is not renewed"], "refresh_token")[0],) * 2),
    "the_assertion_says_what_it_is": form(client_assertion_type="another"),
    "the_assertion_has_the_right_header": asserts({"typ": "at+jwt"}),
    "the_assertions_key_is_published": asserts({"kid": "unknown"}),
    "the_assertions_signature_holds": asserts(sub="changed"),
    "the_assertion_brings_no_other_keys": asserts({"jwk": {}}),
    "the_assertion_is_of_the_client": asserts(iss="another"),
    "the_assertion_is_for_this_token_endpoint": asserts(aud=ELSEWHERE),
    "the_assertion_is_short": asserts(exp=9_999_999_999),
    "the_assertion_is_made_anew": asserts(jti=""),
    "the_apps_keys_are_whole_and_public": keys(lambda key: {**key, "d": "x"}),
    "the_apps_keys_are_read_by_anyone": fact("app keys", lambda answer: replace(answer, status=401)),
    "the_apps_keys_say_how_long_they_are_kept": fact("app keys", lambda answer: replace(answer, headers={})),
    "an_honest_launch_ends_on_a_page": ends("standalone", status=500),
    "records_are_asked_with_the_token_as_bearer": asked("honest", read(token="")),
    "no_token_stands_in_an_address": asked("honest", read(path="Patient?access_token=secret-access-1")),
    "what_was_given_goes_nowhere_else": astray("honest", sent={"authorization": "Bearer secret-access-1"}),
    "only_what_was_granted_is_attempted": asked("narrowed", read(path="Observation")),
    "nothing_is_written_that_was_not_granted": asked("read only", read("POST", "Observation")),
    "only_the_patient_in_context_is_read": asked("honest", read(path="Patient/another")),
    "the_user_is_read_where_fhir_user_says": asked("honest", read(path="Practitioner/another")),
    "no_token_stands_in_a_cookie": shows("honest", headers={"set-cookie": "t=secret-access-1"}),
    "no_token_stands_in_a_page": shows("honest", body=b"secret-access-1"),
    "the_apps_cookies_are_guarded": shows("honest", headers={"set-cookie": "t=x"}),
    "the_callback_is_not_kept": of("honest", callback=lambda found: [replace(found[0], headers={}), *found[1:]]),
    "the_apps_pages_are_framed_by_its_ehr_only": ends("honest", headers={}),
    "a_callback_is_used_once": asked("callback twice", lambda values: token_requests(values["callback twice"])[0]),
    "a_callback_opens_no_redirect": shows("further address", headers={"location": f"{ELSEWHERE}/next"}),
    "what_came_is_never_run": ends("error that is a script", body=SCRIPT),
    "a_foreign_authorization_endpoint_is_not_used": shows(
        "foreign authorization endpoint", "pages", headers={"location": f"{ELSEWHERE}/authorize"}),
    "a_foreign_token_endpoint_is_not_used": astray("foreign token endpoint"),
    "foreign_keys_are_not_fetched": astray("foreign keys"),
    "a_server_that_offers_plain_gets_no_plain_challenge": of("discovery with plain", authorize=STRAY),
    "a_server_without_s256_gets_no_plain_challenge": of("discovery without S256", authorize=STRAY),
    "keys_that_cannot_be_read_prove_nobody": like_an_honest_page("keys that are a page"),
    "an_identity_by_the_next_key_is_taken": ends("identity by the next key", body=b"nobody is known"),
    "a_token_without_expires_in_is_used": ends("no expires_in", status=502),
    "a_next_link_stays_below_the_base": asked("next link that climbs", read(path="../elsewhere/Observation")),
    "a_foreign_next_link_is_not_followed": astray("foreign next link"),
    "a_refused_token_is_not_tried_without_end": asked("records refused", *(read(path="Observation"),) * 9),
    **{id: asked(case, redeemed) for case, id, *_ in NO_TOKEN},
    **{id: asked(case, read()) for case, id, *_ in NOT_USED},
    **{id: like_an_honest_page(case) for case, id, *_ in IDENTITIES},
    **{f"a_launch_from_{name.replace(' ', '_')}_is_refused": of(f"launch from {name}", astray=[STRAY])
       for name in UNKNOWN_ISSUERS},
    **{f"{what}_{how.replace(' ', '_')}_is_taken": ends(f"{what} {how}", status=500) for what in PLACES for how in UNUSABLE},
    **{f"{what}_{how.replace(' ', '_')}_is_waited_for": again(f"{what} {how}", path)
       for what, path in PLACES.items() for how in BUSY},
}  # fmt: skip
