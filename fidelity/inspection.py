"""The instruments over one chart, feature by feature: a fault counts only where it touches what the model uses.

For an observation these are the record whose value was taken and those that would have come before it; for a presence,
every current record of its type, because "no" hangs on all of them.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from hashlib import sha256

from fidelity import matching, periods, presence
from fidelity.catalogue import INSTRUMENTS
from fidelity.chart import wanted_codes
from fidelity.derive import DERIVATIONS
from fidelity.editions.edition import Terminology
from fidelity.elements import address, ai_labelled, table, text, versioned
from fidelity.instrument import Instrument, Reach, Sighting
from fidelity.shelf import Shelf, shelve
from fidelity.subjects import subject_of
from vocabulary.chart import Chart, FeatureValue, Resource
from vocabulary.finding import Finding
from vocabulary.manifest import Feature

POINTERS = 5
"""Sample pointers in one finding: enough to find the fault, too few to be a list of patients."""


@dataclass(frozen=True, slots=True)
class Editions:
    """What says which codes there are (None: nothing does), and the editions that are pinned, by system."""

    terminology: Terminology | None = None
    pins: Mapping[str, str] = field(default_factory=dict)


def inspect(
    chart: Chart, features: Sequence[Feature], *, salt: bytes | None = None, editions: Editions = Editions()
) -> tuple[Finding, ...]:  # fmt: skip
    """One finding for each instrument that failed on a feature, and one for each that passed or never applied.

    With a ``salt`` findings point at records as ``Type/salted hash``; without one they point nowhere.
    """
    if not features:
        return _UNASKED
    results: dict[str, set[str]] = {instrument.id: set() for instrument in INSTRUMENTS}
    found: list[Finding] = []
    shelf = shelve(chart.reads)
    for feature in features:
        for instrument, tally in zip(INSTRUMENTS, _judge(chart, feature, shelf, editions), strict=True):
            results[instrument.id] |= tally.results
            if tally.failures:
                found.append(replace(_finding(instrument, feature, tally.failures, salt), judged=tally.judged))
    return (*found, *_unfailed(results))


def _finding(
    instrument: Instrument, feature: Feature, failures: Sequence[tuple[str, Resource]], salt: bytes | None
) -> Finding:
    return Finding(
        check=instrument.id,
        result="fail",
        severity="info" if instrument.id == "STR-05" and not feature.required else instrument.severity,
        owner=instrument.owner,
        feature=feature.name,
        kahn=instrument.kahn,
        failed=len(failures),
        detail="; ".join(dict.fromkeys(detail for detail, _ in failures)),
        pointers=tuple(_point(resource, salt) for _, resource in failures[:POINTERS] if salt and resource),
    )


@dataclass(slots=True)
class _Tally:
    """What one instrument said of a feature: its results, what failed, and how often it did not skip."""

    results: set[str] = field(default_factory=set)
    failures: list[tuple[str, Resource]] = field(default_factory=list)
    judged: int = 0


def _judge(chart: Chart, feature: Feature, shelf: Shelf, editions: Editions) -> list[_Tally]:
    """A tally for each of the instruments. A record meets them all before the next is looked at, for a chart is larger than
    what the processor has near."""
    tallies = [_Tally() for _ in INSTRUMENTS]
    for seen, places in _sightings(chart, feature, shelf, editions):
        for place in places:
            result, detail = INSTRUMENTS[place].check(seen)
            tally = tallies[place]
            tally.results.add(result)
            tally.judged += result != "skip"
            if result == "fail":
                tally.failures.append((detail, seen.resource))
    return tallies


def _places(*reaches: Reach) -> tuple[int, ...]:
    return tuple(place for place, instrument in enumerate(INSTRUMENTS) if instrument.reach in reaches)


_FEATURE, _BACKGROUND, _RECORD = _places("feature"), _places("background"), _places("background", "record")
_ELSEWHERE = tuple(place for place, instrument in enumerate(INSTRUMENTS) if instrument.id == "REF-04")


def _unfailed(results: dict[str, set[str]]) -> Iterator[Finding]:
    for instrument in INSTRUMENTS:
        if "fail" not in results[instrument.id]:
            passed, skipped = _UNFAILED[instrument.id]
            yield passed if "pass" in results[instrument.id] else skipped


_UNFAILED = {
    instrument.id: tuple(
        Finding(check=instrument.id, result=result, severity="info", owner=instrument.owner, kahn=instrument.kahn)
        for result in ("pass", "skip")
    )
    for instrument in INSTRUMENTS
}
"""What each instrument says when it found nothing: the same for every chart."""
_UNASKED = tuple(skipped for _, skipped in _UNFAILED.values())
"""What they say for a model that reads nothing."""


def _point(resource: Resource, salt: bytes | None) -> str:
    digest = sha256((salt or b"") + address(resource).encode()).hexdigest()
    return f"{text(resource.get('resourceType'))}/{digest[:16]}"


def _sightings(
    chart: Chart, feature: Feature, shelf: Shelf, editions: Editions
) -> Iterator[tuple[Sighting, tuple[int, ...]]]:  # fmt: skip
    """What is to be looked at, and the places of the instruments that look: the feature, the records that its value hangs on
    and those that had to be looked through to find it, and what is another patient's."""
    yield Sighting(chart=chart, feature=feature), _FEATURE
    if feature.kind == "presence":
        for seen in _current(chart, feature, shelf, editions):
            yield seen, _RECORD if seen.consumed else _BACKGROUND
    elif feature.kind == "observation":
        for seen in _near(chart, feature, shelf, editions):
            yield seen, _RECORD
    for seen in _elsewhere(chart, feature, shelf):
        yield seen, _ELSEWHERE


