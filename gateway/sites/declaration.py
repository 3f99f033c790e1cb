"""``site.toml`` as values: one customer's EHRs, mappings, models, thresholds, routes, calendar, retention.

The models below are the format: what they do not name is refused, and the published JSON Schema is made of them.
"""

from datetime import date
from ipaddress import ip_network
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from gateway.schedules import cron, population
from vocabulary.instant import Span, parse_span

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,62}$", description="small letters, digits and hyphens")]
Text = Annotated[
    str, Field(min_length=1, max_length=500, pattern=r"^[^\x00-\x1f\x7f]+$", description="a printable text")
]


def _duration(text: str) -> str:
    try:
        parse_span(text)
    except ValueError as wrong:
        raise ValueError("must be an ISO 8601 duration such as P30D") from wrong
    return text


Duration = Annotated[str, AfterValidator(_duration), Field(description="an ISO 8601 duration such as P30D")]


def _zone(text: str) -> str:
    try:
        ZoneInfo(text)
    except (KeyError, ValueError, OSError) as unknown:
        raise ValueError("must be a zone of the IANA database such as America/Chicago") from unknown
    return text


def _cidr(text: str) -> str:
    try:
        ip_network(text)
    except ValueError as wrong:
        raise ValueError("must be a network as CIDR such as 10.20.0.0/16, with no bit set beyond the prefix") from wrong
    return text


Cidr = Annotated[str, AfterValidator(_cidr), Field(description="a network as CIDR such as 10.20.0.0/16")]


def _cron(text: str) -> str:
    cron.parse(text)
    return text


def _whom(text: str) -> str:
    population.parse(text)
    return text


def _grace(text: str) -> str:
    span = parse_span(text)
    if span.months or not 60 <= span.seconds <= 86400:
        raise ValueError("must be from PT1M to P1D")
    return text


Zone = Annotated[str, AfterValidator(_zone), Field(description="a zone of the IANA database such as America/Chicago")]
Cron = Annotated[str, AfterValidator(_cron), Field(description="minute hour day-of-month month day-of-week, or @daily")]
Whom = Annotated[str, AfterValidator(_whom), Field(description="Group/ID, Patient?…, Encounter?… or EpisodeOfCare?…")]
Grace = Annotated[Duration, AfterValidator(_grace)]
Owner = Literal["engineering", "clinical_informatics"]
Severity = Literal["info", "warning", "critical"]


class Table(BaseModel):
    """A table of the file: nothing in it but what is named."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Coding(Table):
    """A code of a code system."""

    system: Text
    code: Text
    display: Text | None = None


class Customer(Table):
    """Who the site is. ``regulation`` picks the profile of its readiness; ``timezone`` is that of its calendar."""

    id: Name
    title: Text
    timezone: Zone = "UTC"
    regulation: Literal["hti-1", "hti-5"] = "hti-1"


class Reading(Table):
    """What this feed calls something: ``local`` is taken for ``means`` when a chart is read. ``source`` says who knows so;
    ``ehrs`` empty means every EHR of the site."""

    local: Coding
    means: Coding
    source: Text
    ehrs: tuple[Name, ...] = ()


class Writing(Table):
    """Where an output's code goes at this site, such as a flowsheet row. ``category`` is the Observation category."""

    code: Coding
    becomes: Coding
    source: Text
    category: Text | None = None


class Owners(Table):
    """Who answers for a model here."""

    model: Text
    engineering: Text
    clinical_informatics: Text


class Deployed(Table):
    """A model version at this site. ``ehrs`` empty means every EHR of the site."""

    id: Text
    version: Text
    policy: Literal["automatic", "confirm", "shadow"]
    owners: Owners
    ehrs: tuple[Name, ...] = ()


class Schedule(Table):
    """Scoring by the clock with the gateway's backend client. ``time_zone`` absent is the site's; ``most`` goes with ``catch_up``
    ``all``: how many ticks at once; ``grace`` is how long a tick may be tried."""

    id: Name
    ehr: Name
    models: tuple[Text, ...] = Field(min_length=1)
    cron: Cron
    time_zone: Zone | None = None
    patients: Whom
    catch_up: Literal["none", "last", "all"] = "last"
    most: Annotated[int, Field(ge=2, le=100, strict=True, description="2 to 100")] | None = None
    grace: Grace = "PT15M"


class Kept(Table):
    """What may not be lost of what is written: paths (``Observation.component``) or types (``Provenance``)."""

    must_keep: tuple[Text, ...] = ()


class Thresholds(Table):
    """``file`` is the signed document of metrics and thresholds, beside ``site.toml``; ``signers`` may sign it: a name and the
    Ed25519 public key (base64url)."""

    file: Text
    signers: dict[str, Text] = Field(min_length=1)


class Route(Table):
    """Who gets which alerts. ``model`` absent means every model; ``acknowledge`` is how long an alert may wait; ``networks`` are
    those that a webhook's receiver may be in, any public one where none is named."""

    owner: Owner
    severity: tuple[Severity, ...] = Field(min_length=1)
    sink: Literal["page", "webhook", "task", "email"]
    to: Text
    model: Text | None = None
    secret_file: Text | None = None
    networks: tuple[Cidr, ...] | None = None
    acknowledge: Duration | None = None


class Planned(Table):
    """A change that is known beforehand, so that what it causes is one planned task and no alarm."""

    on: date
    what: Text
    systems: tuple[Text, ...] = ()


class Retention(Table):
    """How long what is kept besides the outputs themselves."""

    sessions: Duration = "P1D"
    launches: Duration = "P30D"
    journal: Duration = "P2Y"
    audit: Duration = "P6Y"


class Site(Table):
    """The whole file. ``ehr`` tables are those of ``chartgate.toml`` (docs/how-to/connect-an-ehr.md)."""

    site: Customer
    ehr: tuple[dict[str, Any], ...] = Field(min_length=1)
    reading: tuple[Reading, ...] = ()
    writing: tuple[Writing, ...] = ()
    keep: Kept = Kept()
    model: tuple[Deployed, ...] = Field(min_length=1)
    thresholds: Thresholds | None = None
    route: tuple[Route, ...] = ()
    planned: tuple[Planned, ...] = ()
    schedule: tuple[Schedule, ...] = ()
    retention: Retention = Retention()

    @property
    def ehrs(self) -> tuple[str, ...]:
        """The names of its EHRs, in the file's order."""
        return tuple(str(each.get("name")) for each in self.ehr)


def spans(retention: Retention) -> dict[str, Span]:
    """The retention as spans, by member."""
    return {name: parse_span(value) for name, value in retention.model_dump().items()}
