"""Where a model's true outcome comes from later: ``[monitoring] outcome`` of the manifest."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vocabulary.instant import Span
from vocabulary.tables import TableReader


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """``mature_after`` is how long after the output the outcome counts, whatever it was. ``query`` is a FHIR search below the
    patient (``Condition?code=…``), whose first match from the output on, by the date parameter ``since``, is the event; without
    a match by then there was none. ``confirmations``: a clinician's confirmation is an event, a rejection none."""

    source: str = ""
    mature_after: Span = field(default_factory=Span)
    query: str | None = None
    since: str | None = None
    confirmations: bool = False


def parse_outcome(monitoring: Mapping[str, Any]) -> tuple[Outcome | None, list[str]]:
    """The declaration, None where there is none, and what is wrong with it."""
    if "outcome" not in monitoring:
        return None, []
    problems: list[str] = []
    table = TableReader(monitoring["outcome"], "monitoring.outcome", problems)
    query, since = table.text("query"), table.text("since")
    if query is not None and (since is None or "?" not in query or "patient=" in query or "subject=" in query):
        problems.append(
            "monitoring.outcome.query must be Type?parameter=… without a patient, with since naming its date"
        )
    found = Outcome(
        source=table.text("source") or "", mature_after=table.span("mature_after", required=True) or Span(),
        query=query, since=since, confirmations=table.flag("confirmations"),
    )  # fmt: skip
    return (None if problems else found), problems
