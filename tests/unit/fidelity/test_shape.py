"""Clean records come out like the feed: drawn whole, by name and draw alone, labelled, tagged, and accepted or not."""

import json
import random
from decimal import Decimal

import orjson
import pytest

from fidelity import lines, profiling, shaping
from fidelity.acceptance import gaps, told
from fidelity.document import document
from fidelity.profile import Profile, settings_of
from fidelity.shape import parse_shape
from r4 import codec

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
SECRET = "Jane Doe says"


def observation(number, *, code="2093-3", unit="mg/dL", value=200, **more):
    made = {
        "resourceType": "Observation", "id": f"o{number}", "status": "final", "subject": {"reference": f"Patient/p{number % 50}"},
        "category": [{"coding": [{"code": "laboratory"}]}], "encounter": {"reference": f"Encounter/{'amb' if number % 3 else 'imp'}"},
        "code": {"coding": [{"system": LOINC, "code": code, "display": "Cholesterol"}]},
        "effectiveDateTime": "2026-01-01T08:00:00Z", "issued": "2026-01-01T08:00:30Z",
        "valueQuantity": {"value": value, "unit": unit, "system": UCUM, "code": unit},
    } | more  # fmt: skip
    return {name: content for name, content in made.items() if content is not None}


VISITS = [
    {"resourceType": "Encounter", "id": place, "status": "finished", "class": {"code": place.upper()}}
    for place in ("amb", "imp")
]
CLEAN = [*VISITS, *(observation(number) for number in range(4_000))]


def dirty(number):
    """Inpatients lose code and value together; outpatients get text; some units are others; results of one in eight come late."""
    each = random.Random(number).random()
    late = {"issued": "2026-01-05T08:00:30Z"} if number % 8 == 0 else {}
    if number % 3 == 0 and each < 0.2:
        return observation(number, code=None, valueQuantity=None, valueString=SECRET, **late) | {
            "code": {"text": SECRET}
        }
    if number % 3 and each < 0.1:
        return observation(number, valueQuantity={"value": 5, "unit": SECRET}, **late)
    return observation(number, unit="mmol/L", value=5, **late) if 0.3 < each < 0.5 else observation(number, **late)


FEED = [*VISITS, *(dirty(number) for number in range(9_000))]


def profile(resources):
    resources = orjson.loads(codec.format(resources))
    return Profile().add(resources, dict(found for each in resources if (found := settings_of(each))))


LIKE = json.loads(json.dumps(document(profile(FEED))))


def write(path, resources):
    path.write_bytes(b"".join(codec.format(each) + b"\n" for each in resources))
    return path


def shape(folder, resources, **more):
    folder.mkdir(parents=True)
    manifest = shaping.shape_files(write(folder / "clean.ndjson", resources), LIKE, folder / "out", **more)
    shaped = [codec.parse(line) for line in (folder / "out" / "clean.ndjson").read_bytes().splitlines()]
    labels = [json.loads(line) for line in (folder / "out" / "labels.ndjson").read_text().splitlines()]
    return manifest, {each["id"]: each for each in shaped}, labels


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return shape(tmp_path_factory.mktemp("shape") / "x", CLEAN)


def test_the_result_is_like_the_feed_in_every_stratum_and_says_so(whole):
    manifest, _, _ = whole
    assert manifest["acceptance"]["holds"] is True
    assert {each["setting"] for each in manifest["acceptance"]["strata"]} == {"AMB", "IMP"}
    assert all(
        each["largest_marginal"] <= 0.01 and each["total_variation"] <= 0.05
        for each in manifest["acceptance"]["strata"]
    )


def test_clean_data_are_not_accepted_for_the_feed():
    judged = told(gaps(profile(CLEAN), parse_shape(LIKE)))
    assert judged["holds"] is False
    assert told(gaps(profile(CLEAN[:50]), parse_shape(LIKE)))["holds"] is None, "silence is no pass"


def test_what_is_missing_together_stays_missing_together(whole):
    _, shaped, _ = whole
    lost = [each for each in shaped.values() if each["resourceType"] == "Observation" and "coding" not in each["code"]]
    assert len(lost) > 150
    assert all("valueQuantity" not in each and each["encounter"]["reference"] == "Encounter/imp" for each in lost)


def test_neither_order_nor_partition_matters(whole, tmp_path):
    manifest, shaped, labels = whole
    mixed = CLEAN[:]
    random.Random(3).shuffle(mixed)
    _, again, others = shape(tmp_path / "mixed", mixed, draw=manifest["draw"])
    assert again == shaped
    assert sorted(map(str, others)) == sorted(map(str, labels))
    _, part, _ = shape(tmp_path / "part", [*VISITS, *CLEAN[2::7]], draw=manifest["draw"])
    assert part == {id: shaped[id] for id in part}
    _, other, _ = shape(tmp_path / "other", CLEAN, draw=manifest["draw"] + 1)
    assert other != shaped


