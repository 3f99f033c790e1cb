"""Faults of the authorization endpoint, of launches and of pages (smart-auth B05 to B07, conformance §7)."""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from auth.errors import OAuthError
from auth.server import authorize, faults, launches
from auth.server.clients import find_client
from auth.server.grants import Context
from tests.mutants.catching import caught
from tests.mutants.mutant import Answered, Asked, Mutant
from tests.mutants.rewriting import AUTHORIZE, SMART, TOKEN, heads, redirects, says

CHECKED, REDIRECTED, PREPARED = authorize._check, authorize._redirect, launches._take


def _lenient(part: str) -> Any:
    """The check of a request that leaves one thing out, as if it was right."""

    def check(parameters: dict[str, str], client: Any, server: Any) -> None:
        good = {
            "aud": {"aud": server.fhir}, "state": {"state": parameters.get("state") or "x"},
            "challenge": {"code_challenge_method": "S256", "code_challenge": parameters.get("code_challenge") or "x" * 43},
            "method": {"code_challenge_method": "S256"}, "scope": {"scope": parameters.get("scope") or "patient/*.rs"},
            "response": {"response_type": "code"},
        }[part]  # fmt: skip
        if part == "challenge" and len(good["code_challenge"]) != 43:
            good["code_challenge"] = "x" * 43
        parameters.update(
            {name: value for name, value in good.items() if part != "method" or "code_challenge" in parameters}
        )
        CHECKED(parameters, client, server)

    return check


def _near(fits: Callable[[str, str], bool]) -> Any:
    """A client whose redirect address is compared otherwise than exactly."""

    def client(connection: Any, now: float, parameters: dict[str, str]) -> Any:
        found, uri = find_client(connection, now, parameters.get("client_id", "")), parameters.get("redirect_uri", "")
        if found is None or not any(fits(uri, known) for known in found[0].redirect_uris):
            raise OAuthError("invalid_request", "no")
        return found[0], uri

    return client


def _forgetful(connection: Any, now: float, key: str, client_id: str) -> Any:
    """A launch that is not used up."""
    mine = {"it": key, "by": client_id, "at": now}
    row = connection.execute(launches._FIND, mine).one_or_none()
    if row is None:
        return None
    kept = launches.json.loads(row.body)
    return launches.Launch(
        client_id=client_id, context=launches.parse_context(kept["context"]), automatic=kept["automatic"],
        scopes=kept["scopes"], faults=tuple(kept.get("faults", ())),
    )  # fmt: skip


def _anybodys(connection: Any, now: float, *, secret: str, client_id: str) -> Any:
    """A launch that any client may use."""
    row = connection.execute(
        launches.select(launches.launches.c.client).where(launches.launches.c.key == launches.hashed(secret))
    ).one_or_none()
    return None if row is None else PREPARED(connection, now, launches.hashed(secret), row.client)


def _imagined(connection: Any, now: float, *, secret: str, client_id: str) -> Any:
    """A launch that nobody prepared signs in all the same."""
    found = PREPARED(connection, now, launches.hashed(secret), client_id)
    return found or launches.Launch(client_id=client_id, context=Context(patient="p"), automatic=True)


def _at_once(connection: Any, now: float, *, challenge: str, client_id: str) -> Any:
    """A request alone is answered as if a person had been there."""
    found = PREPARED(connection, now, launches._standalone(client_id, challenge), client_id)
    return found or launches.Launch(client_id=client_id, context=Context(patient="p"), automatic=True)


def _stateless_errors(redirect_uri: str, query: dict[str, str], *, state: str | None, named: Any, server: Any) -> Any:
    return REDIRECTED(redirect_uri, query, state=None if "error" in query else state, named=named, server=server)


def _no_post(mutant: Mutant, asked: Asked) -> Answered | None:
    return Answered(405, {}, b"") if asked.path.endswith(AUTHORIZE) and asked.method == "POST" else None


def _last_counts(mutant: Mutant, asked: Asked) -> None:
    """Of a parameter that is given twice the last is taken."""
    if asked.path.endswith(AUTHORIZE):
        asked.query = urlencode(dict(parse_qsl(asked.query)))


def _token_in_front(query: dict[str, str]) -> Mapping[str, str]:
    return {**query, "access_token": "t"} if "code" in query else query


def _echo(mutant: Mutant, asked: Asked, answered: Answered) -> None:
    if asked.path.endswith(AUTHORIZE) and answered.status == 400:
        answered.body += asked.query.replace("%3A", ":").replace("%2F", "/").encode()


def _bent(name: str) -> Any:
    return lambda named, claims, bend=faults.bend_claims: bend((*named, name), claims)


def _mutant(**how: Any) -> Callable[[frozenset[str]], Mutant]:
    return lambda caught: Mutant(caught, suites=("smart",), **how)


