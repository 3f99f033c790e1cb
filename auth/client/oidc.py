"""Staff sign-in at an OpenID provider as values: where to send the browser, and who came back with which roles. Pure.

OpenID Connect Core 1.0 §3.1 (authorization code flow), Discovery 1.0 §3 and §4.3, RFC 7636 (PKCE), RFC 9207. The id_token is held
against the claim table of launches (``identity.RULES``): whatever does not hold up signs nobody in.
"""

from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from auth import pkce
from auth.client import identity
from auth.client.ehr import RegisteredEhr
from auth.client.errors import EhrFault, LaunchError
from auth.client.identity import NoIdentity
from auth.client.launch import ENTROPY, PendingLaunch
from auth.client.tokens import TokenReply
from auth.keys import KeySet
from r4 import codec

NAME = "staff-sign-in"
"""What the provider is called among EHRs: no EHR may be called so."""
LONGEST_PERSON = 200


@dataclass(frozen=True, kw_only=True, slots=True)
class Provider:
    """``client`` is the registration (its issuer is the provider's); ``roles`` are the values of the claim ``roles_claim`` that
    give each role, ``ehrs`` those of ``ehrs_claim`` that give each EHR, and ``every_ehr`` those that give all. Where no EHR is
    named, everybody has all."""

    client: RegisteredEhr
    roles_claim: str
    roles: Mapping[str, frozenset[str]]
    ehrs_claim: str = ""
    ehrs: Mapping[str, frozenset[str]] = field(default_factory=dict)
    every_ehr: frozenset[str] = frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Configuration:
    """What the provider says of itself."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    names_itself: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """Who signed in, by the provider's own subject, with the roles and the EHRs that the claims give; ``ehrs`` None is all."""

    subject: str
    roles: frozenset[str]
    ehrs: frozenset[str] | None = None


def parse_configuration(body: bytes, provider: Provider) -> Configuration:
    """The provider's configuration. Raises EhrFault naming the member: the issuer has to be the declared one byte for byte
    (Discovery §4.3), and every endpoint at an origin of its own or a declared one."""
    try:
        said = codec.parse(body, max_depth=8)
    except codec.CodecError as failure:
        raise _fault("is not JSON") from failure
    if not isinstance(said, dict) or said.get("issuer") != provider.client.issuer:
        raise _fault("names another issuer than the declared one")
    found = {}
    for member in ("authorization_endpoint", "token_endpoint", "jwks_uri"):
        value = said.get(member)
        if not isinstance(value, str) or not provider.client.allows(value):
            raise _fault(f"has no usable {member}: at another origin it has to be declared")
        found[member] = value
    methods = said.get("code_challenge_methods_supported", ["S256"])
    if not isinstance(methods, list) or "S256" not in methods:
        raise _fault("offers no S256 for PKCE")
    names = said.get("authorization_response_iss_parameter_supported") is True
    return Configuration(issuer=provider.client.issuer, names_itself=names, **found)


def _fault(words: str) -> EhrFault:
    return EhrFault(f"The sign-in provider's configuration {words}.", "Tell whoever runs this gateway: [oidc].")


def begin(found: Configuration, provider: Provider, *, redirect_uri: str, entropy: bytes) -> tuple[str, PendingLaunch]:
    """The address to send the browser to, and what to remember. ``entropy`` is 96 random bytes."""
    if len(entropy) != ENTROPY:
        raise ValueError(f"a sign-in takes {ENTROPY} random bytes")
    state, verifier, nonce = (urlsafe_b64encode(entropy[at : at + 32]).decode().rstrip("=") for at in (0, 32, 64))
    client = provider.client
    begun = PendingLaunch(
        ehr=NAME, state=state, verifier=verifier, nonce=nonce, redirect_uri=redirect_uri, fhir=client.issuer,
        issuer=found.issuer, token_endpoint=found.token_endpoint, jwks_uri=found.jwks_uri,
        iss_advertised=found.names_itself, asked=client.scopes,
    )  # fmt: skip
    query = [
        ("response_type", "code"), ("client_id", client.client_id), ("redirect_uri", redirect_uri),
        ("scope", " ".join(client.scopes)), ("state", state), ("nonce", nonce),
        ("code_challenge", pkce.challenge(verifier)), ("code_challenge_method", "S256"),
    ]  # fmt: skip
    mark = "&" if "?" in found.authorization_endpoint else "?"
    return f"{found.authorization_endpoint}{mark}{urlencode(query)}", begun


def parse_tokens(reply: TokenReply) -> tuple[str, str]:
    """``(access_token, id_token)`` of the provider's answer to the code. Raises LaunchError."""
    try:
        said = codec.parse(reply.body, max_depth=8)
    except codec.CodecError:
        said = None
    found = [said.get(name) if isinstance(said, dict) else None for name in ("access_token", "id_token")]
    if reply.status != 200 or not all(isinstance(each, str) and each for each in found):
        raise LaunchError("The sign-in provider did not accept its own code.", "Sign in again.")
    return str(found[0]), str(found[1])


def person(
    id_token: str, begun: PendingLaunch, provider: Provider, *, access: str, keys: KeySet, now: float
) -> Person | NoIdentity:
    """Who the id_token says signed in; NoIdentity names the rule that did not hold. Roles and EHRs that
    no value gives are none."""
    said = identity.verified(id_token, begun, provider.client, access=access, keys=keys, now=now)
    if isinstance(said, NoIdentity):
        return said
    if len(said["sub"]) > LONGEST_PERSON:
        return NoIdentity(reason="sub")
    return Person(
        subject=said["sub"], roles=_given(provider.roles, _values(said, provider.roles_claim)),
        ehrs=_bounds(provider, _values(said, provider.ehrs_claim)),
    )  # fmt: skip


def _bounds(provider: Provider, values: frozenset[str]) -> frozenset[str] | None:
    if not provider.ehrs or provider.every_ehr & values:
        return None
    return _given(provider.ehrs, values)


def _given(by: Mapping[str, frozenset[str]], values: frozenset[str]) -> frozenset[str]:
    return frozenset(name for name, wanted in by.items() if wanted & values)


def _values(said: Mapping[str, Any], claim: str) -> frozenset[str]:
    """The texts of a claim: one, or a list."""
    given = said.get(claim)
    listed = given if isinstance(given, list) else [given]
    return frozenset(each for each in listed if isinstance(each, str))
