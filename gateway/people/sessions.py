"""Edge: people's sessions. A row per session; of its cookie only SHA-256 is kept.

A browser shows several at once: each launch has a session of its own under a cookie of its own, so that two tabs with two
patients do not take one another's place. One stands in front, the others beside it.
Who may do what is a function of ``Session | None`` with one exit (product.md §6).
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any, Literal

from sqlalchemy import Column, Connection, Double, Row, String, Table, Text, delete, insert, select, update

from gateway.tables import metadata

Role = Literal["engineer", "informatics", "clinician"]

COOKIE = "chartgate_session"
"""The cookie of a session that no launch began."""
LAUNCHED = "__Host-chartgate-session-"
"""The cookies of launches begin so; the rest is from the launch's id. ``__Host-`` keeps other hosts from setting one."""
SIDE_BY_SIDE = 12
"""Launches of one browser that stay signed in at once; one more ends the oldest. Browsers keep 10 kB for a framed site."""
LOOKED_AT = 64
"""Session cookies of one request that are looked at."""
LIFETIME = 8 * 3600.0
"""Seconds: one working shift, after which a person launches or signs in again."""
IDLE = 15 * 60.0
"""Seconds that a launch's session lives without anybody looking at its page: a screen that is left alone empties itself."""

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
    Column("person", String(200), nullable=True),
    Column("bound", Text, nullable=True),
)
"""``bound`` has the roles and EHRs of staff that is bound to some; ``roles`` is empty then, so that a release that knows no
bounds shows such a session nothing."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Session:
    """``patient`` is a bare id at ``ehr``; ``fhir_user`` is ``Type/id`` from a validated id_token. A session of the
    one-time link has neither; ``person`` is the subject of who signed in at the OpenID provider. ``ehrs`` are those that staff
    is bound to, as keys are: empty means all. ``expires`` is Unix seconds. ``beside`` are the other sessions that the browser
    showed."""

    roles: frozenset[Role]
    expires: float
    launch_id: str | None = None
    ehr: str | None = None
    patient: str | None = None
    fhir_user: str | None = None
    person: str | None = None
    ehrs: frozenset[str] = frozenset()
    beside: tuple["Session", ...] = ()

    @property
    def shown(self) -> tuple["Session", ...]:
        """This one and those beside it."""
        return (self, *self.beside)

    @property
    def bound_to(self) -> frozenset[str]:
        """The EHRs that those of the shown sessions which no launch began are bound to; empty where one is bound to none."""
        bound = [each.ehrs for each in self.shown if each.launch_id is None]
        return frozenset().union(*bound) if all(bound) else frozenset()


STAFF: frozenset[Role] = frozenset({"engineer", "informatics"})
"""The roles of who sees what is of no patient of their own."""
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
    return Session(roles=roles, expires=now + IDLE, launch_id=launch_id, ehr=ehr, patient=patient, fhir_user=fhir_user)


def of_link(*, now: float, ehrs: frozenset[str] = frozenset()) -> Session:
    """The session of the one-time link: whoever started this installation, without patient and without identity."""
    return Session(roles=STAFF, expires=now + LIFETIME, ehrs=ehrs)


def of_staff(*, now: float, person: str, roles: frozenset[Role], ehrs: frozenset[str] = frozenset()) -> Session:
    """The session of who signed in at the OpenID provider: roles, and no patient; it confirms nothing."""
    return Session(roles=roles, expires=now + LIFETIME, person=person, ehrs=ehrs)


def _first(holds: Callable[[Session], bool]) -> Requirement:
    """The first that holds of the sessions that a browser showed, the one in front before those beside it."""

    def found(session: Session | None) -> Session | None:
        return next((each for each in session.shown if holds(each)), None) if session is not None else None

    return found


def reaches(session: Session, ehr: str) -> bool:
    """Whether staff of these bounds see what is of this EHR. What is of no EHR (``""``) is for who is bound to none."""
    return not session.ehrs or ehr in session.ehrs


def require(*roles: Role, ehr: str | None = None) -> Requirement:
    """A requirement: any session when no role is named, otherwise one that has at least one of the roles; and that reaches the
    EHR, where the request concerns one."""
    wanted = frozenset(roles)
    return _first(
        lambda session: (not wanted or bool(wanted & session.roles)) and (ehr is None or reaches(session, ehr))
    )


def bounds(session: Session, *roles: Role) -> frozenset[str]:
    """The EHRs whose rows these sessions list by such a role; empty means all, as with keys. Raises ValueError where none has
    the role: that is no bound at all."""
    bound = [each.ehrs for each in session.shown if set(roles) & each.roles]
    if not bound:
        raise ValueError("no session has the role")
    return frozenset().union(*bound) if all(bound) else frozenset()


def beyond(session: Session, ehr: str) -> bool:
    """Whether these sessions are of staff that is bound to other EHRs, and of nobody else here: to them, nothing of this EHR
    is there."""
    here = any(each.ehr == ehr or (each.launch_id is None and reaches(each, ehr)) for each in session.shown)
    return bool(session.bound_to) and not here


def launched() -> Requirement:
    """A session that a launch began."""
    return _first(lambda session: session.launch_id is not None and session.ehr is not None)


def confirms(*, ehr: str, patient: str) -> Requirement:
    """Who may confirm or reject an output of ``patient`` (bare id) at ``ehr``: a practitioner, by a validated identity,
    from a launch at that EHR with that patient in context."""
    return _first(
        lambda session: (
            session.launch_id is not None
            and "clinician" in session.roles
            and is_practitioner(session.fhir_user)
            and session.ehr == ehr
            and session.patient == patient
        )
    )


def sees(*, ehr: str, patient: str) -> Requirement:
    """Who may open a page with this patient's data: staff of this installation, or a launch with that very patient."""
    return _first(
        lambda session: (
            bool(STAFF & session.roles and reaches(session, ehr)) or (session.ehr, session.patient) == (ehr, patient)
        )
    )


