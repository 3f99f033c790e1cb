"""What is told of an alert: a CloudEvent, and a text for people. Counts and ids; never a patient datum. Pure.

CloudEvents 1.0.2, JSON format: https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md
"""

from collections.abc import Mapping, Sequence
from typing import Any

from monitoring.alerting.calendar import PLANNED
from monitoring.alerting.marks import Marker
from monitoring.catalogue import MONITORS
from vocabulary.alert import Alert, AlertEvent
from vocabulary.instant import format_instant

TYPE = "org.chartgate.alert"
ACTION = "action:"
"""What the story of a decision is kept under, with its number, among the stories of alerts."""
TITLES: Mapping[str, str] = {
    "M-WB-COPIES": "An EHR has a delivery more than once",
    "M-WB-DEAD": "An EHR refused what was sent, or never took it",
    "M-WB-KEPT": "An EHR keeps less of what it is sent than it did",
    "M-WB-LABEL": "An EHR keeps what a model said, and not that a machine said it",
    "M-WB-WORKLIST": "A recall left a worklist: records that only a person at the EHR can take back",
    "M-SCH-MISSED": "A scheduled run was missed, or left patients out",
    PLANNED: "A planned change is under way",
}
FOLLOW_UP: Mapping[str, str] = {
    "M-WB-KEPT": "Compare the losses of the newest deliveries with older ones, and ask whoever runs the EHR what was changed.",
    "M-WB-LABEL": "Look at the delivery's losses, mark or take back what stands there, stop the model there until it is kept.",
    "M-WB-WORKLIST": "Work it off at /recalls, then run the same recall again: what was done by hand is seen.",
    PLANNED: "Look at what coincides with it together; map new codes. What still stands when it is over is told by itself.",
}


def title(monitor: str) -> str:
    """What the monitor watches, in words."""
    row = MONITORS.get(monitor)
    return row.title if row else TITLES.get(monitor, monitor)


def cloud_event(
    alert: Alert, event: AlertEvent, *, id: str, origin: str, link: str, changes: Sequence[Marker] = ()
) -> dict[str, Any]:
    """One state change. ``id`` is the notice's: the same when it is sent again. ``changes`` are what was changed before."""
    return {
        "specversion": "1.0", "id": id, "source": origin, "type": f"{TYPE}.{event.what}", "subject": alert.id,
        "time": format_instant(event.at), "datacontenttype": "application/json",
        "data": {
            **shown(alert), "event": event.what, "by": event.by, "link": link,
            "changes": [{"at": format_instant(each.at), "what": each.what} for each in changes],
        },
    }  # fmt: skip


def decided(
    taken: Mapping[str, Any], *, what: str, by: str, at: float, id: str, origin: str, link: str
) -> dict[str, Any]:
    """What was decided about a model (``what`` taken), or lifted. ``taken`` is the decision's row."""
    named = {name: taken[name] for name in ("model", "version", "ehr", "action", "feature")}
    return {
        "specversion": "1.0", "id": id, "source": origin, "type": f"org.chartgate.action.{what}",
        "subject": f"{ACTION}{taken['id']}", "time": format_instant(at), "datacontenttype": "application/json",
        "data": {"id": f"{ACTION}{taken['id']}", **named, "event": what, "by": by, "link": link},
    }  # fmt: skip


def digest(rolled: Sequence[Alert], *, id: str, at: float, origin: str, link: str) -> dict[str, Any]:
    """What a day's budget rolled together."""
    return {
        "specversion": "1.0", "id": id, "source": origin, "type": f"{TYPE}.digest", "time": format_instant(at),
        "datacontenttype": "application/json",
        "data": {"rolled": len(rolled), "alerts": [shown(alert) for alert in rolled], "link": link},
    }  # fmt: skip


def shown(alert: Alert) -> dict[str, Any]:
    """An alert as JSON."""
    row = MONITORS.get(alert.monitor)
    return {
        "id": alert.id, "monitor": alert.monitor, "title": title(alert.monitor), "model": alert.model,
        "version": alert.version, "ehr": alert.ehr, "source": alert.source, "stratum": alert.stratum,
        "severity": alert.severity, "owners": list(alert.owners), "state": alert.state, "count": alert.count,
        "value": alert.value, "limit": alert.limit, "since": format_instant(alert.since),
        "seen": format_instant(alert.seen), "deadline": format_instant(alert.deadline) if alert.deadline else None,
        "action": row.action if row else FOLLOW_UP.get(alert.monitor, ""), "planned": alert.planned,
    }  # fmt: skip


def subject(data: Mapping[str, Any]) -> str:
    """The line of an e-mail."""
    if "alerts" in data:
        return f"Chartgate: {data['rolled']} further warnings"
    return f"Chartgate {data['severity']}: {data['title']} of {data['model']} at {data['ehr']}, {data['event']}"


def text(data: Mapping[str, Any]) -> str:
    """The whole of an e-mail, and the description of a Task."""
    if "alerts" in data:
        lines = [f"{each['severity']}: {each['title']}, {each['model']} at {each['ehr']}" for each in data["alerts"]]
        return "\n".join([*lines, "", str(data["link"])])
    about = f"{data['source']} {data['stratum']}".strip()
    numbers = (
        ""
        if data["value"] is None
        else f"Value {data['value']:.4g}, limit {data['limit']:.4g}. "
        if data["limit"] is not None
        else f"Value {data['value']:.4g}. "
    )
    return (
        f"{data['title']}{f' ({about})' if about else ''}, model {data['model']} {data['version']} at {data['ehr']}: "
        f"{data['severity']}, {data['event']}. {numbers}Seen {data['count']} times since {data['since']}. "
        f"{_context(data)}{data['action']} {data['link']}"
    ).strip()


def _context(data: Mapping[str, Any]) -> str:
    """What it coincides with, and what was changed before it."""
    planned = f"Coincides with {data['planned']}. " if data.get("planned") else ""
    changes = "; ".join(f"{each['what']} ({each['at'][:10]})" for each in data.get("changes", ()))
    return planned + (f"Changed before: {changes}. " if changes else "")
