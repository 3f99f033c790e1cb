"""Sign-in: discovery, launch, tokens, and every step refused when it is done wrongly (SMART App Launch 2.2.0)."""

from collections.abc import Mapping
from typing import Any

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from conformance.check import Check, Problems, check
from conformance.evidence import Evidence
from conformance.suites.smart.refusals import refused

REQUIRED = ("token_endpoint", "capabilities", "code_challenge_methods_supported", "grant_types_supported")
LAUNCHING = ("launch-ehr", "launch-standalone")


@check("smart-app-launch-2.2.0#discovery")
def discovery_is_complete(evidence: Evidence) -> Problems:
    """The smart-configuration is served as JSON with every required member."""
    answer = evidence.seen("smart")
    if answer.status != 200 or not answer.table:
        yield f"answered {answer.status}, or no JSON object"
    if not answer.headers.get("content-type", "").startswith("application/json"):
        yield "is not application/json"
    for name in REQUIRED:
        if name not in answer.table:
            yield f"lacks {name}"
    capabilities = answer.table.get("capabilities", ())
    if any(word in capabilities for word in LAUNCHING) and "authorization_endpoint" not in answer.table:
        yield "offers launches and names no authorization_endpoint"
    if "sso-openid-connect" in capabilities and not {"issuer", "jwks_uri"} <= answer.table.keys():
        yield "offers sso-openid-connect without issuer and jwks_uri"


@check("smart-app-launch-2.2.0#discovery-absolute")
def addresses_are_absolute_and_protected(evidence: Evidence) -> Problems:
    """Every endpoint is an absolute https address (http on loopback only)."""
    for name, value in evidence.seen("smart").table.items():
        if name.endswith(("_endpoint", "_uri")) or name == "issuer":
            text = str(value)
            local = text.startswith(("http://127.0.0.1", "http://localhost", "http://[::1]"))
            if not text.startswith("https://") and not local:
                yield f"{name} is not an absolute https address"


@check("smart-app-launch-2.2.0#pkce-s256")
def pkce_is_supported(evidence: Evidence) -> Problems:
    """The S256 challenge method is offered."""
    if "S256" not in evidence.seen("smart").table.get("code_challenge_methods_supported", ()):
        yield "code_challenge_methods_supported lacks S256"


@check("smart-app-launch-2.2.0#pkce-not-plain")
def pkce_is_never_plain(evidence: Evidence) -> Problems:
    """The plain challenge method is not offered."""
    if "plain" in evidence.seen("smart").table.get("code_challenge_methods_supported", ()):
        yield "code_challenge_methods_supported offers plain"


@check("oidc-discovery#jwks")
def published_keys_are_public(evidence: Evidence) -> Problems:
    """The key set is readable and holds no private or symmetric key."""
    answer = evidence.seen("jwks")
    keys = answer.table.get("keys")
    if answer.status != 200 or not isinstance(keys, list) or not keys:
        yield "is no key set"
        return
    for key in keys:
        if {"d", "p", "q", "k"} & set(key) or key.get("kty") == "oct":
            yield "holds a private or symmetric key"


@check("fhir-r4#capabilities")
def metadata_is_r4(evidence: Evidence) -> Problems:
    """The CapabilityStatement says R4 4.0.1 and the formats it speaks."""
    answer = evidence.seen("metadata")
    if answer.status != 200 or answer.table.get("resourceType") != "CapabilityStatement":
        yield f"answered {answer.status}, or no CapabilityStatement"
    if answer.table.get("fhirVersion") != "4.0.1":
        yield "fhirVersion is not 4.0.1"
    if not answer.table.get("format"):
        yield "names no format"


@check("smart-app-launch-2.2.0#capability-statement-security")
def metadata_names_smart(evidence: Evidence) -> Problems:
    """The CapabilityStatement says that the server is protected by SMART."""
    rest = evidence.seen("metadata").table.get("rest") or [{}]
    services = (rest[0].get("security") or {}).get("service", ())
    codes = {coding.get("code") for service in services for coding in service.get("coding", ())}
    if "SMART-on-FHIR" not in codes:
        yield "rest.security.service lacks the code SMART-on-FHIR"


@check("rfc7591#registration")
def registration_answers_a_client(evidence: Evidence) -> Problems:
    """Dynamic registration answers 201 with a client id and what was registered."""
    answer = evidence.seen("registration")
    if answer.status != 201:
        yield f"answered {answer.status} instead of 201"
    if not isinstance(answer.table.get("client_id"), str):
        yield "has no client_id"
    if "client_secret" in answer.table:
        yield "gave a secret to a client with a key"


@check("rfc7591#redirect-uris")
def registration_refuses_a_script_as_address(evidence: Evidence) -> Problems:
    """A redirect address that is a script is refused."""
    answer = evidence.seen("bad registration")
    if answer.status != 400 or answer.table.get("error") not in ("invalid_redirect_uri", "invalid_client_metadata"):
        yield f"answered {answer.status} without invalid_redirect_uri"


@check("smart-app-launch-2.2.0#authorize")
def authorization_redirects_with_code_and_state(evidence: Evidence) -> Problems:
    """The authorization request is answered with a code and the very state that came."""
    answer = evidence.seen("authorize")
    if answer.status not in (302, 303):
        yield f"answered {answer.status} instead of a redirect"
    if not answer.redirected.get("code"):
        yield "gave no code"
    if answer.redirected.get("state") != evidence["state"]:
        yield "state did not come back as it was sent"


@check("rfc9207#iss")
def authorization_names_its_issuer(evidence: Evidence) -> Problems:
    """Where the server says so, the answer carries its issuer."""
    configuration = evidence.seen("smart").table
    said = evidence.seen("authorize").redirected.get("iss")
    advertised = configuration.get("authorization_response_iss_parameter_supported") is True
    if advertised and said != configuration.get("issuer"):
        yield "iss is not the issuer"