FAULTS: Mapping[str, Callable[[frozenset[str]], Mutant]] = {
    "takes a request without a challenge": _mutant(overrides=((authorize, "_check", _lenient("challenge")),)),
    "takes a plain challenge": _mutant(overrides=((authorize, "_check", _lenient("method")),)),
    "takes a request for no server": _mutant(overrides=((authorize, "_check", _lenient("aud")),)),
    "takes a request without state": _mutant(overrides=((authorize, "_check", _lenient("state")),)),
    "takes a request without scope": _mutant(overrides=((authorize, "_check", _lenient("scope")),)),
    "takes any response type": _mutant(overrides=((authorize, "_check", _lenient("response")),)),
    "compares the beginning of a redirect address": _mutant(
        overrides=((authorize, "_client", _near(lambda uri, known: uri.startswith(known))),)),
    "compares the end of a redirect address": _mutant(
        overrides=((authorize, "_client", _near(lambda uri, known: uri.endswith(known.rsplit("/", 1)[1]))),)),
    "compares redirect addresses in small letters": _mutant(
        overrides=((authorize, "_client", _near(lambda uri, known: uri.lower() == known.lower())),)),
    "redirects anywhere": _mutant(overrides=((authorize, "_client", _near(lambda uri, known: True)),)),
    "takes a launch twice": _mutant(overrides=((launches, "_take", _forgetful),)),
    "takes another client's launch": _mutant(overrides=((authorize, "take_launch", _anybodys),)),
    "takes a launch that nobody prepared": _mutant(overrides=((authorize, "take_launch", _imagined),)),
    "signs in without a person": _mutant(overrides=((authorize, "take_standalone", _at_once),)),
    "tells errors without state": _mutant(overrides=((authorize, "_redirect", _stateless_errors),)),
    "names no issuer": _mutant(after=redirects(lambda query: {name: value for name, value in query.items() if name != "iss"})),
    "names no issuer in errors": _mutant(after=redirects(
        lambda query: {name: value for name, value in query.items() if name != "iss" or "error" not in query})),
    "puts a token into the redirect": _mutant(after=redirects(_token_in_front)),
    "takes no request by POST": _mutant(before=_no_post),
    "takes the last of two parameters": _mutant(before=_last_counts),
    "lets caches keep the redirect": _mutant(after=heads(AUTHORIZE, cache_control=None)),
    "lets its page be framed": _mutant(after=heads("/auth/", content_security_policy=None)),
    "repeats what was sent on an error page": _mutant(after=_echo),
    "gives system scopes to persons": _mutant(overrides=((authorize, "_is_backend", lambda scope: False),)),
    "grants what the client is not registered for": _mutant(
        overrides=((authorize, "scopes", type("", (), {**vars(authorize.scopes), "narrow": staticmethod(
            lambda asked, allowed: tuple(asked))})),)),
    "gives an id_token for another client": _mutant(
        overrides=((faults, "bend_claims", _bent("id-token-wrong-audience")),)),
    "gives an id_token of another issuer": _mutant(overrides=((faults, "bend_claims", _bent("id-token-wrong-issuer")),)),
    "gives an id_token with another nonce": _mutant(overrides=((faults, "bend_claims", _bent("id-token-wrong-nonce")),)),
    "gives an id_token that has expired": _mutant(overrides=((faults, "bend_claims", _bent("id-token-expired")),)),
    "names a user where there is none": _mutant(overrides=((faults, "bend_claims", lambda named, claims: {
        **claims, "fhirUser": claims.get("fhirUser", "Practitioner/nobody")}),)),
    "hashes another token into the id_token": _mutant(
        overrides=((faults, "bend_claims", lambda named, claims: {**claims, "at_hash": "x"}),)),
    "names no authorization endpoint": _mutant(after=says(SMART, authorization_endpoint=None)),
    "names no issuer of its sign-on": _mutant(after=says(SMART, jwks_uri=None)),
    "lists no grant type for codes": _mutant(after=says(SMART, grant_types_supported=["client_credentials"])),
    "offers launches without clients": _mutant(after=says(SMART, capabilities=lambda listed: [
        word for word in listed if not word.startswith("client-")])),
    "publishes a private key": _mutant(after=says("/auth/jwks", keys=lambda keys: [{**key, "d": "x"} for key in keys])),
    "gives the banner in words": _mutant(after=says(TOKEN, need_patient_banner=lambda said: said and "true")),
    "gives context as words": _mutant(after=says(TOKEN, fhirContext=lambda said: said and ["List/1"])),
    "gives another patient": _mutant(after=says(TOKEN, patient=lambda said: said and "another")),
    "gives no encounter": _mutant(after=says(TOKEN, encounter=None)),
    "tells no age of its brands": _mutant(after=says("/brands", timestamp=None, entry=lambda entries: [
        {**each, "resource": {**each["resource"], "meta": {}}} for each in entries])),
    "leaves a brand out without having asked": _mutant(after=says("/brands", entry=lambda entries: [
        *entries, {"resource": {"resourceType": "Organization", "extension": [{
            "url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}],
            "meta": {"lastUpdated": "2026-01-01T00:00:00Z"}}}])),
}  # fmt: skip
CAUGHT: Mapping[str, str] = {
    "takes a request without a challenge": (
        "a_challenge_is_required a_challenge_without_method_is_refused a_malformed_challenge_is_refused "
        "a_plain_challenge_is_refused"
    ),
    "takes a plain challenge": "a_challenge_without_method_is_refused a_plain_challenge_is_refused",
    "takes a request for no server": "an_audience_is_required another_audience_is_refused",
    "takes a request without state": "a_state_is_required",
    "takes a request without scope": "a_scope_is_required",
    "takes any response type": (
        "a_response_type_is_required an_error_goes_back_with_its_state the_implicit_grant_is_gone "
        "the_implicit_grant_of_openid_is_gone"
    ),
    "compares the beginning of a redirect address": (
        "a_redirect_with_a_fragment_is_refused a_redirect_with_a_longer_path_is_refused "
        "a_redirect_with_a_query_is_refused a_redirect_with_dot_segments_is_refused"
    ),
    "compares the end of a redirect address": (
        "a_foreign_redirect_address_is_never_followed a_redirect_with_a_longer_host_is_refused "
        "a_redirect_with_a_user_is_refused a_redirect_with_another_port_is_refused "
        "a_redirect_with_capitals_is_refused an_error_opens_no_redirect"
    ),
    "compares redirect addresses in small letters": "a_redirect_with_capitals_is_refused",
    "redirects anywhere": (
        "a_foreign_redirect_address_is_never_followed a_redirect_address_is_required "
        "a_redirect_with_a_fragment_is_refused a_redirect_with_a_longer_host_is_refused "
        "a_redirect_with_a_longer_path_is_refused a_redirect_with_a_query_is_refused "
        "a_redirect_with_a_user_is_refused a_redirect_with_another_port_is_refused "
        "a_redirect_with_capitals_is_refused a_redirect_with_dot_segments_is_refused "
        "a_script_is_no_redirect_address an_error_opens_no_redirect"
    ),
    "takes a launch twice": "a_launch_is_used_once",
    "takes another client's launch": "a_launch_is_its_clients",
    "takes a launch that nobody prepared": "a_launch_is_its_clients a_launch_is_used_once an_unknown_launch_is_refused",
    "signs in without a person": "a_request_alone_signs_nobody_in",
    "tells errors without state": "an_error_goes_back_with_its_state",
    "names no issuer": "an_error_names_its_issuer authorization_names_its_issuer",
    "names no issuer in errors": "an_error_names_its_issuer",
    "puts a token into the redirect": "no_token_travels_through_the_browser",
    "takes no request by POST": "a_posted_request_gives_a_code the_state_comes_back",
    "takes the last of two parameters": "a_repeated_parameter_is_refused",
    "lets caches keep the redirect": "the_redirect_leaks_no_code",
    "lets its page be framed": "an_error_page_is_in_no_frame the_sign_in_page_is_in_no_frame",
    "repeats what was sent on an error page": "an_error_page_repeats_nothing",
    "gives system scopes to persons": "a_launch_gives_no_system_scope",
    "grants what the client is not registered for": (
        "a_client_gets_no_more_than_it_is_registered_for a_narrowed_grant_opens_less a_narrowed_grant_says_so"
    ),
    "gives an id_token for another client": "the_id_token_is_for_the_client",
    "gives an id_token of another issuer": "introspection_says_who_signed_in the_id_token_is_of_the_issuer",
    "gives an id_token with another nonce": "the_id_token_carries_the_nonce",
    "gives an id_token that has expired": "the_id_token_says_when_it_ends",
    "names a user where there is none": "nobody_is_no_user",
    "hashes another token into the id_token": "the_id_token_fits_its_access_token",
    "names no authorization endpoint": "launches_have_an_authorization_endpoint the_openid_configuration_is_the_issuers",
    "names no issuer of its sign-on": "sign_on_has_an_issuer_and_keys the_openid_configuration_is_the_issuers",
    "lists no grant type for codes": "codes_are_a_grant_type",
    "offers launches without clients": (
        "asymmetric_clients_are_announced the_set_clinician_access_for_ehr_launch_is_whole "
        "the_set_clinician_access_for_standalone_is_whole the_set_patient_access_for_ehr_launch_is_whole "
        "the_set_patient_access_for_standalone_apps_is_whole"
    ),
    "publishes a private key": "published_keys_are_public the_id_token_is_signed_with_a_published_key",
    "gives the banner in words": "the_context_has_need_patient_banner",
    "gives context as words": "fhir_context_is_well_formed the_context_has_fhircontext",
    "gives another patient": (
        "a_standalone_launch_brings_a_patient introspection_says_the_context the_context_has_patient"
    ),
    "gives no encounter": (
        "a_standalone_launch_brings_an_encounter the_context_has_encounter what_was_not_launched_is_not_granted"
    ),
    "tells no age of its brands": "brands_have_a_timestamp brands_say_when_each_was_updated",
    "leaves a brand out without having asked": "brands_say_why_something_is_missing",
}  # fmt: skip
"""The checks that fail of each."""
MUTANTS = caught(FAULTS, CAUGHT)
SHORT = ("compares the beginning of a redirect address", "signs in without a person")