def judges(*, ehr: str, patient: str) -> Requirement:
    """Who may say of a sentence about this patient whether the chart bears it out: clinical informatics, or a practitioner from a
    launch with that very patient."""
    return _first(
        lambda session: (
            ("informatics" in session.roles and reaches(session, ehr))
            or (is_practitioner(session.fhir_user) and (session.ehr, session.patient) == (ehr, patient))
        )
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
            hash=hashed(secret), launch=session.launch_id, ehr=session.ehr, patient=session.patient,
            fhir_user=session.fhir_user, expires=session.expires, person=session.person, **_permits(session),
        )
    )  # fmt: skip


def find_session(connection: Connection, now: float, cookie: str | None) -> Session | None:
    """The session of this cookie value, unless there is none or it has ended."""
    return find_shown(connection, now, cookies=(cookie,) if cookie else ())


def find_shown(
    connection: Connection, now: float, *, cookies: Iterable[str], launch: str | None = None
) -> Session | None:  # fmt: skip
    """The sessions of these cookie values: in front the one of ``launch``, or the newest when no launch is named. None
    when there is none, and when that launch's own is not among them: no other patient's stands in its place."""
    hashes = {hashed(cookie) for cookie in cookies}
    rows = connection.execute(select(sessions).where(sessions.c.hash.in_(hashes), sessions.c.expires > now)).all()
    found = sorted(map(_session, rows), key=lambda session: -session.expires)
    front = next((each for each in found if launch in (None, each.launch_id)), None)
    return front and replace(front, beside=tuple(each for each in found if each is not front))


