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
from fidelity.instrument import Instrument, Outcome, Sighting
from fidelity.shelf import Shelf, shelve
from fidelity.subjects import subject_of
from vocabulary.chart import Chart, FeatureValue, Resource
from vocabulary.finding import Finding
from vocabulary.manifest import Feature

VERSIONED = frozenset({"VER-01", "VER-02", "VER-03"})
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
        for instrument, failures, judged in _judge(chart, feature, shelf, results, editions):
            found.append(replace(_finding(instrument, feature, failures, salt), judged=judged))
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


def _judge(
    chart: Chart, feature: Feature, shelf: Shelf, results: dict[str, set[str]], editions: Editions
) -> Iterator[tuple[Instrument, list[tuple[str, Resource]], int]]:
    record, background = _records(chart, feature, shelf)
    sightings = {"feature": [Sighting(chart=chart, feature=feature)], "record": record, "background": background}
    far = list(_elsewhere(chart, feature, shelf))
    for instrument in INSTRUMENTS:
        seen = sightings[instrument.reach] + (far if instrument.id == "REF-04" else [])
        if instrument.id in VERSIONED:
            seen = [replace(item, terminology=editions.terminology, pins=editions.pins) for item in seen]
        outcomes: list[tuple[Outcome, Sighting]] = [(instrument.check(item), item) for item in seen]
        results[instrument.id].update(outcome[0] for outcome, _ in outcomes)
        failures = [(outcome[1], item.resource) for outcome, item in outcomes if outcome[0] == "fail"]
        if failures:
            yield instrument, failures, sum(outcome[0] != "skip" for outcome, _ in outcomes)


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


def _records(chart: Chart, feature: Feature, shelf: Shelf) -> tuple[list[Sighting], list[Sighting]]:
    """The records that the value hangs on, and those that had to be looked through to find it."""
    if feature.kind == "presence":
        background = list(_current(chart, feature, shelf))
        return [sighting for sighting in background if sighting.consumed], background
    record = list(_near(chart, feature, shelf)) if feature.kind == "observation" else []
    return record, record


def _near(chart: Chart, feature: Feature, shelf: Shelf) -> Iterator[Sighting]:
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
                peers=peers,
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


def _current(chart: Chart, feature: Feature, shelf: Shelf) -> Iterator[Sighting]:
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
