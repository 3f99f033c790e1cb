"""Edge: people's sessions and the one-time link. A row per session; of cookie and link only SHA-256 is kept.

Who may do what is a function of ``Session | None`` with one exit (product.md §6).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

from sqlalchemy import Column, Connection, Double, String, Table, Text, delete, insert, select

from gateway.tables import metadata

Role = Literal["engineer", "informatics", "clinician"]

COOKIE = "chartgate_session"
LIFETIME = 8 * 3600.0
"""Seconds: one working shift, after which a person launches or signs in again."""
LINK_LIFETIME = 600.0

sessions = Table(
    "gateway_sessions",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("roles", Text, nullable=False),
    Column("launch", String(64), nullable=True),
    Column("ehr", String(64), nullable=True),
    Column("patient", String(64), nullable=True),
    Column("fhir_user", String(128), nullable=True),
    Column("expires", Double, nullable=False, index=True),
)

links = Table(
    "gateway_links",
    metadata,
    Column("hash", String(64), primary_key=True),
    Column("expires", Double, nullable=False),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """``patient`` is a bare id at ``ehr``; ``fhir_user`` is ``Type/id`` from a validated id_token. A session of the
    one-time link has neither. ``expires`` is Unix seconds."""

    roles: frozenset[Role]
    expires: float
    launch_id: str | None = None
    ehr: str | None = None
    patient: str | None = None
    fhir_user: str | None = None


Requirement = Callable[[Session | None], Session | None]


def hashed(secret: str) -> str:
    """SHA-256 in hex: what is kept of a cookie, a link or a key of 256 random bits."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def is_practitioner(fhir_user: str | None) -> bool:
    """Whether a validated ``fhirUser`` is a clinician's."""
    return fhir_user is not None and fhir_user.partition("/")[0] in ("Practitioner", "PractitionerRole")


def of_launch(*, now: float, launch_id: str, ehr: str, patient: str | None, fhir_user: str | None) -> Session:
    """The session that a launch gives: a clinician's when the EHR's id_token says so, otherwise one without a role,
    which sees its own patient's page and decides nothing."""
    roles: frozenset[Role] = frozenset({"clinician"}) if is_practitioner(fhir_user) else frozenset()
    return Session(
        roles=roles, expires=now + LIFETIME, launch_id=launch_id, ehr=ehr, patient=patient, fhir_user=fhir_user
    )


def of_link(*, now: float) -> Session:
    """The session of the one-time link: whoever started this installation, without patient and without identity."""
    return Session(roles=frozenset({"engineer", "informatics"}), expires=now + LIFETIME)


def require(*roles: Role) -> Requirement:
    """A requirement: any session when no role is named, otherwise one that has at least one of the roles."""
    wanted = frozenset(roles)
    return lambda session: session if session is not None and (not wanted or wanted & session.roles) else None


def confirms(*, ehr: str, patient: str) -> Requirement:
    """Who may confirm or reject an output of ``patient`` (bare id) at ``ehr``: a practitioner, by a validated identity,
    from a launch at that EHR with that patient in context."""
    return lambda session: (
        session
        if session is not None
        and session.launch_id is not None
        and "clinician" in session.roles
        and is_practitioner(session.fhir_user)
        and session.ehr == ehr
        and session.patient == patient
        else None
    )


def sees(*, ehr: str, patient: str) -> Requirement:
    """Who may open a page with this patient's data: staff of this installation, or a launch with that very patient."""
    return lambda session: (
        session
        if session is not None
        and ({"engineer", "informatics"} & session.roles or (session.ehr, session.patient) == (ehr, patient))
        else None
    )


def same_origin(headers: Mapping[str, str], *, base_url: str) -> bool:
    """Whether a state-changing request comes from this site's own pages: ``Origin`` is ours and, when the browser says
    so, ``Sec-Fetch-Site`` too. ``headers`` have lower-case names."""
    return headers.get("origin") == base_url and headers.get("sec-fetch-site", "same-origin") == "same-origin"


def save_session(connection: Connection, now: float, *, session: Session, secret: str) -> None:
    """Keeps a session under the hash of its cookie, and sweeps those that have ended."""
    connection.execute(delete(sessions).where(sessions.c.expires < now))
    connection.execute(
        insert(sessions).values(
            hash=hashed(secret), roles=json.dumps(sorted(session.roles)), launch=session.launch_id, ehr=session.ehr,
            patient=session.patient, fhir_user=session.fhir_user, expires=session.expires,
        )
    )  # fmt: skip


def find_session(connection: Connection, now: float, cookie: str | None) -> Session | None:
    """The session of this cookie value, unless there is none or it has ended."""
    if not cookie:
        return None
    row = connection.execute(select(sessions).where(sessions.c.hash == hashed(cookie))).one_or_none()
    if row is None or row.expires <= now:
        return None
    return Session(
        roles=frozenset(json.loads(row.roles)), expires=row.expires, launch_id=row.launch, ehr=row.ehr,
        patient=row.patient, fhir_user=row.fhir_user,
    )  # fmt: skip


def end_session(connection: Connection, now: float, cookie: str | None) -> None:
    """Logout: the cookie opens nothing from now on."""
    connection.execute(delete(sessions).where(sessions.c.hash == hashed(cookie or "")))


def add_link(connection: Connection, now: float, token: str) -> None:
    """Makes ``/enter?token=…`` work once within ten minutes. ``token`` has 256 random bits."""
    connection.execute(delete(links).where(links.c.expires < now))
    connection.execute(insert(links).values(hash=hashed(token), expires=now + LINK_LIFETIME))


def take_link(connection: Connection, now: float, token: str) -> bool:
    """Uses a link up. False when it is unknown, used or late."""
    usable = (links.c.hash == hashed(token), links.c.expires > now)
    return connection.execute(delete(links).where(*usable)).rowcount == 1


def cookie_header(name: str, value: str, *, max_age: int) -> str:
    """A ``Set-Cookie`` value. ``SameSite=None; Partitioned`` because the EHR opens the app inside its own frame, where
    any other cookie vanishes; what changes state checks ``same_origin`` instead. A ``max_age`` of 0 removes it."""
    return f"{name}={value}; Max-Age={max_age}; Path=/; Secure; HttpOnly; SameSite=None; Partitioned"


def cookie_values(headers: Iterable[tuple[bytes, bytes]], name: str) -> Iterator[str]:
    """Every value that the request's cookies of this name have; raw ASGI headers. A browser may send two of a name."""
    for header, value in headers:
        if header == b"cookie":
            for pair in value.decode("latin-1").split(";"):
                found, _, secret = pair.strip().partition("=")
                if found == name:
                    yield secret
