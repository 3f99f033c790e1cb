"""``.well-known/smart-configuration``: building the server's document, and reading somebody else's.

SMART App Launch 2.2 conformance §using-well-known and §metadata; RFC 8414 and RFC 9207 for the members they define.
"""

from dataclasses import dataclass, fields
from typing import Any
from urllib.parse import urljoin, urlsplit

from r4 import codec

CAPABILITIES = (
    "launch-ehr", "launch-standalone", "authorize-post", "client-public", "client-confidential-symmetric",
    "client-confidential-asymmetric", "sso-openid-connect", "context-banner", "context-style", "context-ehr-patient",
    "context-ehr-encounter", "context-standalone-patient", "context-standalone-encounter", "permission-offline",
    "permission-online", "permission-patient", "permission-user", "permission-v1", "permission-v2", "smart-app-state",
)  # fmt: skip
"""What the authorization server does; nothing is listed that it refuses."""

SCOPES = (
    "openid", "fhirUser", "profile", "launch", "launch/patient", "launch/encounter", "offline_access", "online_access",
    "patient/*.cruds", "user/*.cruds", "system/*.cruds", "introspect",
)  # fmt: skip


class DiscoveryError(ValueError):
    """The document cannot be used; the text names the member."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SmartConfiguration:
    """What a client needs of the document; addresses are absolute."""

    token_endpoint: str
    issuer: str | None = None
    jwks_uri: str | None = None
    authorization_endpoint: str | None = None
    introspection_endpoint: str | None = None
    revocation_endpoint: str | None = None
    registration_endpoint: str | None = None
    management_endpoint: str | None = None
    grant_types_supported: tuple[str, ...] = ()
    capabilities: tuple[str, ...] = ()
    scopes_supported: tuple[str, ...] = ()
    code_challenge_methods_supported: tuple[str, ...] = ()
    token_endpoint_auth_methods_supported: tuple[str, ...] = ()
    token_endpoint_auth_signing_alg_values_supported: tuple[str, ...] = ()
    authorization_response_iss_parameter_supported: bool = False


def document(base: str) -> dict[str, Any]:
    """The document of an authorization server whose issuer is ``base`` (``…/ehr/spec``)."""
    auth = f"{base}/auth"
    return {
        "issuer": base,
        "jwks_uri": f"{auth}/jwks",
        "authorization_endpoint": f"{auth}/authorize",
        "token_endpoint": f"{auth}/token",
        "introspection_endpoint": f"{auth}/introspect",
        "revocation_endpoint": f"{auth}/revoke",
        "registration_endpoint": f"{auth}/register",
        "management_endpoint": f"{auth}/manage",
        "user_access_brand_bundle": f"{base}/brands",
        "user_access_brand_identifier": brand_identifier(base),
        "grant_types_supported": ["authorization_code", "refresh_token", "client_credentials"],
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic", "client_secret_post"],
        "token_endpoint_auth_signing_alg_values_supported": ["RS384", "ES384"],
        "introspection_endpoint_auth_methods_supported": [
            "private_key_jwt",
            "client_secret_basic",
            "client_secret_post",
        ],
        "revocation_endpoint_auth_methods_supported": ["private_key_jwt", "client_secret_basic", "client_secret_post"],
        "scopes_supported": list(SCOPES),
        "capabilities": list(CAPABILITIES),
        "authorization_response_iss_parameter_supported": True,
    }


def brand_identifier(base: str) -> dict[str, str]:
    """The identifier of the one brand behind this issuer, as in its brand Bundle (SMART App Launch 2.2 brands)."""
    return {"system": "urn:ietf:rfc:3986", "value": base}


def openid_document(base: str) -> dict[str, Any]:
    """``{issuer}/.well-known/openid-configuration`` (OpenID Connect Discovery §3)."""
    return document(base) | {
        "subject_types_supported": ["public"],
        "response_modes_supported": ["query"],
        "request_parameter_supported": False,
        "request_uri_parameter_supported": False,
        "id_token_signing_alg_values_supported": ["RS256"],
        "claims_supported": ["iss", "sub", "aud", "exp", "iat", "nonce", "at_hash", "fhirUser"],
    }


def parse(body: bytes, *, iss: str, plain_challenge: bool = False) -> SmartConfiguration:
    """A document received from ``iss`` → SmartConfiguration; relative addresses are resolved against the FHIR base.
    Raises DiscoveryError: S256 must be offered and plain must not, as the client would otherwise be downgraded; with
    ``plain_challenge`` the EHR is known to offer it all the same."""
    try:
        said = codec.parse(body, max_depth=16)
    except codec.CodecError as failure:
        raise DiscoveryError("The document is not JSON.") from failure
    if not isinstance(said, dict):
        raise DiscoveryError("The document is not an object.")
    values: dict[str, Any] = {}
    for each in fields(SmartConfiguration):
        value = said.get(each.name)
        if value is not None:
            values[each.name] = _read(each.name, value, iss)
    methods = values.get("code_challenge_methods_supported", ())
    if "authorization_endpoint" in values and ("S256" not in methods or ("plain" in methods and not plain_challenge)):
        raise DiscoveryError("code_challenge_methods_supported must have S256 and must not have plain.")
    if "token_endpoint" not in values:
        raise DiscoveryError("token_endpoint is missing.")
    return SmartConfiguration(**values)


def issuer_keys(body: bytes, *, issuer: str) -> str:
    """``jwks_uri`` of an issuer's OpenID configuration. Raises DiscoveryError, also when it is another issuer's (OpenID
    Connect Discovery §4.3)."""
    try:
        said = codec.parse(body, max_depth=16)
    except codec.CodecError as failure:
        raise DiscoveryError("The document is not JSON.") from failure
    if not isinstance(said, dict) or said.get("issuer") != issuer:
        raise DiscoveryError("issuer is not the one that was asked.")
    return _address("jwks_uri", said.get("jwks_uri"), issuer)


def _read(name: str, value: Any, iss: str) -> Any:
    if name.endswith("_endpoint") or name == "jwks_uri":
        return _address(name, value, iss)
    if name == "authorization_response_iss_parameter_supported":
        return value is True
    if name == "issuer":
        if isinstance(value, str):
            return value
    elif isinstance(value, list) and all(isinstance(item, str) for item in value):
        return tuple(value)
    raise DiscoveryError(f"{name} has the wrong type.")


def _address(name: str, value: Any, iss: str) -> str:
    if not isinstance(value, str):
        raise DiscoveryError(f"{name} has the wrong type.")
    try:
        absolute = urljoin(f"{iss.rstrip('/')}/", value)
        parts = urlsplit(absolute)
    except ValueError as failure:
        raise DiscoveryError(f"{name} is no address.") from failure
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise DiscoveryError(f"{name} is no address.")
    return absolute
