"""The key file is made once, is for its owner only, and is refused by name when it cannot be used."""

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from auth.client.encryption import Place
from gateway import keyring
from gateway.keyring import FILE, KeyFileError, open_keyring, parse

PLACE = Place(ehr="spec", table="t", row="1", column="c")
DOCUMENT = keyring.generate()


def test_a_new_installation_gets_keys_and_keeps_them(tmp_path: Path) -> None:
    made, again = open_keyring(tmp_path), open_keyring(tmp_path)
    assert (tmp_path / FILE).stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.iterdir()] == [FILE]
    assert made.namespace == again.namespace
    assert made.namespace.startswith("urn:chartgate:installation:")
    assert made.signing.jwks(0.0) == again.signing.jwks(0.0)
    assert again.cipher.open(made.cipher.seal(b"x", PLACE, nonce=bytes(12)), PLACE) == b"x"


def test_two_installations_share_nothing(tmp_path: Path) -> None:
    other = keyring.generate()
    assert not {DOCUMENT["namespace"], DOCUMENT["session"]} & {other["namespace"], other["session"]}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_a_key_file_that_others_can_read_is_refused_with_the_fix(tmp_path: Path, mode: int) -> None:
    open_keyring(tmp_path)
    (tmp_path / FILE).chmod(mode)
    with pytest.raises(KeyFileError, match="chmod 600"):
        open_keyring(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '"x"'])
def test_a_file_that_holds_no_keys_is_refused(tmp_path: Path, text: str) -> None:
    open_keyring(tmp_path)
    (tmp_path / FILE).write_text(text)
    with pytest.raises(KeyFileError, match="backup"):
        open_keyring(tmp_path)


@pytest.mark.parametrize(
    ("path", "value", "named"),
    [
        (("encryption", "current"), "other", "cipher"),
        (("encryption", "keys"), {}, "cipher"),
        (("encryption",), None, "cipher"),
        (("session",), "c2hvcnQ=", "session"),
        (("session",), "!", "session"),
        (("namespace",), "urn:uuid:1", "namespace"),
        (("namespace",), 1, "namespace"),
        (("signing",), None, "signing"),
        (("signing",), {}, "signing"),
    ],
)
def test_a_member_that_cannot_be_used_is_named_and_not_shown(path: tuple[str, ...], value: Any, named: str) -> None:
    document = copy.deepcopy(DOCUMENT)
    target = document
    for step in path[:-1]:
        target = target[step]
    target[path[-1]] = value
    with pytest.raises(KeyFileError, match=named) as refused:
        parse(document)
    assert DOCUMENT["session"] not in str(refused.value)


def test_of_two_that_start_at_once_both_use_the_same_file(tmp_path: Path) -> None:
    open_keyring(tmp_path)
    first = (tmp_path / FILE).read_text()
    keyring._create(tmp_path / FILE, json.dumps(keyring.generate()))
    assert (tmp_path / FILE).read_text() == first
    assert [path.name for path in tmp_path.iterdir()] == [FILE]


def test_no_key_shows_in_a_representation() -> None:
    ring = parse(DOCUMENT)
    assert DOCUMENT["session"] not in repr(ring)
    assert repr(ring.session) not in repr(ring)
