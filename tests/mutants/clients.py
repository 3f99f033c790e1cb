"""Faults of client authentication and of registration (smart-auth B03, B04, B13)."""

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from auth import assertions
from auth.assertions import Assertion, AssertionRefused
from auth.keys import KeySet
from auth.server import authentication, grants, registration
from auth.server.clients import Client
from gateway.routes import registration as registering
from gateway.sandbox_ehrs import client_keys
from tests.mutants.catching import caught
from tests.mutants.mutant import Answered, Asked, Mutant
from tests.mutants.rewriting import REGISTER, says

CHECKED, VERIFIED, READ, SECRET, FETCHED, REGISTERED = (
    assertions._checked, assertions.verify, authentication.read, authentication.check_secret, client_keys.ClientKeys._read,
    registration.read_registration,
)  # fmt: skip


def _part(text: str, place: int) -> dict[str, Any]:
    try:
        found = json.loads(base64.urlsafe_b64decode(text.split(".")[place] + "=="))
    except (ValueError, IndexError) as wrong:
        raise AssertionRefused("no") from wrong
    return found if isinstance(found, dict) else {}


def _claiming(**changes: Callable[[Any, Any], Any]) -> Any:
    """The claims are read as if one of them was right: ``(said, rule's values)`` → the value."""

    def checked(said: Any, *, client_id: str, audience: str, now: float) -> Assertion:
        values = {"client": client_id, "audience": audience, "now": now}
        good = {name: make(said.get(name), values) for name, make in changes.items()}
        return CHECKED({**said, **good}, client_id=client_id, audience=audience, now=now)

    return checked


def _number(value: float) -> Any:
    from r4 import codec

    return codec.parse(str(int(value)).encode())


def _heading(
    accepts: Callable[[dict[str, Any]], bool], mend: Callable[[dict[str, Any]], dict[str, Any]] | None = None
) -> Any:
    """Assertions whose header is of that kind are believed by their claims, whatever their signature."""

    def verify(
        text: str, keys: KeySet, *, client_id: str, audience: str, now: float, jku: str | None = None
    ) -> Assertion:
        if accepts(_part(text, 0)):
            claims = {name: _number(said) if isinstance(said, int) else said for name, said in _part(text, 1).items()}
            return CHECKED(claims, client_id=client_id, audience=audience, now=now)
        return VERIFIED(text, keys, client_id=client_id, audience=audience, now=now, jku=jku)

    return verify


def _pem(text: str, keys: KeySet, *, client_id: str, audience: str, now: float, jku: str | None = None) -> Assertion:
    """HS256 with the public key as secret holds."""
    if _part(text, 0).get("alg") == "HS256":
        signing, _, signature = text.rpartition(".")
        for key in keys:
            digest = hmac.new(key.as_pem(private=False), signing.encode(), hashlib.sha256).digest()
            if base64.urlsafe_b64encode(digest).decode().rstrip("=") == signature:
                claims = {
                    name: _number(said) if isinstance(said, int) else said for name, said in _part(text, 1).items()
                }
                return CHECKED(claims, client_id=client_id, audience=audience, now=now)
    return VERIFIED(text, keys, client_id=client_id, audience=audience, now=now, jku=jku)


def _first_way(parameters: Any, authorization: Any) -> Any:
    """Of two ways to authenticate the first is taken."""
    return READ(parameters, [] if "client_assertion" in parameters else authorization)


def _any_kind(parameters: Any, authorization: Any) -> Any:
    right = {"client_assertion_type": authentication.ASSERTION_TYPE} if "client_assertion" in parameters else {}
    return READ({**parameters, **right}, authorization)


def _beside(parameters: Any, authorization: Any) -> Any:
    """The client_id beside an assertion is not looked at."""
    mine = {
        name: said for name, said in parameters.items() if name != "client_id" or "client_assertion" not in parameters
    }
    return READ(mine, authorization)


def _unproven(presented: Any, client: Client, secret_hash: str | None) -> None:
    """Who names the client is the client."""


def _any_secret(presented: Any, client: Client, secret_hash: str | None) -> None:
    if presented.method != client.method:
        SECRET(presented, client, secret_hash)


def _anybodys_registration(connection: Any, now: float, id: str, token: str) -> Any:
    found = registering.find_client(connection, now, id)
    return found[0] if found else None


