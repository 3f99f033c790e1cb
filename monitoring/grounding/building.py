"""A chart taken apart, resource by resource, into the facts of an index."""

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from monitoring.grounding import lexicon
from monitoring.grounding.facts import (
    Measured,
    Order,
    Problem,
    Resource,
    code,
    days,
    evidence,
    names,
    period,
    quantity,
    seconds,
    table,
)
from monitoring.grounding.facts import listed as objects
from monitoring.grounding.orders import drug_names, named_by, order_of
from monitoring.grounding.tokens import words
from monitoring.grounding.values import (
    Evidence,
    Given,
    reference_of,
)
from vocabulary.instant import format_instant

CONDITION, SUBSTANCE = frozenset(("condition",)), frozenset(("substance", "drug"))
DRUG, MEDICINE = frozenset(("drug",)), lexicon.words_of("medicine")
NONE_KNOWN = frozenset(("716186003", "409137002", "428607008", "429625007"))
"""No known allergy; to drugs; of the environment; to food (SNOMED CT, the International Patient Summary's codes)."""
WITHDRAWN = frozenset(("entered-in-error", "cancelled"))
CRITICAL = frozenset(("HH", "LL", "AA"))
"""Interpretations of a critical result (HL7 v3 ObservationInterpretation)."""
NOT_SAID = ("family history", "risk of", "at risk", "suspected", "no ", "screening")
"""How names begin that hold a disease which the patient does not have."""
GENERAL = lexicon.words_of("general")
"""Last words of a name that are too wide to stand for it."""
ALONE = re.compile(r"(itis|osis|emia|oma|pathy|algia|plegia|uria|laceration|fracture|sprain|obesity)$")
"""Last words that are a disease by themselves."""
OPERATION = re.compile(r"(ectomy|plasty|ostomy|oscopy|centesis|pexy|desis)$")
"""Last words that are an operation by themselves: ``laparoscopic appendectomy`` is an appendectomy."""
TAGGED = "(finding)"
MEDICATIONS = frozenset(("MedicationRequest", "MedicationStatement", "MedicationAdministration", "MedicationDispense"))


@dataclass(kw_only=True, slots=True)
class Building:
    """An index in the making; ``own`` are the chart's own terms, ``seen`` the concepts of names met before."""

    own: dict[tuple[str, str, str], None] = field(default_factory=dict)
    series: dict[str, list[Measured]] = field(default_factory=lambda: defaultdict(list))
    problems: dict[str, list[Problem]] = field(default_factory=lambda: defaultdict(list))
    allergies: dict[str, list[Problem]] = field(default_factory=lambda: defaultdict(list))
    events: dict[str, list[Problem]] = field(default_factory=lambda: defaultdict(list))
    family: set[str] = field(default_factory=set)
    orders: dict[str, list[Order]] = field(default_factory=lambda: defaultdict(list))
    concepts: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    must: dict[str, frozenset[str]] = field(default_factory=dict)
    seen: dict[tuple[str, ...], frozenset[str]] = field(default_factory=dict)


def add(made: Building, resource: Resource, drugs: Mapping[str, Resource]) -> None:
    """Adds what one resource says; ``drugs`` are the chart's Medications."""
    type = resource.get("resourceType")
    if type == "Observation":
        _observation(made, resource)
    elif type == "Condition" or (type == "AllergyIntolerance" and not _none_known(resource)):
        _problem(made, resource)
    elif type in MEDICATIONS and str(resource.get("status")) not in WITHDRAWN:
        _order(made, resource, named_by(resource, drugs))
    elif type in ("Procedure", "Immunization", "Encounter", "DiagnosticReport"):
        _event(made, resource)
    elif type == "FamilyMemberHistory":
        for each in objects(resource.get("condition")):
            made.family.update(key for name in names(each.get("code")) for key in _keys(made, name, CONDITION))