def test_every_change_has_a_label_and_what_has_none_is_as_it_was(whole):
    _, shaped, labels = whole
    named = {each["resource"].partition("/")[2] for each in labels}
    clean = {each["id"]: codec.parse(codec.format(each)) for each in CLEAN}
    bare = {id: {name: value for name, value in each.items() if name != "meta"} for id, each in shaped.items()}
    quick = {"issued": "2026-01-01T08:00:30Z"}
    assert {
        id
        for id, each in bare.items()
        if {**each, **quick} != {**clean[id], **quick} and each["resourceType"] == "Observation"
    } <= named
    assert all({"degradation", "check", "element", "before"} <= each.keys() for each in labels)
    assert {"comment", "text-only", "unit-in-text", "unit-other", "late-arrival"} <= {
        each["degradation"] for each in labels
    }


def test_units_are_those_of_the_feed_converted_and_results_come_as_late(whole):
    _, shaped, _ = whole
    found = [each["valueQuantity"] for each in shaped.values() if each.get("valueQuantity", {}).get("code")]
    other = [each for each in found if each["code"] == "mmol/L"]
    assert 0.1 < len(other) / len(found) < 0.35
    late = [each for each in shaped.values() if str(each.get("issued", "")) > "2026-01-02"]
    assert 0.08 < len(late) / 4_000 < 0.17


def test_a_convertible_unit_is_converted_and_another_only_named():
    from fidelity.replay import _converted

    assert _converted(Decimal(37), "Cel", "[degF]") == Decimal("98.6")
    assert _converted(Decimal(7), "10*3/uL", "K/uL") == Decimal(7)


def test_free_text_of_the_feed_is_nowhere(whole, tmp_path):
    _, shaped, _ = whole
    assert SECRET not in json.dumps(LIKE)
    assert b"Jane" not in codec.format(list(shaped.values()))
    assert any(
        each.get("valueString") in ("SEE COMMENT", "NOT DONE", "SPECIMEN REJECTED", "PENDING")
        for each in shaped.values()
    )


def test_every_resource_is_tagged_and_cannot_be_shaped_as_clean_again(whole, tmp_path):
    _, shaped, _ = whole
    assert all(
        {"system": shaping.TAG["system"], "code": "production-shaped"}.items() <= each["meta"]["tag"][-1].items()
        for each in shaped.values()
    )
    with pytest.raises(shaping.NotShaped, match="shaped already"):
        shape(tmp_path / "again", list(shaped.values())[:5])


def test_what_was_not_there_yet_is_left_out_and_labelled(tmp_path):
    from vocabulary.instant import parse_instant

    manifest, shaped, labels = shape(tmp_path / "x", CLEAN, draw=1, as_of=parse_instant("2026-01-02T00:00:00Z"))
    assert manifest["withheld"] == sum(each["degradation"] == "not-there-yet" for each in labels) > 200
    assert not any(str(each.get("issued", "")) > "2026-01-02" for each in shaped.values())


def test_an_earlier_edition_is_replayed_as_often_as_the_feed_sends_it(tmp_path):
    def pain(number, code):
        coding = {"system": "http://hl7.org/fhir/sid/icd-10-cm", "code": code}
        return {
            "resourceType": "Condition",
            "id": f"c{number}",
            "code": {"coding": [coding]},
            "recordedDate": "2026-01-01",
        }

    like = json.loads(
        json.dumps(document(profile([pain(number, "M54.5" if number % 4 == 0 else "M54.50") for number in range(400)])))
    )
    source = write(tmp_path / "clean.ndjson", [pain(number, "M54.50") for number in range(600)])
    manifest = shaping.shape_files(source, like, tmp_path / "out", draw=1)
    assert 110 < manifest["degradations"]["retired-code"] < 190


def test_bad_lines_are_counted_and_a_used_folder_is_refused(tmp_path):
    (tmp_path / "in").mkdir()
    source = write(tmp_path / "in" / "clean.ndjson", CLEAN[:20])
    source.write_bytes(source.read_bytes() + b'{"resourceType":"Obs\n[1]\n')
    assert shaping.shape_files(tmp_path / "in", LIKE, tmp_path / "out")["unreadable"] == 2
    with pytest.raises(shaping.NotShaped, match="not empty"):
        shaping.shape_files(tmp_path / "in", LIKE, tmp_path / "out")


def test_a_profile_of_shaped_data_leaves_the_labels_out(whole, tmp_path):
    write(tmp_path / "a.ndjson", CLEAN[:5])
    write(tmp_path / "labels.ndjson", [{"resource": "x"}])
    assert profiling.survey(tmp_path).troubles == []
    assert [each.name for each in lines.files(tmp_path)] == ["a.ndjson"]
