"""A server that follows the writing pages of US Core 9, where the others may be going."""

from sandbox.personas.forms import Created
from sandbox.personas.persona import Persona
from sandbox.personas.rules import Duplicates, Partial, Whole

VITALS = "US Core 9 Writing Vital Signs, HL7/US-Core@85bf4af6e writing-vital-signs.md"
NOTES = "US Core 9 Writing Clinical Notes, HL7/US-Core@85bf4af6e writing-clinical-notes.md"

USCORE9 = Persona(
    name="uscore9",
    title="US Core 9, writing vital signs and clinical notes",
    rules=(
        Whole(source="[I] both pages speak of single requests only"),
        Created(type="Observation", status=200, location="content-location",
                source=f"{VITALS}: 200 OK with Content-Location"),
        Duplicates(type="Observation",
                   by=("subject.reference", "code.coding.code", "effectiveDateTime", "value*", "component.valueQuantity.value"),
                   source=f"{VITALS}: 202 Accepted without Content-Location; servers may drop duplicate readings"),
        Partial(type="DocumentReference", elements=frozenset({"id", "status", "subject"}), status="entered-in-error",
                source=f"{NOTES}: servers SHALL accept a partial PUT with id, status, subject"),
    ),
)  # fmt: skip
