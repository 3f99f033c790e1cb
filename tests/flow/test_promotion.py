"""A version goes from shadow to confirm to automatic by command: gates, two people, one word of the file, and the history."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

import gateway.cli  # noqa: F401 -- registers every command
from gateway.cli.application import application
from gateway.installation import open_installation
from gateway.sites import history
from gateway.sites.differing import differences
from gateway.sites.evidence import record_override
from gateway.sites.gates import STEPS
from tests.flow.delivery_world import MODEL


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A site with two versions of one model: the first live, the second in shadow beside it."""
    for version in ("1.0.0", "2.0.0"):
        place = tmp_path / "models" / version
        place.mkdir(parents=True)
        (place / "model.toml").write_text(MODEL.format(id="echo", version=version, policy="automatic"))
        (place / "model.py").write_text("def predict(features):\n    return {'value': 0.1}\n")
    made = tmp_path / "data" / "sites" / "north"
    assert CliRunner().invoke(application, ["site", "new", str(made), "--title", "North"]).exit_code == 0
    file = made / "site.toml"
    head = file.read_text().partition("[[model]]")[0]
    owners = 'owners = { model = "a", engineering = "b", clinical_informatics = "c" }'
    file.write_text(head + "".join(
        f'[[model]]\nid = "echo"\nversion = "{version}"\npolicy = "{policy}"  # {version}\n{owners}\n\n'
        for version, policy in (("1.0.0", "automatic"), ("2.0.0", "shadow"))
    ))  # fmt: skip
    return made


def step(folder: Path, verb: str, version: str, to: str, *more: str) -> tuple[int, Any]:
    data, models = folder.parent.parent, folder.parent.parent.parent / "models"
    done = CliRunner().invoke(application, [
        "site", verb, str(folder), version, "--to", to, "--by", "Ana", "--why", "the committee agreed", "--data", str(data),
        "--models", str(models), "--json", *more,
    ])  # fmt: skip
    return done.exit_code, json.loads(done.stdout) if done.exit_code < 2 else done.output


def override(folder: Path, model: str, *gates: str) -> None:
    """Two people take all of these gates on themselves, in one process rather than ten."""
    installation = open_installation(folder.parent.parent)
    for gate in gates:
        said = {"site": "north", "model": model, "gate": gate, "by": ("Ana", "Ben"), "why": "one ward"}
        installation.database.run_now(lambda c, now, said=said: record_override(c, now, **said))
    installation.close()


def test_a_version_is_promoted_when_its_gates_are_open_and_the_file_and_the_history_say_so(folder: Path) -> None:
    file = folder / "site.toml"
    before = file.read_text()
    code, found = step(folder, "promote", "echo@2.0.0", "confirm", "--replacing", "1.0.0")
    assert (code, found["done"]) == (1, False)
    assert "shadow at north-ehr" in found["red"]
    assert file.read_text() == before
    override(folder, "echo@1.0.0", *(gate.id for gate in STEPS["confirm"]))
    assert step(folder, "promote", "echo@2.0.0", "confirm", "--replacing", "1.0.0")[0] == 1, "another version's"
    override(folder, "echo@2.0.0", *(gate.id for gate in STEPS["confirm"]))
    code, found = step(folder, "promote", "echo@2.0.0", "confirm")
    assert (code, found["red"]) == (1, [])
    assert "all but one must be shadow" in found["problems"][0]
    code, found = step(folder, "promote", "echo@2.0.0", "confirm", "--replacing", "1.0.0", "--dry-run")
    assert (code, found["ok"], found["done"], file.read_text()) == (0, True, False, before)
    code, found = step(folder, "promote", "echo@2.0.0", "confirm", "--replacing", "1.0.0")
    assert (code, found["done"], found["from"], found["to"]) == (0, True, "shadow", "confirm")
    after = before.replace('"automatic"  # 1.0.0', '"shadow"  # 1.0.0').replace(
        '"shadow"  # 2.0.0', '"confirm"  # 2.0.0'
    )
    assert file.read_text() == after
    assert not list(folder.glob("*.part"))
    installation = open_installation(folder.parent.parent)
    kept = installation.database.run_now(lambda c, now: history.find_versions(c, now, "north"))
    installation.close()
    assert [each.by for each in kept] == ["Ana", "nobody named"]
    assert kept[0].why.startswith("echo@2.0.0 from shadow to confirm, in the place of 1.0.0 (overridden: ")
    assert kept[0].why.endswith("the committee agreed")
    assert [each.policy for each in kept[1].declared.model] == ["automatic", "shadow"]
    changed = [each.path for each in differences(kept[1].declared, kept[0].declared)]
    assert changed == ["model[echo 1.0.0].policy", "model[echo 2.0.0].policy"]
    code, found = step(folder, "promote", "echo@2.0.0", "automatic")
    assert (code, found["red"]) == (1, ["confirmed at north-ehr"])
    code, found = step(folder, "demote", "echo@2.0.0", "shadow")
    assert (code, found["done"], found["gates"]) == (0, True, [])


def test_what_is_asked_wrongly_changes_nothing(folder: Path) -> None:
    before = (folder / "site.toml").read_text()
    for verb, version, to, code in (
        ("promote", "echo@1.0.0", "confirm", 2), ("demote", "echo@2.0.0", "confirm", 2), ("promote", "echo@9", "confirm", 2),
        ("promote", "echo@2.0.0", "shadow", 2), ("demote", "echo@2.0.0", "shadow", 2),
    ):  # fmt: skip
        assert step(folder, verb, version, to)[0] == code, (verb, version, to)
    assert (folder / "site.toml").read_text() == before
