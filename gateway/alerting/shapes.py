"""The bodies of answers about alerts, silences and decisions, for the OpenAPI document."""

from gateway.bodies.shapes import Shape


class AlertShown(Shape):
    """A monitor's alert."""

    id: str
    monitor: str
    model: str
    version: str
    ehr: str
    severity: str
    owners: list[str]
    state: str
    since: str
    title: str
    source: str
    stratum: str
    count: int
    value: float | None
    limit: float | None
    seen: str
    deadline: str | None
    action: str
    told: bool
    inhibited_by: str | None
    silenced_by: str | None
    digest: bool
    acknowledged_by: str | None
    resolved_by: str | None
    planned: str


class AlertsShown(Shape):
    """Every alert."""

    alerts: list[AlertShown]


class AlertEventShown(Shape):
    """Something that happened to an alert."""

    at: str
    what: str
    by: str
    note: str


class ChangeShown(Shape):
    """Something that was changed around a model."""

    at: str
    what: str


class AlertStory(AlertShown):
    """One alert, everything that happened to it, and what was changed in the two weeks before it."""

    events: list[AlertEventShown]
    changes: list[ChangeShown]


class SilenceShown(Shape):
    """Alerts that are kept quiet until a time."""

    id: str
    until: str
    by: str
    why: str
    monitor: str
    model: str
    ehr: str
    source: str


class SilencesShown(Shape):
    """Every silence that has not ended."""

    silences: list[SilenceShown]


class ActionShown(Shape):
    """What was decided about a model."""

    id: int
    model: str
    version: str
    ehr: str
    action: str
    feature: str
    at: str
    by: str
    why: str
    lifted: str | None


class ActionsShown(Shape):
    """What is in force."""

    actions: list[ActionShown]
