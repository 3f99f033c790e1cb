"""How the app shows who it is: its assertions and its keys (SMART App Launch 2.2 client-confidential-asymmetric)."""

import base64
import json
from collections.abc import Iterator, Mapping
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence, Exchange, NotOffered
from conformance.suites.gateway.ehr import TOKEN
from conformance.suites.gateway.looking import all_token_requests, authorization, exchanged, form
from conformance.suites.smart.ids import smart

BEARER = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
MEMBERS: Mapping[str, tuple[str, ...]] = {"RSA": ("n", "e"), "EC": ("crv", "x", "y")}


def part(token: str, place: int) -> Mapping[str, Any]:
    """A part of a JWT, unverified; empty when it is none."""
    try:
        found = json.loads(base64.urlsafe_b64decode(token.split(".")[place] + "=="))
    except (ValueError, IndexError):
        return {}
    return found if isinstance(found, dict) else {}


def _assertions(evidence: Evidence) -> Iterator[tuple[Exchange, str]]:
    found = [(each, form(each)["client_assertion"]) for each in all_token_requests(evidence)
             if "client_assertion" in form(each)]  # fmt: skip
    if not found:
        raise NotOffered("a client that authenticates by an assertion")
    yield from found


def _keys(evidence: Evidence) -> list[Mapping[str, Any]]:
    """The app's public keys. Raises Missing."""
    inline = evidence["given"].get("jwks")
    table = inline if isinstance(inline, dict) else evidence.seen("app keys").table
    return [key for key in table.get("keys", ()) if isinstance(key, dict)]


@check(*smart(237, 238, 333, 334))
def the_assertion_says_what_it_is(evidence: Evidence) -> Problems:
    """client_assertion_type is the one of JWT bearer assertions."""
    for each, text in _assertions(evidence):
        if form(each).get("client_assertion_type") != BEARER or len(text.split(".")) != 3:
            yield "client_assertion_type is another, or the assertion is no signed JWT"


@check(*smart(308, 309, 321, 323))
def the_assertion_has_the_right_header(evidence: Evidence) -> Problems:
    """alg is RS384 or ES384, and typ is JWT."""
    for _, text in _assertions(evidence):
        header = part(text, 0)
        if header.get("alg") not in ("RS384", "ES384"):
            yield "alg is neither RS384 nor ES384"
        if header.get("typ") != "JWT":
            yield "typ is not JWT"


@check(*smart(293, 322))
def the_assertions_key_is_published(evidence: Evidence) -> Problems:
    """kid names exactly one key of the app's key set, of the algorithm's kind."""
    keys = _keys(evidence)
    for _, text in _assertions(evidence):
        header = part(text, 0)
        kind = "RSA" if str(header.get("alg", "")).startswith(("RS", "PS")) else "EC"
        named = [key for key in keys if key.get("kid") == header.get("kid") and key.get("kty") == kind]
        if len(named) != 1:
            yield "kid names not exactly one published key"


@check(*smart(291, 307, 320))
def the_assertions_signature_holds(evidence: Evidence) -> Problems:
    """The assertion is signed with the private half of a published key."""
    keys = _keys(evidence)
    for _, text in _assertions(evidence):
        named = [json.loads(json.dumps(key)) for key in keys if key.get("kid") == part(text, 0).get("kid")]
        try:
            jws.deserialize_compact(
                text.encode(), KeySet.import_key_set({"keys": named}), algorithms=["RS384", "ES384"]
            )
        except (JoseError, ValueError, KeyError, TypeError):
            yield "the signature does not hold with the published key"


@check(*smart(325))
def the_assertion_brings_no_other_keys(evidence: Evidence) -> Problems:
    """jku, where it is said, is the registered address; no key is brought along."""
    for _, text in _assertions(evidence):
        header = part(text, 0)
        if header.get("jku") not in (None, evidence["given"].get("jwks_uri")) or {"jwk", "x5c", "x5u"} & set(header):
            yield "the header names other keys than the registered ones"


@check(*smart(327, 328))
def the_assertion_is_of_the_client(evidence: Evidence) -> Problems:
    """iss and sub are the client_id."""
    client = evidence["given"].get("client_id") or authorization(evidence, "honest").get("client_id")
    for _, text in _assertions(evidence):
        claims = part(text, 1)
        if {claims.get("iss"), claims.get("sub")} != {client}:
            yield "iss and sub are not both the client_id"


@check(*smart(329))
def the_assertion_is_for_this_token_endpoint(evidence: Evidence) -> Problems:
    """aud is the token endpoint, and nothing else."""
    endpoint = f"{evidence['issuer']}{TOKEN}"
    for _, text in _assertions(evidence):
        if part(text, 1).get("aud") not in (endpoint, [endpoint]):
            yield "aud is not the token endpoint"


@check(*smart(330, 331))
def the_assertion_is_short(evidence: Evidence) -> Problems:
    """exp is a number at most five minutes ahead."""
    for each, text in _assertions(evidence):
        ends = part(text, 1).get("exp")
        if not isinstance(ends, int | float) or isinstance(ends, bool):
            yield "exp is no number"
        elif not each.at < ends <= each.at + 300 + 5:
            yield "exp is past, or more than five minutes ahead"


@check(*smart(233, 319, 332))
def the_assertion_is_made_anew(evidence: Evidence) -> Problems:
    """jti is there and was never used before."""
    found = [part(text, 1).get("jti") for _, text in _assertions(evidence)]
    if any(not isinstance(jti, str) or not jti for jti in found):
        yield "jti is missing"
    if len(set(found)) != len(found):
        yield "a jti was used twice"


@check(*smart(22, 290, 294, 298, 313, 314, 315))
def the_apps_keys_are_whole_and_public(evidence: Evidence) -> Problems:
    """Each key has kty and kid, its public members, and no private ones."""
    keys = _keys(evidence)
    if "app keys" in evidence:
        evidence.seen("app keys")
    else:
        exchanged(evidence, "honest")
    if not keys:
        yield "the key set is empty"
    for key in keys:
        needed = ("kty", "kid", *MEMBERS.get(str(key.get("kty")), ("a kind that SMART knows",)))
        for name in needed:
            if name not in key:
                yield f"a key lacks {name}"
        if {"d", "p", "q", "k"} & set(key):
            yield "a key has private members"


@check(*smart(301, 302))
def the_apps_keys_are_read_by_anyone(evidence: Evidence) -> Problems:
    """The key set's address is under TLS, or on loopback, and wants no authentication."""
    answer = evidence.seen("app keys")
    if answer.status != 200:
        yield f"the address answered {answer.status}"
    if not answer.url.startswith(("https://", "http://localhost", "http://127.0.0.1", "http://[::1]")):
        yield "the address is without TLS"


@check(*smart(303))
def the_apps_keys_say_how_long_they_are_kept(evidence: Evidence) -> Problems:
    """The key set comes with Cache-Control."""
    if "cache-control" not in evidence.seen("app keys").headers:
        yield "Cache-Control is missing"


CHECKS: tuple[Check, ...] = (
    the_assertion_says_what_it_is,
    the_assertion_has_the_right_header,
    the_assertions_key_is_published,
    the_assertions_signature_holds,
    the_assertion_brings_no_other_keys,
    the_assertion_is_of_the_client,
    the_assertion_is_for_this_token_endpoint,
    the_assertion_is_short,
    the_assertion_is_made_anew,
    the_apps_keys_are_whole_and_public,
    the_apps_keys_are_read_by_anyone,
    the_apps_keys_say_how_long_they_are_kept,
)
