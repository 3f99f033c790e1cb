"""The error-level constraints of the R4 4.0.1 definitions for what the product serves, as tables of predicates.

A predicate takes the element and says whether the constraint *holds*. Each row is named by the constraint's key in the
definitions (``r4/generated/constraints.json`` has its FHIRPath); ``r4/ledger.csv`` lists which are enforced, and where.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from decimal import Decimal
from typing import Any

from r4.definitions import error_constraints
from r4.moments import moment_range
from r4.outcome import Issue

Element = Mapping[str, Any]
Rule = Callable[[Element], bool]

UCUM = "http://unitsofmeasure.org"
ALLERGY_VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
CONDITION_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
CONDITION_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
SCOPE = "http://terminology.hl7.org/CodeSystem/consentscope"


def of_element(value: Any, name: str, path: str) -> Iterable[Issue]:
    """The constraints that an element of this type (``Period``, ``Observation.component``) breaks."""
    return [_issue(key, path) for key, rule in ELEMENT_RULES.get(name, ()) if not rule(value)]


def of_resource(value: Element, name: str, path: str) -> Iterable[Issue]:
    """The constraints that need the whole resource: ``dom-*`` and ``ref-1``. What is contained is judged with it."""
    if ".contained[" in path:
        return []
    faults = [(key, path) for key, rule in RESOURCE_RULES if not rule(value)]
    faults += [("ref-1", f"{path}{where}") for where in _dangling(value)]
    return [_issue(key, where) for key, where in faults]


def _issue(key: str, path: str) -> Issue:
    return Issue("invariant", _sentence(key), path, key)


def _sentence(key: str) -> str:
    known = error_constraints().get(key)
    return known[0] if known else f"breaks the constraint {key}"


def has(*names: str) -> Rule:
    """One of the members is there, as a value or as extensions in its place."""
    if not any(name.endswith("[x]") for name in names):
        members = frozenset(names) | {f"_{name}" for name in names}
        return lambda value: not members.isdisjoint(value)
    return lambda value: any(_given(value, name) for name in names)


def lacks(*names: str) -> Rule:
    """None of the members is there."""
    given = has(*names)
    return lambda value: not given(value)


def either(first: Rule, second: Rule) -> Rule:
    """One of two rules holds."""
    return lambda value: first(value) or second(value)


def _given(value: Element, name: str) -> bool:
    if name.endswith("[x]"):
        stem = name[:-3]
        return any(key.removeprefix("_").startswith(stem) and key.removeprefix("_")[len(stem) : len(stem) + 1].isupper() for key in value)
    return value.get(name) is not None or value.get(f"_{name}") is not None


def one_of(*names: str) -> Rule:
    """Exactly one of the two groups of members."""
    return lambda value: sum(_given(value, name) for name in names) == 1


def items(value: Any) -> list[Element]:
    """The objects of a list; anything else is for the walker to complain about."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def coded(value: Any, system: str, *wanted: str) -> bool:
    """A CodeableConcept (or a list of them) has a coding of this system with one of these codes."""
    concepts = value if isinstance(value, list) else [value]
    return any(
        coding.get("system") == system and coding.get("code") in wanted
        for concept in concepts
        if isinstance(concept, dict)
        for coding in items(concept.get("coding"))
    )


