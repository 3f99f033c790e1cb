"""A begun launch is taken once, by its own browser; tokens are kept sealed and renewed by one holder at a time."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, select

from auth.client import store
from auth.client.encryption import Cipher
from auth.client.errors import GrantEnded, LaunchError, SealBroken
from auth.client.launch import LIFETIME, PendingLaunch
from auth.client.store import LEASE, RefreshLease
from auth.client.tables import launches, metadata, pending
from auth.client.tokens import LaunchContext, Tokens

CIPHER = Cipher(current="a", keys={"a": bytes(32)})
BEGUN = PendingLaunch(
    ehr="spec", state="the-state", verifier="the-verifier", nonce="the-nonce", redirect_uri="http://localhost/c",
    fhir="https://ehr.example/r4", issuer="https://ehr.example", token_endpoint="https://ehr.example/token",
    jwks_uri=None, iss_advertised=True, asked=("launch", "patient/*.rs"),
)  # fmt: skip
TOKENS = Tokens(access="the-access", refresh="the-refresh", expires=300.0, scopes="patient/*.rs")
CONTEXT = LaunchContext(patient="p1", encounter="e1", fhir_context=({"reference": "X/1"},), missing=("openid",))


@contextmanager
def database() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        yield connection
    engine.dispose()


@contextmanager
def begun() -> Iterator[Connection]:
    with database() as connection:
        store.save_pending(connection, 0.0, begun=BEGUN, browser="cookie", cipher=CIPHER)
        yield connection


@contextmanager
def launched(tokens: Tokens = TOKENS) -> Iterator[Connection]:
    with database() as connection:
        store.save_launch(
            connection, 0.0, id="l1", ehr="spec", tokens=tokens, context=CONTEXT, fhir_user="Practitioner/1",
            cipher=CIPHER,
        )  # fmt: skip
        yield connection


def take(connection: Connection, now: float = 1.0, **members: str) -> PendingLaunch:
    named: dict[str, Any] = {"state": "the-state", "ehr": "spec", "browser": "cookie", **members}
    return store.take_pending(connection, now, cipher=CIPHER, **named)


def renew(connection: Connection, now: float, refused: str | None = None) -> Tokens | RefreshLease | None:
    return store.take_refresh(connection, now, id="l1", refused=refused, cipher=CIPHER)


def test_a_begun_launch_comes_back_whole() -> None:
    with begun() as connection:
        assert take(connection) == BEGUN


def test_a_state_is_usable_once() -> None:
    with begun() as connection:
        take(connection)
        with pytest.raises(LaunchError, match="unknown here"):
            take(connection)


@pytest.mark.parametrize(
    "members", [{"state": "another"}, {"state": ""}, {"browser": "another"}, {"browser": ""}, {"ehr": "other"}]
)
def test_another_state_browser_or_ehr_takes_nothing_and_spoils_nothing(members: dict[str, str]) -> None:
    with begun() as connection:
        with pytest.raises(LaunchError, match="unknown here"):
            take(connection, **members)
        assert take(connection) == BEGUN


def test_a_state_does_not_work_late() -> None:
    with begun() as connection, pytest.raises(LaunchError, match="unknown here"):
        take(connection, LIFETIME + 1)


def test_late_launches_are_swept_when_the_next_begins() -> None:
    with begun() as connection:
        store.save_pending(
            connection, LIFETIME + 1, begun=replace(BEGUN, state="next"), browser="cookie", cipher=CIPHER
        )
        assert len(connection.execute(select(pending)).all()) == 1


def test_neither_state_nor_verifier_nor_cookie_stands_in_the_database() -> None:
    with begun() as connection:
        row = b" ".join(str(value).encode() for value in connection.execute(select(pending)).one())
    assert not any(secret in row for secret in (b"the-state", b"the-verifier", b"the-nonce", b"cookie"))


def test_a_launch_comes_back_whole_and_without_its_tokens() -> None:
    with launched() as connection:
        found = store.find_launch(connection, 1.0, id="l1", cipher=CIPHER)
        assert found is not None
        assert (found.patient, found.encounter, found.fhir_user, found.context) == (
            "p1", "e1", "Practitioner/1", CONTEXT
        )  # fmt: skip
        assert "the-access" not in repr(found)
        assert store.find_launch(connection, 1.0, id="l2", cipher=CIPHER) is None


def test_no_token_stands_in_the_database() -> None:
    with launched() as connection:
        row = b" ".join(str(value).encode() for value in connection.execute(select(launches)).one())
    assert not any(secret in row for secret in (b"the-access", b"the-refresh"))


@pytest.mark.parametrize("column", ["access", "refresh"])
def test_a_token_moved_to_another_launch_or_column_does_not_open(column: str) -> None:
    with launched() as connection:
        store.save_launch(
            connection, 0.0, id="l2", ehr="spec", tokens=TOKENS, context=CONTEXT, fhir_user=None, cipher=CIPHER
        )
        stolen = connection.execute(select(launches.c[column]).where(launches.c.id == "l1")).scalar_one()
        connection.execute(launches.update().where(launches.c.id == "l2").values({column: stolen}))
        with pytest.raises(SealBroken):
            store.load_tokens(connection, 1.0, id="l2", cipher=CIPHER)


def test_a_fresh_token_is_used_and_a_stale_one_renewed() -> None:
    with launched() as connection:
        assert renew(connection, 1.0) == TOKENS
        assert isinstance(renew(connection, 299.0), RefreshLease)


def test_a_refused_token_is_renewed_although_it_has_time_left() -> None:
    with launched() as connection:
        assert isinstance(renew(connection, 1.0, "the-access"), RefreshLease)


def test_one_holder_renews_and_the_others_wait_until_its_lease_ends() -> None:
    with launched() as connection:
        assert isinstance(renew(connection, 400.0), RefreshLease)
        assert renew(connection, 401.0) is None
        assert isinstance(renew(connection, 400.0 + LEASE), RefreshLease)


def test_what_was_renewed_is_what_the_others_get() -> None:
    renewed = Tokens(access="second", refresh="the-refresh", expires=900.0, scopes="patient/*.rs")
    with launched() as connection:
        lease = renew(connection, 400.0)
        assert isinstance(lease, RefreshLease)
        store.save_refresh(connection, 401.0, id="l1", lease=lease, tokens=renewed, cipher=CIPHER)
        assert renew(connection, 402.0, "the-access") == renewed


def test_a_holder_who_comes_back_late_does_not_undo_the_next_ones_renewal() -> None:
    with launched() as connection:
        slow, quick = renew(connection, 400.0), renew(connection, 400.0 + LEASE)
        assert isinstance(slow, RefreshLease)
        assert isinstance(quick, RefreshLease)
        second = replace(TOKENS, access="second", expires=900.0)
        store.save_refresh(connection, 420.0, id="l1", lease=quick, tokens=second, cipher=CIPHER)
        late = replace(TOKENS, access="late", expires=900.0)
        assert store.save_refresh(connection, 421.0, id="l1", lease=slow, tokens=late, cipher=CIPHER) == second
        store.end_launch(connection, 422.0, id="l1", generation=slow.generation)
        assert store.load_tokens(connection, 423.0, id="l1", cipher=CIPHER) == second


def test_a_lease_that_came_to_nothing_can_be_taken_at_once() -> None:
    with launched() as connection:
        lease = renew(connection, 400.0)
        assert isinstance(lease, RefreshLease)
        store.release_refresh(connection, 401.0, id="l1", lease=lease)
        assert isinstance(renew(connection, 401.0), RefreshLease)


def test_an_ended_launch_gives_no_token_and_keeps_none() -> None:
    with launched() as connection:
        store.end_launch(connection, 1.0, id="l1")
        row = connection.execute(select(launches)).one()
        assert (row.access, row.refresh) == (None, None)
        with pytest.raises(GrantEnded):
            renew(connection, 2.0)
        with pytest.raises(GrantEnded):
            store.load_tokens(connection, 2.0, id="l1", cipher=CIPHER)


def test_a_launch_without_a_refresh_token_ends_with_its_token() -> None:
    once = replace(TOKENS, refresh=None)
    with launched(once) as connection:
        assert renew(connection, 299.0) == once
        with pytest.raises(GrantEnded):
            renew(connection, 300.0)
