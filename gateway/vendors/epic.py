"""Epic: vital signs and clinical notes can be created; a score's home is a flowsheet row that the site has built."""

from auth.client.rules import SignInRules
from gateway.vendors.declaration import Vendor
from writeback.rules import WriteRules

_CS = "CapabilityStatement of the sandbox, May 2026 build (2026-07-24)"
_SPEC_963 = "fhir.epic.com specification 963, Observation.Create (Vitals), as quoted by MedAgentBench funcs_v1"
_SPEC_1046 = "fhir.epic.com specification 1046, DocumentReference.Create (Clinical Notes)"
_TESTED = "FHIRBridge document 20, tested in the sandbox 2026-09-30"

EPIC = Vendor(
    name="epic",
    title="Epic",
    sign_in=SignInRules(hosted_keys=True),
    write=WriteRules(
        creates=frozenset({"Observation", "DocumentReference"}),
        statuses={
            "Observation": frozenset({"final"}),
            "DocumentReference": frozenset({"preliminary", "final"}),
        },
        categories={"Observation": frozenset({"vital-signs"})},
        requires={"Observation": ("subject", "effectiveDateTime"), "DocumentReference": ("subject", "type", "content")},
        site_coded=frozenset({"Observation"}),
        encounters={"Observation": "open", "DocumentReference": "required"},
        content_types=("text/plain",),
        singles={"Observation": ("code.coding",), "DocumentReference": ("content",)},
        longest={"Observation": {"note.text": 254}},
        client_ids=False,
        conditional_create=False,
        already_there=frozenset({"59189", "59141"}),
        never=frozenset({"4130", "4131", "4134"}),
        later=frozenset({"4135"}),
        versions=False,
    ),
    sources={
        "hosted_keys": "[P] Epic's notice to owners of backend apps: from the version of February 2024 on a key set must be "
        "hosted, an uploaded key is taken no more; [P] a key pair of its own for each environment",
        "creates": f"[V] {_CS}: of our types Observation and DocumentReference have create; RiskAssessment, DetectedIssue, "
        "Device and Provenance have not, Flag is read only, DiagnosticReport update only",
        "statuses": f"[P] {_SPEC_963}: status must be final; [P] {_TESTED}: docStatus preliminary is an unsigned draft",
        "categories": f"[P] {_SPEC_963}: category vital-signs",
        "requires": f"[P] {_SPEC_963}; {_SPEC_1046}",
        "site_coded": f"[P] {_SPEC_963}: one LOINC code or flowsheet id whose row is built and mapped at the site",
        "encounters": f"[P] {_SPEC_963}: open and not in the future; {_SPEC_1046}: one of the same patient, finished accepted",
        "content_types": f"[P] {_TESTED}: text/plain in base64",
        "singles": f"[P] {_SPEC_963}: one code.coding; {_TESTED}: the first attachment only",
        "longest": f"[P] {_SPEC_963}: a note of at most 254 characters",
        "client_ids": f"[V] {_CS}: updateCreate false",
        "conditional_create": f"[V] {_CS}: conditionalCreate false",
        "already_there": "[V] fhir.epic.com error codes: 59189 reading already exists, 59141 duplicate",
        "never": "[V] fhir.epic.com error codes: 4130, 4131 and 4134, the chart is behind a break-the-glass",
        "later": "[V] fhir.epic.com error codes: 4135, please try again tomorrow",
        "versions": f"[P] {_TESTED}: creates answer without ETag",
    },
)
