"""Changes that are known beforehand: releases of code sets, and what a site has planned. A signal that coincides with one is told
so, and what such a change usually causes is gathered under one alert for the whole of it; nothing grave is ever kept quiet. Pure.

The product's monitoring design §4: a terminology calendar turns what a release causes into one planned-change Task.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo

PLANNED = "M-PLANNED"
"""The monitor of the alert that stands for a planned change while it is under way."""
DAY = 86400.0
ICD, PCS = "http://hl7.org/fhir/sid/icd-10-cm", "http://www.cms.gov/Medicare/Coding/ICD10"
LOINC, SNOMED = "http://loinc.org", "http://snomed.info/sct"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
CPT, HCPCS = "http://www.ama-assn.org/go/cpt", "urn:oid:2.16.840.1.113883.6.285"
EVERY_MONTH = tuple(range(1, 13))


@dataclass(frozen=True, kw_only=True, slots=True)
class Release:
    """A code set's regular release: on ``day`` of ``months`` (0: the first Monday); feeds follow within ``days``, which is our
    own guess, to be argued with."""

    title: str
    system: str
    months: tuple[int, ...]
    day: int
    days: int
    source: str


RELEASES: tuple[Release, ...] = (
    Release(
        title="ICD-10-CM", system=ICD, months=(4, 10), day=1, days=14,
        source="CMS, ICD-10 files: fiscal year from 1 October, update of 1 April (cms.gov/medicare/coding-billing/icd-10-codes)",
    ),
    Release(
        title="ICD-10-PCS", system=PCS, months=(4, 10), day=1, days=14,
        source="CMS, ICD-10 files: as ICD-10-CM",
    ),
    Release(
        title="LOINC", system=LOINC, months=(2, 8), day=15, days=28,
        source="LOINC release notes 2.70: mid-February and mid-August from 2021 on (loinc.org/kb/release-notes-archive/2.70)",
    ),
    Release(
        title="SNOMED CT US Edition", system=SNOMED, months=(3, 9), day=1, days=14,
        source="NLM Tech Bull 2022 Sep-Oct (448):b1: March and September",
    ),
    Release(
        title="RxNorm", system=RXNORM, months=EVERY_MONTH, day=0, days=7,
        source="NLM Tech Bull 2008 Nov-Dec (365):e19: full release on the first Monday of every month, but for holidays",
    ),
    Release(
        title="CPT", system=CPT, months=(1,), day=1, days=14,
        source="AMA, CPT: Demystifying the language of medicine (innovationmatch.ama-assn.org): categories I, II from 1 January",
    ),
    Release(
        title="HCPCS Level II", system=HCPCS, months=(1, 4, 7, 10), day=1, days=7,
        source="CMS: updated each quarter (cms.gov/medicare/coding-billing/healthcare-common-procedure-system)",
    ),
)  # fmt: skip
SITE_DAYS = 14
"""Days that what a site has planned is under way."""
SHIFTS = ("M-IN-01", "M-IN-02", "M-IN-03", "M-IN-04", "M-OUT-02", "M-OUT-03", "VER-")
"""Monitors (or what their ids begin with) of which a coincidence is told, and which a site's own plan gathers."""
CODES = ("M-IN-03", "VER-")
"""Those that a code set's release gathers: codes that nobody knew, or that are not there any more. A pulse that shifts in
February is no matter of LOINC's."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """Under way from ``at`` until ``until`` (Unix seconds); ``systems`` empty: it may touch anything. ``gathers`` are the
    monitors whose warnings it explains."""

    name: str
    at: float
    until: float
    systems: frozenset[str] = frozenset()
    gathers: tuple[str, ...] = SHIFTS
    source: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Planned:
    """What a site has declared: a day of its own calendar."""

    on: date
    what: str
    systems: tuple[str, ...] = ()


def _knows_none(model: str, version: str, ehr: str, feature: str) -> frozenset[str]:
    return frozenset()


@dataclass(frozen=True, kw_only=True, slots=True)
class Calendar:
    """``planned`` and ``zones`` by EHR (without: none, UTC). ``systems`` says which code systems a feature
    (all of a model's, for an empty name) is read by."""

    planned: Mapping[str, Sequence[Planned]] = field(default_factory=dict)
    zones: Mapping[str, tzinfo] = field(default_factory=dict)
    systems: Callable[[str, str, str, str], frozenset[str]] = _knows_none

    def under_way(self, ehr: str, now: float) -> list[Change]:
        """What is under way at one EHR: the site's own plans first."""
        return [each for each in self.around(ehr, now) if each.at <= now < each.until]

    def around(self, ehr: str, now: float, *, days: float = 0.0) -> list[Change]:
        """What is under way, or will be within so many days, the soonest first but a site's own before the rest."""
        zone = self.zones.get(ehr, UTC)
        own = [_of_site(each, zone) for each in self.planned.get(ehr, ())]
        found = [*own, *releases(now, days=days, zone=zone)]
        return [each for each in found if each.at <= now + days * DAY and now < each.until]

    def touching(self, ehr: str, monitor: str, model: str, version: str, feature: str, now: float) -> Change | None:
        """The change that a signal coincides with: one that gathers it before one that is only told of."""
        if not monitor.startswith(SHIFTS):
            return None
        systems = self.systems(model, version, ehr, feature)
        found = [each for each in self.under_way(ehr, now) if not each.systems or each.systems & systems]
        return min(found, key=lambda each: not monitor.startswith(each.gathers), default=None)


NOTHING = Calendar()


def releases(now: float, *, days: float = 0.0, zone: tzinfo = UTC) -> Iterator[Change]:
    """Every release that is under way at ``now`` or begins within so many days."""
    today = datetime.fromtimestamp(now, zone).date()
    for release in RELEASES:
        for months in range(-2, int(days // 28) + 2):
            month = today.month - 1 + months
            on = _day(release, today.year + month // 12, month % 12 + 1)
            if on is not None:
                change = _change(f"{release.title} release of {on.isoformat()}", on, release.days, zone)
                if now < change.until and change.at <= now + days * DAY:
                    yield Change(
                        name=change.name, at=change.at, until=change.until, systems=frozenset({release.system}), gathers=CODES,
                        source=release.source,
                    )  # fmt: skip


def _day(release: Release, year: int, month: int) -> date | None:
    if month not in release.months:
        return None
    first = date(year, month, release.day or 1)
    return first if release.day else first + timedelta(days=-first.weekday() % 7)


def _change(name: str, on: date, days: int, zone: tzinfo) -> Change:
    """From midnight of the site's day on: days are counted as its calendar has them."""
    begin, end = (datetime.combine(each, time(), zone) for each in (on, on + timedelta(days=days)))
    return Change(name=name, at=begin.timestamp(), until=end.timestamp())


def _of_site(planned: Planned, zone: tzinfo) -> Change:
    made = _change(f"{planned.what} ({planned.on.isoformat()})"[:128], planned.on, SITE_DAYS, zone)
    return Change(
        name=made.name,
        at=made.at,
        until=made.until,
        systems=frozenset(planned.systems),
        source="site.toml, [[planned]]",
    )
