"""Client metadata as a client registers it (RFC 7591 §2): read, checked, and told again.

Addresses are kept byte for byte and compared so: what a browser would make of a dot segment is the client's own affair.
"""

import re
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from auth.errors import RegistrationRefused
from auth.keys import strict_key_set
from auth.server.clients import DEFAULT_SCOPE, GRANT_TYPES, METHODS, Client

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_STRANGE = frozenset('"<>\\^`{|}')
"""Printable characters that RFC 3986 does not have: parsers disagree about them."""
_NATIVE = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")
"""A scheme of a native app: its domain backwards (RFC 8252 §7.1). ``javascript`` and ``data`` have no dot."""


def read_registration(body: Any, *, id: str, loopback: bool = True) -> Client:
    """Client metadata → Client. Members that are not known are ignored, as RFC 7591 §2 says; one left out has its
    default, also in an update (RFC 7592 §2.2). ``loopback`` says whether a ``jwks_uri`` may be on this machine. Raises
    RegistrationRefused naming the member."""
    if not isinstance(body, dict):
        raise _refused("the body must be a JSON object")
    if "software_statement" in body:
        raise RegistrationRefused("unapproved_software_statement", "software_statement of no issuer is approved here")
    method = body.get("token_endpoint_auth_method", "client_secret_basic")
    if method not in METHODS:
        raise _refused(f"token_endpoint_auth_method must be one of {', '.join(METHODS)}")
    client = Client(
        id=id,
        name=_text(body, "client_name") or id,
        method=method,
        redirect_uris=_redirect_uris(body),
        launch_url=_text(body, "initiate_login_uri"),
        grant_types=_strings(body, "grant_types", default=("authorization_code",)),
        scope=_text(body, "scope") or DEFAULT_SCOPE,
        jwks=body.get("jwks"),
        jwks_uri=_text(body, "jwks_uri"),
    )
    _consistent(client, _strings(body, "response_types", default=("code",)))
    if not loopback and client.jwks_uri is not None and urlsplit(client.jwks_uri).hostname in LOOPBACK:
        raise _refused("jwks_uri must not be on this machine (up --allow-loopback-jwks permits it)")
    return client


def described(client: Client) -> dict[str, Any]:
    """The registered metadata (RFC 7591 §3.2.1), without secrets."""
    members: dict[str, Any] = {
        "client_id": client.id, "client_name": client.name, "redirect_uris": list(client.redirect_uris),
        "initiate_login_uri": client.launch_url, "grant_types": list(client.grant_types),
        "response_types": ["code"] if "authorization_code" in client.grant_types else [], "scope": client.scope,
        "token_endpoint_auth_method": client.method, "jwks": client.jwks, "jwks_uri": client.jwks_uri,
    }  # fmt: skip
    return {name: value for name, value in members.items() if value is not None}


def _consistent(client: Client, response_types: tuple[str, ...]) -> None:
    """What no single member shows to be wrong."""
    interactive = "authorization_code" in client.grant_types
    if not client.grant_types or not set(client.grant_types) <= set(GRANT_TYPES):
        raise _refused(f"grant_types must be among {', '.join(GRANT_TYPES)}")
    if interactive and response_types != ("code",):
        raise _refused("response_types must be code")
    if interactive and not client.redirect_uris:
        raise RegistrationRefused("invalid_redirect_uri", "redirect_uris must name at least one address")
    if client.launch_url is not None and not web_address(client.launch_url):
        raise _refused("initiate_login_uri must be https (or http on loopback), without fragment or user")
    if client.jwks is not None and client.jwks_uri is not None:
        raise _refused("jwks and jwks_uri exclude each other")
    if client.jwks_uri is not None and not web_address(client.jwks_uri):
        raise _refused("jwks_uri must be https (or http on loopback), without fragment or user")
    if client.method == "private_key_jwt" and client.jwks is None and client.jwks_uri is None:
        raise _refused("private_key_jwt needs jwks or jwks_uri")
    if client.jwks is not None and strict_key_set(client.jwks) is None:
        raise _refused("jwks must hold public RSA or EC signing keys only, each with a kid of its own")
    if "client_credentials" in client.grant_types and client.public:
        raise _refused("client_credentials needs a client that can authenticate")


def web_address(uri: str) -> bool:
    """Whether this is an absolute https address, or http on loopback, without fragment or user."""
    return _scheme(uri) in ("https", "http")


def redirect_address(uri: str) -> bool:
    """Whether codes may be sent here: a web address, or the private scheme of a native app (RFC 8252)."""
    scheme = _scheme(uri)
    return scheme in ("https", "http") or (scheme is not None and _NATIVE.fullmatch(scheme) is not None)


def _scheme(uri: str) -> str | None:
    """The scheme of an address that browsers and servers read alike, or None."""
    if len(uri) > 2000 or any(not "!" <= character <= "~" or character in _STRANGE for character in uri):
        return None
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return None
    if "#" in uri or "@" in parts.netloc:
        return None
    if parts.scheme in ("https", "http") and not parts.hostname:
        return None
    return None if parts.scheme == "http" and parts.hostname not in LOOPBACK else parts.scheme


def _redirect_uris(body: Mapping[str, Any]) -> tuple[str, ...]:
    value = body.get("redirect_uris", [])
    if not isinstance(value, list) or len(value) > 32 or not all(isinstance(item, str) for item in value):
        raise RegistrationRefused("invalid_redirect_uri", "redirect_uris must be a list of at most 32 addresses")
    if not all(map(redirect_address, value)):
        raise RegistrationRefused(
            "invalid_redirect_uri",
            "redirect_uris must be https (or http on loopback, or an app's own scheme), without fragment or user",
        )
    return tuple(value)


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and (not isinstance(value, str) or not value or len(value) > 4000 or not value.isprintable()):
        raise _refused(f"{name} must be a non-empty string")
    return value


def _strings(body: Mapping[str, Any], name: str, *, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, list) or len(value) > 32 or not all(isinstance(item, str) and item for item in value):
        raise _refused(f"{name} must be a list of strings")
    return tuple(value)


def _refused(text: str) -> RegistrationRefused:
    return RegistrationRefused("invalid_client_metadata", text)
