"""A launch as values: the address to send the browser to, and what its return must look like. Pure.

SMART App Launch 2.2 app-launch §step-2 to §step-5; RFC 9207 (issuer of a response), RFC 7636 (PKCE).
"""

import re
from base64 import urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from auth import pkce
from auth.client.ehr import RegisteredEhr
from auth.client.errors import EhrFault, LaunchError
from auth.client.requests import TokenRequest, code_request
from auth.discovery import SmartConfiguration

ENTROPY = 96
"""Bytes of randomness a launch takes: 32 each for state (SMART wants 122 bits), verifier and nonce."""
LIFETIME = 600.0
"""Seconds a person has to sign in at the EHR."""
LONGEST_LAUNCH = 8192
"""Characters of a ``launch`` value, which is opaque to this side."""

_ERRORS = {
    "access_denied": ("The sign-in was refused or cancelled at the EHR.", "Launch again and allow the access."),
    "login_required": ("The EHR wants you to sign in first.", "Sign in to the EHR, then launch again."),
    "temporarily_unavailable": ("The EHR cannot sign you in at the moment.", "Try again in a moment."),
    "server_error": ("The EHR failed while signing you in.", "Try again; if it goes on, tell whoever runs the EHR."),
    "invalid_scope": ("The EHR does not grant the access this app asks for.", "Tell whoever registered this gateway."),
    "unauthorized_client": ("The EHR does not know this gateway.", "Tell whoever registered this gateway."),
    "invalid_request": ("The EHR did not accept the launch.", "Start again from the EHR."),
}  # fmt: skip
_ERROR_WORD = re.compile(r"[a-z_]{1,64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class PendingLaunch:
    """A launch that was begun and has not come back. ``iss_advertised``: the EHR said (RFC 9207) that it names itself
    in every response. ``asked`` are the scopes requested; ``fhir`` is the FHIR base, also ``aud``."""

    ehr: str
    state: str = field(repr=False)
    verifier: str = field(repr=False)
    nonce: str = field(repr=False)
    redirect_uri: str
    fhir: str
    issuer: str | None
    token_endpoint: str
    jwks_uri: str | None
    iss_advertised: bool
    asked: tuple[str, ...]


def begin(
    configuration: SmartConfiguration, ehr: RegisteredEhr, *, launch: str | None, redirect_uri: str, entropy: bytes
) -> tuple[str, PendingLaunch]:
    """The authorization address to redirect to and what to remember. ``launch`` is None for a standalone launch;
    ``entropy`` is 96 random bytes. Raises EhrFault when the EHR names no place of its own to sign in."""
    if len(entropy) != ENTROPY:
        raise ValueError(f"a launch takes {ENTROPY} random bytes")
    state, verifier, nonce = (urlsafe_b64encode(entropy[at : at + 32]).decode().rstrip("=") for at in (0, 32, 64))
    pending = PendingLaunch(
        ehr=ehr.name, state=state, verifier=verifier, nonce=nonce, redirect_uri=redirect_uri, fhir=ehr.issuer,
        issuer=configuration.issuer, token_endpoint=own(ehr, configuration.token_endpoint, "token_endpoint"),
        jwks_uri=configuration.jwks_uri and own(ehr, configuration.jwks_uri, "jwks_uri"),
        iss_advertised=configuration.authorization_response_iss_parameter_supported,
        asked=asked(ehr.scopes, standalone=launch is None),
    )  # fmt: skip
    endpoint = own(ehr, configuration.authorization_endpoint, "authorization_endpoint")
    return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(_query(ehr, pending, launch))}", pending


def _query(ehr: RegisteredEhr, pending: PendingLaunch, launch: str | None) -> list[tuple[str, str]]:
    query = [
        ("response_type", "code"),
        ("client_id", ehr.client_id),
        ("redirect_uri", pending.redirect_uri),
        ("scope", " ".join(pending.asked)),
        ("state", pending.state),
        ("aud", ehr.issuer),
        ("code_challenge", pkce.challenge(pending.verifier)),
        ("code_challenge_method", "S256"),
    ]
    if launch is not None:
        query.append(("launch", launch))
    if "openid" in pending.asked:
        query.append(("nonce", pending.nonce))
    return query


def asked(scopes: Sequence[str], *, standalone: bool) -> tuple[str, ...]:
    """The scopes of this launch: an EHR launch carries ``launch``; a standalone one asks the EHR to let the person
    choose a patient (SMART App Launch 2.2 scopes §standalone-apps)."""
    return tuple(dict.fromkeys("launch/patient" if standalone and scope == "launch" else scope for scope in scopes))


def own(ehr: RegisteredEhr, endpoint: str | None, member: str) -> str:
    """An endpoint that discovery named, if it lives where this EHR's endpoints may. Raises EhrFault."""
    if endpoint is None:
        raise EhrFault(f"The EHR's SMART configuration names no {member}.", "Tell whoever runs the EHR.")
    if not ehr.allows(endpoint):
        advice = "If that is right, add the origin to this EHR's registration."
        raise EhrFault(f"The EHR's SMART configuration puts {member} at another origin than its own.", advice)
    return endpoint


def complete(pending: PendingLaunch, parameters: Sequence[tuple[str, str]]) -> TokenRequest:
    """The query of the callback → the request that exchanges its code, unsigned. ``state`` has been matched already.
    Raises LaunchError. The issuer is checked before anything the response says, an error included."""
    values = once(parameters)
    named = values.get("iss")
    if (named != pending.issuer) if named is not None else pending.iss_advertised:
        raise LaunchError("The answer did not come from the EHR that was asked.", code="invalid_request")
    if "error" in values:
        raise _refused(values["error"])
    code = values.get("code", "")
    if not code or len(code) > LONGEST_LAUNCH:
        raise LaunchError("The EHR's answer holds no authorization code.")
    return code_request(pending.token_endpoint, code=code, redirect_uri=pending.redirect_uri, verifier=pending.verifier)


def once(parameters: Sequence[tuple[str, str]]) -> dict[str, str]:
    """Query parameters by name. Raises LaunchError when one is repeated (RFC 6749 §3.1)."""
    values = dict(parameters)
    if len(values) != len(parameters):
        raise LaunchError("The address holds a parameter twice.")
    return values


def _refused(error: str) -> LaunchError:
    """The EHR said no. Its description is not repeated: anybody can write one into an address."""
    happened, advice = _ERRORS.get(error, ("The EHR ended the sign-in with an error.", "Start again from the EHR."))
    return LaunchError(happened, advice, code=error if _ERROR_WORD.fullmatch(error) else "invalid_request")
