"""The schedule of signing keys: published before use, signing, published until nothing signed by it can live."""

from hypothesis import given, settings
from hypothesis import strategies as st

from auth import rotation
from auth.keys import SigningKeys
from auth.rotation import EVERY, LEAD, LINGER, KeyRing, TimedKey, from_json, to_json
from auth.server.identity import LIFE

KEYS = [rotation.new_key() for _ in range(3)]
CACHED = 3600.0
"""Seconds that a client keeps a key set, at most."""


def kids(ring: KeyRing, now: float) -> list[str]:
    return [key["kid"] for key in ring.published(now)["keys"]]


def test_the_first_key_signs_at_once() -> None:
    ring = KeyRing((TimedKey(0.0, KEYS[0]),))
    assert ring.signing(0.0) is KEYS[0]
    assert kids(ring, 0.0) == [KEYS[0].kid]


def test_a_new_key_is_published_before_it_signs_and_the_old_one_after_it_did() -> None:
    ring = KeyRing((TimedKey(0.0, KEYS[0]),))
    assert not ring.due(EVERY - 1)
    assert ring.due(EVERY)
    ring = ring.with_key(KEYS[1], EVERY)
    assert ring.signing(EVERY + LEAD - 1) is KEYS[0]
    assert ring.signing(EVERY + LEAD) is KEYS[1]
    assert kids(ring, EVERY) == [KEYS[0].kid, KEYS[1].kid]
    assert kids(ring, EVERY + LEAD + LINGER - 1) == [KEYS[0].kid, KEYS[1].kid]
    assert kids(ring, EVERY + LEAD + LINGER) == [KEYS[1].kid]
    assert not ring.due(EVERY + 1)


def test_the_times_leave_room_for_whoever_keeps_a_key_set_and_for_every_id_token() -> None:
    assert LEAD > CACHED
    assert LINGER > LIFE + 60
    assert EVERY > LEAD + LINGER


def test_a_key_that_nobody_needs_is_dropped_when_another_is_added() -> None:
    ring = KeyRing((TimedKey(0.0, KEYS[0]),)).with_key(KEYS[1], EVERY).with_key(KEYS[2], 2 * EVERY)
    assert [each.key for each in ring.keys] == KEYS[1:]
    assert ring.signing(2 * EVERY) is KEYS[1]


@settings(deadline=None)
@given(st.lists(st.floats(EVERY, 3 * EVERY), min_size=1, max_size=6), st.floats(0, 20 * EVERY))
def test_what_signs_is_published_and_still_is_when_a_token_ends(gaps: list[float], now: float) -> None:
    """Whenever a token is signed, every key set fetched in the hour before, and until the token ends, has its key."""
    ring, made = KeyRing((TimedKey(0.0, KEYS[0]),)), 0.0
    for index, gap in enumerate(gaps):
        made += gap
        if made > now:
            break
        ring = ring.with_key(KEYS[(index + 1) % 3], made)
    kid = ring.signing(now).kid
    assert kid in kids(ring, now)
    assert kid in kids(ring, now + LIFE)
    older = KeyRing(tuple(each for each in ring.keys if each.made <= now - CACHED) or ring.keys[:1])
    assert kid in kids(older, now - CACHED) or ring.keys[0].made > now - CACHED


def test_a_ring_comes_back_as_it_was_kept() -> None:
    ring = KeyRing((TimedKey(0.0, KEYS[0]), TimedKey(EVERY, KEYS[1])))
    again = rotation.from_json(rotation.to_json(ring), 5.0)
    assert rotation.to_json(again) == rotation.to_json(ring)


def test_the_key_of_an_installation_of_0_1_goes_on_signing() -> None:
    old = SigningKeys.generate()
    ring = rotation.from_json(old.to_json(), 7.0)
    assert ring.signing(7.0).kid == old.signing(7.0).kid
    assert ring.keys[0].made == 7.0


def test_a_key_that_was_kept_is_read_when_it_is_needed_and_once() -> None:
    ring = from_json(to_json(KeyRing((TimedKey(0.0, KEYS[0]), TimedKey(EVERY, KEYS[1])))), 0.0)
    assert not any("key" in vars(each) for each in ring.keys)
    assert ring.signing(1.0).as_dict(private=True) == KEYS[0].as_dict(private=True)
    assert ring.signing(1.0) is ring.signing(2.0)
    assert ["key" in vars(each) for each in ring.keys] == [True, False]
    assert ring.published(EVERY)["keys"] == [KEYS[0].as_dict(private=False), KEYS[1].as_dict(private=False)]
    assert to_json(ring) == to_json(KeyRing((TimedKey(0.0, KEYS[0]), TimedKey(EVERY, KEYS[1]))))
