"""``chartgate monitor sign`` and ``thresholds``: what is signed holds, every version is kept, and what nobody signed is shown as that."""

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from gateway.cli import main
from gateway.installation import open_installation, prepare
from gateway.keyring import KeyFileError, open_keyring
from gateway.monitors.signed import read_thresholds
from gateway.sites import latest
from gateway.sites.signing_keys import new_key


@pytest.fixture
def key(tmp_path: Path) -> Path:
    new_key(tmp_path / "ana.pem")
    return tmp_path / "ana.pem"


@pytest.fixture
def data(tmp_path: Path) -> Path:
    made = prepare(tmp_path / "data")
    (made / "thresholds.json").write_text(json.dumps({"monitors": {"M-IN-01": {"warn": 0.08}}}))
    return made


def run(capsys: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    capsys.readouterr()
    with pytest.raises(SystemExit) as ended:
        main([str(word) for word in words])
    found = capsys.readouterr()
    return int(ended.value.code or 0), found.out + found.err


def signed(capsys: pytest.CaptureFixture[str], key: Path, data: Path, *words: str) -> dict[str, Any]:
    code, out = run(capsys, "monitor", "sign", "--key", key, "--data", data, "--json", *words)
    assert code == 0, out
    made: dict[str, Any] = json.loads(out)
    return made


def test_what_is_signed_is_in_force_and_every_version_is_kept(
    key: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    namespace = open_keyring(data).namespace
    first = signed(capsys, key, data, "--trust")
    assert (first["version"], first["deployment"], first["format"]) == (1, namespace, "chartgate-thresholds/1")
    assert (data / "thresholds.pub").stat().st_mode & 0o777 == 0o600
    changed = json.loads((data / "thresholds.json").read_text())
    changed["monitors"]["M-IN-01"]["warn"] = 0.09
    (data / "thresholds.json").write_text(json.dumps(changed))
    with pytest.raises(KeyFileError, match="does not fit"):
        read_thresholds(data, deployment=namespace)
    second = signed(capsys, key, data, "--trust")
    assert second["version"] == 2
    assert len((data / "thresholds.pub").read_text().splitlines()) == 1
    found = read_thresholds(data, deployment=namespace)
    assert (found.version, found.of("news2", "M-IN-01")["warn"]) == (2, 0.09)
    assert json.loads((data / "thresholds-v1.json").read_text()) == first
    code, out = run(capsys, "monitor", "thresholds", "--data", data)
    assert (code, "Version 2 is in force" in out) == (0, True)


def test_a_version_of_before_is_in_force_for_nobody(key: Path, data: Path, capsys: pytest.CaptureFixture[str]) -> None:
    signed(capsys, key, data, "--trust")
    signed(capsys, key, data)
    installation = open_installation(data)
    installation.database.run_now(lambda c, now: latest.keep(c, now, in_force={latest.INSTALLATION: 2}))
    installation.close()
    (data / "thresholds.json").write_text((data / "thresholds-v1.json").read_text())
    code, out = run(capsys, "monitor", "thresholds", "--data", data)
    assert (code, "is version 1, and version 2 was in force here" in " ".join(out.split())) == (3, True)


def test_the_defaults_are_shown_as_unsigned(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, "monitor", "thresholds", "--data", prepare(tmp_path / "empty"))
    assert (code, "nobody signed them" in out) == (1, True)


def test_a_document_that_is_unsigned_or_signed_with_a_key_that_is_not_listed_stops_the_start(
    key: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    namespace = open_keyring(data).namespace
    (data / "thresholds.pub").write_text(base64.b64encode(bytes(32)).decode() + "\n")
    for sign in (lambda: None, lambda: signed(capsys, key, data)):
        sign()
        with pytest.raises(KeyFileError):
            read_thresholds(data, deployment=namespace)
        code, _ = run(capsys, "monitor", "thresholds", "--data", data)
        assert code == 3


@pytest.mark.parametrize(
    "document",
    [
        "[]",
        "{",
        json.dumps({"deployment": "urn:other"}),
        json.dumps({"monitors": {"M-IN-01": {"wrong": 1}}}),
        json.dumps({"more": 1}),
    ],
)
def test_what_is_no_document_of_this_installation_is_not_signed(
    document: str, key: Path, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (data / "thresholds.json").write_text(document)
    code, out = run(capsys, "monitor", "sign", "--key", key, "--data", data)
    assert code == 3, out
    assert (data / "thresholds.json").read_text() == document
    code, _ = run(capsys, "monitor", "sign", "--key", data / "thresholds.json", "--data", data)
    assert code == 3
