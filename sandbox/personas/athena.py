"""athenaPractice and athenaFlow ("athenaFlex"): accepts observations by the site's own codes, and parks them."""

from sandbox.personas.offering import offering
from sandbox.personas.persona import Persona
from sandbox.personas.rules import Allows, Includes, Parks, Refusal, Unconditional, Whole

STATEMENT = "athenaOne CapabilityStatement harvested 2026-08-14, via api-evangelist/athenahealth"
ISSUES = "athenahealth/apiserver-athenaFlex issues"
ALL = f"{ISSUES} #197 #231 #257 #271 #272 #368 #373"
HDID = "https://docs.mydata.athenahealth.com/fhir-r4/athenaFlex/codesystem/HDID/1000-4-9390"
"""With the licence code of their training site, as issue #271 shows it."""
TEXTS = "text/rtf application/rtf application/xml text/xml"

ATHENA = Persona(
    name="athena",
    title="athenaPractice and athenaFlow (athenaFlex)",
    rules=(
        *offering({"Observation": "RC", "DocumentReference": "RC"}, source=ALL),
        *offering(
            {"DiagnosticReport": "R", "Condition": "R", "Communication": "", "QuestionnaireResponse": "RC", "Flag": "",
             "RiskAssessment": "", "DetectedIssue": "", "Device": "R", "Provenance": "R", "ServiceRequest": "R",
             "Task": ""},
            source=STATEMENT,
        ),
        *offering({"*": "R"}, source=f"[I] types that the table of vendors does not list are read; {ALL}: "
                  "encounter write unsupported"),
        Whole(interactions=frozenset({"batch"}), source=f"{ALL}: a Bundle of Observations; that it is a batch is [I]"),
        Unconditional(source=f"{STATEMENT}: none"),
        Includes(type="Observation", path="code.coding.system", values=frozenset({HDID}),
                 refusal=Refusal(status=400, code="code-invalid", text="Provided HDID not found"),
                 source=f"{ISSUES} #231, #271: the site's HDID with its licence suffix; status [I]"),
        Parks(type="Observation", title="API Update",
              source=f"{ALL}: always lands in an API Update document; the answer 201 is [I]"),
        Allows(type="DocumentReference", path="content.attachment.contentType", values=frozenset(TEXTS.split()),
               needed=True, refusal=Refusal(status=400, code="value"),
               source=f"{ALL}: RTF or C-CDA XML only; MIME names and status [I]"),
    ),
)  # fmt: skip
