"""Bodies that the suites write: small resources of a patient, and bytes that a JSON library would not write so."""

from typing import Any

VITAL = {"system": "http://loinc.org", "code": "29463-7", "display": "Body weight"}


def sample(patient: str, **changes: Any) -> dict[str, Any]:
    """A small Observation of a patient."""
    return {
        "resourceType": "Observation", "status": "final", "code": {"coding": [VITAL]},
        "subject": {"reference": f"Patient/{patient}"}, "effectiveDateTime": "2026-01-02T03:04:05Z", **changes,
    }  # fmt: skip


def exact(patient: str) -> bytes:
    """The same with a number whose digits count, as bytes: a JSON library would not write them so."""
    return (
        '{"resourceType":"Observation","status":"final","code":{"coding":[{"system":"http://loinc.org","code":"29463-7"}]},'
        f'"subject":{{"reference":"Patient/{patient}"}},"effectiveDateTime":"2026-01-02T03:04:05Z",'
        '"valueQuantity":{"value":72.50,"unit":"kg","system":"http://unitsofmeasure.org","code":"kg"}}'
    ).encode()
