"""Who signed in: id_token, keys, openid-configuration, fhirUser (SMART App Launch 2.2 scopes §identity, OpenID Connect)."""

import base64
import hashlib
import json
from collections.abc import Mapping
from typing import Any

from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from conformance.check import Check, Problems, check
from conformance.client import listed
from conformance.evidence import Evidence, Exchange, Missing, NotOffered
from conformance.suites.smart.answers import needing, one, opens, readable, words
from conformance.suites.smart.discovery import said
from conformance.suites.smart.ids import smart

USERS = ("Patient", "Practitioner", "PractitionerRole", "RelatedPerson", "Person")
OPENID = (
    "issuer", "authorization_endpoint", "token_endpoint", "jwks_uri", "response_types_supported",
    "subject_types_supported", "id_token_signing_alg_values_supported",
)  # fmt: skip
SECRET = frozenset({"d", "p", "q", "dp", "dq", "qi", "k"})
HASHES = {"384": hashlib.sha384, "512": hashlib.sha512}
"""By the digits of the signature's algorithm; SHA-256 otherwise (OpenID Connect Core §3.1.3.6)."""
ALGORITHMS = ["RS256", "RS384", "RS512", "ES256", "ES384", "ES512", "PS256", "PS384"]


def plain(keys: Any) -> Any:
    """A key set as the library wants it."""
    return json.loads(json.dumps(keys))


def _part(token: str, place: int) -> Mapping[str, Any]:
    parts = token.split(".")
    try:
        found = json.loads(base64.urlsafe_b64decode(parts[place] + "=="))
    except (ValueError, IndexError):
        return {}
    return found if isinstance(found, dict) else {}


def _token(evidence: Evidence) -> str:
    """The id_token. Raises Missing where there is none, which openid_gives_an_id_token says."""
    found = evidence.seen("token").table.get("id_token")
    if not isinstance(found, str):
        raise Missing("an id_token")
    return found


def _claims(evidence: Evidence) -> Mapping[str, Any]:
    return _part(_token(evidence), 1)


@check(*smart(200, 358))
def openid_gives_an_id_token(evidence: Evidence) -> Problems:
    """Who is granted openid gets an id_token."""
    answer = evidence.seen("token")
    if "openid" not in words(answer):
        yield "openid was not granted"
    if len(str(answer.table.get("id_token", "")).split(".")) != 3:
        yield "there is no signed id_token"


@check(*smart(205), "oidc-core#3.1.3.7-signature")
def the_id_token_is_signed_with_a_published_key(evidence: Evidence) -> Problems:
    """The signature of the id_token holds with a key of jwks_uri."""
    keys = evidence.seen("jwks")
    try:
        jws.deserialize_compact(
            _token(evidence).encode(), KeySet.import_key_set(plain(keys.table)), algorithms=ALGORITHMS
        )
    except (JoseError, ValueError, KeyError, TypeError) as fault:
        yield f"the signature does not hold ({type(fault).__name__})"


@check(*smart(210))
def the_id_token_is_signed_by_rs256(evidence: Evidence) -> Problems:
    """The id_token is signed by RS256, which is offered."""
    if _part(_token(evidence), 0).get("alg") != "RS256":
        yield "alg is not RS256"
    if "RS256" not in listed(evidence.seen("openid").table, "id_token_signing_alg_values_supported"):
        yield "id_token_signing_alg_values_supported lacks RS256"


@check("oidc-core#3.1.3.7-iss")
def the_id_token_is_of_the_issuer(evidence: Evidence) -> Problems:
    """iss is the issuer of the configuration."""
    if _claims(evidence).get("iss") != said(evidence).get("issuer"):
        yield "iss is not the issuer"


@check("oidc-core#3.1.3.7-aud")
def the_id_token_is_for_the_client(evidence: Evidence) -> Problems:
    """aud is the client, alone, or with azp."""
    audience = _claims(evidence).get("aud")
    listed = audience if isinstance(audience, list) else [audience]
    if evidence["client"] not in listed:
        yield "aud is not the client"
    if len(listed) > 1 and _claims(evidence).get("azp") != evidence["client"]:
        yield "aud has others, and azp is not the client"


@check("oidc-core#2-exp")
def the_id_token_says_when_it_ends(evidence: Evidence) -> Problems:
    """exp and iat are numbers, iat about now and exp after it."""
    claims, now = _claims(evidence), evidence.seen("token").at
    issued, ends = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int | float) or not isinstance(ends, int | float):
        yield "iat or exp is no number"
    elif abs(issued - now) > 300 or ends <= now:
        yield "iat is not about now, or exp is past"


@check("oidc-core#2-sub")
def the_id_token_has_a_subject(evidence: Evidence) -> Problems:
    """sub is there, with 255 characters at most."""
    subject = _claims(evidence).get("sub")
    if not isinstance(subject, str) or not 0 < len(subject.strip()) <= 255:
        yield "sub is empty, too long or missing"


@check("oidc-core#3.1.3.7-nonce")
def the_id_token_carries_the_nonce(evidence: Evidence) -> Problems:
    """nonce is the one of the request."""
    if _claims(evidence).get("nonce") != evidence["nonce"]:
        yield "nonce is not the request's"


