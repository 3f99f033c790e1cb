"""Faults of the token endpoint: codes, refresh tokens, backend services, what is told of tokens (smart-auth B01, B02, B14)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from auth import pkce, scopes
from auth.scopes import FhirScope
from auth.server import grants, introspection, token
from auth.server.clients import Client
from gateway.routes import introspection as routes
from tests.mutants.catching import caught
from tests.mutants.mutant import Asked, Mutant
from tests.mutants.rewriting import TOKEN, heads, posts, says

EXCHANGED, REFRESHED, FOUND_CODE, FOUND = (
    token.exchange_code, token.refresh, grants.find_code, introspection.find,
)  # fmt: skip
BACKEND, AUTHENTICATED, PARSED = token.client_credentials, routes.authenticate, scopes.parse_one


def _everybodys(connection: Any, now: float, *, parameters: Any, client: Client, server: Any, keys: Any) -> Any:
    """A code is anybody's."""
    code = FOUND_CODE(connection, now, parameters.get("code", ""))
    grant = grants.find_by_id(connection, now, code.grant) if code else None
    owner = replace(client, id=grant.client_id) if grant else client
    return EXCHANGED(connection, now, parameters=parameters, client=owner, server=server, keys=keys)


def _anywhere(connection: Any, now: float, *, parameters: Any, client: Client, server: Any, keys: Any) -> Any:
    """A code is good with any redirect address, and with none."""
    code = FOUND_CODE(connection, now, parameters.get("code", ""))
    right = {**parameters, "redirect_uri": code.redirect_uri} if code else parameters
    return EXCHANGED(connection, now, parameters=right, client=client, server=server, keys=keys)


def _kept(connection: Any, now: float, code: str) -> Any:
    """A code is not used up, and one that was used revokes nothing."""
    row = connection.execute(grants._FIND_CODE, {"key": grants.hashed(code)}).one_or_none()
    fields = ("grant", "redirect_uri", "challenge", "nonce")
    return None if row is None else grants.Code(**{name: getattr(row, name) for name in fields})


def _shared(connection: Any, now: float, *, parameters: Any, client: Client, server: Any) -> Any:
    """A refresh token is anybody's."""
    found = grants.find_refresh(connection, now, parameters.get("refresh_token", ""))
    owner = replace(client, id=found[0].client_id) if found else client
    return REFRESHED(connection, now, parameters=parameters, client=owner, server=server)


def _unrotated(connection: Any, now: float, *, parameters: Any, client: Client, server: Any) -> Any:
    """A public client keeps its refresh token."""
    own = replace(client, method="private_key_jwt")
    return REFRESHED(connection, now, parameters=parameters, client=own, server=server)


def _renewed_for_more(connection: Any, now: float, *, parameters: Any, client: Client, server: Any) -> Any:
    """The refresh token comes with an answer of backend services."""
    answer = BACKEND(connection, now, parameters=parameters, client=client, server=server)
    return {**answer, "refresh_token": "r"} if isinstance(answer, dict) else answer


def _unlimited(connection: Any, now: float, *, parameters: Any, client: Client, server: Any) -> Any:
    """A backend gets whatever it asks for."""
    everything = replace(client, scope="system/*.cruds introspect")
    return BACKEND(connection, now, parameters=parameters, client=everything, server=server)


def _told_all(connection: Any, now: float, *, token: str, asker: Any) -> Any:
    """Whoever asks is told."""
    return FOUND(connection, now, token=token, asker=replace(asker, any=True))


def _told_none(connection: Any, now: float, *, token: str, asker: Any) -> Any:
    """Nobody is told of others' tokens."""
    return FOUND(connection, now, token=token, asker=replace(asker, any=False))


def _revoked_by_anyone(connection: Any, now: float, *, token: str, client_id: str) -> None:
    grant = grants.find_grant(connection, now, token)
    if grant is not None:
        grants.revoke_grant(connection, now, grant.id)


def _understood(word: str) -> Any:
    """What is malformed is taken for all of its type."""
    found = PARSED(word)
    if found is None and word.startswith("patient/Observation."):
        return FhirScope(context="patient", type="Observation", actions=frozenset("rs"))
    return found


def _wide(word: str) -> Any:
    """The query of a granular scope is dropped."""
    found = PARSED(word)
    return replace(found, query=()) if isinstance(found, FhirScope) else found


