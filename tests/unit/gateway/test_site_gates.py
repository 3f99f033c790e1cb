"""What must be seen before a model leaves its shadow: each gate green and red, ageing, overriding, signed metrics."""

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from gateway.model_folders.models import load_all
from gateway.monitors import signed
from gateway.sites import documents, metrics, readiness
from gateway.sites.folder import SiteRefused, read_site
from gateway.sites.gates import BY_ID, DAY, GATES, Colour, Evidence, Facts, judged
from gateway.sites.going_live import NotReady, refuse_unready
from gateway.sites.signing_keys import new_key, sign_file
from monitoring.thresholds import DEFAULTS, Thresholds

NOW = 1_800_000_000.0
ISSUER = "https://ehr.example.org/fhir"
EXAMPLES = Path(__file__).resolve().parents[3] / "gateway" / "sites" / "examples"
MODELS = {model.key: model for model in load_all()}
MANIFESTS = {key: model.manifest for key, model in MODELS.items()}


def seen(gate: str, *, days: float = 1, **facts: Any) -> Evidence:
    return Evidence(gate=gate, at=NOW - days * DAY, by="Ana", facts=facts)


GREEN = Facts(
    now=NOW, issuer=ISSUER, kind="score", policy="confirm", outputs={"shadow": 150, "refused": 9}, shadow_since=NOW - 20 * DAY,
    routes={"engineering": True, "clinical_informatics": True}, thresholds="Ana (quality)", people=True,
    evidence={
        "conformance": seen("conformance", target=ISSUER, **{"pass": 90, "fail": 0, "skip": 0, "error": 0}),
        "fidelity": seen("fidelity", resources=9000, failing=2, critical=0),
        "recall": seen("recall", ok=True, text="rehearsed on 40 outputs"), "backup": seen("backup", ok=True, text="restored"),
    },
)  # fmt: skip


def without(name: str) -> Facts:
    return replace(GREEN, evidence={gate: each for gate, each in GREEN.evidence.items() if gate != name})


def having(evidence: Evidence) -> Facts:
    return replace(GREEN, evidence={**GREEN.evidence, evidence.gate: evidence})


def test_when_everything_was_seen_every_gate_is_green() -> None:
    assert {gate.id: judged(gate, GREEN).colour for gate in GATES} == {gate.id: "green" for gate in GATES}


def test_when_nothing_was_seen_no_gate_is_green_and_each_says_what_to_do() -> None:
    nothing = Facts(now=NOW, issuer=ISSUER, kind="score", policy="confirm", card_missing=("developer",))
    for gate in GATES:
        found = judged(gate, nothing)
        assert found.colour == "red", gate.id
        assert found.next, gate.id


def conformance(target: str = ISSUER, **counts: int) -> Facts:
    return having(seen("conformance", target=target, **{"pass": 9, "fail": 0, "skip": 0, "error": 0, **counts}))


@pytest.mark.parametrize(("gate", "facts", "colour"), [
    ("conformance", conformance(fail=1), "red"),
    ("conformance", conformance(error=1), "red"),
    ("conformance", conformance(skip=1), "amber"),
    ("conformance", conformance(target="https://other.example.org/fhir"), "red"),
    ("conformance", having(replace(GREEN.evidence["conformance"], at=NOW - 100 * DAY)), "amber"),
    ("conformance", having(replace(GREEN.evidence["conformance"], at=NOW - 200 * DAY)), "red"),
    ("fidelity", having(seen("fidelity", resources=9000, failing=2, critical=1)), "red"),
    ("fidelity", having(seen("fidelity", resources=0, failing=0, critical=0)), "red"),
    ("projection", replace(GREEN, outputs={"not_writable": 8}), "red"),
    ("projection", replace(GREEN, outputs={"not_writable": 8, "shadow": 92}), "amber"),
    ("projection", replace(GREEN, outputs={"refused": 8}), "red"),
    ("shadow", replace(GREEN, outputs={"shadow": 99}), "amber"),
    ("shadow", replace(GREEN, shadow_since=NOW - 3 * DAY), "red"),
    ("thresholds", replace(GREEN, thresholds=None), "red"),
    ("routes", replace(GREEN, routes={"engineering": True}), "red"),
    ("routes", replace(GREEN, routes={"engineering": True, "clinical_informatics": False}), "red"),
    ("recall", without("recall"), "red"), ("recall", having(seen("recall", ok=False, text="two still stand")), "red"),
    ("backup", having(seen("backup", days=120, ok=True, text="restored")), "amber"),
    ("card", replace(GREEN, card_missing=("funding",)), "red"),
    ("people", replace(GREEN, people=False), "red"), ("people", replace(GREEN, people=False, policy="automatic"), "amber"),
])  # fmt: skip
def test_a_gate_falls_when_what_it_wants_is_not_so(gate: str, facts: Facts, colour: Colour) -> None:
    assert judged(BY_ID[gate], facts).colour == colour


