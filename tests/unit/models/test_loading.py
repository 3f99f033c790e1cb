"""Model folders: loaded by path, checked, refused by name; remote models behind the transport seam."""

import asyncio
import json
from pathlib import Path

import httpx2
import pytest

from gateway.model_folders import models, remote_models, source_attributes
from vocabulary.chart import Chart, FeatureValue
from vocabulary.manifest import ManifestError

ROOT = Path(__file__).parents[3]
MINIMAL = """
[model]
id = "tiny"
version = "0.1"
title = "Tiny"
entry = "model:predict"
[output]
kind = "score"
codes = [{ system = "urn:chartgate:assessment", code = "tiny" }]
range = [0, 10]
unit = "{score}"
[writeback]
policy = "shadow"
valid_for = "PT1H"
"""
RISK = MINIMAL.replace('"score"', '"risk"').replace('"{score}"', '"fraction"').replace("[0, 10]", "[0, 1]")
CODE = "def predict(features):\n    return {'value': 3}\n"
EMPTY = Chart(patient="Patient/p", as_of=1780000000.0)


def folder(path, manifest=MINIMAL, code=CODE):
    path.mkdir(parents=True, exist_ok=True)
    (path / "model.toml").write_text(manifest)
    (path / "model.py").write_text(code)
    return path


def test_the_shipped_models_load_and_a_check_finds_nothing_wrong_or_missing():
    assert [model.key for model in models.load_all()] == [
        ("news2", "1.0.0"),
        ("prevent-cvd", "1.0.0"),
        ("summary", "1.0.0"),
    ]
    for name in ("prevent", "news2", "summary"):
        problems, warnings = models.check(ROOT / "models" / name)
        assert problems == []
        assert [line for line in warnings if "3150-6" not in line and "spo2_scale_2_prescribed" not in line] == []


def test_the_shipped_cards_have_the_31_source_attributes_in_their_order():
    assert len(source_attributes.NAMES) == 31
    for model in models.load_all():
        assert tuple(model.manifest.card) == source_attributes.NAMES


def test_a_folder_with_only_the_required_members_runs_and_is_told_what_it_lacks(tmp_path):
    model = models.load(folder(tmp_path / "tiny"))
    assert models.answer(model, EMPTY) == {"value": 3, "unit": "{score}"}
    problems, warnings = models.check(tmp_path / "tiny")
    assert problems == []
    assert {"model.intended_use is missing", "card.developer is missing"} <= set(warnings)
    assert any("monitoring.owners.clinical_informatics" in warning for warning in warnings)


def test_two_models_may_call_their_file_by_the_same_name(tmp_path):
    one = models.load(folder(tmp_path / "a"))
    two = models.load(folder(tmp_path / "b", code="def predict(features):\n    return {'value': 4}\n"))
    assert (models.answer(one, EMPTY)["value"], models.answer(two, EMPTY)["value"]) == (3, 4)


def test_a_model_of_two_parameters_is_given_the_chart(tmp_path):
    code = "def predict(features, chart):\n    return {'value': len(chart.patient)}\n"
    assert models.answer(models.load(folder(tmp_path / "a", code=code)), EMPTY)["value"] == len("Patient/p")


def test_models_of_one_id_and_version_are_refused_and_another_version_is_not(tmp_path):
    folder(tmp_path / "set/one")
    folder(tmp_path / "set/two", MINIMAL.replace("0.1", "0.2"))
    assert {("tiny", "0.1"), ("tiny", "0.2")} <= {model.key for model in models.load_all([tmp_path / "set"])}
    folder(tmp_path / "set/three")
    with pytest.raises(models.ModelError, match="declared twice"):
        models.load_all([tmp_path / "set"])


@pytest.mark.parametrize(
    ("manifest", "code", "reason"),
    [
        ("not toml = = ", CODE, "not TOML"),
        (MINIMAL.replace("model:predict", "../x:predict"), CODE, "module:function"),
        (MINIMAL.replace("model:predict", "absent:predict"), CODE, "file of model.entry is missing"),
        (MINIMAL.replace("model:predict", "model:absent"), CODE, "names no function"),
        (MINIMAL, "import nothing_of_that_name\n", "fails on import"),
        (MINIMAL, "def predict(:\n", "fails on import"),
        (MINIMAL, "async def predict(features):\n    return {}\n", "plain function"),
    ],
)
def test_a_folder_that_cannot_be_used_is_refused_by_name_and_a_check_says_the_same(tmp_path, manifest, code, reason):
    path = folder(tmp_path / "broken", manifest, code)
    with pytest.raises(models.ModelError, match=reason) as caught:
        models.load(path)
    assert "broken" in str(caught.value)
    assert models.check(path) == ([str(caught.value)], [])


