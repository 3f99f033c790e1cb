"""A population scored from files says of each patient what the live chart's code says, whatever stands in the lines between."""

import json
import random
from pathlib import Path

import msgspec
import pytest

from fidelity import lines, replay
from gateway.feeds import offline
from gateway.model_folders import models
from gateway.population import running, sorting
from gateway.population.asked import asked
from r4 import codec
from sandbox.seed import load, messy
from vocabulary.instant import format_instant
from vocabulary.manifest import Code, Feature

AS_OF = 1.79e9
MESSY = list(messy.degrade(list(load.resources()), messy.Messiness(rate=0.5), arrived=AS_OF - 1))
GOOD = b'{"resourceType":"Patient","id":"p","birthDate":"1960-01-01","gender":"female"}'
PRESSURE = {
    "resourceType": "Observation", "id": "o", "status": "final", "subject": {"reference": "Patient/p"},
    "code": {"coding": [{"system": "http://loinc.org", "code": "8480-6"}]}, "effectiveDateTime": "2026-09-01T00:00:00Z",
    "valueQuantity": {"value": 148, "unit": "mmHg", "system": "http://unitsofmeasure.org", "code": "mm[Hg]"},
}  # fmt: skip
MODELS = {
    models.SHIPPED / "news2": ({"abstained": 13}, 3),
    models.SHIPPED / "prevent": ({"abstained": 12, "scored": 1}, 9),
    models.SHIPPED / "summary": ({"scored": 13}, 17),
}


@pytest.fixture(scope="module")
def trivial(tmp_path_factory):
    from gateway.model_folders import model_scaffold

    folder = tmp_path_factory.mktemp("models") / "trivial"
    model_scaffold.make(folder, "trivial", now=AS_OF)
    return models.load(folder)


def scored(source, model, out, **how):
    result = running.score(source, model, out, as_of=AS_OF, how=running.How(**how))
    return result, {line["patient"]: line for line in map(codec.parse, out.read_bytes().splitlines())}


def owner(resource):
    held = resource.get("subject") or resource.get("patient") or {}
    return f"Patient/{resource['id']}" if resource["resourceType"] == "Patient" else held.get("reference")


PEOPLE = {owner(each): [] for each in MESSY if each["resourceType"] == "Patient"}
for _each in MESSY:
    if owner(_each) in PEOPLE and (replay.available(_each) or 0) <= AS_OF:
        PEOPLE[owner(_each)].append(_each)


@pytest.mark.parametrize(("folder", "counts"), MODELS.items(), ids=lambda each: getattr(each, "name", ""))
def test_each_patient_is_scored_as_models_run_scores_a_file_with_the_same_records(folder, counts, tmp_path):
    model, source = models.load(folder), tmp_path / "feed.ndjson"
    source.write_bytes(b"".join(codec.format(each) + b"\n" for each in MESSY))
    result, said = scored(source, model, tmp_path / "out.ndjson")
    assert sorted(said) == sorted(PEOPLE)
    for name, own in PEOPLE.items():
        alone, line = offline.score_bundle(model, own, AS_OF), said[name]
        sources = {each for feature in alone["features"].values() for each in feature["sources"]}
        assert line.pop("inputs") == sorted(sources)
        assert codec.format(line) == codec.format({each: alone[each] for each in line})
    assert result.summary["patients"] == len(PEOPLE)
    assert (result.summary["states"], result.summary["withheld"]) == counts


def test_the_bytes_hang_on_nothing_but_the_records(trivial, tmp_path):
    one, many = tmp_path / "one.ndjson", tmp_path / "many"
    one.write_bytes(b"".join(codec.format(each) + b"\n" for each in MESSY))
    many.mkdir()
    mixed = random.Random(3).sample(MESSY, len(MESSY))
    for kind in {each["resourceType"] for each in mixed}:
        (many / f"{kind}.ndjson").write_bytes(
            b"".join(codec.format(each) + b"\n" for each in mixed if each["resourceType"] == kind)
        )
    first, _ = scored(one, trivial, tmp_path / "a")
    second, _ = scored(many, trivial, tmp_path / "b", processes=2)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()
    assert first.summary == second.summary
    one.write_bytes(one.read_bytes().replace(b'"8480-6"', b'"8480-5"'))
    assert scored(one, trivial, tmp_path / "c")[0].summary["digest"] != first.summary["digest"]


