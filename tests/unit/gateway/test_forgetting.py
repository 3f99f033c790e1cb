"""Tokens of an EHR go with it: neither a removed EHR's nor those of another issuer of the same name are sent anywhere."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, select

from auth.client import store
from auth.client import tables as client_tables
from auth.client.encryption import Cipher
from auth.client.errors import GrantEnded
from auth.client.tokens import LaunchContext, Tokens
from gateway import tables
from gateway.ehrs import file, verbs
from gateway.people import sessions

CIPHER = Cipher(current="a", keys={"a": bytes(32)})
MEMBERS: dict[str, Any] = {"name": "hospital", "issuer": "https://ehr.example/r4", "client_id": "gateway"}
HELD = Tokens(access="at", refresh="rt", expires=1.0, scopes="patient/*.rs")


@pytest.fixture
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as made:
        for metadata in (client_tables.metadata, tables.metadata):
            metadata.create_all(made)
        yield made
    engine.dispose()


def launched(connection: Connection, ehr: str = "hospital") -> None:
    store.save_launch(
        connection,
        0.0,
        id="l1",
        ehr=ehr,
        tokens=HELD,
        context=LaunchContext(patient="p1"),
        fhir_user=None,
        cipher=CIPHER,
    )
    session = sessions.of_launch(now=0.0, launch_id="l1", ehr=ehr, patient="p1", fhir_user=None)
    sessions.save_session(connection, 0.0, session=session, secret="cookie")


def ended(connection: Connection) -> bool:
    """Whether neither token nor session is left; both must be of one mind."""
    try:
        store.load_tokens(connection, 1.0, id="l1", cipher=CIPHER)
        tokens = True
    except GrantEnded:
        tokens = False
    session = sessions.find_session(connection, 1.0, "cookie") is not None
    assert tokens == session
    row = connection.execute(select(client_tables.launches)).one()
    assert tokens == (row.refresh is not None)
    return not tokens


CHANGES: list[tuple[Callable[[Connection], Any], bool]] = [
    (lambda c: verbs.remove(c, 0.0, {"name": "hospital"}, CIPHER), True),
    (lambda c: verbs.add(c, 0.0, {"ehr": {**MEMBERS, "issuer": "https://other.example/r4"}}, CIPHER), True),
    (lambda c: verbs.add(c, 0.0, {"ehr": {**MEMBERS, "client_id": "another"}}, CIPHER), True),
    (lambda c: verbs.add(c, 0.0, {"ehr": {**MEMBERS, "networks": ["10.0.0.0/8"]}}, CIPHER), False),
    (lambda c: verbs.add(c, 0.0, {"ehr": {**MEMBERS, "name": "x", "issuer": "https://x.example/r4"}}, CIPHER), False),
]


@pytest.mark.parametrize(("change", "ends"), CHANGES)
def test_tokens_end_with_the_registration_that_gave_them_and_with_no_other_change(
    connection: Connection, change: Callable[[Connection], Any], ends: bool
) -> None:
    verbs.add(connection, 0.0, {"ehr": MEMBERS}, CIPHER)
    launched(connection)
    assert not ended(connection)
    change(connection)
    assert ended(connection) is ends


@pytest.mark.parametrize(
    ("text", "ends"),
    [
        ("", True), ("issuer = 'https://ehr.example/r4'\nclient_id = 'gateway'", False),
        ("issuer = 'https://ehr.example/r4'\nclient_id = 'gateway'\nvendor = 'epic'", False),
        ("issuer = 'https://other.example/r4'\nclient_id = 'gateway'", True),
    ],
)  # fmt: skip
def test_a_start_with_the_same_file_ends_nothing(connection: Connection, tmp_path: Path, text: str, ends: bool) -> None:
    def start(said: str) -> None:
        (tmp_path / "chartgate.toml").write_text(f"[[ehr]]\nname = 'hospital'\n{said}\n" if said else "")
        file._replace(connection, 0.0, file.read_ehrs(tmp_path / "chartgate.toml"), CIPHER)

    start("issuer = 'https://ehr.example/r4'\nclient_id = 'gateway'")
    launched(connection)
    start(text)
    assert ended(connection) is ends