@check("oidc-core#3.1.3.6-at-hash")
def the_id_token_fits_its_access_token(evidence: Evidence) -> Problems:
    """at_hash, where it is said, is that of the access token beside it."""
    claimed, algorithm = _claims(evidence).get("at_hash"), str(_part(_token(evidence), 0).get("alg"))
    if claimed is None:
        raise NotOffered("at_hash")
    digest = HASHES.get(algorithm[2:], hashlib.sha256)(
        str(evidence.seen("token").table.get("access_token")).encode()
    ).digest()
    if claimed != base64.urlsafe_b64encode(digest[: len(digest) // 2]).decode().rstrip("="):
        yield "at_hash is not that of the access token"


@check(*smart(198, 209))
def the_id_token_names_the_user(evidence: Evidence) -> Problems:
    """fhirUser is a Patient, Practitioner, PractitionerRole, RelatedPerson or Person."""
    claimed = _claims(evidence).get("fhirUser")
    if claimed is None and not evidence["user"]:
        raise Missing("a user of the launch")
    parts = str(claimed).rsplit("/", 2)
    if len(parts) < 2 or parts[-2] not in USERS:
        yield "fhirUser is missing, or of another type"


@check(*smart(198, 203, 204))
def the_user_is_who_was_launched(evidence: Evidence) -> Problems:
    """fhirUser is an address of this server, or relative to it, and the person of the launch."""
    claimed, base = str(_claims(evidence).get("fhirUser", "")), evidence.seen("smart").url.partition("/.well-known/")[0]
    if not evidence["user"]:
        raise Missing("a user of the launch")
    if claimed.removeprefix(f"{base}/") != evidence["user"]:
        yield "fhirUser is not the user of the launch, at this server"


def _user(answer: Exchange) -> Problems:
    yield from opens(answer)
    if answer.table.get("resourceType") not in USERS:
        yield "is of another type than a user may be"


@check(*smart(207), "oidc-discovery#jwks")
def published_keys_are_public(evidence: Evidence) -> Problems:
    """The key set is readable and holds no private or symmetric key."""
    answer = evidence.seen("jwks")
    keys = answer.table.get("keys")
    if answer.status != 200 or not isinstance(keys, list) or not keys:
        yield "is no key set"
        return
    for key in keys:
        if not isinstance(key, dict):
            yield "holds something that is no key"
        elif SECRET & set(key) or key.get("kty") == "oct":
            yield "holds a private or symmetric key"


@check("oidc-core#10.1-kid")
def a_key_is_found_by_its_id(evidence: Evidence) -> Problems:
    """The id_token names its key by kid, and the set has one of that id."""
    found = evidence.seen("jwks").table.get("keys")
    keys = [key for key in found if isinstance(key, dict)] if isinstance(found, list) else []
    kid = _part(_token(evidence), 0).get("kid")
    if (kid is not None or len(keys) > 1) and [key.get("kid") for key in keys].count(kid) != 1:
        yield "kid names not exactly one of the published keys"


@check("oidc-discovery#4.2")
def the_openid_configuration_is_complete(evidence: Evidence) -> Problems:
    """The openid-configuration of the issuer has what OpenID Connect requires."""
    answer = evidence.seen("openid")
    if answer.status != 200:
        yield f"answered {answer.status}"
    for name in OPENID:
        if name not in answer.table:
            yield f"lacks {name}"


@check("oidc-discovery#4.3")
def the_openid_configuration_is_the_issuers(evidence: Evidence) -> Problems:
    """Both configurations say the same issuer, endpoints and keys."""
    for name in ("issuer", "authorization_endpoint", "token_endpoint", "jwks_uri"):
        if evidence.seen("openid").table.get(name) != said(evidence).get(name):
            yield f"{name} is another than in the smart-configuration"


@check(*smart(197))
def nobody_is_no_user(evidence: Evidence) -> Problems:
    """Where the launch names no user, no fhirUser is claimed."""
    answer = evidence.seen("userless token")
    found = answer.table.get("id_token")
    if isinstance(found, str) and "fhirUser" in _part(found, 1):
        yield "fhirUser is claimed for nobody"


SIGN_ON: tuple[Check, ...] = (
    openid_gives_an_id_token, the_id_token_is_signed_with_a_published_key, the_id_token_is_signed_by_rs256,
    the_id_token_is_of_the_issuer, the_id_token_is_for_the_client, the_id_token_says_when_it_ends,
    the_id_token_has_a_subject, the_id_token_carries_the_nonce, the_id_token_fits_its_access_token,
    the_id_token_names_the_user, the_user_is_who_was_launched,
    one("fhir user", "the_user_is_read", "The resource of the user can be read with a token that reaches it.",
        smart(198, 368), _user),
    a_key_is_found_by_its_id, the_openid_configuration_is_complete, the_openid_configuration_is_the_issuers,
    nobody_is_no_user,
)  # fmt: skip
CHECKS: tuple[Check, ...] = (
    *needing("sso-openid-connect")(SIGN_ON), *needing("jwks_uri")((published_keys_are_public,)),
    *needing("client-public")([
        one("fhir user", "a_browser_app_reads_the_user", "A page of a registered app may read the user.", smart(17), readable),
    ]),
)  # fmt: skip
