"""A token response as values: what was granted, for whom, until when (SMART App Launch 2.2 §step-5, §step-7).

Nothing is guessed: a member of the wrong form fails the launch by name. What may be missing is ``expires_in`` (an hour
is then assumed, the longest SMART allows; a 401 renews earlier) and ``refresh_token``.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

from auth import scopes
from auth.client.errors import EhrFault, EhrUnavailable, GrantEnded, LaunchError
from r4 import codec

LONGEST = 3600.0
"""Seconds: an access token's life when the EHR does not say, SMART App Launch 2.2 §step-5."""
MARGIN = 30.0
"""Seconds before its end at which a token is renewed rather than sent."""
_TOKEN = re.compile(r"[\x21-\x7e]{1,16384}")
_SCOPES = re.compile(r"[\x20-\x7e]{0,16384}")
"""RFC 6749 §3.3; what is granted is stored as it is, and PostgreSQL stores no NUL."""
_ID = re.compile(r"(?!\.{1,2}$)[A-Za-z0-9\-.]{1,64}")
_BARE = re.compile(r"(?!(?:Patient|Encounter)/)[A-Z][A-Za-z]{1,63}/[A-Za-z0-9\-.]{1,64}")
"""A relative reference; patient and encounter have members of their own."""
_ERROR = re.compile(r"[a-z_]{1,64}")


@dataclass(frozen=True, kw_only=True, slots=True)
class Tokens:
    """``expires`` is Unix seconds; ``scopes`` what was granted, space separated, which need not be what was asked."""

    access: str = field(repr=False)
    refresh: str | None = field(default=None, repr=False)
    expires: float
    scopes: str

    def fresh(self, now: float, *, refused: str | None = None) -> bool:
        """Whether to send this token: not the one the EHR refused, and not about to end while it can be renewed."""
        return self.access != refused and self.expires > now + (MARGIN if self.refresh else 0.0)


@dataclass(frozen=True, kw_only=True, slots=True)
class LaunchContext:
    """The launch context of the response; ids are bare. ``missing`` are the asked scopes that no granted one covers;
    ``nobody`` is why there is no identity: the rule that its id_token broke, ``absent`` or ``keys``."""

    patient: str | None = None
    encounter: str | None = None
    need_patient_banner: bool = True
    intent: str | None = None
    fhir_context: tuple[Mapping[str, Any], ...] = ()
    smart_style_url: str | None = None
    tenant: str | None = None
    missing: tuple[str, ...] = ()
    nobody: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class TokenReply:
    """An answer of a token endpoint as it came. ``retry_after`` in seconds, when the EHR said so."""

    status: int
    body: bytes = field(repr=False)
    retry_after: float | None = None


def parse(reply: TokenReply, *, asked: tuple[str, ...], now: float) -> tuple[Tokens, LaunchContext, str | None]:
    """The answer to a code: tokens, launch context, and the id_token unread. Raises LaunchError or its kinds."""
    document = read(reply)
    tokens = read_tokens(document, now=now)
    context = LaunchContext(
        patient=_id(document, "patient"),
        encounter=_id(document, "encounter"),
        need_patient_banner=_flag(document, "need_patient_banner", default=True),
        intent=_text(document, "intent"),
        fhir_context=_fhir_context(document),
        smart_style_url=_text(document, "smart_style_url"),
        tenant=_text(document, "tenant"),
        missing=tuple(scope for scope in asked if not holds(tokens.scopes, scope)),
    )
    _require_use(tokens, context)
    return tokens, context, _text(document, "id_token", limit=65536)


def parse_refresh(reply: TokenReply, *, previous: Tokens, now: float) -> Tokens:
    """The answer to a refresh: a new refresh token replaces the old one, and a missing one keeps it. Raises GrantEnded
    when the EHR will give no more tokens, and LaunchError's kinds otherwise."""
    document = read(reply)
    granted = read_tokens({"scope": previous.scopes, **document}, now=now)
    return Tokens(
        access=granted.access,
        refresh=granted.refresh or previous.refresh,
        expires=granted.expires,
        scopes=granted.scopes,
    )


def holds(granted: str, wanted: str) -> bool:
    """Whether a single granted scope permits all of the wanted one; scopes that cannot be read permit nothing."""
    return any(scopes.covers(have, want) for want in scopes.parse(wanted) for have in scopes.parse(granted))


