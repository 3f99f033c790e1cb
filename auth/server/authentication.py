"""Who the client is, by its registered method and no other (RFC 6749 §2.3, SMART App Launch 2.2 client authentication)."""

import binascii
from base64 import b64decode
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from hmac import compare_digest
from urllib.parse import unquote_plus

from auth import assertions
from auth.assertions import Assertion, AssertionRefused
from auth.errors import OAuthError
from auth.keys import KeySet
from auth.server.clients import Client, hashed

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"


@dataclass(frozen=True, kw_only=True, slots=True)
class Presented:
    """What the request brings to show who sends it: exactly one kind. ``method`` is the one it uses."""

    method: str
    client_id: str
    secret: str | None = None
    assertion: str | None = None


def read(parameters: Mapping[str, str], authorization: Iterable[str]) -> Presented:
    """The credentials of a request. Raises OAuthError invalid_client when there are none, or more than one kind."""
    headers = list(authorization)
    kinds = [
        bool(headers),
        "client_secret" in parameters,
        bool({"client_assertion", "client_assertion_type"} & set(parameters)),
    ]
    if len(headers) > 1 or sum(kinds) > 1:
        raise refused("the client must authenticate in exactly one way")
    if headers:
        return _basic(headers[0], parameters)
    if kinds[2]:
        return _assertion(parameters)
    client_id = parameters.get("client_id")
    if not client_id:
        raise refused("client authentication, or the client_id of a public client, is required")
    secret = parameters.get("client_secret")
    return Presented(method="client_secret_post" if secret is not None else "none", client_id=client_id, secret=secret)


def _basic(header: str, parameters: Mapping[str, str]) -> Presented:
    kind, _, credentials = header.partition(" ")
    try:
        pair = b64decode(credentials.strip(), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        pair = ""
    if kind.lower() != "basic" or ":" not in pair:
        raise refused("Authorization must be Basic with the client's id and secret")
    client_id, secret = (unquote_plus(part) for part in pair.split(":", 1))
    if parameters.get("client_id", client_id) != client_id:
        raise refused("client_id must be the client that authenticates")
    return Presented(method="client_secret_basic", client_id=client_id, secret=secret)


def _assertion(parameters: Mapping[str, str]) -> Presented:
    if parameters.get("client_assertion_type") != ASSERTION_TYPE:
        raise refused(f"client_assertion_type must be {ASSERTION_TYPE}")
    assertion = parameters.get("client_assertion", "")
    client_id = assertions.claimed_client(assertion)
    if client_id is None or parameters.get("client_id", client_id) != client_id:
        raise refused("client_assertion must be a JWT whose sub is the client id")
    return Presented(method="private_key_jwt", client_id=client_id, assertion=assertion)


def check_secret(presented: Presented, client: Client, secret_hash: str | None) -> None:
    """For every method but an assertion. Raises OAuthError unless the registered method is used and holds."""
    if presented.method != client.method:
        raise refused("the client must authenticate by the method it is registered with")
    if client.method == "none":
        return
    if secret_hash is None or not compare_digest(hashed(presented.secret or ""), secret_hash):
        raise refused("the client's secret is wrong")


def check_assertion(presented: Presented, client: Client, keys: KeySet, *, audience: str, now: float) -> Assertion:
    """The verified assertion, whose ``jti`` is still to be taken. Raises OAuthError."""
    if presented.method != client.method:
        raise refused("the client must authenticate by the method it is registered with")
    try:
        return assertions.verify(
            presented.assertion or "", keys, client_id=client.id, audience=audience, now=now, jku=client.jwks_uri
        )
    except AssertionRefused as failure:
        raise refused(f"client_assertion: {failure}") from failure


def refused(text: str) -> OAuthError:
    """``invalid_client``."""
    return OAuthError("invalid_client", text, status=401)