def _observation(made: Building, resource: Resource) -> None:
    if str(resource.get("status")) in WITHDRAWN:
        return
    whole = _measured(made, resource, resource, "value")
    for each in objects(resource.get("component")):
        whole |= _measured(made, each, resource, "component.value")
    flags = {code(each) for each in objects(resource.get("interpretation"))}
    if flags & CRITICAL:
        made.must[reference_of(resource)] = frozenset(whole)


def _measured(made: Building, part: Resource, resource: Resource, path: str) -> set[str]:
    concept = analyte_of(part.get("code"))
    if concept is None:
        return set()
    reference = reference_of(resource)
    made.concepts[reference].add(concept)
    made.own.update(((name, "analyte", concept), None) for name in _shorter(part.get("code")))
    said = quantity(part.get("valueQuantity"))
    if said is None and isinstance(part.get("valueInteger"), int):
        said = float(part["valueInteger"]), ""
    if said is not None:
        when = resource.get("effectiveDateTime") or resource.get("effectiveInstant")
        start, end = period(resource.get("effectivePeriod"))
        made.series[concept].append(
            Measured(
                value=said[0],
                unit=said[1],
                days=days(when, start, end),
                at=seconds(when or start),
                evidence=evidence(resource, path),
            )
        )
    return {concept}


def analyte_of(coded: object) -> str | None:
    """The bundled analyte of a code, else the chart's own name for it; None for a nameless one."""
    known = lexicon.concept_of_loinc()
    for each in objects(table(coded).get("coding")):
        if (found := known.get(str(each.get("code")))) is not None:
            return found
    return next((" ".join(words(name)) for name in names(coded) if words(name)), None)


def _shorter(coded: object) -> Iterator[str]:
    """The names of a LOINC code, whole and without specimen and method."""
    for name in names(coded):
        yield name
        short = name.partition(" [")[0]
        if 3 < len(short) < len(name):
            yield short


def _problem(made: Building, resource: Resource) -> None:
    allergy = resource.get("resourceType") == "AllergyIntolerance"
    status, reference = code(resource.get("clinicalStatus")), reference_of(resource)
    verified = code(resource.get("verificationStatus"))
    onset = (resource.get("onsetDateTime"), resource.get("recordedDate"), resource.get("lastOccurrence"))
    over = (resource.get("abatementDateTime"), *period(resource.get("abatementPeriod")))
    problem = Problem(
        active=None if not status else status in ("active", "recurrence", "relapse"),
        refuted=verified in ("refuted", "entered-in-error"),
        days=days(*onset, *over, *period(resource.get("onsetPeriod"))), evidence=evidence(resource, "code"),
        drug=_of_a_drug(resource) if allergy else None,
    )  # fmt: skip
    kind, into = (SUBSTANCE, made.allergies) if allergy else (CONDITION, made.problems)
    found = {key for name in names(resource.get("code")) for key in _keys(made, name, kind)}
    for key in found:
        into[key].append(problem)
    made.concepts[reference] |= found
    if allergy and problem.active is not False and not problem.refuted:
        made.must[reference] = frozenset(found)


def _none_known(resource: Resource) -> bool:
    """Whether an allergy is recorded that says there is none."""
    coded = {str(each.get("code")) for each in objects(table(resource.get("code")).get("coding"))}
    called = (" ".join(words(name)) for name in names(resource.get("code")))
    return not NONE_KNOWN.isdisjoint(coded) or any(
        name.startswith(("no known ", "nkda", "no allerg")) for name in called
    )


def _of_a_drug(resource: Resource) -> bool | None:
    """Whether an allergy is one to a drug: by its category, else by its name; None where neither says."""
    category = resource.get("category")
    said = category if isinstance(category, list) else []
    called = [words(name) for name in names(resource.get("code"))]
    if "medication" in said or any(
        not MEDICINE.isdisjoint(each) or lexicon.known(lexicon.terms(), each, DRUG) for each in called
    ):
        return True
    return False if said else None


