"""Oracle Health Millennium, the secure sandbox of August 2026: vitals and laboratory; what it does not know it loses."""

from sandbox.personas.forms import Bodiless, Created, Stale
from sandbox.personas.offering import offering
from sandbox.personas.persona import Persona
from sandbox.personas.rules import (
    WRITES,
    Allows,
    AtMost,
    Author,
    Drops,
    Fatal,
    Immutable,
    Needs,
    OwnIds,
    Refusal,
    Rule,
    Unconditional,
    Whole,
)

STATEMENT = "Oracle Millennium secure CapabilityStatement of 2026-08-14, via api-evangelist/cerner"
PAGES = "cerner/fhir.cerner.com@3d33831a content/millennium/r4"
VITAL = ("category.coding.code", "vital-signs")
RULE = Refusal(status=422, code="business-rule")
MISSING = Refusal(status=500, code="required")
"""500 `required`: missing required data, by its list of errors."""
HELD = "unconfirmed provisional differential confirmed"
TEXTS = "application/pdf text/plain text/rtf text/html application/xhtml+xml application/xml"


def _fatal(type: str) -> tuple[Rule, ...]:
    source = f"{PAGES}: modifier fields fail the write; 422 extension and 422 not-supported"
    return (
        Fatal(type=type, path="modifierExtension", on=WRITES, refusal=Refusal(code="extension"), source=source),
        Fatal(type=type, path="implicitRules", on=WRITES, refusal=Refusal(code="not-supported"), source=source),
    )


ORACLE = Persona(
    name="oracle",
    title="Oracle Health Millennium, secure sandbox, August 2026",
    rules=(
        *offering(
            {"Observation": "RCU", "DocumentReference": "RCU", "DiagnosticReport": "RC", "Condition": "RCU",
             "Communication": "RCP", "QuestionnaireResponse": "RU", "Flag": "", "RiskAssessment": "",
             "DetectedIssue": "", "Device": "R", "Provenance": "RC", "ServiceRequest": "R", "Task": ""},
            source=STATEMENT,
        ),
        *offering({"*": "R"}, source="[I] types that the table of vendors does not list are read"),
        Whole(interactions=frozenset({"batch"}), source=f"{STATEMENT}: batch only"),
        Unconditional(source=f"{STATEMENT}: not declared"),
        OwnIds(source=f"{STATEMENT}: updateCreate false"),
        Stale(status=409, source=f"{PAGES}: 409 stale version"),
        Bodiless(status=406, source=f"{PAGES}: 406 with an empty body"),
        Created(body="none", source=f"{PAGES}: 201 with Content-Length 0, ETag and an absolute Location"),
        *_fatal("Observation"), *_fatal("DocumentReference"), *_fatal("Condition"),
        Drops(type="Observation", paths=("identifier", "meta.security", "device", "derivedFrom", "method"),
              source=f"{PAGES}: unsupported fields will be ignored"),
        Allows(type="Observation", path="category.coding.code", values=frozenset({"vital-signs", "laboratory"}),
               needed=True, refusal=RULE, source=f"{PAGES}: only Vital Signs and Laboratory"),
        AtMost(type="Observation", path="category", refusal=RULE, source=f"{PAGES}: one category"),
        Allows(type="Observation", path="status", values=frozenset({"final", "amended", "corrected"}), refusal=RULE,
               source=PAGES),
        Allows(type="Observation", path="status", on=("update",), values=frozenset({"amended", "corrected"}),
               refusal=RULE, source=f"{PAGES}: update"),
        Needs(type="Observation", path="effectiveDateTime", refusal=MISSING, source=f"{PAGES}: effectiveDateTime only"),
        Needs(type="Observation", path="value*|component.value*", refusal=MISSING, source=f"{PAGES}: value required"),
        Needs(type="Observation", path="valueQuantity|component.valueQuantity", when=VITAL, refusal=RULE,
              source=f"{PAGES}: vitals: Quantity only"),
        Needs(type="Observation", path="performer", when=VITAL, refusal=MISSING,
              source=f"{PAGES}: Practitioner required for vitals"),
        Allows(type="Observation", path="performer.extension.valueCodeableConcept.coding.code", when=VITAL, needed=True,
               values=frozenset({"LA"}), refusal=RULE,
               source=f"{PAGES}: event-performerFunction, the sole performer must be LA"),
        AtMost(type="Observation", path="interpretation", refusal=RULE, source=f"{PAGES}: one interpretation"),
        AtMost(type="Observation", path="referenceRange", refusal=RULE, source=f"{PAGES}: one referenceRange"),
        Immutable(type="Observation", path="category.coding.code", refusal=RULE, source=f"{PAGES}: category immutable"),
        Immutable(type="Observation", path="subject.reference", refusal=RULE, source=f"{PAGES}: patient immutable"),
        Allows(type="DocumentReference", path="status", values=frozenset({"current"}), refusal=RULE, source=PAGES),
        Allows(type="DocumentReference", path="docStatus", values=frozenset({"final", "amended"}), needed=True,
               refusal=RULE, source=f"{PAGES}: no preliminary"),
        AtMost(type="DocumentReference", path="type.coding", refusal=RULE,
               source=f"{PAGES}: type LOINC or codeSet 72, not both"),
        Author(type="DocumentReference", path="author.reference", refusal=RULE,
               source=f"{PAGES}: author must be the authorised Practitioner; optional for system"),
        AtMost(type="DocumentReference", path="content", refusal=RULE, source=f"{PAGES}: exactly one content"),
        Needs(type="DocumentReference", path="content.attachment.data", refusal=MISSING, source=PAGES),
        Allows(type="DocumentReference", path="content.attachment.contentType", values=frozenset(TEXTS.split()),
               needed=True, refusal=RULE, source=f"{PAGES}: pdf, txt, rtf, html, xhtml, xml; their MIME names [I]"),
        Needs(type="DocumentReference", path="context.period.end", refusal=MISSING,
              source=f"{PAGES}: context.period.end required with time"),
        Allows(type="DiagnosticReport", path="category.coding.code", values=frozenset({"LP29708-2", "LP7839-6"}),
               needed=True, refusal=RULE, source=f"{PAGES}: only Cardiology and Anatomic Pathology"),
        AtMost(type="Provenance", path="target", refusal=RULE, source=f"{PAGES}: one target"),
        Needs(type="Provenance", path="agent.who.reference", refusal=MISSING, source=f"{PAGES}: agent.who Reference"),
        Allows(type="Communication", path="status", values=frozenset({"completed"}), refusal=RULE, source=PAGES),
        Needs(type="Communication", path="sender.reference", refusal=MISSING, source=f"{PAGES}: sender Practitioner"),
        Allows(type="Condition", path="verificationStatus.coding.code", values=frozenset(HELD.split()),
               refusal=RULE, source=f"{PAGES}: not refuted or entered-in-error"),
    ),
)  # fmt: skip
