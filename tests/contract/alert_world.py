"""A database of alerts on which a test moves the clock, says what monitors found, and sees who is told of it."""

import itertools
import json
from collections.abc import Callable
from typing import Any

from sqlalchemy import select

from gateway.storage.database import Database
from monitoring.alerting import handling, telling
from monitoring.alerting.raising import Finding, raise_alert
from monitoring.alerting.routing import Route, Table
from monitoring.alerting.rules import DAY
from monitoring.alerting.tables import notices as notice_table
from vocabulary.alert import Alert

NOON = 1_800_000_000.0 // DAY * DAY + 43200
ENGINEERING, INFORMATICS = "engineering", "clinical_informatics"
HOOK = Route(
    owner=ENGINEERING,
    severities=("warning", "critical"),
    sink="webhook",
    to="https://pager.example.org/hook",
    secret="s",
)
TASK = Route(owner=INFORMATICS, severities=("critical",), sink="task", to="spec", acknowledge=600.0)
ROUTES = Table(everywhere=(HOOK, TASK), people={("spec", "news2"): {"model": "Ward team"}})


class World:
    """One database and a clock that the test moves. Everything is done in transactions of its own."""

    def __init__(self, database: Database) -> None:
        self.database, self.now = database, NOON
        self._numbers = itertools.count(1)

    def new_id(self) -> str:
        return f"{next(self._numbers):032x}"

    def do(self, work: Callable[..., Any], *given: Any, **named: Any) -> Any:
        return self.database.run_now(lambda connection, _: work(connection, self.now, *given, **named))

    def raised(self, monitor: str, severity: str = "critical", **changes: Any) -> str:
        members: dict[str, Any] = {
            "monitor": monitor, "model": "news2", "version": "1.0.0", "ehr": "spec", "severity": severity,
            "owners": (ENGINEERING,), "value": 9.5, "limit": 9.0, **changes,
        }  # fmt: skip
        return str(self.do(raise_alert, Finding(**members), new_id=self.new_id))

    def alert(self, id: str) -> Alert:
        found: Alert = self.do(handling.find_alert, id)
        return found

    def story(self, id: str) -> list[str]:
        return [event.what for event in self.do(handling.find_events, id)]

    def told(self, table: Table = ROUTES) -> list[dict[str, Any]]:
        """The notices that are made now, but for AuditEvents."""
        return [row for row in self.made(table) if row["sink"] != "audit"]

    def audited(self, table: Table = ROUTES) -> list[tuple[str, str, str]]:
        """The AuditEvents that are made now: the EHR, the event, who did it."""
        own = sorted((row for row in self.made(table) if row["sink"] == "audit"), key=lambda row: row["event"])
        return [(row["to"], row["said"]["data"]["event"], row["said"]["data"]["by"]) for row in own]

    def made(self, table: Table) -> list[dict[str, Any]]:
        """The notices that are made now."""
        before = {row["id"] for row in self._notices()}
        link = lambda id: f"https://gate.example.org/alerts/{id}"  # noqa: E731
        while self.do(telling.tell, table=table, origin="urn:x", link=link):
            pass
        self.do(telling.tell_digest, table=table, origin="urn:x", link=link)
        return [row for row in self._notices() if row["id"] not in before]

    def _notices(self) -> list[dict[str, Any]]:
        rows = self.database.run_now(lambda c, _: [dict(row._mapping) for row in c.execute(select(notice_table))])
        return [{**row, "said": json.loads(row["body"])} for row in rows]
