"""The specification itself: FHIR R4 4.0.1, no deviation."""

from sandbox.personas.persona import Persona

SPEC = Persona(name="spec", title="FHIR R4 4.0.1 as written")
