"""An API key opens what it names and nothing else, and only its hash is kept."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from sqlalchemy import Connection, create_engine, select

from gateway.people import apikeys
from gateway.people.apikeys import ApiKey, KeyRequestError, allows, new_key
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