@pytest.mark.parametrize(
    ("manifest", "member"),
    [
        (MINIMAL.replace("PT1H", "P1001Y"), "writeback.valid_for"),
        (MINIMAL.replace("PT1H", "P99999999999D"), "writeback.valid_for"),
        (RISK.replace("[0, 1]", '[0, 1]\nhorizon = "P9000Y"'), "output.horizon"),
        (MINIMAL.replace("[0, 10]", "[0, 10]\nreference_range = [0, 1e18]"), "reference_range"),
        (MINIMAL.replace('id = "tiny"', 'id = " tiny"'), "model.id"),
        (MINIMAL.replace("urn:chartgate:assessment", "our codes"), "code's system must be a URI"),
        (MINIMAL.replace('"tiny" }', '"tiny  one" }'), "code's system must be a URI"),
        (RISK.replace("[0, 1]", "[0, 100]"), "range of a risk"),
        (RISK.replace("[0, 1]", "[-0.5, 1]"), "range of a risk"),
        (RISK.replace("[0, 1]", "[0, 100.5]").replace("fraction", "percent"), "range of a risk"),
    ],
)
def test_what_no_chart_can_hold_is_refused_when_the_manifest_is_read(tmp_path, manifest, member):
    """Not when the first output comes: every one of them failed."""
    with pytest.raises(ManifestError, match=member):
        models.load(folder(tmp_path / "far", manifest))
    models.load(folder(tmp_path / "near", MINIMAL.replace("PT1H", "P1000Y").replace("[0, 10]", "[0, 1e300]")))


def test_a_folder_without_a_manifest_is_refused(tmp_path):
    with pytest.raises(models.ModelError, match=r"model\.toml cannot be read"):
        models.load(tmp_path)
    with pytest.raises(models.ModelError, match="no such folder"):
        models.load_all([tmp_path / "absent"])


def test_every_fault_of_a_manifest_is_reported_not_the_first(tmp_path):
    path = folder(tmp_path / "a", 'card = "x"\n' + MINIMAL.replace('id = "tiny"\n', "").replace('"{score}"', "7"))
    problems, warnings = models.check(path)
    assert any("model.id" in problem for problem in problems)
    assert any("output.unit" in problem for problem in problems)
    assert "card must be a table" in problems
    assert warnings == []


@pytest.mark.parametrize(
    ("feature", "problem"),
    [
        ('name = "height"\nkind = "patient"', "a patient feature is one of"),
        ('name = "a"\nkind = "presence"\nresource = "Claim"', "resource must be one of"),
        (
            'name = "a"\nkind = "observation"\ncodes = [{system = "x", code = "1"}]\nderive = "magic"',
            "derive must be one of",
        ),
        (
            'name = "a"\nkind = "observation"\ncodes = [{system = "http://loinc.org", code = "2093-3"}]\n'
            'alternative = "b"',
            "alternative must name another feature",
        ),
    ],
)
def test_a_feature_that_nothing_can_fill_is_a_problem(tmp_path, feature, problem):
    problems, _ = models.check(folder(tmp_path / "a", MINIMAL + f"[[feature]]\n{feature}\n"))
    assert len(problems) == 1
    assert problem in problems[0]


def test_a_unit_that_is_never_meant_is_a_problem_for_nothing_would_be_written(tmp_path):
    problems, _ = models.check(folder(tmp_path / "a", MINIMAL.replace("{score}", "C")))
    assert problems == ["output tiny: C is a unit that is never meant, and is not written"]


def test_a_code_list_is_read_beside_the_manifest_and_nowhere_else(tmp_path):
    feature = '[[feature]]\nname = "a"\nkind = "presence"\nresource = "Condition"\ncodes_from = "{file}"\n'
    path = folder(tmp_path / "a", MINIMAL + feature.format(file="list.csv"))
    (path / "list.csv").write_text("feature,system,code,name\na,http://snomed.info/sct,44054006,\nb,x,1,\n")
    assert [code.code for code in models.load(path).manifest.features[0].codes] == ["44054006"]
    folder(path, MINIMAL + feature.format(file="../list.csv"))
    with pytest.raises(models.ModelError, match="in the model's folder"):
        models.load(path)
    folder(path, MINIMAL + feature.format(file="absent.csv"))
    with pytest.raises(models.ModelError, match="cannot be read"):
        models.load(path)


@pytest.mark.parametrize("body", ["return 3", "return None", "raise ValueError('secret')", "return ['a']"])
def test_a_model_that_fails_or_says_something_else_is_an_error_that_repeats_nothing(tmp_path, body):
    model = models.load(folder(tmp_path / "a", code=f"def predict(features):\n    {body}\n"))
    with pytest.raises(models.ModelError) as caught:
        models.answer(model, EMPTY)
    assert "secret" not in str(caught.value)