def known(**changes: Any) -> dict[str, Any]:
    return {
        "now": NOW,
        "outputs": {},
        "shadow_since": None,
        "people": False,
        "evidence": [],
        "overrides": {},
        **changes,
    }


def test_going_live_is_refused_while_a_gate_is_red_unless_two_people_overrode_it() -> None:
    declared = read_site(EXAMPLES / "riverside", MANIFESTS)
    places = readiness.placed(declared)
    found = readiness.examine(declared, MODELS, [known()] * len(places), NOW)
    assert not found["ready"]
    with pytest.raises(NotReady, match=r"news2 at riverside-millennium is to be .confirm. while conformance, "):
        refuse_unready(found)
    overridden = {gate.id: {"at": NOW, "by": ["Ana", "Ben"], "why": "pilot of one ward"} for gate in GATES}
    allowed = readiness.examine(declared, MODELS, [known(overrides=overridden)] * len(places), NOW)
    refuse_unready(allowed)
    assert allowed["ready"]
    for row in found["models"]:
        row["live"] = False
    refuse_unready(found)


def test_evidence_is_read_from_the_reports_of_other_commands() -> None:
    report = {"target": f"{ISSUER}/", "summary": {"pass": 3, "skip": 1}, "checks": [{"suite": "smart"}]}
    assert documents.read("conformance", report) == {
        "target": ISSUER, "suites": ["smart"], "pass": 3, "fail": 0, "skip": 1, "error": 0,
    }  # fmt: skip
    scan = {
        "resources": 10,
        "unreadable": 1,
        "checks": [{"fail": 2, "severity": "critical"}, {"fail": 0, "severity": "critical"}],
    }
    assert documents.read("fidelity", scan)["critical"] == 1
    for gate, wrong in (
        ("conformance", {}),
        ("conformance", {**report, "summary": {}}),
        ("fidelity", []),
        ("card", {}),
    ):
        with pytest.raises(documents.EvidenceInvalid):
            documents.read(gate, wrong)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(EXAMPLES / "lakeside", tmp_path / "lakeside"))


def resign(folder: Path, by: str) -> None:
    """The folder's metrics signed anew with a key of the moment, known to its site.toml under that name."""
    key = folder.parent / "key.pem"
    public = new_key(key)
    text = (folder / "site.toml").read_text()
    (folder / "site.toml").write_text(
        text.partition("[thresholds.signers]")[0] + f'[thresholds.signers]\n"{by}" = "{public}"\n'
    )
    sign_file(folder / "metrics.json", key, by=by, role="quality")


def test_the_shipped_metrics_hold_and_say_who_signed_them() -> None:
    for name in ("lakeside", "riverside"):
        declared = read_site(EXAMPLES / name, MANIFESTS)
        metrics.hold([declared])
        assert "Patient safety committee" in str(metrics.signer(declared))


def test_a_changed_number_breaks_the_signature_and_the_start_is_refused(folder: Path) -> None:
    document = json.loads((folder / "metrics.json").read_text())
    document["metrics"][0]["thresholds"]["warn_high"] = 9.0
    (folder / "metrics.json").write_text(json.dumps(document))
    declared = read_site(folder, MANIFESTS)
    assert metrics.signer(declared) is None
    with pytest.raises(SiteRefused, match="must be signed again"):
        metrics.hold([declared])


@pytest.mark.parametrize(
    "thresholds", [{"warn_hgih": 1.2}, {"alpha": 0.0}, {"warn_high": float("nan")}, {"warn_high": -1.0}]
)
def test_numbers_that_no_monitor_can_work_with_are_not_signed(folder: Path, thresholds: dict[str, float]) -> None:
    document = json.loads((folder / "metrics.json").read_text())
    each = next(each for each in document["metrics"] if each.get("monitor") == "M-PERF-02")
    each["thresholds"] = thresholds
    with pytest.raises(metrics.MetricsRefused):
        metrics.parse(document)


def test_what_a_site_signed_comes_on_top_of_what_the_installation_signed_for_the_model(folder: Path) -> None:
    declared = read_site(folder, MANIFESTS)
    signed_for = metrics.read(declared)
    assert signed_for is not None
    model, own = next((model, own) for model, own in signed_for.thresholds.items() if any(own.values()))
    monitor, numbers = next((monitor, numbers) for monitor, numbers in own.items() if numbers)
    installed = Thresholds(version=7, models={model: {"M-PERF-01": {"drop": 0.1}, monitor: {"alpha": 0.001}}})
    found = signed.at(installed, [declared], declared.site.ehrs[0])
    assert found.of(model, "M-PERF-01") == {**DEFAULTS["M-PERF-01"], "drop": 0.1}
    assert found.of(model, monitor) == {**DEFAULTS[monitor], "alpha": 0.001, **numbers}
    assert signed.at(installed, [declared], "elsewhere") == installed


