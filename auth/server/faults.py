"""Named faults of one launch: what the authorization server does wrongly when the tester's launch record says so.

They stand on the launch, are carried to its grant, and are never read from a client's request. Without one of these
names nothing here departs from the specifications: a weakened PKCE is a named fault, never an option.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from auth.errors import OAuthError

Stage = Literal["authorize", "redirect", "token", "issue", "refresh", "id_token"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """``error`` is the OAuth error that is answered at ``stage``; a fault without one changes what is answered."""

    name: str
    stage: Stage
    says: str
    error: str | None = None
    status: int = 400


def _error(stage: Stage, error: str, *, status: int = 400) -> Fault:
    return Fault(
        name=f"{stage}-{error.replace('_', '-')}", stage=stage, says=f"the {stage} request is answered with {error}",
        error=error, status=status,
    )  # fmt: skip


FAULTS = (
    # RFC 6749 §4.1.2.1
    _error("authorize", "access_denied"),
    _error("authorize", "invalid_request"),
    _error("authorize", "invalid_scope"),
    _error("authorize", "unauthorized_client"),
    _error("authorize", "unsupported_response_type"),
    _error("authorize", "server_error"),
    _error("authorize", "temporarily_unavailable"),
    # RFC 6749 §10.12 and RFC 9207 §2.4: what the client must notice
    Fault(name="redirect-no-state", stage="redirect", says="the redirect carries no state"),
    Fault(name="redirect-wrong-state", stage="redirect", says="the redirect carries another state"),
    Fault(name="redirect-wrong-iss", stage="redirect", says="the redirect names another issuer"),
    # RFC 6749 §5.2
    _error("token", "invalid_client", status=401),
    _error("token", "invalid_grant"),
    _error("token", "invalid_request"),
    _error("token", "server_error", status=500),
    _error("token", "temporarily_unavailable", status=503),
    Fault(name="pkce-unchecked", stage="token", says="the code is exchanged whatever code_verifier is sent"),
    Fault(name="access-token-expired", stage="issue", says="every access token has expired when it is issued"),
    _error("refresh", "invalid_grant"),
    _error("refresh", "temporarily_unavailable", status=503),
    # OpenID Connect Core §3.1.3.7
    Fault(name="id-token-wrong-audience", stage="id_token", says="the id_token is for another client"),
    Fault(name="id-token-wrong-issuer", stage="id_token", says="the id_token is of another issuer"),
    Fault(name="id-token-wrong-nonce", stage="id_token", says="the id_token carries another nonce"),
    Fault(name="id-token-expired", stage="id_token", says="the id_token has expired"),
    Fault(name="id-token-ahead", stage="id_token", says="the id_token was issued an hour from now"),
)

BY_NAME = {fault.name: fault for fault in FAULTS}
PKCE_UNCHECKED, ACCESS_EXPIRED = "pkce-unchecked", "access-token-expired"


def known(names: Iterable[str]) -> bool:
    """Whether each is in the table."""
    return all(name in BY_NAME for name in names)


def error(names: Collection[str], stage: Stage) -> OAuthError | None:
    """The error that the launch's faults answer at this stage, or None."""
    for fault in FAULTS:
        if fault.name in names and fault.stage == stage and fault.error is not None:
            return OAuthError(fault.error, "simulated: the launch names this fault", status=fault.status)
    return None


def bend(names: Collection[str], query: dict[str, str]) -> dict[str, str]:
    """The parameters of the redirect as the faults leave them."""
    if "redirect-no-state" in names:
        query = {name: value for name, value in query.items() if name != "state"}
    if "redirect-wrong-state" in names:
        query = {**query, "state": "simulated-wrong-state"}
    if "redirect-wrong-iss" in names:
        query = {**query, "iss": "https://simulated.invalid"}
    return query


def bend_claims(names: Collection[str], claims: dict[str, object]) -> dict[str, object]:
    """The claims of the id_token as the faults leave them. ``exp`` and ``iat`` are Unix seconds."""
    if "id-token-wrong-audience" in names:
        claims = {**claims, "aud": "simulated-other-client"}
    if "id-token-wrong-issuer" in names:
        claims = {**claims, "iss": "https://simulated.invalid"}
    if "id-token-wrong-nonce" in names:
        claims = {**claims, "nonce": "simulated-wrong-nonce"}
    if "id-token-expired" in names:
        claims = {**claims, "iat": int(str(claims["iat"])) - 7200, "exp": int(str(claims["iat"])) - 3600}
    if "id-token-ahead" in names:
        claims = {**claims, "iat": int(str(claims["iat"])) + 3600, "exp": int(str(claims["exp"])) + 3600}
    return claims
