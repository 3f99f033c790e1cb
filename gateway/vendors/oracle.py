"""Oracle Health Millennium R4: vital signs, laboratory results and notes, in the name of a clinician, final only."""

from auth.client.rules import SignInRules, by_type
from gateway.vendors.declaration import Vendor
from writeback.rules import WriteRules

_DOCS = "fhir.cerner.com, Millennium R4 (repository of 2024-05-02; now docs.oracle.com, Millennium Platform APIs)"
_CS = "CapabilityStatement of the secure sandbox (2026-08-14)"
_SMART = "smart-configuration of the secure sandbox (2026-08-14)"
_READ = ("Patient", "Condition", "Encounter", "MedicationRequest", "Observation", "DocumentReference")
_WRITTEN = ("Observation", "DocumentReference")
_LOST = ("meta", "identifier")

ORACLE = Vendor(
    name="oracle",
    title="Oracle Health Millennium",
    sign_in=SignInRules(
        launch_scopes=by_type("patient", read=_READ, written=_WRITTEN, old=True),
        backend_scopes=by_type("system", read=_READ, written=_WRITTEN, old=True),
        endpoints_at=("https://authorization.cerner.com",),
        sealed_identity=True,
    ),
    write=WriteRules(
        creates=frozenset({"Observation", "DocumentReference"}),
        statuses={
            "Observation": frozenset({"final", "amended", "corrected"}),
            "DocumentReference": frozenset({"final", "amended"}),
        },
        categories={"Observation": frozenset({"vital-signs", "laboratory"})},
        requires={
            "Observation": ("subject", "effectiveDateTime", "valueQuantity"),
            "DocumentReference": ("subject", "type", "content", "context.period.end"),
        },
        signers={"Observation": "performer", "DocumentReference": "author"},
        content_types=(
            "text/plain; charset=utf-8",
            "text/rtf; charset=utf-8",
            "text/html; charset=utf-8",
            "application/xml; charset=utf-8",
            "application/xhtml+xml; charset=utf-8",
            "application/pdf",
        ),
        drops={
            "Observation": (
                *_LOST,
                "extension",
                "method",
                "device",
                "derivedFrom",
                "hasMember",
                "component",
                "dataAbsentReason",
                "referenceRange.text",
            ),
            "DocumentReference": (*_LOST, "description", "authenticator", "context.related"),
        },
        refuses={
            "Observation": ("modifierExtension", "implicitRules"),
            "DocumentReference": ("modifierExtension", "implicitRules"),
        },
        singles={
            "Observation": ("category", "interpretation", "referenceRange"),
            "DocumentReference": ("content", "type.coding"),
        },
        client_ids=False,
        never=frozenset({"required"}),
        conditional_create=False,
        updates={
            "Observation": frozenset({"amended", "corrected"}),
            "DocumentReference": frozenset({"final", "amended", "entered-in-error"}),
        },
    ),
    sources={
        "launch_scopes": f"[V] {_SMART}: single types, no wildcard, none of RiskAssessment, DetectedIssue, Flag; [P] of v2 "
        "scopes sometimes none is granted, so the old spelling, which it lists too",
        "backend_scopes": f"[V] {_SMART}: the same types for system access",
        "endpoints_at": f"[V] {_SMART}: authorize and token at authorization.cerner.com, the FHIR base elsewhere",
        "sealed_identity": "[P] reported by developers: id_tokens that are encrypted (JWE)",
        "creates": f"[V] {_CS}; {_DOCS}: DiagnosticReport only for cardiology and pathology; "
        "a Provenance needs one agent by reference, and the model's Device cannot be written there: neither is used",
        "statuses": f"[V] {_DOCS}: Observation final, amended, corrected; docStatus final (providers), no preliminary",
        "categories": f"[V] {_DOCS}: Vital Signs and Laboratory are supported",
        "requires": f"[V] {_DOCS}: required fields; valueQuantity is the only value of vital signs",
        "signers": f"[V] {_DOCS}: the sole performer must be LA; the author must be the authorised Practitioner",
        "content_types": f"[V] {_DOCS}: pdf, txt, rtf, html, xhtml, xml, each with its character set",
        "drops": f'[V] {_DOCS}: "unsupported fields will be ignored"; components only for blood pressure and SpO2; '
        "[I] which fields of a DocumentReference are not among the supported",
        "refuses": f"[V] {_DOCS}: modifier fields fail the write, 422 extension and not-supported",
        "singles": f"[V] {_DOCS}: one category, interpretation, reference range, content; type LOINC or codeSet 72, not both",
        "client_ids": f"[V] {_CS}: updateCreate false",
        "never": f"[V] {_DOCS}: missing required data is 500 with the issue type required, and does not pass",
        "conditional_create": f"[V] {_CS}: not declared",
        "updates": f"[V] {_DOCS}: Observation status amended and corrected only; DocumentReference may be entered in error",
    },
)
