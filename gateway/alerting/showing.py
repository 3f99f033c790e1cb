"""Alerts, silences and decisions as JSON. Pure."""

from typing import Any

from monitoring.alerting import messages
from monitoring.alerting.acting import Taken
from monitoring.alerting.marks import Marker
from monitoring.alerting.rules import Silence
from vocabulary.alert import Alert, AlertEvent
from vocabulary.instant import format_instant


def shown_alert(alert: Alert) -> dict[str, Any]:
    """``told`` says whether anybody is being told of it; what keeps it quiet is named."""
    return {
        **messages.shown(alert), "told": not alert.quiet, "inhibited_by": alert.inhibited or None,
        "silenced_by": alert.silenced or None, "digest": alert.rolled, "acknowledged_by": alert.acknowledged_by or None,
        "resolved_by": alert.resolved_by or None,
    }  # fmt: skip


def shown_event(event: AlertEvent) -> dict[str, str]:
    """A line of an alert's story."""
    return {"at": format_instant(event.at), "what": event.what, "by": event.by, "note": event.note}


def shown_change(marker: Marker) -> dict[str, str]:
    """A mark beside a series."""
    return {"at": format_instant(marker.at), "what": marker.what}


def shown_silence(silence: Silence) -> dict[str, str]:
    """Empty members stand for anything."""
    names = ("id", "by", "why", "monitor", "model", "ehr", "source")
    return {**{name: getattr(silence, name) for name in names}, "until": format_instant(silence.until)}


def shown_action(taken: Taken) -> dict[str, Any]:
    """An empty version or EHR means every one."""
    names = ("id", "model", "version", "ehr", "action", "feature", "by", "why")
    lifted = None if taken.lifted is None else format_instant(taken.lifted)
    return {**{name: getattr(taken, name) for name in names}, "at": format_instant(taken.at), "lifted": lifted}
