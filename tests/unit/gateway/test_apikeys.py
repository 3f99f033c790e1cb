"""An API key opens what it names and nothing else, and only its hash is kept."""

import asyncio
import itertools
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, create_engine, select

from gateway.people import apikeys
from gateway.people.apikeys import ApiKey, KeyRequestError, Recent, allows, new_key
from gateway.tables import metadata

SECRET = "s" * 43
PRESENTED = apikeys.format_key("0123456789abcdef", SECRET)
KEY = new_key(id="0123456789abcdef", name="night run", scopes=("outputs.write",), ehrs=("spec",), models=("news2",))


@contextmanager
def database() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        apikeys.add_key(connection, 1.0, key=KEY, presented=PRESENTED)
        yield connection
    engine.dispose()


def test_a_presented_key_is_found_with_what_it_may_do() -> None:
    with database() as connection:
        found = apikeys.find_key(connection, 2.0, PRESENTED)
        assert found is not None
        assert (found.scopes, found.ehrs, found.models) == (KEY.scopes, KEY.ehrs, KEY.models)


@pytest.mark.parametrize(
    "presented",
    [
        "", "cg_", SECRET, PRESENTED[:-1], PRESENTED + "s", PRESENTED[:-1] + "t", PRESENTED.upper(), PRESENTED + "\x00",
        apikeys.format_key("fedcba9876543210", SECRET), "cg_\ud800_x",
    ],
)  # fmt: skip
def test_anything_else_opens_nothing(presented: str) -> None:
    with database() as connection:
        assert apikeys.find_key(connection, 2.0, presented) is None


def test_the_secret_is_not_kept_and_its_hash_opens_nothing() -> None:
    with database() as connection:
        row = connection.execute(select(apikeys.keys)).one()
        assert not any(SECRET in str(value) for value in row)
        assert apikeys.find_key(connection, 2.0, row.hash) is None


def test_a_revoked_key_opens_nothing_and_stays_listed() -> None:
    with database() as connection:
        assert apikeys.revoke_key(connection, 2.0, KEY.id)
        assert not apikeys.revoke_key(connection, 3.0, KEY.id)
        assert apikeys.find_key(connection, 4.0, PRESENTED) is None
        assert [key.revoked for key in apikeys.list_keys(connection, 5.0)] == [True]


def test_a_key_allows_its_scope_at_its_ehr_for_its_model() -> None:
    assert allows(KEY, "outputs.write", ehr="spec", model="news2")
    assert allows(KEY, "outputs.write")


@pytest.mark.parametrize(
    ("key", "ehr", "model"),
    [(None, "spec", "news2"), (KEY, "other", "news2"), (KEY, "spec", "prevent-cvd")],
)
def test_a_key_allows_nothing_beyond(key: ApiKey | None, ehr: str, model: str) -> None:
    assert not allows(key, "outputs.write", ehr=ehr, model=model)


def test_a_key_allows_no_other_scope_and_nothing_once_revoked() -> None:
    assert not allows(KEY, "outputs.read", ehr="spec", model="news2")
    revoked = ApiKey(id="1", name="x", scopes=KEY.scopes, revoked=True)
    assert not allows(revoked, "outputs.write", ehr="spec", model="news2")


def test_a_key_bound_to_nothing_is_for_every_ehr_and_model() -> None:
    assert allows(new_key(id="1", name="x", scopes=("recall",)), "recall", ehr="any", model="any")


@pytest.mark.parametrize("scopes", [(), ("outputs.*",), ("outputs.write", "admin"), ("outputs.write outputs.read",)])
def test_a_key_without_a_known_scope_is_not_made(scopes: tuple[str, ...]) -> None:
    with pytest.raises(KeyRequestError, match="--scope"):
        new_key(id="1", name="x", scopes=scopes)


@pytest.mark.parametrize("name", ["", " ", "a\nb", "x" * 129])
def test_a_key_without_a_usable_name_is_not_made(name: str) -> None:
    with pytest.raises(KeyRequestError, match="NAME"):
        new_key(id="1", name=name, scopes=("recall",))


async def _asked(recent: Recent, *, times: int, now: Callable[[], float], found: ApiKey | None) -> list[str]:
    looks: list[str] = []

    async def look() -> ApiKey | None:
        looks.append("look")
        await asyncio.sleep(0)
        return found

    for _ in range(times):
        assert await asyncio.gather(*(recent.find("cg_1", look, now) for _ in range(5))) == [found] * 5
    return looks


def test_those_who_ask_while_a_key_is_looked_for_share_the_look() -> None:
    key = new_key(id="1" * 16, name="ward", scopes=("outputs.write",))
    clock = itertools.count(0.0, 0.01)
    assert asyncio.run(_asked(Recent(), times=3, now=lambda: next(clock), found=key)) == ["look"]
    slow = itertools.count(0.0, 1.5)
    assert len(asyncio.run(_asked(Recent(), times=3, now=lambda: next(slow), found=key))) == 3, "a second is over"
    assert len(asyncio.run(_asked(Recent(), times=3, now=lambda: 0.0, found=None))) == 3, (
        "what is not in force is not kept"
    )


def test_who_goes_away_leaves_the_look_to_the_others() -> None:
    key = new_key(id="1" * 16, name="ward", scopes=("outputs.write",))

    async def ask() -> ApiKey | None:
        recent, free = Recent(), asyncio.Event()

        async def look() -> ApiKey | None:
            await free.wait()
            return key

        first, second = (asyncio.create_task(recent.find("cg_1", look, lambda: 0.0)) for _ in range(2))
        await asyncio.sleep(0)
        first.cancel()
        await asyncio.sleep(0)
        free.set()
        return await second

    assert asyncio.run(ask()) == key
