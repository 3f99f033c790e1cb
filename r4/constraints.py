"""The error-level constraints of the R4 4.0.1 definitions for what the product serves, as tables of predicates.

A predicate takes the element and says whether the constraint *holds*. Each row is named by the constraint's key in the
definitions (``r4/generated/constraints.json`` has its FHIRPath); ``r4/ledger.csv`` lists which are enforced, and where.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from r4.definitions import error_constraints
from r4.outcome import Issue
from r4.predicates import (
    UCUM,
    Element,
    Rule,
    appointment_times,
    at_least_zero,
    attachment,
    bundle_entries,
    bundle_first,
    coded,
    consent,
    either,
    entry_names,
    given,
    handed_over_after,
    has,
    in_order,
    in_ucum,
    items,
    lacks,
    no_home,
    number,
    one_of,
    own_code_once,
    percent,
    period_in_order,
    ratio,
    task_times,
    timing_offset,
    trigger,
    whole_count,
)  # fmt: skip

ALLERGY_VERIFICATION = "http://terminology.hl7.org/CodeSystem/allergyintolerance-verification"
CONDITION_VERIFICATION = "http://terminology.hl7.org/CodeSystem/condition-ver-status"
CONDITION_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"


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


REQUESTED = frozenset({"batch", "transaction", "history"})
ANSWERED = frozenset({"batch-response", "transaction-response", "history"})
QTY = ("qty-3", lambda value: "code" not in value or given(value, "system"))
DISTANCE = (QTY, ("dis-1", in_ucum()))

ELEMENT_RULES: Mapping[str, tuple[tuple[str, Rule], ...]] = {
    # Datatypes. Source of every row: R4 4.0.1 profiles-types.json and profiles-resources.json, constraint of that key.
    "Quantity": (QTY,),
    "SimpleQuantity": (QTY, ("sqty-1", lacks("comparator"))),
    "Age": (QTY, ("age-1", in_ucum(positive=True))),
    "Count": (QTY, ("cnt-3", whole_count)),
    "Distance": DISTANCE,
    "Duration": (
        QTY,
        ("drt-1", lambda value: "code" not in value or (value.get("system") == UCUM and given(value, "value"))),
    ),
    "Range": (("rng-2", in_order),),
    "Ratio": (("rat-1", ratio),),
    "Period": (("per-1", period_in_order),),
    "Attachment": (("att-1", attachment),),
    "ContactPoint": (("cpt-2", either(lacks("value"), has("system"))),),
    "Extension": (("ext-1", one_of("extension", "value[x]")),),
    "DataRequirement.codeFilter": (("drq-1", one_of("path", "searchParam")),),
    "DataRequirement.dateFilter": (("drq-2", one_of("path", "searchParam")),),
    "Expression": (("exp-1", has("expression", "reference")),),
    "TriggerDefinition": (
        ("trd-1", either(lacks("data"), lacks("timing[x]"))),
        ("trd-2", either(lacks("condition"), has("data"))),
        ("trd-3", trigger),
    ),
    "Timing.repeat": (
        ("tim-1", either(lacks("duration"), has("durationUnit"))),
        ("tim-2", either(lacks("period"), has("periodUnit"))),
        ("tim-4", at_least_zero("duration")),
        ("tim-5", at_least_zero("period")),
        ("tim-6", either(lacks("periodMax"), has("period"))),
        ("tim-7", either(lacks("durationMax"), has("duration"))),
        ("tim-8", either(lacks("countMax"), has("count"))),
        ("tim-9", timing_offset),
        ("tim-10", either(lacks("timeOfDay"), lacks("when"))),
    ),
    # Resources and their elements.
    "AllergyIntolerance": (
        (
            "ait-1",
            lambda v: (
                coded(v.get("verificationStatus"), ALLERGY_VERIFICATION, "entered-in-error") or "clinicalStatus" in v
            ),
        ),
        (
            "ait-2",
            lambda v: (
                not coded(v.get("verificationStatus"), ALLERGY_VERIFICATION, "entered-in-error")
                or "clinicalStatus" not in v
            ),
        ),
    ),
    "Appointment": (
        ("app-2", lambda v: given(v, "start") == given(v, "end")),
        ("app-3", appointment_times),
        ("app-4", lambda v: "cancelationReason" not in v or v.get("status") in ("noshow", "no-show", "cancelled")),
    ),
    "Appointment.participant": (("app-1", has("type", "actor")),),
    "CarePlan.activity": (("cpl-3", either(lacks("detail"), lacks("reference"))),),
    "Condition": (
        (
            "con-4",
            lambda v: (
                not given(v, "abatement[x]")
                or coded(v.get("clinicalStatus"), CONDITION_CLINICAL, "resolved", "remission", "inactive")
            ),
        ),
        (
            "con-5",
            lambda v: (
                not coded(v.get("verificationStatus"), CONDITION_VERIFICATION, "entered-in-error")
                or "clinicalStatus" not in v
            ),
        ),
    ),
    "Condition.stage": (("con-1", has("summary", "assessment")),),
    "Condition.evidence": (("con-2", has("code", "detail")),),
    "Consent": (
        ("ppc-1", has("policy", "policyRule")),
        ("ppc-2", consent("patient-privacy")),
        ("ppc-3", consent("research")),
        ("ppc-4", consent("adr")),
        ("ppc-5", consent("treatment")),
    ),
    "Goal.target": (("gol-1", either(lacks("detail[x]"), has("measure"))),),
    "Group": (("grp-1", lambda v: "member" not in v or v.get("actual") is True),),
    "Immunization.education": (("imm-1", has("documentType", "reference")),),
    "List": (
        ("lst-1", either(lacks("emptyReason"), lacks("entry"))),
        (
            "lst-2",
            lambda v: v.get("mode") == "changes" or not any(given(entry, "deleted") for entry in items(v.get("entry"))),
        ),
        (
            "lst-3",
            lambda v: v.get("mode") == "working" or not any(given(entry, "date") for entry in items(v.get("entry"))),
        ),
    ),
    "MedicationAdministration.dosage": (("mad-1", has("dose", "rate[x]")),),
    "MedicationDispense": (("mdd-1", handed_over_after),),
    "Observation": (("obs-6", either(lacks("dataAbsentReason"), lacks("value[x]"))), ("obs-7", own_code_once)),
    "Observation.referenceRange": (("obs-3", has("low", "high", "text")),),
    "Organization": (
        ("org-1", has("identifier", "name")),
        ("org-2", no_home("address")),
        ("org-3", no_home("telecom")),
    ),
    "Patient.contact": (("pat-1", has("name", "telecom", "address", "organization")),),
    "QuestionnaireResponse.item": (("qrs-1", either(lacks("answer"), lacks("item"))),),
    "RiskAssessment.prediction": (
        ("ras-1", lambda v: not isinstance(v.get("probabilityRange"), dict) or percent(v["probabilityRange"])),
        ("ras-2", lambda v: "probabilityDecimal" not in v or (number(v["probabilityDecimal"]) or 0) <= 100),
    ),
    "ServiceRequest": (("prr-1", either(lacks("orderDetail"), has("code"))),),
    "Task": (("inv-1", task_times),),
    "AuditEvent.entity": (("sev-1", either(lacks("name"), lacks("query"))),),
    # Envelopes and answers.
    "Bundle": (
        ("bdl-1", lambda v: "total" not in v or v.get("type") in ("searchset", "history")),
        (
            "bdl-2",
            lambda v: v.get("type") == "searchset" or not any(given(e, "search") for e in items(v.get("entry"))),
        ),
        ("bdl-3", bundle_entries("request", REQUESTED)),
        ("bdl-4", bundle_entries("response", ANSWERED)),
        ("bdl-7", entry_names),
        (
            "bdl-9",
            lambda v: (
                v.get("type") != "document"
                or ("system" in (v.get("identifier") or {}) and "value" in (v.get("identifier") or {}))
            ),
        ),
        ("bdl-10", lambda v: v.get("type") != "document" or given(v, "timestamp")),
        ("bdl-11", bundle_first("document", "Composition")),
        ("bdl-12", bundle_first("message", "MessageHeader")),
    ),
    "Bundle.entry": (
        ("bdl-5", has("resource", "request", "response")),
        ("bdl-8", lambda v: not isinstance(v.get("fullUrl"), str) or "/_history/" not in v["fullUrl"]),
    ),
    "Parameters.parameter": (
        ("inv-1", lambda v: sum((given(v, "value[x]"), given(v, "resource"), given(v, "part"))) <= 1),
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
            if (
                isinstance(child, str)
                and child.startswith("#")
                and (name == "reference" or name.endswith(("Uri", "Url", "Canonical", "url")))
            ):
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
