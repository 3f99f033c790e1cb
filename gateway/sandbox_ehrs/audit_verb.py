"""Edge: reading a sandbox EHR's audit log, by the installation's owner only: no token and no route leads here."""

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import NAMESPACE_URL, uuid5

from sqlalchemy import Connection

from sandbox import audit, audit_log
from sandbox.audit import Event

PAGE = 100
"""Rows of one work: a long log never holds the EHR's writer for long."""


def list_audit(connection: Connection, now: float, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """One page: ``rows``, newest first, with ``number``, ``base`` and the members of ``Event``; ``before`` for the next
    page, None at the end. The arguments are those of ``audit_log.page``. That the log was read is kept in
    it (IHE ATNA), with its first page."""
    before, patient = arguments.get("before"), arguments.get("patient")
    found, further = audit_log.page(
        connection, now, limit=min(int(arguments["limit"]), PAGE), before=before, patient=patient,
        client=arguments.get("client"), since=arguments.get("since"),
    )  # fmt: skip
    if before is None:
        audit_log.used(connection, now, patient=patient)
    rows = [{"number": row.number, "base": row.base, **row.event._asdict()} for row in found]
    return {"rows": rows, "before": further}


def bundle_of(rows: Iterable[Mapping[str, Any]], *, site: str) -> dict[str, Any]:
    """The rows of ``list_audit`` as a Bundle of AuditEvents; ``site`` is the EHR's name."""
    events, names = [], []
    for row in rows:
        said = Event(**{name: row[name] for name in Event._fields})
        events.append(audit.event(said, id=f"{site}-{row['number']}", base=row["base"], site=site))
        names.append(uuid5(NAMESPACE_URL, f"{row['base']}/audit/{row['number']}").urn)
    return audit.bundle(events, names)