def read(reply: TokenReply) -> dict[str, Any]:
    """The response's JSON object, or the error it stands for. Raises GrantEnded, EhrUnavailable, EhrFault or
    LaunchError; the EHR's own words are not repeated, its error code is, when it has the form of one."""
    if reply.status == 429 or reply.status >= 500:
        raise EhrUnavailable("The EHR cannot give tokens at the moment.", retry_after=reply.retry_after)
    document = _object(reply.body)
    if reply.status == 200 and document is not None:
        return document
    error = (document or {}).get("error")
    if reply.status in (400, 401) and isinstance(error, str) and _ERROR.fullmatch(error):
        raise refusal(error)
    raise EhrFault("The EHR's token endpoint answered with something that is not a token response.")


def refusal(error: str) -> GrantEnded | LaunchError:
    """What an OAuth error code of a token endpoint means for this side."""
    if error == "invalid_grant":
        return GrantEnded("The EHR no longer honours this grant.")
    advice = "Tell whoever registered this gateway with the EHR: client id, keys and scopes must match."
    return LaunchError(f"The EHR refused to give tokens ({error}).", advice, code=error)


def read_tokens(document: Mapping[str, Any], *, now: float) -> Tokens:
    """The token members of a response. Raises EhrFault naming the member that cannot be used."""
    kind = document.get("token_type")
    if not isinstance(kind, str) or kind.lower() != "bearer":
        raise _fault("token_type", "must be Bearer")
    access, scope = document.get("access_token"), document.get("scope")
    if not isinstance(access, str) or not _TOKEN.fullmatch(access):
        raise _fault("access_token", "must be a printable token")
    if not isinstance(scope, str):
        raise _fault("scope", "is required: what was granted need not be what was asked")
    if not _SCOPES.fullmatch(scope):
        raise _fault("scope", "must be printable words")
    refresh = document.get("refresh_token")
    if refresh is not None and (not isinstance(refresh, str) or not _TOKEN.fullmatch(refresh)):
        raise _fault("refresh_token", "must be a printable token")
    return Tokens(access=access, refresh=refresh, expires=now + _lifetime(document), scopes=scope)


def _lifetime(document: Mapping[str, Any]) -> float:
    value = document.get("expires_in", LONGEST)
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not 0 < value < 10**9:
        raise _fault("expires_in", "must be a positive number of seconds")
    return float(value)


def _require_use(tokens: Tokens, context: LaunchContext) -> None:
    """A launch without any access, or with access to a patient that nobody named, is of no use to anybody."""
    contexts = {getattr(scope, "context", None) for scope in scopes.parse(tokens.scopes)} - {None}
    if not contexts:
        raise LaunchError(
            "The EHR granted no access to any record.", "Ask whoever runs the EHR to allow this app its scopes."
        )
    if "patient" in contexts and context.patient is None:
        raise LaunchError("The EHR named no patient for this launch.", "Open a patient in the EHR, then launch again.")


def _object(body: bytes) -> dict[str, Any] | None:
    try:
        document = codec.parse(body, max_depth=16)
    except codec.CodecError:
        return None
    return document if isinstance(document, dict) else None


def _id(document: Mapping[str, Any], member: str) -> str | None:
    value = document.get(member)
    if value is None or (isinstance(value, str) and _ID.fullmatch(value)):
        return value
    raise _fault(member, "must be the bare id of a resource")


def _text(document: Mapping[str, Any], member: str, *, limit: int = 2048) -> str | None:
    value = document.get(member)
    if value is None or (isinstance(value, str) and len(value) <= limit):
        return value
    raise _fault(member, "must be a string")


def _flag(document: Mapping[str, Any], member: str, *, default: bool) -> bool:
    value = document.get(member, default)
    if not isinstance(value, bool):
        raise _fault(member, "must be true or false")
    return value


def _fhir_context(document: Mapping[str, Any]) -> tuple[Mapping[str, Any], ...]:
    """SMART App Launch 2.2 §fhir-context: objects, each with a reference, canonical or identifier. One without a role is
    what the app was launched in (§fhircontext-exp), and is returned with the role ``launch``; an empty role is none.
    SMART App Launch 2.0 has bare references (``ImagingStudy/1``) in their place."""
    value = document.get("fhirContext", [])
    if isinstance(value, list):
        value = [{"reference": item} if _bare(item) else item for item in value]
    names = {"reference", "canonical", "identifier"}
    if not isinstance(value, list) or not all(isinstance(item, dict) and names & item.keys() for item in value):
        raise _fault("fhirContext", "must be a list of objects that name what they refer to")
    if not all(isinstance(item.get("role", "launch"), str) and item.get("role", "launch") for item in value):
        raise _fault("fhirContext", "must have roles that are words")
    return tuple({"role": "launch", **item} for item in value)


def _bare(item: Any) -> bool:
    return isinstance(item, str) and _BARE.fullmatch(item) is not None


def _fault(member: str, rule: str) -> EhrFault:
    return EhrFault(f"The EHR's token response cannot be used: {member} {rule}.", "Tell whoever runs the EHR.")