def test_parts_and_buckets_of_any_size_give_the_same_lines(trivial, tmp_path, monkeypatch):
    source = tmp_path / "feed.ndjson"
    source.write_bytes(b"".join(codec.format(each) + b"\n" for each in MESSY))
    whole, _ = scored(source, trivial, tmp_path / "whole")
    parts = list(enumerate(running.split([source], 50_000)))
    folder = tmp_path / "runs"
    folder.mkdir()
    of_parts = running._sort(parts, trivial, 7, folder, running.How(), 1)
    buckets = running._score(of_parts, trivial, 7, AS_OF, folder, running.How())
    assert len(parts) > 3
    assert len(buckets) == 6
    assert running._merge([folder / each.name for each in buckets], tmp_path / "cut") == (
        whole.summary["patients"],
        whole.summary["digest"],
    )


BAD = {
    "truncated": (GOOD[:-1], lines.NOT_JSON),
    "a trailing comma": (b'{"resourceType":"Observation",}', lines.NOT_JSON),
    "no number": (b'{"resourceType":"Observation","x":NaN}', lines.NOT_JSON),
    "nested without end": (b'{"resourceType":"Patient","x":' + b"[" * 100_000, lines.NOT_JSON),
    "Latin-1": (b'{"resourceType":"Encounter","id":"caf\xe9"}', lines.NOT_UTF8),
    "UTF-16": ('{"resourceType":"Patient"}'.encode("utf-16-be"), lines.NOT_JSON),
    "an array": (b"[1]", lines.NO_OBJECT),
    "no type": (b'{"id":"p"}', lines.NO_TYPE),
    "an unknown type": (b'{"resourceType":"Patiant"}', lines.NO_TYPE),
    "a type that is no text": (b'{"resourceType":["Patient"]}', lines.NO_TYPE),
    "an endless line": (b'{"resourceType":"Patient","id":"' + b"x" * (lines.LONGEST + 10) + b'"}', lines.TOO_LONG),
    "a member twice": (b'{"resourceType":"Patient","id":"q","gender":"male","gender":"female"}', "not FHIR JSON"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_line_that_cannot_be_read_is_told_by_its_number_and_the_others_are_scored(name, trivial, tmp_path):
    bad, why = BAD[name]
    (tmp_path / "a.ndjson").write_bytes(lines.BOM + GOOD + b"\r\n\n" + bad + b"\n" + codec.format(PRESSURE))
    result, said = scored(tmp_path / "a.ndjson", trivial, tmp_path / "out")
    assert [(each.file, each.line, each.wrong) for each in result.troubles] == [("a.ndjson", 3, why)]
    assert result.summary["unreadable"] == {why: 1}
    assert said["Patient/p"]["state"] == "scored"
    assert said["Patient/p"]["verdict"]["fitness"] == "fit"


def test_a_patient_of_whom_a_record_was_unreadable_is_not_said_to_be_read_to_the_end(trivial, tmp_path):
    cut = codec.format({**PRESSURE, "id": "later"})[:-1]
    (tmp_path / "a.ndjson").write_bytes(b"\n".join([GOOD, codec.format(PRESSURE), cut]))
    result, said = scored(tmp_path / "a.ndjson", trivial, tmp_path / "out")
    assert said["Patient/p"]["verdict"]["reasons"] == [
        "systolic: Observation was not read to the end, so a later value may exist"
    ]
    assert result.summary["unreadable_of_nobody"] == 0


@pytest.mark.parametrize(
    ("change", "value"),
    [
        ({"code": {"coding": {"system": "http://loinc.org", "code": "8480-6"}}}, "no list"),
        ({"subject": {"reference": "https://ehr.example/fhir/Patient/p/_history/3"}}, "an absolute reference"),
        ({"note": [{"text": "Grüße"}]}, "another alphabet"),
        ({"code": {"coding": [{"code": "x"}]}, "component": [{"code": PRESSURE["code"], "valueQuantity": PRESSURE["valueQuantity"]}]}, "a component"),
    ],
    ids=lambda each: each if isinstance(each, str) else "",
)  # fmt: skip
def test_a_record_built_in_another_way_is_found(change, value, trivial, tmp_path):
    record = {
        name: each
        for name, each in {**PRESSURE, **change}.items()
        if not (name == "valueQuantity" and "component" in change)
    }
    (tmp_path / "a.ndjson").write_bytes(GOOD + b"\n" + codec.format(record).replace(b"/", b"\\/"))
    assert scored(tmp_path / "a.ndjson", trivial, tmp_path / "out")[1]["Patient/p"]["inputs"] == [
        "Observation/o",
        "Patient/p",
    ]


def test_what_was_not_available_yet_is_left_out_and_counted(trivial, tmp_path):
    late = {**PRESSURE, "issued": format_instant(AS_OF + 1)}
    (tmp_path / "a.ndjson").write_bytes(GOOD + b"\n" + codec.format(late))
    result, said = scored(tmp_path / "a.ndjson", trivial, tmp_path / "out")
    assert (result.summary["withheld"], said["Patient/p"]["state"]) == (1, "refused")


def test_a_patient_without_a_patient_is_refused_and_a_record_of_nobody_counted(trivial, tmp_path):
    nobody = {**PRESSURE, "subject": {"reference": "Group/g"}}
    (tmp_path / "a.ndjson").write_bytes(codec.format(PRESSURE) + b"\n" + codec.format(nobody))
    result, said = scored(tmp_path / "a.ndjson", trivial, tmp_path / "out")
    assert (result.summary["of_nobody"], said["Patient/p"]["state"]) == (1, "refused")
    assert "the patient could not be read" in said["Patient/p"]["refused"]


def test_a_head_is_read_as_the_whole_line_is():
    otherwise = set()
    for line in map(codec.format, MESSY):
        careful = sorting.head_of(json.loads(line))
        try:
            head = sorting.read_head(line)
        except msgspec.ValidationError:
            otherwise.add(careful.resourceType)
            continue
        assert (head.resourceType, sorting.whose(head)) == (careful.resourceType, sorting.whose(careful))
    assert otherwise == {"PractitionerRole"}, "a code that is a list: such lines are looked at as a whole"


def test_only_what_the_features_ask_for_is_kept():
    loinc = Code(system="http://loinc.org", code="8480-6")
    seen = asked([Feature(name="systolic", kind="observation", codes=(loinc,)), Feature(name="age", kind="patient")])
    assert (seen.types, seen.shared) == ({"Observation", "Patient"}, False)
    assert seen.codes == {"8480-6", "85354-9"}
    category = Code(system="http://hl7.org/fhir/sid/icd-10-cm", code="E11")
    assert asked([Feature(name="x", kind="observation", codes=(category,))]).codes is None
    order = Feature(name="statin", kind="presence", resource="MedicationRequest")
    assert asked([order]).types == {"Patient", "MedicationRequest", "Medication"}


def test_nothing_is_left_beside_the_result_and_two_runs_do_not_meet(trivial, tmp_path):
    (tmp_path / "a.ndjson").write_bytes(GOOD)
    out = tmp_path / "to" / "out.ndjson"
    with running._work(out), pytest.raises(running.NotScored, match="another run"):
        scored(tmp_path / "a.ndjson", trivial, out)
    scored(tmp_path / "a.ndjson", trivial, out)
    assert [each.name for each in out.parent.iterdir()] == ["out.ndjson"]
    assert out.stat().st_mode & 0o077 == 0


def test_a_worker_with_another_model_folder_is_refused(trivial, tmp_path):
    from gateway.population.scoring import Bucket, score_bucket

    with pytest.raises(models.ModelError, match="another model folder"):
        score_bucket(Bucket(0, (), ()), model=Path(trivial.directory), digest="other", as_of=AS_OF, folder=tmp_path)
