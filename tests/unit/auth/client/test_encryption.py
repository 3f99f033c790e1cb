"""Sealed values open at their own place, with their own key, unchanged, and nowhere else."""

import pytest

from auth.client.encryption import Cipher, Place
from auth.client.errors import SealBroken

HERE = Place(ehr="spec", table="launches", row="1", column="access")
CIPHER = Cipher(current="a", keys={"a": bytes(32), "b": b"b" * 32})
NONCE = b"n" * 12


def test_a_sealed_value_opens_at_its_own_place() -> None:
    assert CIPHER.open(CIPHER.seal(b"secret", HERE, nonce=NONCE), HERE) == b"secret"


@pytest.mark.parametrize(
    "elsewhere",
    [
        Place(ehr="other", table="launches", row="1", column="access"),
        Place(ehr="spec", table="pending", row="1", column="access"),
        Place(ehr="spec", table="launches", row="2", column="access"),
        Place(ehr="spec", table="launches", row="1", column="refresh"),
    ],
)
def test_a_sealed_value_does_not_open_at_another_place(elsewhere: Place) -> None:
    with pytest.raises(SealBroken):
        CIPHER.open(CIPHER.seal(b"secret", HERE, nonce=NONCE), elsewhere)


def test_any_changed_byte_breaks_the_seal() -> None:
    sealed = CIPHER.seal(b"secret", HERE, nonce=NONCE)
    for at in range(len(sealed)):
        with pytest.raises(SealBroken):
            CIPHER.open(sealed[:at] + bytes([sealed[at] ^ 1]) + sealed[at + 1 :], HERE)


def test_any_cut_breaks_the_seal() -> None:
    sealed = CIPHER.seal(b"secret", HERE, nonce=NONCE)
    for size in range(len(sealed)):
        with pytest.raises(SealBroken):
            CIPHER.open(sealed[:size], HERE)


def test_an_older_key_of_the_ring_still_opens_and_says_that_it_is_older() -> None:
    sealed = Cipher(current="b", keys=CIPHER.keys).seal(b"secret", HERE, nonce=NONCE)
    assert (CIPHER.key_id(sealed), CIPHER.open(sealed, HERE)) == ("b", b"secret")


def test_a_key_that_left_the_ring_opens_nothing() -> None:
    sealed = CIPHER.seal(b"secret", HERE, nonce=NONCE)
    with pytest.raises(SealBroken):
        Cipher(current="b", keys={"b": CIPHER.keys["b"]}).open(sealed, HERE)


def test_the_plain_value_does_not_show_in_the_sealed_one_or_in_the_ring() -> None:
    assert b"secret" not in CIPHER.seal(b"secret", HERE, nonce=NONCE)
    assert "bbb" not in repr(CIPHER)


def test_a_place_that_could_be_read_as_another_is_refused() -> None:
    with pytest.raises(ValueError, match="separator"):
        Place(ehr="spec|launches", table="1", row="access", column="x")


@pytest.mark.parametrize(("current", "keys"), [("c", {"a": bytes(32)}), ("a", {"a": bytes(16)}), ("", {"": bytes(32)})])
def test_a_ring_that_cannot_seal_is_refused(current: str, keys: dict[str, bytes]) -> None:
    with pytest.raises(ValueError, match=r"ring|32 bytes|255"):
        Cipher(current=current, keys=keys)


def test_a_nonce_of_another_length_is_refused() -> None:
    with pytest.raises(ValueError, match="12 bytes"):
        CIPHER.seal(b"secret", HERE, nonce=b"short")
