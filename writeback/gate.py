"""The output gate: what a model says is let through, or refused with a reason that is recorded and counted.

Nothing the caller says about its own fitness is taken: patient, encounter, inputs and verdict are what the gateway
itself has read (``Evidence``). The rules are a table; the first that objects refuses.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from msgspec import Struct

from vocabulary.finding import Verdict
from vocabulary.instant import shift
from vocabulary.manifest import Manifest, Prediction
from vocabulary.output import Output
from vocabulary.writable import DIGITS_LIMIT
from writeback import ownership
from writeback.ownership import Resource

_UNREADABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\u202d\u202e\ud800-\udfff]")
WORDED = ("inference_id", "label", "tier", "explanation", "abstained", "text")
SKEW = 30.0
"""Seconds by which another machine's clock may be ahead."""
TEXT_LIMIT = 200_000
"""Characters of a text output; of any other text a twentieth."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Evidence:
    """What the gateway read for one output. ``inputs`` holds, for each reference as the output names it (among its inputs
    or as implicated), the resource as the EHR has it now, or None when there is none. ``launch_patient`` and
    ``launch_encounter`` (``Type/id``) are the launch's context, None for an output that came with a key. ``base`` is the
    EHR's FHIR base. ``contradictions`` and ``foreign_citations`` count what the chart says against a text, and its citations
    of other patients' records."""

    patient: Resource | None
    encounter: Resource | None = None
    inputs: Mapping[str, Resource | None] = field(default_factory=dict)
    verdict: Verdict | None = None
    launch_patient: str | None = None
    launch_encounter: str | None = None
    base: str | None = None
    contradictions: int = 0
    foreign_citations: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Admitted:
    """``inputs`` are versioned references to what was read; ``caveats`` are sentences that travel with the output;
    ``encounter_open`` whether its encounter was under way then (None: it has none)."""

    inputs: tuple[str, ...] = ()
    caveats: tuple[str, ...] = ()
    encounter_open: bool | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Refused:
    """``reason`` is a stable word (a metric label), ``element`` the member of the output, ``text`` for a person; none
    repeats what was sent."""

    reason: str
    element: str
    text: str


class _Case(Struct, frozen=True, kw_only=True):
    output: Output
    manifest: Manifest
    evidence: Evidence
    now: float


Rule = Callable[[_Case], Iterator[Refused]]


def admit(output: Output, manifest: Manifest, evidence: Evidence, now: float) -> Admitted | Refused:
    """Admits the output or gives the first refusal in the order of ``RULES``. ``now`` is Unix seconds."""
    case = _Case(output=output, manifest=manifest, evidence=evidence, now=now)
    refusal = next((refused for rule in RULES for refused in rule(case)), None)
    return refusal or Admitted(inputs=_versioned(case), caveats=_caveats(case), encounter_open=_open(case))


DUPLICATE = Refused(
    reason="duplicate",
    element="inference_id",
    text="An earlier output of this model says the same of the same time, from the same inputs, under another name.",
)
"""Only whoever records the output can know: ``accepting`` refuses with this."""


def repeats(output: Output, earlier: Output) -> bool:
    """Whether an output says again, under another inference id, what an earlier one of the same time said (read from
    its record, whose time is rounded). Without inputs nobody can tell a repetition from a second measurement, so that
    such outputs are never taken for one."""
    if not output.inputs or output.inference_id == earlier.inference_id:
        return False
    return replace(earlier, inference_id=output.inference_id, as_of=output.as_of) == output


def _no(reason: str, element: str, text: str) -> Refused:
    return Refused(reason=reason, element=element, text=text)


def _agreement(case: _Case) -> Iterator[Refused]:
    output, manifest = case.output, case.manifest
    if (output.model, output.version) != (manifest.id, manifest.version):
        yield _no("wrong_model", "version", "The output is not of the model version it was judged against.")
    if output.kind != manifest.kind:
        yield _no("wrong_kind", "kind", f"This model declares outputs of kind {manifest.kind}.")


def _patient(case: _Case) -> Iterator[Refused]:
    output, evidence = case.output, case.evidence
    if evidence.patient is None or ownership.reference_to(evidence.patient) != output.patient:
        yield _no("missing_patient", "patient", "The EHR has no such patient.")
    if evidence.launch_patient not in (None, output.patient):
        yield _no("foreign_patient", "patient", "The output is about another patient than the launch.")


