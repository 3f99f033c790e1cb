"""The ward day: deterministic, complete, and as varied as NEWS2 needs."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from r4 import codec
from sandbox.seed import load
from sandbox.seed.ward import HOUR, STAYS, ward_day
from vocabulary.instant import parse_instant

ANCHOR = 1_770_000_000.0
DAY = ward_day(ANCHOR)
SEED = {f"{item.type}/{item.id}": item.body for item in load.packed()}

EXPECTED = {
    "Bryant": 0, "Clifton": 2, "Heather": 4, "Quinn": 3, "Mauricio": 5, "Denis": 15,
    "Ali": 0, "Charlyn": 7, "Genevive": 10, "Estelle": None, "Ben": 1,
}  # fmt: skip

# Royal College of Physicians, National Early Warning Score (NEWS) 2, 2017, chart 1: upper bounds and their points
BANDS: dict[str, list[tuple[float, int]]] = {
    "9279-1": [(8, 3), (11, 1), (20, 0), (24, 2), (999, 3)],
    "59408-5": [(91, 3), (93, 2), (95, 1), (100, 0)],
    "3151-8": [(0, 0), (99, 2)],
    "8480-6": [(90, 3), (100, 2), (110, 1), (219, 0), (999, 3)],
    "8867-4": [(40, 3), (50, 1), (90, 0), (110, 1), (130, 2), (999, 3)],
    "8310-5": [(35.0, 3), (36.0, 1), (38.0, 0), (39.0, 1), (99, 2)],
    "1104441000000107": [(0, 0), (1, 3)],
}


def references(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(references, value))
    if not isinstance(value, dict):
        return set()
    own = {value["reference"]} if isinstance(value.get("reference"), str) else set()
    return own.union(*map(references, value.values()))


def measured(observation: dict[str, Any]) -> dict[str, float]:
    """Code → number of one Observation or its components; alert is 0, every other answer 1."""
    found = {}
    for part in [observation, *observation.get("component", [])]:
        code = part["code"]["coding"][0]["code"]
        if "valueQuantity" in part:
            tenths = Decimal(part["valueQuantity"]["value"]).quantize(Decimal("0.1"), ROUND_HALF_UP)
            found[code] = float(tenths)
        elif "valueCodeableConcept" in part:
            found[code] = float(part["valueCodeableConcept"]["coding"][0]["code"] != "248234008")
    return found


def last_round(patient: str) -> dict[str, float]:
    own = [item for item in DAY if item.get("subject") == {"reference": f"Patient/{patient}"}]
    observations = [item for item in own if item["resourceType"] == "Observation"]
    latest = max(item["effectiveDateTime"] for item in observations)
    found: dict[str, float] = {}
    for item in observations:
        if item["effectiveDateTime"] == latest:
            found |= measured(item)
    return found


def score(values: dict[str, float]) -> int | None:
    if not BANDS.keys() <= values.keys():
        return None
    return sum(next(points for bound, points in bands if values[code] <= bound) for code, bands in BANDS.items())


def test_the_same_hour_gives_the_same_day() -> None:
    start_of_hour = ANCHOR // HOUR * HOUR
    assert ward_day(start_of_hour) == ward_day(start_of_hour + 3599)


def test_another_hour_gives_the_same_ids_at_other_times() -> None:
    later = ward_day(ANCHOR + HOUR)
    assert [item["id"] for item in later] == [item["id"] for item in DAY]
    assert all(one != other for one, other in zip(later, DAY, strict=True))


def test_ids_are_unique() -> None:
    ids = [(item["resourceType"], item["id"]) for item in DAY]
    assert len(set(ids)) == len(ids)


def test_everything_lies_in_the_fourteen_hours_before_the_anchor() -> None:
    times = [parse_instant(item.get("effectiveDateTime") or item["period"]["start"]) for item in DAY]
    assert min(times) > ANCHOR - 14 * HOUR - HOUR
    assert max(times) < ANCHOR // HOUR * HOUR


def test_the_last_round_is_less_than_an_hour_old_for_every_patient() -> None:
    for stay in STAYS:
        times = [item["effectiveDateTime"] for item in DAY if "valueQuantity" in item
                 and item["subject"]["reference"].endswith(stay.patient)]  # fmt: skip
        assert ANCHOR // HOUR * HOUR - parse_instant(max(times)) < HOUR


def test_the_encounters_are_open() -> None:
    encounters = [item for item in DAY if item["resourceType"] == "Encounter"]
    assert len(encounters) == len(STAYS)
    assert all(item["status"] == "in-progress" and "end" not in item["period"] for item in encounters)


def test_references_lead_to_the_seed_or_to_the_days_own_encounters() -> None:
    own = {f"Encounter/{item['id']}" for item in DAY if item["resourceType"] == "Encounter"}
    assert references(DAY) <= SEED.keys() | own


def test_a_reference_that_leads_nowhere_would_be_noticed() -> None:
    stray = {"performer": [{"reference": "Practitioner/nobody"}]}
    assert not references([*DAY, stray]) <= SEED.keys()


def test_only_the_living_are_on_the_ward() -> None:
    patients = [codec.parse(SEED[f"Patient/{stay.patient}"]) for stay in STAYS]
    assert not any("deceasedDateTime" in patient for patient in patients)
    assert any(b'"deceasedDateTime"' in body for name, body in SEED.items() if name.startswith("Patient/"))


def test_the_scores_of_the_last_round_cover_every_band_and_one_patient_has_none() -> None:
    scores = {}
    for stay in STAYS:
        name = codec.parse(SEED[f"Patient/{stay.patient}"])["name"][0]["given"][0].rstrip("0123456789")
        scores[name] = score(last_round(stay.patient))
    assert scores == EXPECTED


def test_a_patient_who_misses_a_parameter_misses_consciousness_alone() -> None:
    incomplete = [BANDS.keys() - last_round(stay.patient).keys() for stay in STAYS if last_round(stay.patient)]
    assert [missing for missing in incomplete if missing] == [{"1104441000000107"}]


def test_temperatures_keep_the_digits_they_were_written_with() -> None:
    written = b" ".join(codec.format(item) for item in DAY)
    assert b'"value":38.05' in written
    assert b'"value":37.0,' in written
