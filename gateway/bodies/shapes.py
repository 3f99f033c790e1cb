"""The bodies of answers, for the OpenAPI document: what callers may rely on. Tests hold the answers against it."""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from vocabulary.output import OutputState
from vocabulary.write import DeliveryState, Role, Strategy


class Shape(BaseModel):
    """Members may be added in later versions."""

    model_config = ConfigDict(extra="forbid")


class PartShown(Shape):
    """One resource of an output's write; ``id`` and ``version`` are the EHR's. ``read_back`` says that it was read after it
    was written, so that ``losses`` are all that was lost."""

    delivery: str
    resource_type: str
    id: str | None
    version: str | None
    state: DeliveryState
    attempts: int
    losses: list[str]
    read_back: bool


class RefusalShown(Shape):
    """Why the gate let an output not through."""

    reason: str
    element: str
    text: str


class OutputShown(Shape):
    """An output, and what became of it. ``edits`` changed the EHR's copy later; ``withheld`` are the types that a
    shadow output would have sent."""

    id: str
    model: str
    version: str
    ehr: str
    patient: str
    encounter: str | None
    kind: str
    inference_id: str
    as_of: str
    state: OutputState
    refusal: RefusalShown | None
    verdict: dict[str, Any] | None
    abstained: str | None
    reason: str | None
    decided_by: str | None
    losses: list[str]
    deliveries: list[PartShown]
    edits: list[PartShown]
    withheld: list[str]


class OutputsShown(Shape):
    """A page of outputs; ``next`` is the address of the following one (of a search: its cursor)."""

    outputs: list[OutputShown]
    next: str | None


class DeliveryShown(Shape):
    """One resource on its way. ``cause`` is a short word, ``status`` the EHR's last answer."""

    delivery: str
    output: str | None
    ehr: str
    model: str
    model_version: str
    resource_type: str
    role: Role
    state: DeliveryState
    cause: str | None
    status: int | None
    attempts: int
    strategy: Strategy
    id: str | None
    version: str | None
    losses: list[str]
    read_back: bool
    next_at: str | None
    valid_until: str | None
    since: str
    changed: str


class AttemptShown(Shape):
    """What became of one attempt; ``issues`` are FHIR issue types and the EHR's own codes."""

    attempt: int
    event: str
    status: int | None
    cause: str | None
    issues: list[str]
    at: str


class DeliveryStory(DeliveryShown):
    """One delivery with its history."""

    history: list[AttemptShown]


class DeliveriesShown(Shape):
    """A page of deliveries."""

    deliveries: list[DeliveryShown]
    next: str | None


class RecallShown(Shape):
    """A recall. ``counts`` are resources by state, ``ehrs`` says whether each EHR was searched beyond the ledger."""

    id: str
    model: str
    version: str
    reason: str
    by: str
    state: Literal["running", "done"]
    since: str
    counts: dict[str, int]
    standing: int
    ehrs: dict[str, Literal["searched", "cannot"]]


class ItemShown(Shape):
    """What still stands, or may: ``waiting``, ``retracting`` or ``worklist``."""

    ehr: str
    resource_type: str
    location: str | None
    output: str | None
    delivery: str | None
    source: Literal["ledger", "ehr"]
    state: str
    cause: str | None


class RecallStory(RecallShown):
    """A recall with what still stands."""

    items: list[ItemShown]
    next: str | None


class RecallsShown(Shape):
    """A page of recalls; ``next`` leads on."""

    recalls: list[RecallShown]
    next: str | None


class LabelShown(Shape):
    """A label as it is kept; it counts from ``mature_at`` on."""

    output: str
    label: bool | str
    observed_at: str
    mature_at: str
    mature: bool


class MonitorShown(Shape):
    """A monitor of the catalogue; ``review`` says by level how soon a finding is to be reviewed."""

    id: str
    title: str
    algorithm: str
    owners: list[str]
    review: dict[str, str]
    action: str
    source: str
    counts: str


class SignalShown(Shape):
    """A monitor's signal as it stands; ``n`` counts encounters, labels or claims."""

    monitor: str
    model: str
    version: str
    ehr: str
    source: str
    stratum: str
    level: Literal["learning", "quiet", "warning", "critical"]
    value: float | None
    low: float | None
    high: float | None
    warn: float | None
    critical: float | None
    n: int
    at: str
    since: str
    thresholds: int


class ThresholdsShown(Shape):
    """Which thresholds hold: version 0 are the defaults; ``key`` signed them."""

    version: int
    key: str | None


class MonitorsShown(Shape):
    """Every monitor, and every signal."""

    monitors: list[MonitorShown]
    signals: list[SignalShown]
    thresholds: ThresholdsShown


class IssueShown(BaseModel):
    """One issue of an OperationOutcome: which element is wrong, and what is expected."""

    severity: str
    code: str
    details: dict[str, Any]
    expression: list[str] | None = None


class OperationOutcome(BaseModel):
    """FHIR R4 OperationOutcome; repeats nothing that was sent."""

    resourceType: Literal["OperationOutcome"]
    issue: list[IssueShown]


class FitnessShown(Shape):
    """How many charts were judged, and how; ``day``, ``ehr``, ``model`` and ``version`` are there where it is grouped by them."""

    day: str | None = None
    ehr: str | None = None
    model: str | None = None
    version: str | None = None
    charts: int
    fit: int
    caveats: int
    unfit: int


class FeatureShown(Shape):
    """On how many charts each check failed on a feature; ``days`` where one feature was asked for. ``codes`` are what the
    model's manifest reads it from, as ``system|code``."""

    ehr: str
    model: str
    version: str
    feature: str
    codes: list[str]
    failed: dict[str, int]
    days: dict[str, dict[str, int]]


class FidelityShown(Shape):
    """Counts only. ``feeds`` by EHR, ``models`` by EHR and model version, ``trend`` by day; ``profiles`` the days of which a
    profile of a feed is kept; ``counting`` that some outputs are not counted yet."""

    since: str
    until: str
    charts: int
    counting: bool
    trend: list[FitnessShown]
    feeds: list[FitnessShown]
    models: list[FitnessShown]
    features: list[FeatureShown]
    profiles: dict[str, list[str]]