def _encounter(case: _Case) -> Iterator[Refused]:
    output, evidence = case.output, case.evidence
    if output.encounter is None:
        return
    if evidence.encounter is None or ownership.reference_to(evidence.encounter) != output.encounter:
        yield _no("missing_encounter", "encounter", "The EHR has no such encounter of this patient.")
    elif not ownership.belongs(evidence.encounter, output.patient, base=evidence.base):
        yield _no("foreign_encounter", "encounter", "The encounter is another patient's.")
    elif evidence.encounter.get("status") == "entered-in-error":
        yield _no("withdrawn_encounter", "encounter", "The encounter was entered in error.")
    if evidence.launch_encounter not in (None, output.encounter):
        yield _no("foreign_encounter", "encounter", "The output names another encounter than the launch.")


def _inputs(case: _Case) -> Iterator[Refused]:
    for index, reference in enumerate(case.output.inputs):
        element, resource = f"inputs[{index}]", case.evidence.inputs.get(reference)
        if resource is None or ownership.reference_to(resource) != ownership.unversioned(reference):
            yield _no("missing_input", element, "The EHR has no such input for this patient.")
        elif ownership.unheard_of(reference, resource):
            yield _no("missing_input", element, "The EHR has no such version of this input.")
        elif not ownership.belongs(resource, case.output.patient, base=case.evidence.base):
            yield _no("foreign_input", element, "The input is not this patient's.")
        elif ownership.withdrawn(resource):
            yield _no("withdrawn_input", element, "The input was entered in error.")
        elif ownership.by_a_machine(resource):
            yield _no("machine_input", element, "The input is itself labelled as asserted by an AI.")


def _implicated(case: _Case) -> Iterator[Refused]:
    for index, reference in enumerate(case.output.implicated):
        element, resource = f"implicated[{index}]", case.evidence.inputs.get(reference)
        if resource is None or ownership.reference_to(resource) != ownership.unversioned(reference):
            yield _no("missing_input", element, "The EHR has no such resource for this patient.")
        elif not ownership.belongs(resource, case.output.patient, base=case.evidence.base):
            yield _no("foreign_input", element, "The resource is not this patient's.")


def _time(case: _Case) -> Iterator[Refused]:
    if case.output.as_of > case.now + SKEW:
        yield _no("future", "as_of", "The output describes a time that is still to come.")
    elif case.output.as_of < 0 or shift(case.output.as_of, case.manifest.valid_for) < case.now:
        yield _no("stale", "as_of", f"The output is older than the {case.manifest.valid_for_text} it is valid for.")


def _fitness(case: _Case) -> Iterator[Refused]:
    verdict = case.evidence.verdict
    if verdict is not None and verdict.fitness == "unfit":
        why = "; ".join(verdict.reasons) or "it does not say why"
        yield _no("unfit", "patient", f"The chart is unfit for this model: {why}.")


def _presence(case: _Case) -> Iterator[Refused]:
    """The kind's own member is there, or the output abstains, never both."""
    output = case.output
    own = {"risk": ("value",), "score": ("value",), "classification": ("label",), "text": ("text",)}
    names = own.get(output.kind, ("label", "text"))
    given = [name for name in names if getattr(output, name) is not None]
    if output.abstained is not None and given:
        yield _no("contradiction", given[0], "An output that abstains has no value, label or text.")
    if output.abstained is None and not given:
        yield _no("missing_value", names[0], f"An output of kind {output.kind} needs this member.")


def _numbers(case: _Case) -> Iterator[Refused]:
    output, manifest = case.output, case.manifest
    if output.value is not None:
        yield from _number(output.value, output.unit, manifest.output, "value", "unit")
    if output.interval is not None:
        yield from _interval(case)
    if output.confidence is not None and not _within(output.confidence, (Decimal(0), Decimal(1))):
        yield _no("out_of_range", "confidence", "A confidence is a number from 0 to 1.")


def _number(value: Decimal, unit: str | None, declared: Prediction, at: str, unit_at: str) -> Iterator[Refused]:
    if not value.is_finite():
        yield _no("not_finite", at, "The value is not a finite number.")
    elif declared.range is not None and not _within(value, declared.range):
        yield _no("out_of_range", at, "The value lies outside the clinical range that the model declares.")
    elif value.adjusted() >= DIGITS_LIMIT:
        yield _no("out_of_range", at, "The value has more digits than a chart can hold.")
    if declared.unit is not None and unit != declared.unit:
        yield _no("wrong_unit", unit_at, "The unit is not the one that the model declares.")