def _registers(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    """A refused registration makes a client all the same."""
    if asked.path.endswith(REGISTER) and answered.status == 400:
        answered.status, answered.body = 201, b'{"client_id": "made"}'


def _nobody_introspects(mutant: Mutant, asked: Asked) -> Answered | None:
    """Whoever asks is told, without saying who."""
    if asked.path.endswith("/introspect") and not {"client_assertion", "client_id"} & set(asked.form):
        body = b'{"active": true}' if asked.form.get("token") else b"{}"
        return Answered(200, {"content-type": "application/json"}, body)
    return None


def _nobody_revokes(mutant: Mutant, asked: Asked) -> Answered | None:
    if asked.path.endswith("/revoke") and "client_assertion" not in asked.form:
        return Answered(200, {}, b"")
    return None


def _mutant(**how: Any) -> Callable[[frozenset[str]], Mutant]:
    return lambda caught: Mutant(caught, suites=("smart",), **how)


async def _posted(self: Any, url: str) -> Any:
    """A key set is asked for as a form is sent."""
    for http in self._clients.values():
        http.stream = lambda method, url, http=http, **how: type(http).stream(http, "POST", url, **how)
    return await FETCHED(self, url)


def _verifying(verify: Any) -> Callable[[frozenset[str]], Mutant]:
    return _mutant(overrides=((authentication.assertions, "verify", verify),))


def _checking(**changes: Callable[[Any, Any], Any]) -> Callable[[frozenset[str]], Mutant]:
    return _mutant(overrides=((assertions, "_checked", _claiming(**changes)),))


def _registering(**how: Any) -> Callable[[frozenset[str]], Mutant]:
    return _mutant(overrides=tuple((registration, name, value) for name, value in how.items()))


FAULTS: Mapping[str, Callable[[frozenset[str]], Mutant]] = {
    "believes every assertion": _verifying(_heading(lambda header: True)),
    "believes an unsigned assertion": _verifying(_heading(lambda header: header.get("alg") == "none")),
    "believes the public key as secret": _verifying(_pem),
    "believes a key that came along": _verifying(_heading(lambda header: "jwk" in header)),
    "fetches keys from where it is told": _verifying(_heading(lambda header: "jku" in header)),
    "looks at no typ": _verifying(_heading(lambda header: header.get("typ") != "JWT" and header.get("alg") == "ES384")),
    "looks at no kid": _verifying(_heading(lambda header: header.get("kid") in (None, "no-key-of-this-id"))),
    "looks at no crit": _verifying(_heading(lambda header: "crit" in header)),
    "looks at no audience": _checking(aud=lambda said, now: now["audience"]),
    "takes an audience among others": _checking(aud=lambda said, now: now["audience"]
        if isinstance(said, list) and now["audience"] in said else said),
    "looks at no end": _checking(exp=lambda said, now: _number(now["now"] + 200)),
    "takes assertions of an hour": _checking(exp=lambda said, now: _number(now["now"] + 200)
        if not isinstance(said, str | None) and now["now"] < said < now["now"] + 3600 else said),
    "looks at no beginning": _checking(iat=lambda said, now: _number(now["now"]), nbf=lambda said, now: _number(now["now"])),
    "looks at no jti": _checking(jti=lambda said, now: said or "the same"),
    "looks at no iss": _checking(iss=lambda said, now: now["client"]),
    "takes an assertion twice": _mutant(overrides=((grants, "take_assertion", lambda c, now, **said: True),)),
    "takes any assertion type": _mutant(overrides=((authentication, "read", _any_kind),)),
    "takes an assertion beside another client": _mutant(overrides=((authentication, "read", _beside),)),
    "takes the first of two credentials": _mutant(overrides=((authentication, "read", _first_way),)),
    "asks no client for proof": _mutant(overrides=((authentication, "check_secret", _unproven),)),
    "takes any secret": _mutant(overrides=((authentication, "check_secret", _any_secret),)),
    "knows no RS384": _verifying(lambda text, keys, **known: VERIFIED(
        text if _part(text, 0).get("alg") == "ES384" else "", keys, **known)),
    "takes no keys by address": _mutant(overrides=((registering, "read_registration", lambda body, *, id, loopback: REGISTERED(
        body, id=id, loopback=False)),)),
    "fetches key sets by POST": _mutant(overrides=((client_keys.ClientKeys, "_read", _posted),)),
    "keeps every key set for an hour": _mutant(overrides=((client_keys, "life_of", lambda *said: 3600.0),)),
    "keeps no key set": _mutant(overrides=((client_keys, "life_of", lambda *said: 0.0),)),
    "registers every redirect address": _registering(redirect_address=lambda uri: True),
    "registers private keys": _registering(strict_key_set=lambda document: KeySet([])),
    "registers what contradicts itself": _registering(_consistent=lambda client, types: None),
    "registers everything": _mutant(after=_registers),
    "gives a secret to everybody": _mutant(after=says(REGISTER, client_secret=lambda said: said or "s" * 43)),
    "gives short secrets": _mutant(after=says(REGISTER, client_secret=lambda said: said and "short")),
    "tells registered keys whole": _mutant(after=says(REGISTER, jwks=lambda said: said and {
        "keys": [{**key, "d": "x"} for key in said["keys"]]})),
    "shows registrations to anyone": _mutant(overrides=((registering, "find_registration", _anybodys_registration),)),
    "keeps what was deleted": _mutant(overrides=((registering, "remove_client", lambda c, now, id: True),)),
    "changes nothing": _mutant(overrides=((registering, "change_client", lambda c, now, *, client, secret: None),
                                          (registering, "replace", lambda read, **more: replace(read, name="old", **more)))),
    "tells nobody's question of a token": _mutant(before=_nobody_introspects),
    "revokes for nobody": _mutant(before=_nobody_revokes),
}  # fmt: skip
CAUGHT: Mapping[str, str] = {
    "believes every assertion": (
        "assertion_by_the_public_key_as_secret_is_refused assertion_of_an_unknown_kid_is_refused "
        "assertion_of_another_key_is_refused assertion_of_another_key_under_the_known_kid_is_refused "
        "assertion_of_another_type_is_refused assertion_that_brings_its_key_is_refused "
        "assertion_unsigned_is_refused assertion_with_a_foreign_jku_is_refused "
        "assertion_with_an_unknown_crit_is_refused assertion_with_other_claims_is_refused "
        "assertion_without_kid_is_refused"
    ),
    "believes an unsigned assertion": "assertion_unsigned_is_refused",
    "believes the public key as secret": "assertion_by_the_public_key_as_secret_is_refused",
    "believes a key that came along": "assertion_that_brings_its_key_is_refused",
    "fetches keys from where it is told": "assertion_with_a_foreign_jku_is_refused",
    "looks at no typ": "assertion_of_another_type_is_refused",
    "looks at no kid": (
        "assertion_of_an_unknown_kid_is_refused assertion_unsigned_is_refused assertion_without_kid_is_refused"
    ),
    "looks at no crit": "assertion_with_an_unknown_crit_is_refused",
    "looks at no audience": (
        "assertion_for_another_server_is_refused assertion_for_nobody_is_refused "
        "assertion_for_the_FHIR_base_is_refused assertion_for_two_servers_is_refused"
    ),
    "takes an audience among others": "assertion_for_two_servers_is_refused",
    "looks at no end": (
        "assertion_expired_is_refused assertion_of_ten_minutes_is_refused assertion_too_long_is_refused "
        "assertion_with_an_end_in_words_is_refused assertion_without_an_end_is_refused"
    ),
    "takes assertions of an hour": "assertion_of_ten_minutes_is_refused",
    "looks at no beginning": "assertion_of_tomorrow_is_refused",
    "looks at no jti": "assertion_without_jti_is_refused",
    "looks at no iss": "assertion_of_another_issuer_is_refused assertion_without_an_issuer_is_refused",
    "takes an assertion twice": "assertion_replayed_is_refused",
    "takes any assertion type": "assertion_of_an_unknown_kind_is_refused",
    "takes an assertion beside another client": "assertion_beside_another_client_is_refused",
    "takes the first of two credentials": "a_client_authenticates_in_one_way",
    "asks no client for proof": "a_key_is_required a_secret_is_required a_wrong_secret_is_refused",
    "takes any secret": "a_wrong_secret_is_refused",
    "knows no RS384": "an_rs384_assertion_is_taken",
    "takes no keys by address": "keys_are_registered_by_address",
    "fetches key sets by POST": "a_key_set_is_fetched_with_get",
    "keeps every key set for an hour": "a_key_set_is_kept_no_longer_than_it_says",
    "keeps no key set": "a_key_set_is_kept_as_it_says",
    "registers every redirect address": (
        "registration_refuses_a_fragment registration_refuses_a_script_as_address "
        "registration_refuses_an_address_without_tls"
    ),
    "registers private keys": "registration_refuses_a_private_key registration_refuses_a_shared_key",
    "registers what contradicts itself": (
        "registration_refuses_a_private_key registration_refuses_a_public_backend "
        "registration_refuses_a_shared_key registration_refuses_the_password_grant "
        "registration_refuses_two_key_sets registration_wants_a_key registration_wants_an_address"
    ),
    "registers everything": (
        "registration_refuses_a_fragment registration_refuses_a_private_key registration_refuses_a_public_backend "
        "registration_refuses_a_script_as_address registration_refuses_a_shared_key "
        "registration_refuses_an_address_without_tls registration_refuses_an_unknown_method "
        "registration_refuses_the_password_grant registration_refuses_two_key_sets registration_wants_a_key "
        "registration_wants_an_address"
    ),
    "gives a secret to everybody": "a_client_with_a_key_gets_no_secret a_public_client_gets_no_secret",
    "gives short secrets": "a_symmetric_client_gets_a_secret",
    "tells registered keys whole": "a_registration_shows_no_private_key",
    "shows registrations to anyone": "a_registration_is_not_read_by_another a_registration_is_not_read_by_nobody",
    "keeps what was deleted": "a_deleted_client_gets_no_token a_deleted_clients_token_ends",
    "changes nothing": "a_key_set_is_replaced a_registration_is_changed_by_its_token",
    "tells nobody's question of a token": "introspection_wants_a_live_bearer introspection_wants_to_know_who_asks",
    "revokes for nobody": "revocation_wants_to_know_who_asks",
}  # fmt: skip
"""The checks that fail of each."""
MUTANTS = caught(FAULTS, CAUGHT)
SHORT = ("believes the public key as secret", "takes an assertion twice")