def test_a_new_signature_is_a_new_version_and_the_old_one_is_kept(folder: Path) -> None:
    resign(folder, "Quality board")
    sign_file(folder / "metrics.json", folder.parent / "key.pem", by="Quality board", role="quality")
    found = metrics.read(read_site(folder, MANIFESTS))
    assert found is not None
    assert found.version == 3  # the shipped one is signed as the first
    assert sorted(path.name for path in folder.glob("metrics-v*.json")) == ["metrics-v2.json", "metrics-v3.json"]
    assert found.thresholds["news2"]["M-OUT-04"] == {"factor": 4.0}


@pytest.mark.parametrize(("monitor", "thresholds", "told"), [
    *(("M-PERF-02", f'{{"warn_high": {number}}}', r"metrics\.0\.thresholds\S*\.warn_high must be a finite number from 0 on")
      for number in ("NaN", "Infinity", "-Infinity", "1e999", "-1")),
    (None, '{"anything": NaN}', r"metrics\.0\.thresholds\.anything must be a finite number"),
    ("M-PERF-02", '{"warn_hihg": 1.2}', r"metrics\.0\.thresholds\.M-PERF-02 has a member that the monitor does not know"),
    ("M-OUT-99", '{"warn": 1}', r"metrics\.0\.thresholds must name monitors that have thresholds"),
])  # fmt: skip
def test_a_number_that_nothing_can_be_held_against_is_neither_signed_nor_run_on(
    folder: Path, monitor: str | None, thresholds: str, told: str
) -> None:
    document = json.loads((folder / "metrics.json").read_text())
    document["metrics"][0] |= {"monitor": monitor, "thresholds": json.loads(thresholds)}
    (folder / "metrics.json").write_text(json.dumps(document))
    before = (folder / "metrics.json").read_text()
    new_key(folder.parent / "other.pem")
    with pytest.raises(metrics.MetricsRefused, match=told):
        sign_file(folder / "metrics.json", folder.parent / "other.pem", by="Quality board", role="quality")
    assert (folder / "metrics.json").read_text() == before
    with pytest.raises(SiteRefused, match=told):
        metrics.hold([read_site(folder, MANIFESTS)])


@pytest.mark.parametrize(("change", "told"), [
    ({"site": "riverside"}, "is for the site riverside"), ({"signature": None}, "is not signed"),
    ({"format": "other"}, "format does not have the right form"), ({"metrics": []}, "metrics does not have the right form"),
])  # fmt: skip
def test_metrics_that_are_not_this_sites_are_refused(folder: Path, change: dict[str, Any], told: str) -> None:
    document = {**json.loads((folder / "metrics.json").read_text()), **change}
    (folder / "metrics.json").write_text(json.dumps(document))
    with pytest.raises(metrics.MetricsRefused, match=told):
        metrics.read(read_site(folder, MANIFESTS))


def test_nobody_signs_who_is_not_named_or_who_owns_a_model(folder: Path) -> None:
    resign(folder, "Quality board")
    declared = read_site(folder, MANIFESTS)
    document = json.loads((folder / "metrics.json").read_text())
    signers = declared.site.thresholds.signers if declared.site.thresholds else {}
    verify = metrics.verify
    assert verify(document, site="lakeside", signers=signers, owners=frozenset()).version == 2
    with pytest.raises(metrics.MetricsRefused, match=r"not in thresholds\.signers"):
        verify(document, site="lakeside", signers={}, owners=frozenset())
    with pytest.raises(metrics.MetricsRefused, match="model's owner"):
        verify(document, site="lakeside", signers=signers, owners=frozenset({"Quality board"}))
    other = new_key(folder.parent / "other.pem")
    with pytest.raises(metrics.MetricsRefused, match="does not match"):
        verify(document, site="lakeside", signers={"Quality board": other}, owners=frozenset())


def test_what_went_live_starts_again_with_a_red_gate_but_goes_no_further(caplog: pytest.LogCaptureFixture) -> None:
    declared = read_site(EXAMPLES / "riverside", MANIFESTS)
    places = readiness.placed(declared)
    found = readiness.examine(declared, MODELS, [known()] * len(places), NOW)
    before = {
        (each["model"], each["version"], each["ehr"]): each["policy"] for each in places if each["policy"] != "shadow"
    }
    refuse_unready(found, before)
    assert "news2 at riverside-millennium went live before; since then red: conformance, " in caplog.text
    further = {**found, "models": [{**row, "policy": "automatic"} for row in found["models"] if row["live"]]}
    with pytest.raises(NotReady, match=r"is to be .automatic."):
        refuse_unready(further, before)
    another = {(model, "0.9.0", ehr): policy for (model, _, ehr), policy in before.items()}
    with pytest.raises(NotReady):
        refuse_unready(found, another)