@check("smart-app-launch-2.2.0#token-response")
def token_answer_is_complete(evidence: Evidence) -> Problems:
    """The token answer has token, type, lifetime and scope, and only scopes that were asked for."""
    answer = evidence.seen("token")
    if answer.status != 200:
        yield f"answered {answer.status}"
    for name in ("access_token", "token_type", "expires_in", "scope"):
        if name not in answer.table:
            yield f"lacks {name}"
    if str(answer.table.get("token_type", "")).lower() != "bearer":
        yield "token_type is not Bearer"
    extra = set(str(answer.table.get("scope", "")).split()) - set(evidence["scopes asked"].split())
    if extra:
        yield f"{len(extra)} of the scopes granted were never asked for"


@check("rfc6749#5.1-no-store")
def token_answer_is_not_cached(evidence: Evidence) -> Problems:
    """The token answer forbids caches to keep it."""
    if "no-store" not in evidence.seen("token").headers.get("cache-control", ""):
        yield "Cache-Control lacks no-store"


@check("smart-app-launch-2.2.0#launch-context")
def launch_context_is_the_patient(evidence: Evidence) -> Problems:
    """The patient in context is the one that was launched."""
    if evidence.seen("token").table.get("patient") != evidence["patients"][0]:
        yield "patient is not the launch's"


@check("oidc-core#id-token")
def id_token_holds_up(evidence: Evidence) -> Problems:
    """The id_token is signed with a published key and says issuer, audience, nonce and fhirUser."""
    token, keys = evidence.seen("token").table.get("id_token"), evidence.seen("jwks")
    if not isinstance(token, str):
        yield (
            "there is none, though openid was granted"
            if "openid" in str(evidence.seen("token").table.get("scope"))
            else "openid was not granted"
        )
        return
    try:
        claims: Mapping[str, Any] = jwt.decode(
            token, KeySet.import_key_set(_plain(keys.table)), algorithms=["RS256", "RS384", "ES256", "ES384"]
        ).claims
    except (JoseError, ValueError) as fault:
        yield f"its signature does not hold ({type(fault).__name__})"
        return
    audience = claims.get("aud")
    if evidence["client"] not in (audience if isinstance(audience, list) else [audience]):
        yield "aud is not the client"
    if claims.get("iss") != evidence.seen("smart").table.get("issuer"):
        yield "iss is not the issuer"
    if claims.get("nonce") != evidence["nonce"]:
        yield "nonce is not the request's"
    if not str(claims.get("fhirUser", "")).startswith("http") and evidence["user"]:
        yield "fhirUser is no absolute address"


def _plain(keys: Mapping[str, Any]) -> Any:
    return {
        "keys": [
            {name: str(value) if isinstance(value, str) else value for name, value in key.items()}
            for key in keys["keys"]
        ]
    }


@check("smart-app-launch-2.2.0#backend-services")
def backend_services_give_a_short_token(evidence: Evidence) -> Problems:
    """Client credentials give a token that lives five minutes at most."""
    answer = evidence.seen("backend")
    if answer.status != 200 or "access_token" not in answer.table:
        yield f"answered {answer.status}, or no token"
    if int(str(answer.table.get("expires_in", "0")) or 0) > 300:
        yield "the token lives longer than 300 seconds"
    if "refresh_token" in answer.table:
        yield "gave a refresh token"


@check("rfc6749#6")
def a_refresh_token_renews(evidence: Evidence) -> Problems:
    """A refresh token gives an access token, with no scope that was not granted; asking for more left it usable."""
    answer = evidence.seen("refresh")
    if answer.status != 200 or "access_token" not in answer.table:
        yield f"answered {answer.status}, or no token"
    if "no-store" not in answer.headers.get("cache-control", ""):
        yield "Cache-Control lacks no-store"


@check("rfc6749#6")
def a_refresh_gives_no_more_than_was_granted(evidence: Evidence) -> Problems:
    """A refresh that asks for more than was granted is refused."""
    yield from refused(evidence.seen("refresh wider"), "invalid_scope", "invalid_grant")


@check("rfc7662#2.2")
def introspection_tells_live_from_dead(evidence: Evidence) -> Problems:
    """Introspection says active for a live token and nothing but inactive for garbage."""
    if evidence.seen("introspect").table.get("active") is not True:
        yield "a live token is not active"
    if evidence.seen("introspect garbage").table != {"active": False}:
        yield "garbage is not answered with active false and nothing else"


@check("rfc7009#2.1")
def a_revoked_token_opens_nothing(evidence: Evidence) -> Problems:
    """A token that was revoked is refused at once."""
    if evidence.seen("revoke").status != 200:
        yield f"revocation answered {evidence.seen('revoke').status}"
    if evidence.seen("after revoke").status != 401:
        yield f"the revoked token was answered with {evidence.seen('after revoke').status} instead of 401"


CHECKS: tuple[Check, ...] = (
    discovery_is_complete, addresses_are_absolute_and_protected, pkce_is_supported, pkce_is_never_plain,
    published_keys_are_public, metadata_is_r4, metadata_names_smart, registration_answers_a_client,
    registration_refuses_a_script_as_address, authorization_redirects_with_code_and_state,
    authorization_names_its_issuer, token_answer_is_complete, token_answer_is_not_cached,
    launch_context_is_the_patient, id_token_holds_up,  
      
     
      
     
    backend_services_give_a_short_token, a_refresh_token_renews, a_refresh_gives_no_more_than_was_granted,
    introspection_tells_live_from_dead, a_revoked_token_opens_nothing,
)  # fmt: skip
