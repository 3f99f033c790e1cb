"""What belongs to a site, read out of the raw database by SQL alone: none of the gateway's own guards, queries or types.

Each table stands in exactly one of three lists, so that a table that is new is judged before it is trusted.
"""

import json
import re
from collections.abc import Mapping
from typing import Any

from sqlalchemy import Connection, text

Rows = Mapping[str, list[tuple[Any, ...]]]
OWN_COLUMN: Mapping[str, str] = {
    **dict.fromkeys(
        (
            "outputs", "deliveries", "delivery_targets", "recall_items", "app_launches", "app_pending_launches",
            "gateway_sessions", "gateway_fidelity", "monitoring_actions", "monitoring_changes", "monitoring_entries",
            "monitoring_journal", "monitoring_markers", "monitoring_points", "monitoring_raised", "monitoring_silences",
            "monitoring_states", "monitoring_alerts",
        ),
        "ehr",
    ),
    "app_ehrs": "name", "gateway_profiles": "feed", "gateway_site_evidence": "site", "gateway_site_overrides": "site",
    "gateway_site_versions": "site", "gateway_site_live": "site",
}  # fmt: skip
"""Tables whose rows name their EHR (here each site is one EHR, of the same name), by the column that does."""
THROUGH: Mapping[str, tuple[str, str, str]] = {
    "delivery_attempts": ("delivery", "deliveries", "key"), "delivery_bodies": ("delivery", "deliveries", "id"),
    "delivery_waits": ("delivery", "deliveries", "key"), "idempotency": ("output", "outputs", "id"),
    "output_corrections": ("output", "outputs", "id"), "gateway_feedback": ("output", "outputs", "id"),
    "gateway_readings": ("output", "outputs", "id"), "gateway_banners": ("launch", "app_launches", "id"),
    "gateway_jobs": ("launch", "app_launches", "id"), "monitoring_alert_events": ("alert", "monitoring_raised", "id"),
    "monitoring_notices": ("alert", "monitoring_raised", "id"), "monitoring_labels": ("output", "outputs", "id"),
    "monitoring_samples": ("output", "outputs", "id"),
}  # fmt: skip
"""Tables whose rows belong to a row of another: own column, the other table, its column."""
BY_ADDRESS: Mapping[str, tuple[str, str]] = {"gateway_conformance": ("target", "https://{}.example/r4")}
"""Tables whose rows name the address of their EHR."""
OF_NOBODY: frozenset[str] = frozenset(
    {
        "gateway_counted", "gateway_facts", "gateway_leases", "gateway_links", "gateway_purges", "monitoring_cursors",
        "monitoring_evaluator",  # how far the installation's own loops are
        "recalls",  # one is for every EHR, and made with a key that is bound to none
        "gateway_api_keys",  # made on the command line; no request reads or makes one
        "gateway_schedules", "gateway_ticks", "gateway_tick_patients",  # made by the clock; metrics show those of a key's EHRs,
        # and a site's page those of its own
    }
)  # fmt: skip
_WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9.-]{7,}")
_TIME = re.compile(r"\d{4}-\d\d")


def rows_of(connection: Connection, ehr: str) -> Rows:
    """Every row that belongs to the EHR, by table."""
    found = {}
    for name in owned():
        said = BY_ADDRESS[name][1].format(ehr) if name in BY_ADDRESS else ehr
        found[name] = [tuple(row) for row in connection.execute(text(_query(name)), {"ehr": said})]
    return found


def owned() -> list[str]:
    """The names of the tables that have rows of a site."""
    return sorted([*OWN_COLUMN, *THROUGH, *BY_ADDRESS])


def _query(name: str) -> str:
    if (column := OWN_COLUMN.get(name) or BY_ADDRESS.get(name, ("",))[0]) != "":
        return f'SELECT * FROM "{name}" WHERE "{column}" = :ehr ORDER BY 1, 2'
    own, other, id = THROUGH[name]
    belongs = f'SELECT "{id}" FROM "{other}" WHERE "{OWN_COLUMN[other]}" = :ehr'
    return f'SELECT * FROM "{name}" WHERE "{own}" IN ({belongs}) ORDER BY 1, 2'


def marks(mine: Rows, others: Rows, ehr: str) -> frozenset[str]:
    """The words by which something of this EHR is known: those that its rows have and the other's have not."""
    return (_words(mine) | {ehr}) - _words(others)


def _words(rows: Rows) -> set[str]:
    """Words that name something: what is of letters alone is a state or a kind, which any row may have."""
    found: set[str] = set()
    for row in (row for table in rows.values() for row in table):
        for value in row:
            said = value.decode(errors="replace") if isinstance(value, bytes) else value
            found |= set(_WORD.findall(said)) if isinstance(said, str) else set()
    return {word for word in found if not word.isalpha() and not _TIME.match(word)}


def ids_in(rows: Rows) -> list[str]:
    """What an address may name: outputs, deliveries, alerts, decisions, silences, sentences, reports."""
    places = {
        "outputs": 0, "deliveries": 1, "monitoring_raised": 0, "monitoring_actions": 0, "monitoring_silences": 0,
        "monitoring_samples": 0, "gateway_conformance": 0,
    }  # fmt: skip
    return [str(row[place]) for table, place in places.items() for row in rows[table]]


def found_in(answer: str, known: frozenset[str], said: str) -> set[str]:
    """The words of the other site that an answer has, and that were not said by the asker."""
    return {word for word in known if word in answer and word not in said}


def told(value: Any) -> str:
    """A request as text, to know what its sender said."""
    return json.dumps(value, default=str)
