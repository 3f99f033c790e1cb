"""What the app sends to the token endpoint, and how it shows who it is (SMART App Launch 2.2 §step-5, client authentication)."""

import base64
import binascii
import hashlib

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Missing, NotOffered
from conformance.suites.gateway.asking import LAUNCHES
from conformance.suites.gateway.looking import (
    all_token_requests,
    authorization,
    exchanged,
    form,
    query,
    record,
    token_requests,
)
from conformance.suites.smart.ids import smart

FORM = "application/x-www-form-urlencoded"


@check(*smart(62, 67, 234))
def the_app_trades_the_code_by_post(evidence: Evidence) -> Problems:
    """The code goes by POST of a form to the token endpoint, with grant_type=authorization_code."""
    for name in LAUNCHES:
        asked = exchanged(evidence, name)
        if asked.method != "POST" or not asked.sent.get("content-type", "").startswith(FORM):
            yield f"{name}: the token request is no POST of a form"


@check(*smart(68))
def the_app_sends_the_code_that_came(evidence: Evidence) -> Problems:
    """code is the one that the redirect carried."""
    for name in LAUNCHES:
        found = record(evidence, name)
        if form(exchanged(evidence, name)).get("code") != found["authorize"].redirected.get("code"):
            yield f"{name}: code is not the one that came"


@check("rfc6749#4.1.2-code-once-by-clients")
def the_app_sends_a_code_once(evidence: Evidence) -> Problems:
    """Each code is redeemed in one request."""
    codes = [form(each).get("code") for each in all_token_requests(evidence, "authorization_code")]
    if len(set(codes)) != len(codes):
        yield "a code was sent more than once"


@check(*smart(69))
def the_app_says_again_where_it_is_called_back(evidence: Evidence) -> Problems:
    """redirect_uri is the one of the authorization request."""
    for name in LAUNCHES:
        if form(exchanged(evidence, name)).get("redirect_uri") != authorization(evidence, name).get("redirect_uri"):
            yield f"{name}: redirect_uri is another than was asked with"


@check(*smart(13, 70))
def the_verifier_is_that_of_the_challenge(evidence: Evidence) -> Problems:
    """code_verifier is there and fits the challenge of its own launch."""
    for name in LAUNCHES:
        said = form(exchanged(evidence, name)).get("code_verifier", "")
        digest = base64.urlsafe_b64encode(hashlib.sha256(said.encode()).digest()).decode().rstrip("=")
        if not 43 <= len(said) <= 128 or digest != authorization(evidence, name).get("code_challenge"):
            yield f"{name}: code_verifier is missing, or does not fit the challenge"


@check(*smart(63, 64, 71, 72, 345))
def the_app_authenticates_in_one_way(evidence: Evidence) -> Problems:
    """A confidential app authenticates by assertion or by Basic and leaves client_id out; a public one says client_id."""
    for each in all_token_requests(evidence):
        said, basic = form(each), each.sent.get("authorization", "").lower().startswith("basic ")
        ways = [basic, "client_assertion" in said, "client_secret" in said]
        if sum(ways) > 1:
            yield "a request authenticates in two ways"
        elif not any(ways) and "client_id" not in said:
            yield "a request says neither who asks nor proves it"
        elif ways[2]:
            yield "a secret stands in the form instead of Basic"
        elif any(ways) and "client_id" in said and said.get("grant_type") == "authorization_code":
            yield "client_id is sent, though the client authenticates"


@check(*smart(23, 345), "rfc6749#2.3.1-basic")
def the_secret_is_the_registered_one(evidence: Evidence) -> Problems:
    """A client with a secret sends its id and secret by Basic."""
    sent = [each.sent["authorization"] for each in all_token_requests(evidence)
            if each.sent.get("authorization", "").lower().startswith("basic ")]  # fmt: skip
    if not sent:
        raise NotOffered("a client that authenticates by a secret")
    for header in sent:
        try:
            id, _, secret = base64.b64decode(header.split(" ", 1)[1], validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError, IndexError):
            id = secret = ""
        if not id or secret != evidence["given"].get("client_secret", secret):
            yield "Basic holds no id, or another secret than the registered one"


