"""(a) A RiskAssessment built, validated and encoded, against fhir.resources R4B validating and dumping the same."""

from decimal import Decimal
from typing import Any

from benchmarks.measuring import figure, per_call
from r4 import codec, quick
from r4.validate import validate

LIMIT, TIMES = 25.0, 15.0
SECURITY = {
    "system": "http://terminology.hl7.org/CodeSystem/v3-ObservationValue",
    "code": "AIAST",
    "display": "Artificial Intelligence asserted",
}


def build(number: int) -> dict[str, Any]:
    """A RiskAssessment as the adapter for risks makes them: label, identifiers, three predictions, a note."""
    period = {"start": "2026-01-02T03:04:05Z", "end": "2036-01-02T03:04:05Z"}
    names = (
        ("prevent-cvd-10y", "Cardiovascular disease", "12.3"),
        ("ascvd-10y", "Atherosclerotic disease", "8.0"),
        ("hf-10y", "Heart failure", "5.10"),
    )
    return {
        "resourceType": "RiskAssessment",
        "id": f"a1b2c3d4-0000-5000-8000-{number:012d}",
        "meta": {"security": [SECURITY]},
        "identifier": [{"use": "official", "system": "urn:chartgate:installation:x/delivery", "value": f"{number:064x}"}],
        "status": "preliminary",
        "method": {"coding": [{"system": "urn:chartgate:installation:x/model", "version": "1.0.0", "code": "prevent-cvd"}], "text": "PREVENT, version 1.0.0"},
        "code": {"coding": [{"system": "urn:chartgate:assessment", "code": "prevent-cvd-10y"}], "text": "10-year risk"},
        "subject": {"reference": f"Patient/p{number}"},
        "encounter": {"reference": f"Encounter/e{number}"},
        "occurrenceDateTime": "2026-01-02T03:04:05Z",
        "performer": {"reference": "Device/d1", "display": "PREVENT, version 1.0.0"},
        "basis": [{"reference": f"Observation/o{number}-{index}"} for index in range(4)],
        "prediction": [
            {
                "outcome": {"coding": [{"system": "urn:chartgate:assessment", "code": code}], "text": text},
                "probabilityDecimal": Decimal(value),
                "whenPeriod": period,
            }
            for code, text, value in names
        ],
        "note": [{"text": "Machine-generated; not clinician-confirmed."}],
    }  # fmt: skip


def figures() -> list[dict[str, Any]]:
    """Microseconds of one resource, and how many times the library takes."""
    from fhir.resources.R4B.riskassessment import RiskAssessment

    sample = build(1)
    assert quick.accepts(sample)
    assert not validate(sample)
    document = codec.format(sample)
    assert RiskAssessment.model_validate_json(document) is not None

    def ours() -> None:
        if quick.encode(build(1)) is None:  # as ``writeback.planning.check`` does: the bytes that were found valid
            raise AssertionError("the sample is valid")

    def theirs() -> None:
        RiskAssessment.model_validate(build(1)).model_dump_json()

    own, other = per_call(ours, calls=2000), per_call(theirs, calls=100)
    micro, times = own * 1e6, other / own
    bar = f"≤ {LIMIT:.0f} µs and ≥ {TIMES:.0f} times faster"
    return [
        figure(
            "a resource: build, validate, encode", micro, "µs", ratio_to="fhir.resources R4B validate and dump",
            ratio=times, bar=bar, holds=micro <= LIMIT and times >= TIMES,
        )
    ]  # fmt: skip
