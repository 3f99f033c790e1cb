"""The newest requests at one EHR and what was decided, in memory: what the page of the log shows while it happens.

Ids, names and counts only, as in the audit log, of which this is the end with two things more that are not kept: what a
refusal said in our own words, and the scopes that spoke of the type.
"""

from collections import deque
from collections.abc import Iterable
from threading import Lock
from typing import NamedTuple

from auth import scopes
from auth.scopes import FhirScope
from auth.server.grants import Grant
from r4.interaction import Answer
from sandbox.audit import Event

REMEMBERED = 500
LETTERS = {
    "read": "r", "vread": "r", "history": "r", "search": "s", "create": "c", "update": "u", "patch": "u", "delete": "d",
}  # fmt: skip
"""The SMART 2.2 letter that an interaction needs."""


class Seen(NamedTuple):
    """One row: its number in this process, the audit event, why it was refused in words, and what the token was granted."""

    number: int
    event: Event
    why: str = ""
    grant: Grant | None = None

    @property
    def needs(self) -> str:
        """The scope that such an interaction needs, at the token's level."""
        letter = LETTERS.get(self.event.what, "")
        level = (self.grant.level if self.grant is not None else None) or "patient"
        return f"{level}/{self.event.type}.{letter}" if letter and self.event.type else ""

    @property
    def granted(self) -> str:
        """The token's scopes that speak of the type."""
        if self.grant is None or self.event.type is None:
            return ""
        found = [
            scopes.format_one(scope)
            for scope in self.grant.scopes
            if isinstance(scope, FhirScope) and scope.type in (self.event.type, "*")
        ]
        return " ".join(found) or f"none for {self.event.type}"


class Recent:
    """The last ``REMEMBERED`` rows; any thread adds, the event loop reads."""

    def __init__(self) -> None:
        self._rows: deque[Seen] = deque(maxlen=REMEMBERED)
        self._last, self._lock = 0, Lock()

    def add(self, events: Iterable[Event], *, why: str = "", grant: Grant | None = None) -> None:
        """Further rows."""
        with self._lock:
            for event in events:
                self._last += 1
                self._rows.append(Seen(self._last, event, why, grant))

    def after(self, number: int) -> list[Seen]:
        """The rows that came after this number, the newest first."""
        with self._lock:
            return [row for row in reversed(self._rows) if row.number > number]


def words(answer: Answer) -> str:
    """What a refusal says, and of which element; call it for our own refusals only, which repeat nothing that was sent."""
    for issue in (answer.resource or {}).get("issue", ()):
        element = next(iter(issue.get("expression", ())), "")
        text = str(issue.get("details", {}).get("text", ""))
        return f"{element}: {text}" if element else text
    return ""
