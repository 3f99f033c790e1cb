"""A bearer is asked about anew at every request: what is remembered of its grant opens nothing by itself."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from sqlalchemy import Connection, create_engine

from auth import scopes
from auth.server import grants
from auth.server.grants import Context
from auth.server.tables import metadata

NOW, LIFE = 1_800_000_000.0, 3600.0


@pytest.fixture
def connections() -> Iterator[list[Connection]]:
    """Of two EHRs."""
    with ExitStack() as stack:
        made = []
        for _ in range(2):
            engine = create_engine("sqlite://")
            stack.callback(engine.dispose)
            metadata.create_all(engine)
            made.append(stack.enter_context(engine.connect()))
        yield made


def grant(
    connection: Connection, patient: str, *, words: str = "patient/*.rs", token: str = "t", id: str = "g"
) -> None:
    context = Context(patient=patient)
    grants.save_grant(connection, NOW, id=id, client_id="c", scopes=scopes.parse(words), context=context)
    grants.save_access(connection, NOW, token=token, grant=id, scopes=words, life=LIFE)


def test_a_grant_that_was_found_before_opens_nothing_once_it_is_revoked_or_over(connections: list[Connection]) -> None:
    connection = connections[0]
    grant(connection, "p1")
    assert grants.find_grant(connection, NOW, "t") == grants.find_grant(connection, NOW, "t")
    assert grants.find_grant(connection, NOW + LIFE, "t") is None
    grants.revoke_grant(connection, NOW, "g")
    assert grants.find_grant(connection, NOW, "t") is None


def test_a_token_that_was_found_before_opens_nothing_once_it_is_gone(connections: list[Connection]) -> None:
    connection = connections[0]
    grant(connection, "p1")
    assert grants.find_grant(connection, NOW, "t") is not None
    grants.revoke_token(connection, NOW, token="t", client_id="c")
    assert grants.find_grant(connection, NOW, "t") is None


def test_the_same_token_and_grant_of_two_ehrs_are_two(connections: list[Connection]) -> None:
    for connection, patient in zip(connections, ("p1", "p2"), strict=True):
        grant(connection, patient)
    for _ in range(2):
        found = [grants.find_grant(connection, NOW, "t") for connection in connections]
        assert [each.patient for each in found if each is not None] == ["p1", "p2"]


def test_two_tokens_of_a_grant_have_each_their_own_scopes(connections: list[Connection]) -> None:
    connection = connections[0]
    grant(connection, "p1")
    grants.save_access(connection, NOW, token="narrow", grant="g", scopes="patient/Patient.r", life=LIFE)
    for _ in range(2):
        found = [grants.find_grant(connection, NOW, token) for token in ("t", "narrow")]
        assert [scopes.format(each.scopes) for each in found if each is not None] == [
            "patient/*.rs",
            "patient/Patient.r",
        ]


def test_no_more_grants_are_remembered_than_there_is_room_for(connections: list[Connection]) -> None:
    connection = connections[0]
    for number in range(3):
        grant(connection, f"p{number}", token=f"t{number}", id=f"g{number}")
    known = connection.info.setdefault(grants.Grant, {})
    assert grants.find_grant(connection, NOW, "t0") in known.values()
    known |= {(f"x{number}", "", 0.0): None for number in range(grants._MANY - len(known))}
    found = [grants.find_grant(connection, NOW, f"t{number}") for number in (1, 2, 0)]
    assert [each.patient for each in found if each is not None] == ["p1", "p2", "p0"]
    assert len(known) == 3
