"""One record against every check that one record can decide, prerequisites settled: ``compile_rules`` once, then the
function that it gives on each resource. No value of the resource is kept, no order matters, and no JSON object that claims
to be a resource makes it raise.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from fidelity.chains import settle
from fidelity.checks import BIT
from fidelity.editions.edition import Terminology, valid
from fidelity.elements import rows, text
from fidelity.limits import PROPOSED, Limit, by_code
from fidelity.records import contents, ranges
from fidelity.records.concepts import Concept, Concepts
from fidelity.records.kinds import KINDS, UNSETTLED, WITHDRAWN, Kind
from fidelity.records.measures import Measures, number_of, trained_units
from fidelity.records.moments import Moments, day_of
from fidelity.records.tidying import tidied
from fidelity.systems import ACCEPTED
from vocabulary.manifest import Feature

Resource = Mapping[str, Any]


class Seen(NamedTuple):
    """One record as the instruments saw it: its stratum, and the bits (``checks.BIT``) of what failed and what passed.
    ``category`` is the first category's code, an Encounter's class; ``code`` is ``system|code``."""

    type: str
    code: str
    category: str
    source: str
    fails: int
    passes: int


Judge = Callable[[Resource], Seen]
WRONG = (TypeError, AttributeError, ValueError, KeyError, IndexError, OverflowError, ArithmeticError)
"""What looking into JSON of another form than R4's raises."""
NOTHING = Concept(0, 0, "", "", "", ())
_STR01, _STR02, _STR03, _STR04 = BIT["STR-01"], BIT["STR-02"], BIT["STR-03"], BIT["STR-04"]
_REF01, _REF03, _DUP03, _COD07 = BIT["REF-01"], BIT["REF-03"], BIT["DUP-03"], BIT["COD-07"]
_VER03 = BIT["VER-03"]


def compile_rules(
    *, features: Sequence[Feature] = (), terminology: Terminology, as_of: float, pins: Mapping[str, str] | None = None,
    limits: Sequence[Limit] = PROPOSED,
) -> Judge:  # fmt: skip
    """The rules as one function. ``features`` add the systems and units of a model to those of the tables; ``as_of`` is the
    present, Unix seconds; ``pins`` are the editions that the model or the feed names, by system."""
    wanted = frozenset(code.system for feature in features for code in feature.codes)
    rules = _Rules(
        Concepts(
            accepted={kind: systems | wanted for kind, systems in ACCEPTED.items()}, terminology=terminology,
            pins=pins or {},
        ),
        Measures(by_code(limits), trained_units(tuple(features))),
        Moments(as_of=as_of),
    )  # fmt: skip
    return rules.judge


class _Rules:
    """The compiled tables."""

    def __init__(self, concepts: Concepts, measures: Measures, moments: Moments) -> None:
        self.concepts, self.measures, self.moments = concepts, measures, moments
        self.kinds = {
            name: (kind, kind.required, kind.supported, _given(kind), kind.concept, kind.subject, name == "Observation")
            for name, kind in KINDS.items()
        }

    def judge(self, resource: Resource) -> Seen:
        """One resource → what was seen of it. Members of a wrong form count as missing."""
        try:
            return self._judge(resource)
        except WRONG:
            pass
        try:
            return self._judge(tidied(resource))
        except (*WRONG, RecursionError):  # nothing in it has the form that R4 gives it
            return Seen(str(resource.get("resourceType")), "", "", "", _STR01, 0)

    def _judge(self, resource: Resource) -> Seen:
        name = resource.get("resourceType")
        known = self.kinds.get(name)  # type: ignore[arg-type]
        meta = resource.get("meta")
        source = _source(meta) if meta and "source" in meta else ""
        if known is None:
            return Seen(str(name), "", "", source, 0, 0)
        kind, required, supported, given, concepts, subject, measured = known
        fails, passes, _ = self.moments.read(kind, resource)
        passes |= given
        fails |= _missing(required, resource, _STR01) | _missing(supported, resource, _STR02)
        concept = self._concept(str(name), concepts, resource)
        fails |= concept.fails
        passes |= concept.passes
        if concept.spans:
            fails, passes = _dated(kind, resource, concept, fails, passes)
        fails, passes = _whose(kind, subject, resource, fails, passes)
        if measured:
            fails, passes = self._observation(resource, concept, fails, passes)
        else:
            fails, passes = contents.other(str(name), resource, fails, passes)
        fails, passes = settle(fails, passes)
        return Seen(str(name), concept.key, _category(resource), source, fails, passes)

    def _concept(self, kind: str, names: tuple[str, ...], resource: Resource) -> Concept:
        for name in names:
            if name in resource:
                found = resource[name]
                if "reference" in found and "coding" not in found:
                    return NOTHING
                return self.concepts.read(kind, found)
        return NOTHING

    def _observation(self, resource: Resource, concept: Concept, fails: int, passes: int) -> tuple[int, int]:
        components = resource.get("component")
        quantity = resource.get("valueQuantity")
        if quantity is not None and "value" in quantity:
            fails, passes = self._quantity(concept, quantity, fails, passes | contents.READ)
        else:
            fails, passes = contents.value(resource, concept, fails, passes)
        if components is not None:
            fails, passes = self._components(components, fails, passes)
        if "referenceRange" in resource or "interpretation" in resource:
            fails, passes = ranges.judge(resource, fails, passes)
        return fails, passes

    def _quantity(self, concept: Concept, quantity: Resource, fails: int, passes: int) -> tuple[int, int]:
        measure = self.measures.read(concept.system, concept.code, quantity)
        if quantity.get("comparator"):
            return fails | measure.fails | contents.CENSORED, passes | measure.passes
        value = quantity["value"]
        if type(value) is bool or isinstance(value, str):
            raise TypeError("a number is none")
        failed, passed = number_of(measure, value)
        return fails | measure.fails | failed, passes | measure.passes | passed | contents.CENSORED

    def _components(self, components: Sequence[Resource], fails: int, passes: int) -> tuple[int, int]:
        for part in components:
            quantity = part.get("valueQuantity")
            code = part.get("code")
            concept = self.concepts.read("Observation", code) if code else NOTHING
            fails |= concept.fails & contents.CODED
            if quantity is not None and "value" in quantity:
                fails, passes = self._quantity(concept, quantity, fails, passes | contents.STRUCTURED)
            elif "valueString" in part:
                fails, passes = contents.component_text(part, concept, fails, passes)
            if quantity is None or "dataAbsentReason" in part or "value" not in quantity:
                fails |= contents.silent(part)
            if "referenceRange" in part or "interpretation" in part:
                fails |= ranges.judge(part, 0, 0)[0]
        return fails, passes


