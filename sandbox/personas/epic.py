"""Epic, the public sandbox of May 2026: vitals and notes, final only, and errors by number."""

from sandbox.personas.forms import Bodiless, Created, Numbers
from sandbox.personas.offering import offering
from sandbox.personas.persona import Persona
from sandbox.personas.rules import (
    Allows,
    AtMost,
    Drops,
    Duplicates,
    Longest,
    OwnIds,
    Refusal,
    Unconditional,
    Unoffered,
    Visit,
    Whole,
)

STATEMENT = "Epic CapabilityStatement of 2026-07-24, via api-evangelist/epic-systems"
VITALS = "Epic Observation.Create 963, via MedAgentBench funcs_v1 and FHIRBridge doc 20 [P]"
NOTES = "Epic DocumentReference.Create 1046, via FHIRBridge doc 20 [P]"
BRIDGE = "FHIRBridge doc 20, sandbox-tested 2026-09-30 [P]"
CODES = "fhir.epic.com/Specifications, via api-evangelist/epic-systems"

EPIC = Persona(
    name="epic",
    title="Epic sandbox, May 2026",
    rules=(
        *offering(
            {"Observation": "RCU", "DocumentReference": "RCU", "DiagnosticReport": "RU", "Condition": "RC",
             "Communication": "RC", "QuestionnaireResponse": "RC", "Flag": "R", "RiskAssessment": "",
             "DetectedIssue": "", "Device": "R", "Provenance": "R", "ServiceRequest": "CU", "Task": "U"},
            source=STATEMENT,
        ),
        *offering({"AllergyIntolerance": "RC"}, source=f"{BRIDGE}: an Allergy sent again is a second record"),
        *offering({"*": "R"}, source="[I] types that the table of vendors does not list are read"),
        Whole(source=f"{STATEMENT}: neither batch nor transaction"),
        Unconditional(source=f"{STATEMENT}: conditionalCreate and conditionalUpdate explicitly false everywhere"),
        OwnIds(source="fhir-writeback.md §5: no surveyed EHR advertises updateCreate"),
        Unoffered(refusal=Refusal(status=403, code="forbidden"), source=f"{BRIDGE}: an API missing on the app is 403"),
        Bodiless(status=403, source=f"{BRIDGE}: 403 has an empty body"),
        Created(body="asked", location="relative", etag=False, source=f"{BRIDGE}: 201 with an empty body without Prefer, "
                "return=representation honoured, Location relative, no ETag"),
        Allows(type="Observation", path="category.coding.code", values=frozenset({"vital-signs"}), needed=True,
               refusal=Refusal(status=400, code="value", number="59111"), source=f"{VITALS}; number {CODES}"),
        Allows(type="Observation", path="status", values=frozenset({"final"}), refusal=Refusal(
               status=400, code="value", number="59111"), source=f"{VITALS}; number {CODES}"),
        AtMost(type="Observation", path="code.coding", refusal=Refusal(status=400, code="value", number="59100"),
               source=f"{VITALS}; number {CODES}"),
        Longest(type="Observation", path="note.text", characters=254, refusal=Refusal(
                status=400, code="too-long", number="59100"), source=f"{VITALS}; number {CODES}"),
        Visit(type="Observation", path="encounter.reference", needed=True, open=True, refusal=Refusal(
              status=400, number="59159"), source=f"{VITALS}: required but for patients' apps, open, not future; "
              f"number {CODES}"),
        Duplicates(type="Observation", by=("subject.reference", "code.coding.code", "effectiveDateTime", "value*",
                   "component.valueQuantity.value"), refusal=Refusal(status=400, code="duplicate", number="59189",
                   text="Reading already exists."), source=f"{BRIDGE}: an identical vital is 400, Epic 59189"),
        Allows(type="DocumentReference", path="content.attachment.contentType", values=frozenset({"text/plain"}),
               needed=True, refusal=Refusal(status=400, code="value", number="59111"), source=f"{NOTES}; number {CODES}"),
        Drops(type="DocumentReference", paths=("content[1:]",), source=f"{NOTES}: first attachment only"),
        Allows(type="DocumentReference", path="docStatus", values=frozenset({"preliminary", "final"}), refusal=Refusal(
               status=400, code="value", number="59111"), source=f"{NOTES}; number {CODES}"),
        Visit(type="DocumentReference", path="context.encounter.reference", needed=True, refusal=Refusal(
              status=400, number="59159"), source=f"{NOTES}: of the same patient, finished accepted; number {CODES}"),
        Allows(type="Condition", path="verificationStatus.coding.code", values=frozenset({"provisional"}), needed=True,
               refusal=Refusal(status=422, number="59012"), source="FHIRBridge doc 20: else 422, 59012 [P]"),
        Longest(type="Condition", path="note.text", characters=450, refusal=Refusal(
                status=400, code="too-long", number="59100"), source=f"FHIRBridge doc 20 [P]; number {CODES}"),
        Numbers(system="urn:oid:1.2.840.114350.1.13.0.1.7.2.657369", source=f"{CODES}; which number stands for "
                "which issue type is [I]; the system as in recorded Epic sandbox answers [P]", numbers={
                "structure": "59105", "required": "59108", "value": "59111", "invariant": "59100", "duplicate": "59141",
                "not-found": "59144", "business-rule": "59159", "exception": "59177", "not-supported": "4100",
                "invalid": "4100"}),
    ),
)  # fmt: skip