def test_a_model_that_abstains_says_only_that(tmp_path):
    code = "def predict(features):\n    return {'abstained': 'too young', 'value': 3}\n"
    assert models.answer(models.load(folder(tmp_path / "a", code=code)), EMPTY) == {"abstained": "too young"}


PRESENCE = '[[feature]]\nname = "diabetes"\nkind = "presence"\nresource = "Condition"\n'


def test_an_unknown_presence_makes_every_model_abstain_by_name(tmp_path):
    model = models.load(folder(tmp_path / "a", MINIMAL + PRESENCE))
    unknown = Chart(patient="Patient/p", as_of=1.0, absent={"diabetes": "Condition was not read to the end"})
    assert "diabetes" in models.answer(model, unknown)["abstained"]
    known = Chart(patient="Patient/p", as_of=1.0, features={"diabetes": FeatureValue(value=False)})
    assert models.answer(model, known)["value"] == 3


def test_a_slow_model_is_asked_on_a_thread(tmp_path):
    assert asyncio.run(models.ask(models.load(folder(tmp_path / "a")), EMPTY))["value"] == 3


REMOTE = MINIMAL.replace('entry = "model:predict"', 'url = "https://models.example/tiny"')
HBA1C = """
[[feature]]
name = "hba1c"
kind = "observation"
codes = [{ system = "http://loinc.org", code = "4548-4" }]
unit = "%"
"""


def remote(tmp_path, reply):
    manifest = models.read_manifest(folder(tmp_path / "remote", REMOTE + HBA1C))
    client = httpx2.Client(transport=httpx2.MockTransport(reply))
    return models.Model(
        manifest=manifest, predict=remote_models.caller(manifest, client=client), directory=tmp_path / "remote"
    )


def test_a_remote_model_is_sent_its_features_and_no_identifier(tmp_path):
    sent = []

    def reply(request):
        sent.append(json.loads(request.content))
        return httpx2.Response(200, json={"value": 5})

    chart = Chart(patient="Patient/secret", as_of=0.0, features={"hba1c": FeatureValue(value=7.5, unit="%")})
    assert models.answer(remote(tmp_path, reply), chart) == {"value": 5, "unit": "{score}"}
    assert sent == [
        {
            "model": "tiny",
            "version": "0.1",
            "as_of": "1970-01-01T00:00:00.000Z",
            "features": {"hba1c": {"value": 7.5, "unit": "%"}},
        }
    ]


@pytest.mark.parametrize(
    "answer",
    [
        httpx2.Response(500),
        httpx2.Response(302, headers={"location": "https://elsewhere.example"}),
        httpx2.Response(200, text="<html>"),
        httpx2.Response(200, json=[1]),
        httpx2.Response(200, text="NaN"),
        httpx2.Response(200, content=b'"' + b"x" * 2_000_000 + b'"'),
    ],
)
def test_a_remote_model_that_answers_anything_else_is_an_error(tmp_path, answer):
    with pytest.raises(models.ModelError):
        models.answer(remote(tmp_path, lambda request: answer), EMPTY)


def test_a_remote_model_that_does_not_answer_is_an_error(tmp_path):
    def reply(request):
        raise httpx2.ConnectTimeout("no answer")

    with pytest.raises(models.ModelError):
        models.answer(remote(tmp_path, reply), EMPTY)


@pytest.mark.parametrize(
    "url", ["http://models.example/x", "ftp://models.example", "https://user:pass@models.example/x"]
)
def test_a_remote_address_that_is_not_safe_is_refused(tmp_path, url):
    with pytest.raises(ManifestError, match=r"model\.url"):
        models.load(folder(tmp_path / "a", REMOTE.replace("https://models.example/tiny", url)))
    assert models.load(folder(tmp_path / "b", REMOTE.replace("https://models.example/tiny", "http://127.0.0.1:9/x")))


def test_a_risk_needs_no_horizon_and_check_says_what_its_absence_means(tmp_path):
    problems, warnings = models.check(folder(tmp_path / "a", RISK))
    assert problems == []
    assert any("output.horizon is missing" in warning for warning in warnings)
    _, warnings = models.check(folder(tmp_path / "b", RISK.replace("unit =", 'horizon = "P1Y"\nunit =')))
    assert not any("horizon" in warning for warning in warnings)


def test_no_shipped_model_requires_components_of_a_caller():
    """product.md §6: its example of a body names one of the two components of prevent-cvd."""
    shipped = models.load_all()
    assert any(model.manifest.components for model in shipped)
    assert not any(component.required for model in shipped for component in model.manifest.components)