def _missing(rows: tuple[tuple[str, ...], ...], resource: Resource, bit: int) -> int:
    """The bit when a row has none of its members in the resource."""
    for names in rows:
        for each in names:
            if resource.get(each):
                break
        else:
            return bit
    return 0


def _given(kind: Kind) -> int:
    """What passes unless something is missing."""
    return (_STR01 if kind.required else 0) | (_STR02 if kind.supported else 0)


def _dated(kind: Kind, resource: Resource, concept: Concept, fails: int, passes: int) -> tuple[int, int]:
    """VER-03: by the date on which the code was chosen, not by today's."""
    written = next((resource[name] for name in kind.event if isinstance(resource.get(name), str)), None)
    day = day_of(written) if written else None
    if day is None:
        return fails, passes
    good = all(valid(spans, day.start, day.end) for spans in concept.spans)
    return (fails, passes | _VER03) if good else (fails | _VER03, passes)


def _whose(kind: Kind, member: str | None, resource: Resource, fails: int, passes: int) -> tuple[int, int]:
    """REF-01, REF-03, DUP-03."""
    if member is not None:
        reference = resource.get(member)
        literal = reference.get("reference") if reference else None
        if (literal and literal[:8] == "Patient/" and literal[8:]) or (
            reference and leads(reference, "Patient", resource)
        ):
            passes |= _REF01
        else:
            fails |= _REF01
    if kind.visit:
        visit = resource.get("encounter")
        literal = visit.get("reference") if visit else None
        if (literal and literal[:10] == "Encounter/" and literal[10:]) or (
            visit and leads(visit, "Encounter", resource)
        ):
            passes |= _REF03
        else:
            fails |= _REF03
    status = resource.get("status")
    if status is None:
        status = _verification(resource)
    if status == WITHDRAWN or (kind.issued is not None and status in UNSETTLED):
        return fails | _DUP03, passes
    return fails, passes | _DUP03


def leads(reference: Resource, kind: str, resource: Resource) -> bool:
    """Whether a reference can be to a record of this type: by its address, what is contained, or an identifier."""
    literal = reference.get("reference")
    if not literal:
        named = reference.get("type") == kind or (kind == "Encounter" and "type" not in reference)
        return named and bool(reference.get("identifier"))
    if literal.startswith("urn:"):
        return reference.get("type") in (kind, None)
    if literal.startswith("#"):
        return any(
            each.get("id") == literal[1:] and each.get("resourceType") == kind
            for each in rows(resource.get("contained"))
        )
    parts = literal.partition("/_history/")[0].rsplit("/", 2)
    return len(parts) >= 2 and parts[-2] == kind and bool(parts[-1])


def _verification(resource: Resource) -> str | None:
    concept = resource.get("verificationStatus")
    if not concept:
        return None
    return next((text(each.get("code")) for each in rows(concept.get("coding"))), None)


def _source(meta: Resource) -> str:
    """Where the record came from; what follows ``#`` names the message and is left off."""
    return (text(meta["source"]) or "").partition("#")[0]


def _category(resource: Resource) -> str:
    category = resource.get("category")
    if category is None:
        category = resource.get("class")
        return (text(category.get("code")) or "") if category else ""
    first = category[0] if isinstance(category, list) and category else category
    if isinstance(first, str):
        return first
    codings = first.get("coding") if first else None
    code = codings[0].get("code") if codings else None
    return code if type(code) is str else ""


def codes_of(seen: Seen) -> tuple[str, str]:
    """The stratum's code as (system, code)."""
    system, _, code = seen.code.partition("|")
    return system, code