@check(*smart(105, 106))
def the_app_renews_with_the_token_that_it_was_given(evidence: Evidence) -> Problems:
    """A renewal has grant_type=refresh_token and the refresh token of its launch."""
    for each in all_token_requests(evidence, "refresh_token"):
        if not form(each).get("refresh_token", "").startswith("secret-refresh-"):
            yield "refresh_token is none that was given"


@check(*smart(108))
def the_app_renews_no_more_than_was_granted(evidence: Evidence) -> Problems:
    """scope of a renewal is left out, or a part of what was granted."""
    for each in all_token_requests(evidence, "refresh_token"):
        asked = set(form(each).get("scope", "").split())
        if not asked <= {"launch", "openid", "fhirUser", "offline_access", "patient/*.cruds"}:
            yield "scope of a renewal is more than was granted"


@check(*smart(117))
def the_app_takes_the_new_refresh_token(evidence: Evidence) -> Problems:
    """A refresh token that was replaced is not sent again."""
    sent = [form(each).get("refresh_token") for each in all_token_requests(evidence, "refresh_token")]
    if len(set(sent)) != len(sent):
        yield "a refresh token was sent twice, though a new one had come"


@check(*smart(216, 215))
def who_renews_had_asked_to(evidence: Evidence) -> Problems:
    """Who renews tokens asked for offline_access or online_access."""
    all_token_requests(evidence, "refresh_token")
    scopes = authorization(evidence, "short token").get("scope", "").split()
    if not {"offline_access", "online_access"} & set(scopes):
        yield "scope has neither offline_access nor online_access"


@check(*smart(236, 239, 235, 143))
def the_backend_asks_for_system_scopes(evidence: Evidence) -> Problems:
    """Client credentials are asked with scope, and its FHIR scopes are system/."""
    for each in all_token_requests(evidence, "client_credentials"):
        scopes = form(each).get("scope", "").split()
        if not scopes:
            yield "scope is missing"
        if any(scope.startswith(("patient/", "user/")) for scope in scopes):
            yield "scope has others than system/"


@check(*smart(229))
def the_backend_authenticates(evidence: Evidence) -> Problems:
    """Client credentials come with an assertion."""
    for each in all_token_requests(evidence, "client_credentials"):
        if "client_assertion" not in form(each):
            yield "there is no client_assertion"


@check("rfc6749#3.2-once")
def no_secret_stands_in_the_address_of_the_token_endpoint(evidence: Evidence) -> Problems:
    """Token requests have nothing in the query."""
    for each in all_token_requests(evidence):
        if query(each):
            yield "the token request has a query"


@check("oauth#refused-once")
def a_refused_renewal_is_not_repeated(evidence: Evidence) -> Problems:
    """A renewal that was refused for good is not asked again and again."""
    found = token_requests(record(evidence, "short token that is not renewed"), "refresh_token")
    if not found:
        raise Missing("a renewal that was refused")
    if len(found) > 2:
        yield f"asked {len(found)} times"


CHECKS: tuple[Check, ...] = (
    the_app_trades_the_code_by_post,
    the_app_sends_the_code_that_came,
    the_app_sends_a_code_once,
    the_app_says_again_where_it_is_called_back,
    the_verifier_is_that_of_the_challenge,
    the_app_authenticates_in_one_way,
    the_secret_is_the_registered_one,
    the_app_renews_with_the_token_that_it_was_given,
    the_app_renews_no_more_than_was_granted,
    the_app_takes_the_new_refresh_token,
    who_renews_had_asked_to,
    the_backend_asks_for_system_scopes,
    the_backend_authenticates,
    no_secret_stands_in_the_address_of_the_token_endpoint,
    a_refused_renewal_is_not_repeated,
)