def keep_alive(connection: Connection, now: float, *, session: Session, since: float) -> float:
    """Somebody looks at the page of a launch that began at ``since``: its session lives on, never beyond a shift. Returns
    its new end, Unix seconds."""
    expires = max(session.expires, min(now + IDLE, since + LIFETIME))
    connection.execute(update(sessions).where(sessions.c.launch == session.launch_id).values(expires=expires))
    return expires


def _session(row: Row[Any]) -> Session:
    bound = {"roles": json.loads(row.roles), "ehrs": ()} if row.bound is None else json.loads(row.bound)
    return Session(
        roles=frozenset(bound["roles"]), expires=row.expires, launch_id=row.launch, ehr=row.ehr,
        patient=row.patient, fhir_user=row.fhir_user, person=row.person, ehrs=frozenset(bound["ehrs"]),
    )  # fmt: skip


def _permits(session: Session) -> dict[str, str | None]:
    roles = sorted(session.roles)
    if not session.ehrs:
        return {"roles": json.dumps(roles), "bound": None}
    return {"roles": "[]", "bound": json.dumps({"roles": roles, "ehrs": sorted(session.ehrs)})}


def end_shown(connection: Connection, now: float, *, cookies: Iterable[str]) -> list[str]:
    """Logout: these cookies open nothing from now on. Returns the launches whose sessions they were."""
    own = sessions.c.hash.in_({hashed(cookie) for cookie in cookies})
    ended = [id for id in connection.scalars(select(sessions.c.launch).where(own)) if id is not None]
    connection.execute(delete(sessions).where(own))
    return ended


def supersede(connection: Connection, now: float, *, cookies: Iterable[str], new: Session) -> list[str]:
    """Ends what may not stay beside a new launch in the same browser: another person's sessions at the same EHR, and the
    oldest beyond ``SIDE_BY_SIDE``. Returns the launches whose cookies are to go."""
    front = find_shown(connection, now, cookies=cookies)
    shown = [each for each in ((front, *front.beside) if front else ()) if each.launch_id is not None]
    same = [each for each in shown if each.ehr != new.ehr or each.fhir_user == new.fhir_user]
    stay = {each.launch_id for each in same[: SIDE_BY_SIDE - 1]}
    ended = [each.launch_id for each in shown if each.launch_id is not None and each.launch_id not in stay]
    connection.execute(delete(sessions).where(sessions.c.launch.in_(ended)))
    return ended


def end_sessions_of(connection: Connection, now: float, *, ehr: str) -> None:
    """Nobody is signed in from this EHR any more."""
    connection.execute(delete(sessions).where(sessions.c.ehr == ehr))


def cookie_header(name: str, value: str, *, max_age: int) -> str:
    """A ``Set-Cookie`` value. ``SameSite=None; Partitioned`` because the EHR opens the app inside its own frame, where
    any other cookie vanishes; what changes state checks ``same_origin`` instead. A ``max_age`` of 0 removes it."""
    return f"{name}={value}; Max-Age={max_age}; Path=/; Secure; HttpOnly; SameSite=None; Partitioned"


def session_cookie(launch_id: str) -> str:
    """The name of the cookie of a launch's session."""
    return f"{LAUNCHED}{hashed(launch_id)[:16]}"


def shown_cookies(headers: Iterable[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    """Name and value of every session cookie in a request; raw ASGI headers. A browser may send two of a name."""
    pairs = _pairs(headers)
    return [(name, value) for name, value in pairs if name == COOKIE or name.startswith(LAUNCHED)][:LOOKED_AT]


def cookie_values(headers: Iterable[tuple[bytes, bytes]], name: str) -> Iterator[str]:
    """Every value that the request's cookies of this name have; raw ASGI headers."""
    return (value for found, value in _pairs(headers) if found == name)


def _pairs(headers: Iterable[tuple[bytes, bytes]]) -> Iterator[tuple[str, str]]:
    for header, line in headers:
        if header == b"cookie":
            for pair in line.decode("latin-1").split(";"):
                name, _, value = pair.strip().partition("=")
                yield name, value
