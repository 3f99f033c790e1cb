"""A bundle gives back what was sealed, to those who have its key, and to nobody who changed it."""

import base64
import json
from pathlib import Path

import pytest

from conformance import CannotRun
from conformance.bundle import BundleKey, load_key, open_bundle, seal
from conformance.evidence import Evidence, Exchange
from conformance.recording import decode, encode
from conformance.run import Report


@pytest.fixture
def key(tmp_path: Path) -> BundleKey:
    return load_key(tmp_path / "lab.json", create=True)


def report(**facts: object) -> Report:
    seen = Exchange(
        method="GET", url="http://x/metadata", status=200, body=b"\xff{}", sent={"a": "b"}, content=b"c", at=1.5
    )
    evidence = Evidence()
    evidence["metadata"] = seen
    for name, value in {
        "all": [seen, {"deep": seen}],
        "bytes": b"\x00\xff",
        "set": {"b", "a"},
        "none": None,
        **facts,
    }.items():
        evidence[name] = value
    return Report(target="http://x", started="2026-01-01T00:00:00+00:00", seconds=1.0, checks=(), evidence=evidence,
                  exchanges=(seen,), suites=("smart",), writes=True)  # fmt: skip


def test_what_was_sealed_is_opened_and_judged(key: BundleKey) -> None:
    found = open_bundle(seal(report(), key), key)
    assert dict(found.evidence.items()) == dict(report().evidence.items())
    assert found.exchanges == report().exchanges
    assert (found.target, found.writes, found.suites) == ("http://x", True, ("smart",))
    assert found.checks
    assert b"metadata" not in seal(report(), key)


@pytest.mark.parametrize("member", ["sealed", "nonce", "key", "signer", "signature"])
def test_a_bundle_that_was_changed_is_refused(key: BundleKey, member: str) -> None:
    said = json.loads(seal(report(), key))
    good = said[member]
    said[member] = base64.b64encode(bytes(len(base64.b64decode(good)))).decode() if member != "key" else "other"
    with pytest.raises(CannotRun, match="another"):
        open_bundle(json.dumps(said).encode(), key)


def test_a_bundle_of_another_format_is_refused(key: BundleKey) -> None:
    said = {**json.loads(seal(report(), key)), "format": "chartgate-evidence-9"}
    with pytest.raises(CannotRun, match="another version"):
        open_bundle(json.dumps(said).encode(), key)


def test_another_key_opens_nothing(key: BundleKey, tmp_path: Path) -> None:
    other = load_key(tmp_path / "other.json", create=True)
    with pytest.raises(CannotRun, match="another key"):
        open_bundle(seal(report(), key), other)
    with pytest.raises(CannotRun, match="no evidence bundle"):
        open_bundle(b"{}", key)


def test_a_key_file_is_made_once_for_its_owner_only_and_a_reader_cannot_seal(tmp_path: Path) -> None:
    file = tmp_path / "lab.json"
    made = load_key(file, create=True)
    assert file.stat().st_mode & 0o777 == 0o600
    assert load_key(file).fingerprint == made.fingerprint
    said = json.loads(file.read_text())
    reader = {
        "name": "lab",
        "encrypt": said["encrypt"],
        "verify": base64.b64encode(made.verify.public_bytes_raw()).decode(),
    }
    (tmp_path / "reader.json").write_text(json.dumps(reader))
    reading = load_key(tmp_path / "reader.json")
    assert open_bundle(seal(report(), made), reading).target == "http://x"
    with pytest.raises(CannotRun, match="only reads"):
        seal(report(), reading)


@pytest.mark.parametrize("text", ["", "{}", '{"name": "a", "encrypt": "AA==", "sign": "AA=="}', "[]"])
def test_a_file_that_is_no_key_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(CannotRun, match="bundle-key"):
        load_key(tmp_path / "bad.json")
    with pytest.raises(CannotRun, match="bundle-key"):
        load_key(tmp_path / "absent.json")


def test_evidence_that_cannot_be_kept_is_named() -> None:
    with pytest.raises(TypeError, match="odd"):
        encode(report(odd=object()))


def test_an_exchange_that_did_not_come_by_the_probe_is_kept_once() -> None:
    other = Exchange(method="POST", url="http://x/", status=400)
    document = json.loads(json.dumps(encode(report(one=other, two=[other]))))
    assert len(document["exchanges"]) == 2
    assert decode(document).evidence["two"] == [other]