def _near(chart: Chart, feature: Feature, shelf: Shelf, editions: Editions) -> Iterator[Sighting]:
    value = chart.features.get(feature.name)
    derivation = DERIVATIONS.get(feature.derive or "")
    records = [(record, feature) for record in matching.speaking(feature.codes, shelf)]
    if derivation and value is not None:
        sources = matching.speaking(derivation.source.codes, shelf)
        records += [(record, derivation.source) for record in sources if _taken(record, value)]
    peers = [record.resource for record, _ in records]
    for record, expected in records:
        consumed = value is not None and _taken(record, value)
        if consumed or _before(record, feature, value, chart):
            yield Sighting(
                chart=chart, feature=expected, resource=record.resource, element=record.element, record=record,
                concept=table(record.element.get("code")), consumed=consumed,
                peers=peers, terminology=editions.terminology, pins=editions.pins,
            )  # fmt: skip


def _taken(record: matching.Record, value: FeatureValue) -> bool:
    return versioned(record.resource) in value.sources


def _before(record: matching.Record, feature: Feature, value: FeatureValue | None, chart: Chart) -> bool:
    """Whether the record would have come before the one taken, had it been usable."""
    resource, when = record.resource, record.when
    if ai_labelled(resource) or matching.status(resource) not in matching.FINAL | matching.PRELIMINARY | {""}:
        return False
    if subject_of(resource, chart.patient) == "foreign":
        return False
    if when is None:
        return True
    if value is None or value.at is None or feature.pick != "latest":
        return periods.within(when, chart.as_of, feature.lookback)
    return record.at is not None and record.at > value.at


def _current(chart: Chart, feature: Feature, shelf: Shelf, editions: Editions) -> Iterator[Sighting]:
    value, name = chart.features.get(feature.name), feature.resource or ""
    rule, peers = presence.CURRENT.get(name), shelf.of(name)
    medications = {text(item.get("id")) or "": item for item in shelf.of("Medication")}
    for resource in peers:
        if rule is None or ai_labelled(resource) or not rule(resource, feature.ever):
            continue
        yield Sighting(
            chart=chart, feature=feature, resource=resource, element=resource, peers=peers,
            concept=presence.concept(resource, medications),
            consumed=value is not None and versioned(resource) in value.sources,
            terminology=editions.terminology, pins=editions.pins,
        )  # fmt: skip


def _elsewhere(chart: Chart, feature: Feature, shelf: Shelf) -> Iterator[Sighting]:
    """Records that speak of the feature but are another patient's, whatever their time: one is one too many."""
    found: Sequence[Resource] = ()
    if feature.kind == "presence":
        found = shelf.of(feature.resource or "")
    elif feature.kind == "observation":
        found = [record.resource for record in matching.speaking(wanted_codes(feature), shelf)]
    for resource in found:
        if subject_of(resource, chart.patient) == "foreign":
            yield Sighting(chart=chart, feature=feature, resource=resource, element=resource)
