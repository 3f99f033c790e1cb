"""eClinicalWorks: writes that its CapabilityStatement does not tell of, answered by numbers, 250 requests a minute."""

from sandbox.personas.forms import Created, Limit, Numeric
from sandbox.personas.offering import offering
from sandbox.personas.persona import Persona
from sandbox.personas.rules import Allows, Offers, Refusal, Unconditional, Visit, Whole

STATEMENT = "eCW Facade 1.6 CapabilityStatement of 2026-08-14, via api-evangelist/eclinicalworks"
CATALOGUE = "eCW writeback catalogue of 92 codes, via fhir-writeback.md §3.2"
READ, HIDDEN = frozenset({"read", "search-type"}), frozenset({"create"})
LOINC = "http://loinc.org"

ECLINICALWORKS = Persona(
    name="eclinicalworks",
    title="eClinicalWorks Facade 1.6, August 2026",
    rules=(
        Offers(type="Observation", interactions=READ, hidden=HIDDEN, source=f"{STATEMENT}; writeback is off it"),
        Offers(type="DocumentReference", interactions=READ, hidden=HIDDEN, source=f"{STATEMENT}; writeback is off it"),
        *offering(
            {"DiagnosticReport": "R", "Condition": "R", "Communication": "", "QuestionnaireResponse": "RC", "Flag": "",
             "RiskAssessment": "", "DetectedIssue": "", "Device": "R", "Provenance": "R", "ServiceRequest": "R",
             "Task": ""},
            source=STATEMENT,
        ),
        *offering({"*": "R"}, source="[I] types that the table of vendors does not list are read"),
        Whole(source=f"{STATEMENT}: neither batch nor transaction"),
        Unconditional(source=f"{STATEMENT}: none"),
        Created(status=200, body="preferred", location="none", etag=False,
                source=f"{CATALOGUE}: 200 with a number; that neither Location nor ETag comes with it is [I]"),
        Numeric(success=(0, "SUCCESS"), refusals={
                "not-found": (100, "INVALID_PATIENT"), "code-invalid": (102, "UNSUPPORTED_CODING_SYSTEM"),
                "structure": (108, "UNSUPPORTED_CHARACTERS"), "too-long": (109, "MAX_SIZE"), "value": (114, "MIME")},
                mild=frozenset({"ENCOUNTER_IS_LOCKED"}),
                source=f"{CATALOGUE}: 100, 102, 108, 109, 114, with 200 and with 4xx; which issue has which, that of a success, "
                       "and which come with 200, [I]"),
        Allows(type="Observation", path="code.coding.system", values=frozenset({LOINC}), needed=True,
               refusal=Refusal(status=400, code="code-invalid", key="UNSUPPORTED_CODING_SYSTEM"),
               source=f"{CATALOGUE}: 102; that LOINC is the supported one is [I]"),
        Allows(type="Observation", path="category.coding.code", values=frozenset({"vital-signs"}), needed=True,
               refusal=Refusal(status=400, key="UNSUPPORTED_OBSERVATION"),
               source=f"{CATALOGUE}: UNSUPPORTED_OBSERVATION, its number not published; for which observations is [I]"),
        Visit(type="Observation", path="encounter.reference", open=True,
              refusal=Refusal(status=400, key="ENCOUNTER_IS_LOCKED"),
              source=f"{CATALOGUE}: ENCOUNTER_IS_LOCKED, its number not published; that an ended one is locked is [I]"),
        Allows(type="DocumentReference", path="content.attachment.contentType",
               values=frozenset({"text/plain", "application/pdf"}), needed=True,
               refusal=Refusal(status=400, code="value", key="MIME"),
               source=f"{CATALOGUE}: 114 for a MIME type; which it takes is [I]"),
        Limit(requests=250, seconds=60, retry_after=False,
              source="eClinicalWorks, via fhir-writeback.md §3.2: 250 requests a minute per base URL, token calls "
              "included, 429 until the minute rolls, no Retry-After"),
    ),
)  # fmt: skip
