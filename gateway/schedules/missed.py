"""Edge: a tick that did not end well is an alert to engineering, one for each of its models, until the schedule runs again."""

from collections.abc import Callable, Iterable, Iterator

from sqlalchemy import Connection

from gateway.schedules.ticks import Ended
from monitoring.alerting.raising import Finding, clear, raise_alert
from monitoring.rules import MISSED


def tell(
    connection: Connection, now: float, ended: Ended, *, ehr: str, models: Iterable[tuple[str, str]],
    new_id: Callable[[], str],
) -> None:  # fmt: skip
    """Raises or ends the alerts of a schedule, in the transaction that ends its tick. ``models`` are ids and versions."""
    for finding in _findings(ended, ehr, models):
        if ended.state == "done":
            clear(connection, now, finding)
        else:
            raise_alert(connection, now, finding, new_id=new_id)


def _findings(ended: Ended, ehr: str, models: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    for model, version in models:
        yield Finding(
            monitor=MISSED.monitor, model=model, version=version, ehr=ehr, severity=MISSED.severity, owners=MISSED.owners,
            source=ended.schedule, value=float(ended.failed) if ended.failed else None,
        )  # fmt: skip