def _keys(made: Building, name: str, kinds: frozenset[str]) -> frozenset[str]:
    """Every concept that a name stands for: itself, the bundled ones in it, and its last words."""
    tokens = words(name)
    seen = made.seen.get((*tokens, *kinds))
    if seen is not None:
        return seen
    own, kind = " ".join(tokens), "condition" if kinds == CONDITION else "substance"
    found = {own} if own else set()
    if not own.startswith(NOT_SAID):
        found |= {part for key in lexicon.known(lexicon.terms(), tokens, kinds) for part in key.split("+")}
        for wider in _wider(tokens) if TAGGED not in name else ():
            found.add(wider)
            made.own[wider, kind, wider] = None
    made.own[name, kind, own] = None
    made.own[name[:120], kind, own] = None
    frozen = made.seen[(*tokens, *kinds)] = frozenset(found)
    return frozen


def _wider(tokens: list[str]) -> Iterator[str]:
    """``chronic sinusitis`` → ``sinusitis``; ``osteoarthritis of knee`` → ``osteoarthritis``, ``knee osteoarthritis``. A name
    that a bundled term has already is left to that."""
    bundled = lexicon.terms()
    if "of" in tokens[1:-1]:
        at = tokens.index("of")
        head, place = tokens[:at], tokens[at + 1 :]
        made = [head, place + head]
    else:
        made = [tokens[at:] for at in range(1, len(tokens))]
    for each in made:
        plain = each[-1] not in GENERAL and each[0].isalpha() and len(each[-1]) > 3
        if plain and (len(each) > 1 or ALONE.search(each[0])):
            hit = lexicon.longest(bundled, each, 0)
            if hit is None or hit[0] < len(each):
                yield " ".join(each)


def _order(made: Building, resource: Resource, named: Resource | None) -> None:
    order = order_of(resource, named, lexicon.terms())
    for name in drug_names(resource, named):
        made.own[name, "drug", "+".join(sorted(order.ingredients))] = None
        made.own[name[:120], "drug", "+".join(sorted(order.ingredients))] = None
    for ingredient in order.ingredients:
        made.orders[ingredient].append(order)
    made.concepts[order.evidence.reference] |= {*order.ingredients, "+".join(sorted(order.ingredients))}


def _event(made: Building, resource: Resource) -> None:
    encounter = resource.get("resourceType") == "Encounter"
    timed = ("performedDateTime", "occurrenceDateTime", "effectiveDateTime", "issued")
    spans = (*period(resource.get("period")), *period(resource.get("performedPeriod")))
    reference, status = reference_of(resource), str(resource.get("status"))
    event = Problem(
        active=status == "in-progress" if encounter else None, refuted=status in (*WITHDRAWN, "not-done"),
        days=days(*(resource.get(name) for name in timed), *spans),
        evidence=evidence(resource, "period" if encounter else "code"),
    )  # fmt: skip
    coded = [*objects(resource.get("type"))] if encounter else [resource.get("code"), resource.get("vaccineCode")]
    keys = {" ".join(words(name)) for each in coded for name in names(each)}
    if not encounter:
        made.own.update(((name, "event", " ".join(words(name))), None) for each in coded for name in names(each))
        made.own.update(((last, "event", key), None) for key in keys if OPERATION.search(last := key.split(" ")[-1]))
    for key in {*keys, "encounter"} if encounter else keys:
        made.events[key].append(event)
        made.concepts[reference].add(key)


def add_given(made: Building, given: Given) -> None:
    """A value that was worked out for the model is as good as one of the chart, and its sources are about it too."""
    concept = next((found for each in given.codes if (found := lexicon.concept_of_loinc().get(each))), None)
    if concept is None or not given.sources:
        return
    reference, _, version = given.sources[0].partition("/_history/")
    stamp = None if given.at is None else format_instant(given.at)
    made.series[concept].append(
        Measured(
            value=given.value,
            unit=given.unit or "",
            days=days(stamp),
            at=given.at or 0.0,
            evidence=Evidence(reference=reference, version=version or None),
        )
    )
    for source in given.sources:
        made.concepts[source.partition("/_history/")[0]].add(concept)
