"""A chart as the checker looks things up in it: built once for each snapshot, used for every sentence."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from monitoring.grounding import lexicon
from monitoring.grounding.building import Building, add, add_given
from monitoring.grounding.facts import (
    Measured,
    Order,
    Problem,
    Resource,
)
from monitoring.grounding.lexicon import Terms
from monitoring.grounding.orders import medications
from monitoring.grounding.values import (
    Snapshot,
    reference_of,
    snapshot_hash,
    snapshot_names,
    version_of,
)
from vocabulary.instant import format_instant


@dataclass(frozen=True, kw_only=True, slots=True)
class Index:
    """``terms`` are the bundled ones and the chart's own; the rest is by concept. ``concepts`` says of each ``Type/id`` what
    it is about, ``versions`` its version. ``known`` is False where nobody knows what the model was given."""

    known: bool
    hash: str
    snapshot: Snapshot
    terms: Terms
    series: Mapping[str, tuple[Measured, ...]]
    problems: Mapping[str, tuple[Problem, ...]]
    allergies: Mapping[str, tuple[Problem, ...]]
    events: Mapping[str, tuple[Problem, ...]]
    family: frozenset[str]
    orders: Mapping[str, tuple[Order, ...]]
    versions: Mapping[str, str | None]
    concepts: Mapping[str, frozenset[str]]
    patient: Resource
    as_of_day: str
    units: frozenset[str]
    must: Mapping[str, frozenset[str]] = field(default_factory=dict)


def build(snapshot: Snapshot) -> Index:
    """The index of what a model was given."""
    made, resources = Building(), snapshot.resources or ()
    drugs = medications(resources)
    for resource in resources:
        add(made, resource, drugs)
    for given in snapshot.given:
        add_given(made, given)
    sorted_series = {concept: tuple(sorted(all, key=lambda each: each.at)) for concept, all in made.series.items()}
    return Index(
        known=snapshot.resources is not None, hash=snapshot_hash(snapshot_names(snapshot)), snapshot=snapshot,
        terms=_terms(made), series=sorted_series, problems=_frozen(made.problems), allergies=_frozen(made.allergies),
        events=_frozen(made.events), family=frozenset(made.family),
        orders={key: tuple(all) for key, all in made.orders.items()},
        versions={reference_of(each): version_of(each) for each in resources},
        concepts={reference: frozenset(all) for reference, all in made.concepts.items()},
        patient=next((each for each in resources if each.get("resourceType") == "Patient"), {}),
        as_of_day=format_instant(snapshot.as_of)[:10], must=made.must,
        units=frozenset(each.unit for all in sorted_series.values() for each in all if each.unit),
    )  # fmt: skip


def _frozen(all: Mapping[str, list[Problem]]) -> dict[str, tuple[Problem, ...]]:
    return {key: tuple(each) for key, each in all.items()}


def _terms(made: Building) -> Terms:
    """The chart's own names stand before the bundled ones of the same words."""
    merged = dict(lexicon.terms())
    for first, entries in lexicon.gather(made.own).items():
        known = {tuple(each[1]) for each in entries}
        rest = [each for each in merged.get(first, ()) if tuple(each[1]) not in known]
        merged[first] = tuple(sorted((*entries, *rest), key=lambda each: -each[0]))
    return merged