def _reads_wide(mutant: Mutant, asked: Asked) -> None:
    """A granular token reads everything, though it says that it does not."""
    if "/fhir/Observation" in asked.path and asked.headers.get("authorization", "") in mutant.kept.get("granular", ()):
        asked.headers["authorization"] = f"Bearer {mutant.token}"


def _granular_seen(mutant: Mutant, asked: Asked, answered: Any) -> None:
    if asked.path.endswith(TOKEN) and b"?category" in answered.body:
        given = answered.body.split(b'"access_token":"')[1].split(b'"')[0].decode()
        mutant.kept.setdefault("granular", set()).add(f"Bearer {given}")


def _mutant(**how: Any) -> Callable[[frozenset[str]], Mutant]:
    return lambda caught: Mutant(caught, suites=("smart",), **how)


def _refreshing(asked: Asked, said: dict[str, Any]) -> bool:
    return asked.form.get("grant_type") == "refresh_token"


FAULTS: Mapping[str, Callable[[frozenset[str]], Mutant]] = {
    "checks no verifier": _mutant(overrides=((pkce, "verify", lambda verifier, challenge: True),)),
    "takes the challenge for the verifier": _mutant(overrides=((pkce, "verify", lambda verifier, challenge, fits=pkce.verify: (
        verifier == challenge or fits(verifier, challenge))),)),
    "takes a code with another redirect address": _mutant(overrides=((token, "exchange_code", _anywhere),)),
    "takes a code of another client": _mutant(overrides=((token, "exchange_code", _everybodys),)),
    "never uses a code up": _mutant(overrides=((grants, "find_code", _kept), (grants, "take_code", lambda c, now, code: True))),
    "lets tokens of a stolen code live": _mutant(overrides=((grants, "revoke_grant", lambda c, now, id: None),)),
    "keeps codes for an hour": _mutant(overrides=((grants, "CODE_LIFE", 3600.0),), slow=True),
    "takes a refresh token of another client": _mutant(overrides=((token, "refresh", _shared),)),
    "renews for more than was granted": _mutant(overrides=((token, "_refreshed_scope", lambda asked, grant, client: (
        asked or scopes.format(grant.scopes))),)),
    "renews for less than was granted": _mutant(overrides=((token, "_refreshed_scope", lambda asked, grant, client: (
        "patient/Patient.rs")),)),
    "never replaces a refresh token": _mutant(overrides=((token, "refresh", _unrotated),)),
    "gives no refresh token": _mutant(after=says(TOKEN, refresh_token=None)),
    "says no life of a renewed token": _mutant(after=says(TOKEN, when=_refreshing, expires_in=None)),
    "brings another patient at a renewal": _mutant(after=says(TOKEN, when=_refreshing, patient="another")),
    "lets caches keep renewed tokens": _mutant(after=lambda mutant, asked, answered: (
        heads(TOKEN, pragma=None)(mutant, asked, answered) if _refreshing(asked, {}) else None)),
    "says no life of a token": _mutant(after=says(TOKEN, expires_in=None)),
    "gives tokens of a day": _mutant(after=says(TOKEN, expires_in=86400)),
    "calls its tokens something else": _mutant(after=says(TOKEN, token_type="mac")),
    "says no scope": _mutant(after=says(TOKEN, scope=None)),
    "says more than it granted": _mutant(after=says(TOKEN, scope=lambda said: f"{said} patient/*.cruds system/*.cruds")),
    "answers tokens as text": _mutant(after=heads(TOKEN, content_type="text/plain")),
    "does not say what is wrong": _mutant(after=lambda mutant, asked, answered: setattr(
        answered, "body", b'{"error": "invalid_grant"}') if asked.path.endswith(TOKEN) and answered.status == 400 else None),
    "lets tokens live on": _mutant(overrides=((token.faults, "ACCESS_EXPIRED", "nothing"),)),
    "opens records to its own pages only": _mutant(after=heads("/fhir/Patient", access_control_allow_origin=None)),
    "opens tokens to its own pages only": _mutant(after=heads(TOKEN, access_control_allow_origin=None)),
    "opens users to its own pages only": _mutant(after=heads("/fhir/Practitioner", access_control_allow_origin=None)),
    "opens public documents to its own pages only": _mutant(after=lambda mutant, asked, answered: [
        heads(path, access_control_allow_origin=None)(mutant, asked, answered)
        for path in ("/smart-configuration", "/metadata", "/brands")]),
    "gives backends what they ask for": _mutant(overrides=((token, "client_credentials", _unlimited),)),
    "gives backends tokens of an hour": _mutant(overrides=((token, "BACKEND_LIFE", 3600.0),)),
    "gives backends a refresh token": _mutant(overrides=((token, "client_credentials", _renewed_for_more),)),
    "gives backends patient scopes": _mutant(overrides=((token, "_is_backend", lambda scope: True),)),
    "takes any grant type": _mutant(before=posts(TOKEN, lambda form: {**form, "grant_type": "client_credentials"}
        if form.get("grant_type") in (None, "not_a_grant_type", "password") else form)),
    "tells everybody of a token": _mutant(overrides=((introspection, "find", _told_all),)),
    "tells resource servers nothing": _mutant(overrides=((introspection, "find", _told_none),)),
    "tells of tokens that are none": _mutant(overrides=((introspection, "INACTIVE", {"active": False, "client_id": "x"}),)),
    "introspects another scope": _mutant(after=says("/introspect", scope=lambda said: said and "openid")),
    "introspects another client": _mutant(after=says("/introspect", client_id=lambda said: said and "x")),
    "introspects another end": _mutant(after=says("/introspect", exp=lambda said: said and said + 9000)),
    "introspects without context": _mutant(after=says("/introspect", patient=None)),
    "introspects nobody": _mutant(after=says("/introspect", sub=None, fhirUser=None)),
    "revokes nothing": _mutant(overrides=((grants, "revoke_token", lambda c, now, *, token, client_id: None),)),
    "revokes for anyone": _mutant(overrides=((grants, "revoke_token", _revoked_by_anyone),)),
    "understands malformed scopes": _mutant(overrides=((scopes, "parse_one", _understood),)),
    "drops the query of granular scopes": _mutant(overrides=((scopes, "parse_one", _wide),)),
    "reads past granular scopes": _mutant(before=_reads_wide, after=_granular_seen),
    "answers old scopes in the new spelling": _mutant(after=says(TOKEN, scope=lambda said: str(said).replace(".read", ".rs"))),
}  # fmt: skip
CAUGHT: Mapping[str, str] = {
    "checks no verifier": (
        "an_empty_verifier_is_refused the_challenge_is_no_verifier the_verifier_must_be_there "
        "the_verifier_must_match"
    ),
    "takes the challenge for the verifier": "the_challenge_is_no_verifier",
    "takes a code with another redirect address": (
        "the_redirect_address_must_be_said_again the_redirect_address_must_be_the_same"
    ),
    "takes a code of another client": "a_code_is_its_clients",
    "never uses a code up": (
        "a_code_is_used_once a_code_is_used_once_in_parallel a_code_used_twice_ends_its_tokens "
        "an_error_describes_itself an_error_is_json_and_says_why"
    ),
    "lets tokens of a stolen code live": (
        "a_code_used_twice_ends_its_tokens a_reused_refresh_token_ends_its_tokens "
        "a_reused_refresh_token_ends_the_grant a_revoked_refresh_token_ends_its_tokens "
        "a_revoked_refresh_token_is_refused"
    ),
    "keeps codes for an hour": "a_code_lives_a_minute",
    "takes a refresh token of another client": "a_refresh_token_is_its_clients",
    "renews for more than was granted": "a_refresh_gives_no_more_than_was_granted a_refresh_gives_no_other_level",
    "renews for less than was granted": (
        "a_refresh_gives_no_more_than_was_granted a_refresh_gives_no_other_level "
        "a_refresh_without_scope_gives_the_same"
    ),
    "never replaces a refresh token": (
        "a_public_client_gets_a_new_refresh_token a_replaced_refresh_token_is_refused "
        "a_reused_refresh_token_ends_its_tokens a_reused_refresh_token_ends_the_grant"
    ),
    "gives no refresh token": "offline_access_gives_a_refresh_token",
    "says no life of a renewed token": "the_refresh_answer_is_complete",
    "brings another patient at a renewal": "a_refresh_keeps_the_context",
    "lets caches keep renewed tokens": "a_refresh_is_not_cached",
    "says no life of a token": (
        "a_token_says_how_long_it_lives introspection_says_when_the_token_ends the_backend_answer_is_complete "
        "the_refresh_answer_is_complete"
    ),
    "gives tokens of a day": (
        "a_token_lives_an_hour_at_most backend_services_give_a_short_token introspection_says_when_the_token_ends"
    ),
    "calls its tokens something else": (
        "a_token_is_a_bearer_token the_backend_answer_is_complete the_refresh_answer_is_complete"
    ),
    "says no scope": (
        "a_narrowed_grant_says_so a_refresh_gives_less_when_less_is_asked a_token_says_what_it_is_good_for "
        "granular_scopes_are_granted introspection_says_the_scope old_scopes_are_answered_as_they_were_asked "
        "openid_gives_an_id_token the_backend_answer_is_complete the_refresh_answer_is_complete"
    ),
    "says more than it granted": (
        "a_backend_gets_no_more_than_it_is_registered_for a_client_gets_no_more_than_it_is_registered_for "
        "a_launch_gives_no_system_scope a_narrowed_grant_says_so a_refresh_gives_less_when_less_is_asked "
        "a_token_says_what_it_is_good_for granular_scopes_are_granted introspection_says_the_scope "
        "malformed_scopes_grant_nothing words_open_no_record"
    ),
    "answers tokens as text": "a_code_gives_a_token an_error_is_json_and_says_why",
    "does not say what is wrong": (
        "a_backend_gets_no_patient_scope a_backend_says_which_scope a_grant_type_is_required "
        "an_error_describes_itself an_unknown_grant_type_is_refused the_password_grant_is_gone"
    ),
    "lets tokens live on": "a_token_ends introspection_says_nothing_of_an_ended_token",
    "opens records to its own pages only": "a_browser_app_reads_records",
    "opens tokens to its own pages only": "a_browser_app_reads_its_tokens",
    "opens users to its own pages only": "a_browser_app_reads_the_user",
    "opens public documents to its own pages only": (
        "brands_are_read_from_any_origin discovery_is_read_from_any_origin metadata_is_read_from_any_origin"
    ),
    "gives backends what they ask for": "a_backend_gets_no_more_than_it_is_registered_for",
    "gives backends tokens of an hour": "backend_services_give_a_short_token",
    "gives backends a refresh token": "backend_services_get_no_refresh_token",
    "gives backends patient scopes": "a_backend_gets_no_patient_scope",
    "takes any grant type": "a_grant_type_is_required an_unknown_grant_type_is_refused the_password_grant_is_gone",
    "tells everybody of a token": "introspection_tells_no_other_client",
    "tells resource servers nothing": "introspection_serves_a_resource_server",
    "tells of tokens that are none": (
        "introspection_says_nothing_of_a_revoked_token introspection_says_nothing_of_an_ended_token "
        "introspection_says_nothing_of_garbage"
    ),
    "introspects another scope": "introspection_says_the_scope",
    "introspects another client": "introspection_says_the_client",
    "introspects another end": "introspection_says_when_the_token_ends",
    "introspects without context": "introspection_says_the_context",
    "introspects nobody": "introspection_says_the_user introspection_says_who_signed_in",
    "revokes nothing": (
        "a_revoked_refresh_token_ends_its_tokens a_revoked_refresh_token_is_refused a_revoked_token_opens_nothing "
        "introspection_says_nothing_of_a_revoked_token"
    ),
    "revokes for anyone": (
        "a_revoked_refresh_token_ends_its_tokens a_revoked_refresh_token_is_refused a_stranger_revokes_nothing"
    ),
    "understands malformed scopes": "malformed_scopes_grant_nothing malformed_scopes_open_nothing",
    "drops the query of granular scopes": "granular_scopes_are_granted granular_scopes_reach_their_category",
    "reads past granular scopes": "granular_scopes_reach_their_category",
    "answers old scopes in the new spelling": "old_scopes_are_answered_as_they_were_asked",
}  # fmt: skip
"""The checks that fail of each."""
MUTANTS = caught(FAULTS, CAUGHT)
SHORT = ("takes a code of another client", "renews for more than was granted")
