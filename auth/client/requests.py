"""Requests to a token or revocation endpoint as values, and how the client signs them. Nothing here is sent.

SMART App Launch 2.2: §step-5 (code), §step-7 (refresh), backend-services (client credentials),
client-confidential-asymmetric and client-confidential-symmetric (authentication).
"""

from base64 import b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Literal
from urllib.parse import quote_plus

from auth import assertions
from auth.client.ehr import RegisteredEhr
from auth.client.signing import AssertionKeys

ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"

Pairs = tuple[tuple[str, str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenRequest:
    """A form to post to ``url``; ``headers`` besides the content type."""

    url: str
    form: Pairs = field(repr=False)
    headers: Pairs = field(default=(), repr=False)


def code_request(endpoint: str, *, code: str, redirect_uri: str, verifier: str) -> TokenRequest:
    """Exchanges an authorization code for tokens."""
    form = (
        ("grant_type", "authorization_code"),
        ("code", code),
        ("redirect_uri", redirect_uri),
        ("code_verifier", verifier),
    )
    return TokenRequest(url=endpoint, form=form)


def refresh_request(endpoint: str, refresh_token: str) -> TokenRequest:
    """Renews tokens. No ``scope`` is sent: asking again for what was asked at launch is refused where less was
    granted, and RFC 6749 §6 takes a missing one to be all that was granted."""
    return TokenRequest(url=endpoint, form=(("grant_type", "refresh_token"), ("refresh_token", refresh_token)))


def backend_request(endpoint: str, scopes: Sequence[str]) -> TokenRequest:
    """Asks for the backend client's own token."""
    return TokenRequest(url=endpoint, form=(("grant_type", "client_credentials"), ("scope", " ".join(scopes))))


def revocation_request(endpoint: str, token: str, hint: Literal["refresh_token", "access_token"]) -> TokenRequest:
    """Tells the EHR that a token is not needed any more (RFC 7009 §2.1)."""
    return TokenRequest(url=endpoint, form=(("token", token), ("token_type_hint", hint)))


def authenticate(
    request: TokenRequest, ehr: RegisteredEhr, *, keys: AssertionKeys, now: float, jti: str, backend: bool = False,
    audience: str | None = None,
) -> TokenRequest:  # fmt: skip
    """The request with the client's authentication by its registered method and no other: a signed assertion for the
    token endpoint (``audience``, where the request goes to another address), Basic, id and secret in the form, or the bare
    client id of a public client. ``jti`` is fresh for every request."""
    client_id = (ehr.backend_client_id if backend else None) or ehr.client_id
    if ehr.method == "private_key_jwt":
        assertion = assertions.build(client_id, audience or request.url, keys.key(ehr.algorithm, now), now=now, jti=jti)
        proof = (("client_assertion_type", ASSERTION_TYPE), ("client_assertion", assertion))
        return replace(request, form=request.form + proof)
    if ehr.method == "client_secret_basic":
        # RFC 6749 §2.3.1: id and secret are form-encoded before they are joined.
        pair = f"{quote_plus(client_id)}:{quote_plus(ehr.secret or '')}"
        basic = f"Basic {b64encode(pair.encode()).decode()}"
        return replace(request, headers=(*request.headers, ("authorization", basic)))
    if ehr.method == "client_secret_post":
        return replace(request, form=(*request.form, ("client_id", client_id), ("client_secret", ehr.secret or "")))
    return replace(request, form=(*request.form, ("client_id", client_id)))