def number(value: Any) -> Decimal | None:
    """A JSON number as parsed."""
    if isinstance(value, Decimal):
        return value
    return Decimal(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _quantity(code_needed: bool = True, positive: bool = False) -> Rule:
    """A specialisation of Quantity in UCUM units."""

    def holds(value: Element) -> bool:
        amount = number(value.get("value"))
        return (
            (not code_needed or "code" in value or "value" not in value)
            and value.get("system", UCUM) == UCUM
            and not (positive and amount is not None and amount <= 0)
        )

    return holds


def _count(value: Element) -> bool:
    amount = value.get("value")
    whole = amount is None or (isinstance(amount, int) or "." not in str(getattr(amount, "literal", amount)))
    return _quantity()(value) and value.get("code", "1") == "1" and whole


def _in_order(value: Element) -> bool:
    """low <= high, of the same unit; units that differ are not compared."""
    low, high = value.get("low"), value.get("high")
    if not isinstance(low, dict) or not isinstance(high, dict):
        return True
    first, last = number(low.get("value")), number(high.get("value"))
    alike = all(low.get(name) == high.get(name) for name in ("system", "code", "unit"))
    return first is None or last is None or not alike or first <= last


def period_in_order(value: Element) -> bool:
    """start <= end as far as both say: partial dates are compared on what they share, zones as instants."""
    start, end = value.get("start"), value.get("end")
    if not isinstance(start, str) or not isinstance(end, str):
        return True
    if start[-1:] == end[-1:] == "Z" and len(start) == len(end):
        return start <= end
    first, last = moment_range(start), moment_range(end)
    return first is None or last is None or first[0] <= last[1]


def _percent(value: Element) -> bool:
    limits = [value[name] for name in ("low", "high") if isinstance(value.get(name), dict)]
    return all(limit.get("code") == "%" and limit.get("system") == UCUM for limit in limits)


def _at_least_zero(name: str) -> Rule:
    return lambda value: (amount := number(value.get(name))) is None or amount >= 0


def _attachment(value: Element) -> bool:
    return "data" not in value or _given(value, "contentType")


def _timing_offset(value: Element) -> bool:
    meals = {"C", "CM", "CD", "CV"}
    when = value.get("when")
    return "offset" not in value or (isinstance(when, list) and not meals & {word for word in when if isinstance(word, str)})


def _trigger(value: Element) -> bool:
    kind = value.get("type")
    kind = kind if isinstance(kind, str) else ""
    return (
        (kind != "named-event" or _given(value, "name"))
        and (kind != "periodic" or _given(value, "timing[x]"))
        and (not kind.startswith("data-") or _given(value, "data"))
    )


def _ratio(value: Element) -> bool:
    pair = ("numerator" in value) == ("denominator" in value)
    return pair and ("numerator" in value or "extension" in value)


def _own_code_once(value: Element) -> bool:
    """obs-7: with a value of its own, no component repeats the code of the whole."""
    if not _given(value, "value[x]"):
        return True
    code = value.get("code")
    own = [coding for coding in items(code.get("coding") if isinstance(code, dict) else None)]
    parts = [part.get("code") for part in items(value.get("component"))]
    return not any(coding in own for part in parts if isinstance(part, dict) for coding in items(part.get("coding")))


def _consent(code: str) -> Rule:
    return lambda value: _given(value, "patient") or not coded(value.get("scope"), "something", code)


def _appointment_times(value: Element) -> bool:
    timed = _given(value, "start") and _given(value, "end")
    return timed or value.get("status") in ("proposed", "cancelled", "waitlist")


def _no_home(name: str) -> Rule:
    return lambda value: all(item.get("use") != "home" for item in items(value.get(name)))


def _task_times(value: Element) -> bool:
    made, changed = value.get("authoredOn"), value.get("lastModified")
    if not isinstance(made, str) or not isinstance(changed, str):
        return True
    first, last = moment_range(made), moment_range(changed)
    return first is None or last is None or first[0] <= last[1]


def _entry_names(value: Element) -> bool:
    """bdl-7: a fullUrl stands once, unless the entries are versions of one resource."""
    seen: set[tuple[str, Any]] = set()
    for entry in items(value.get("entry")):
        url, resource = entry.get("fullUrl"), entry.get("resource")
        meta = resource.get("meta") if isinstance(resource, dict) else None
        version = meta.get("versionId") if isinstance(meta, dict) else None
        if isinstance(url, str):
            if (url, version) in seen:
                return False
            seen.add((url, version))
    return True


def _bundle_first(kind: str, type: str) -> Rule:
    """A Bundle of this kind begins with a resource of that type."""

    def holds(value: Element) -> bool:
        first = next(iter(items(value.get("entry"))), {})
        resource = first.get("resource")
        return value.get("type") != kind or (isinstance(resource, dict) and resource.get("resourceType") == type)

    return holds


def _bundle_entries(member: str, kinds: frozenset[str]) -> Rule:
    """``request`` or ``response`` stands in every entry of these kinds and in none of any other."""
    return lambda value: all(_given(entry, member) == (value.get("type") in kinds) for entry in items(value.get("entry")))


REQUESTED = frozenset({"batch", "transaction", "history"})
ANSWERED = frozenset({"batch-response", "transaction-response", "history"})
QTY = ("qty-3", lambda value: "code" not in value or _given(value, "system"))
DISTANCE = (QTY, ("dis-1", _quantity()))

ELEMENT_RULES: Mapping[str, tuple[tuple[str, Rule], ...]] = {
    # Datatypes. Source of every row: R4 4.0.1 profiles-types.json and profiles-resources.json, constraint of that key.
    "Quantity": (QTY,),
    "SimpleQuantity": (QTY, ("sqty-1", lacks("comparator"))),
    "Age": (QTY, ("age-1", _quantity(positive=True))),
    "Count": (QTY, ("cnt-3", _count)),
    "Distance": DISTANCE,
    "Duration": (QTY, ("drt-1", lambda value: "code" not in value or (value.get("system") == UCUM and _given(value, "value")))),
    "Range": (("rng-2", _in_order),),
    "Ratio": (("rat-1", _ratio),),
    "Period": (("per-1", period_in_order),),
    "Attachment": (("att-1", _attachment),),
    "ContactPoint": (("cpt-2", either(lacks("value"), has("system"))),),
    "Extension": (("ext-1", one_of("extension", "value[x]")),),
    "DataRequirement.codeFilter": (("drq-1", one_of("path", "searchParam")),),
    "DataRequirement.dateFilter": (("drq-2", one_of("path", "searchParam")),),
    "Expression": (("exp-1", has("expression", "reference")),),
    "TriggerDefinition": (
        ("trd-1", either(lacks("data"), lacks("timing[x]"))),
        ("trd-2", either(lacks("condition"), has("data"))),
        ("trd-3", _trigger),
    ),
    "Timing.repeat": (
        ("tim-1", either(lacks("duration"), has("durationUnit"))),
        ("tim-2", either(lacks("period"), has("periodUnit"))),
        ("tim-4", _at_least_zero("duration")),
        ("tim-5", _at_least_zero("period")),
        ("tim-6", either(lacks("periodMax"), has("period"))),
        ("tim-7", either(lacks("durationMax"), has("duration"))),
        ("tim-8", either(lacks("countMax"), has("count"))),
        ("tim-9", _timing_offset),
        ("tim-10", either(lacks("timeOfDay"), lacks("when"))),
    ),
    # Resources and their elements.
    "AllergyIntolerance": (
        ("ait-1", lambda v: coded(v.get("verificationStatus"), ALLERGY_VERIFICATION, "entered-in-error") or "clinicalStatus" in v),
        ("ait-2", lambda v: not coded(v.get("verificationStatus"), ALLERGY_VERIFICATION, "entered-in-error") or "clinicalStatus" not in v),
    ),
    "Appointment": (
        ("app-2", lambda v: _given(v, "start") == _given(v, "end")),
        ("app-3", _appointment_times),
        ("app-4", lambda v: "cancelationReason" not in v or v.get("status") in ("noshow", "no-show", "cancelled")),
    ),
    "Appointment.participant": (("app-1", has("type", "actor")),),
    "CarePlan.activity": (("cpl-3", either(lacks("detail"), lacks("reference"))),),
    "Condition": (
        ("con-4", lambda v: not _given(v, "abatement[x]") or coded(v.get("clinicalStatus"), CONDITION_CLINICAL, "resolved", "remission", "inactive")),
        ("con-5", lambda v: not coded(v.get("verificationStatus"), CONDITION_VERIFICATION, "entered-in-error") or "clinicalStatus" not in v),
    ),
    "Condition.stage": (("con-1", has("summary", "assessment")),),
    "Condition.evidence": (("con-2", has("code", "detail")),),
    "Consent": (
        ("ppc-1", has("policy", "policyRule")),
        ("ppc-2", _consent("patient-privacy")),
        ("ppc-3", _consent("research")),
        ("ppc-4", _consent("adr")),
        ("ppc-5", _consent("treatment")),
    ),
    "Goal.target": (("gol-1", either(lacks("detail[x]"), has("measure"))),),
    "Group": (("grp-1", lambda v: "member" not in v or v.get("actual") is True),),
    "Immunization.education": (("imm-1", has("documentType", "reference")),),
    "List": (
        ("lst-1", either(lacks("emptyReason"), lacks("entry"))),
        ("lst-2", lambda v: v.get("mode") == "changes" or not any(_given(entry, "deleted") for entry in items(v.get("entry")))),
        ("lst-3", lambda v: v.get("mode") == "working" or not any(_given(entry, "date") for entry in items(v.get("entry")))),
    ),
    "MedicationAdministration.dosage": (("mad-1", has("dose", "rate[x]")),),
    "Observation": (("obs-6", either(lacks("dataAbsentReason"), lacks("value[x]"))), ("obs-7", _own_code_once)),
    "Observation.referenceRange": (("obs-3", has("low", "high", "text")),),
    "Organization": (
        ("org-1", has("identifier", "name")),
        ("org-2", _no_home("address")),
        ("org-3", _no_home("telecom")),
    ),
    "Patient.contact": (("pat-1", has("name", "telecom", "address", "organization")),),
    "QuestionnaireResponse.item": (("qrs-1", either(lacks("answer"), lacks("item"))),),
    "RiskAssessment.prediction": (
        ("ras-1", lambda v: not isinstance(v.get("probabilityRange"), dict) or _percent(v["probabilityRange"])),
        ("ras-2", lambda v: "probabilityDecimal" not in v or (number(v["probabilityDecimal"]) or 0) <= 100),
    ),
    "ServiceRequest": (("prr-1", either(lacks("orderDetail"), has("code"))),),
    "Task": (("inv-1", _task_times),),
    "AuditEvent.entity": (("sev-1", either(lacks("name"), lacks("query"))),),
    # Envelopes and answers.
    "Bundle": (
        ("bdl-1", lambda v: "total" not in v or v.get("type") in ("searchset", "history")),
        ("bdl-2", lambda v: v.get("type") == "searchset" or not any(_given(e, "search") for e in items(v.get("entry")))),
        ("bdl-3", _bundle_entries("request", REQUESTED)),
        ("bdl-4", _bundle_entries("response", ANSWERED)),
        ("bdl-7", _entry_names),
        ("bdl-9", lambda v: v.get("type") != "document" or ("system" in (v.get("identifier") or {}) and "value" in (v.get("identifier") or {}))),
        ("bdl-10", lambda v: v.get("type") != "document" or _given(v, "timestamp")),
        ("bdl-11", _bundle_first("document", "Composition")),
        ("bdl-12", _bundle_first("message", "MessageHeader")),
    ),
    "Bundle.entry": (
        ("bdl-5", has("resource", "request", "response")),
        ("bdl-8", lambda v: not isinstance(v.get("fullUrl"), str) or "/_history/" not in v["fullUrl"]),
    ),
    "Parameters.parameter": (
        ("inv-1", lambda v: sum((_given(v, "value[x]"), _given(v, "resource"), _given(v, "part"))) <= 1),
    ),
}


def _contained(rule: Rule) -> Rule:
    return lambda value: all(rule(item) for item in items(value.get("contained")))


def _meta_lacks(*names: str) -> Rule:
    def holds(item: Element) -> bool:
        meta = item.get("meta")
        return not isinstance(meta, dict) or not any(name in meta for name in names)

    return holds


def _used(value: Element) -> bool:
    """dom-3: what is contained is referred to from somewhere, or refers to the resource that holds it."""
    inside = items(value.get("contained"))
    if not inside:
        return True
    said = list(_fragments(value))
    names = {name for name, _ in said}
    own = [{name for name, _ in _fragments(item)} for item in inside]
    return all(f"#{item.get('id')}" in names or "#" in refers for item, refers in zip(inside, own, strict=True))


def _fragments(value: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Every string that begins with ``#`` in a place that may hold a reference, with where it stands."""
    if isinstance(value, dict):
        for name, child in value.items():
            if isinstance(child, str) and child.startswith("#") and (name == "reference" or name.endswith(("Uri", "Url", "Canonical", "url"))):
                yield child, f"{path}.{name}"
            else:
                yield from _fragments(child, f"{path}.{name}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _fragments(child, f"{path}[{index}]")


def _dangling(value: Element) -> Iterator[str]:
    """ref-1: a local reference names something that is contained."""
    names = {f"#{item.get('id')}" for item in items(value.get("contained"))} | {"#"}
    for said, where in _fragments({key: item for key, item in value.items() if key != "entry"}):
        if where.endswith(".reference") and said not in names:
            yield where.removesuffix(".reference")


RESOURCE_RULES: tuple[tuple[str, Rule], ...] = (
    ("dom-2", _contained(lambda item: "contained" not in item)),
    ("dom-3", _used),
    ("dom-4", _contained(_meta_lacks("versionId", "lastUpdated"))),
    ("dom-5", _contained(_meta_lacks("security"))),
)