def _within(value: Decimal, limits: tuple[Decimal, Decimal]) -> bool:
    return value.is_finite() and limits[0] <= value <= limits[1]


def _interval(case: _Case) -> Iterator[Refused]:
    value, declared, interval = case.output.value, case.manifest.output.range, case.output.interval
    assert interval is not None
    low, high = interval
    if not (low.is_finite() and high.is_finite() and low <= high):
        yield _no("bad_interval", "interval", "An interval is [low, high], both finite.")
    elif max(low.adjusted(), high.adjusted()) >= DIGITS_LIMIT:
        yield _no("out_of_range", "interval", "The interval has more digits than a chart can hold.")
    elif declared is not None and not (_within(low, declared) and _within(high, declared)):
        yield _no("out_of_range", "interval", "The interval leaves the clinical range that the model declares.")
    elif value is None or not low <= value <= high:
        yield _no("bad_interval", "interval", "The interval does not hold the value.")


def _components(case: _Case) -> Iterator[Refused]:
    declared = {component.name: component for component in case.manifest.components}
    seen: set[str] = set()
    for index, component in enumerate(case.output.components):
        at = f"components[{index}]"
        if component.code not in declared:
            yield _no("unknown_component", f"{at}.code", "The model declares no such component.")
        elif component.code in seen:
            yield _no("duplicate_component", f"{at}.code", "The component is given twice.")
        elif component.value is not None:
            yield from _number(component.value, component.unit, declared[component.code], f"{at}.value", f"{at}.unit")
        elif component.label is None:
            yield _no("missing_value", f"{at}.value", "The component has neither a value nor a label.")
        seen.add(component.code)
    if case.output.abstained is None:
        missing = [name for name, component in declared.items() if component.required and name not in seen]
        for name in missing:
            yield _no("missing_component", "components", f"The component {name} is required by the model.")


def _words(case: _Case) -> Iterator[Refused]:
    output, manifest = case.output, case.manifest
    labels = {word for code in manifest.labels for word in (code.code, code.value, code.display) if word}
    if output.label is not None and labels and output.label not in labels:
        yield _no("unknown_label", "label", "The label is not among those that the model declares.")
    if output.tier is not None and manifest.tiers and output.tier not in {tier.name for tier in manifest.tiers}:
        yield _no("unknown_tier", "tier", "The tier is not among those that the model declares.")
    own = {name: getattr(output, name) for name in WORDED}
    parts = {f"components[{index}].label": part.label for index, part in enumerate(output.components)}
    for name, words in {**own, **parts}.items():
        if words is not None and not words.strip():
            yield _no("empty_text", name, "The text is empty.")
        elif words is not None and len(words) > (TEXT_LIMIT if name == "text" else TEXT_LIMIT // 20):
            yield _no("too_long", name, "The text is too long to be shown in a chart.")
        elif words is not None and _UNREADABLE.search(words):
            yield _no("unreadable_text", name, "The text holds characters that no chart shows as they are meant.")


def _groundedness(case: _Case) -> Iterator[Refused]:
    if case.evidence.foreign_citations:
        yield _no("foreign_citation", "text", "The text cites a record of another patient.")
    if number := case.evidence.contradictions:
        said = "One statement" if number == 1 else f"{number} statements"
        yield _no("contradicted_text", "text", f"{said} of the text contradicted the chart it was made from.")


RULES: tuple[Rule, ...] = (
    _agreement, _patient, _encounter, _inputs, _implicated, _time, _fitness, _presence, _numbers, _components, _words,
    _groundedness,
)  # fmt: skip


def _versioned(case: _Case) -> tuple[str, ...]:
    """The inputs by version: as the output named it, else the version that was read."""
    return tuple(ownership.versioned(name, case.evidence.inputs.get(name)) for name in case.output.inputs)


def _open(case: _Case) -> bool | None:
    encounter = case.evidence.encounter
    if case.output.encounter is None or encounter is None:
        return None
    return ownership.under_way(encounter, case.now)


def _caveats(case: _Case) -> tuple[str, ...]:
    verdict = case.evidence.verdict
    changed = sum(ownership.changed_since(name, case.evidence.inputs.get(name)) for name in case.output.inputs)
    said = tuple(verdict.reasons) if verdict is not None and verdict.fitness == "caveats" else ()
    late = (f"{changed} of the inputs changed in the EHR after the model had read them",) if changed else ()
    return said + late
