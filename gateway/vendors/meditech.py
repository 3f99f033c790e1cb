"""MEDITECH Greenfield: messages and questionnaires can be written; nothing that a model says has a place there."""

from auth.client.ehr import SIGN_IN
from auth.client.rules import SignInRules, by_type
from gateway.vendors.declaration import Vendor
from writeback.rules import WriteRules

_SMART = "smart-configuration of Greenfield (2026-08-14)"
_READ = ("Patient", "Condition", "Encounter", "MedicationRequest", "Observation", "DocumentReference")

MEDITECH = Vendor(
    name="meditech",
    title="MEDITECH",
    sign_in=SignInRules(
        launch_scopes=(*SIGN_IN, "patient/*.read"),
        backend_scopes=by_type("system", read=_READ),
    ),
    write=WriteRules(creates=frozenset({"Communication", "QuestionnaireResponse"})),
    sources={
        "launch_scopes": f"[V] {_SMART}: the wildcard in the old spelling only; nothing of ours can be written there",
        "backend_scopes": f"[V] {_SMART}: system access by single types",
        "creates": "[V] CapabilityStatement of Greenfield, US Core STU6: create for Communication and QuestionnaireResponse",
    },
)
