"""Keys change under what is stored and under servers that run: nothing is lost, and old keys open nothing in the end."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection, select

from auth.client import store, tables
from auth.client.ehr import RegisteredEhr
from auth.client.launch import PendingLaunch
from auth.client.registry import find_ehr, save_ehr
from auth.client.tokens import LaunchContext, Tokens
from gateway import keyring
from gateway.ehrs import rotating
from gateway.installation import Installation, open_installation
from gateway.keyring import FILE, open_key_file
from gateway.launches.banner import find_banner, save_banner

EHR = RegisteredEhr(
    name="hospital", issuer="https://ehr.example/r4", client_id="g", method="client_secret_basic", secret="hush",
    certificate="-----BEGIN CERTIFICATE-----", key="-----BEGIN PRIVATE KEY-----",
)  # fmt: skip
BEGUN = PendingLaunch(
    ehr="hospital", state="s", verifier="v", nonce="n", redirect_uri="r", fhir=EHR.issuer, issuer=None, token_endpoint="t",
    jwks_uri=None, iss_advertised=False, asked=("launch",),
)  # fmt: skip
DOCUMENT = keyring.generate()
BANNER = {"name": "Ann Example"}
HELD = Tokens(access="at", refresh="rt", expires=1.0, scopes="patient/*.rs")


@pytest.fixture
def installation(tmp_path: Path) -> Iterator[Installation]:
    """One with an EHR, 102 launches (more than one part) and a launch that has begun."""
    (tmp_path / FILE).write_text(json.dumps(DOCUMENT))
    (tmp_path / FILE).chmod(0o600)
    made = open_installation(tmp_path)
    cipher = made.keyring.cipher

    def fill(connection: Connection, now: float) -> None:
        save_ehr(connection, now, ehr=EHR, cipher=cipher)
        for number in range(102):
            store.save_launch(
                connection, now, id=f"l{number}", ehr="hospital", tokens=HELD, context=LaunchContext(patient="p1"),
                fhir_user=None, cipher=cipher,
            )  # fmt: skip
            save_banner(connection, now, launch=f"l{number}", ehr="hospital", banner=BANNER, cipher=cipher)
        store.save_pending(connection, now, begun=BEGUN, browser="b", cipher=cipher)

    made.database.run_now(fill)
    yield made
    made.close()


def rotate(installation: Installation, keys: str, **arguments: Any) -> dict[str, Any]:
    return asyncio.run(rotating.rotate(installation, {"keys": keys, **arguments}))


def everything_opens(installation: Installation) -> bool:
    cipher = installation.keyring.cipher

    def look(connection: Connection, now: float) -> bool:
        held = [store.load_tokens(connection, now, id=f"l{number}", cipher=cipher) for number in range(102)]
        found = store.find_launch(connection, now, id="l7", cipher=cipher)
        ehr = find_ehr(connection, now, name="hospital", cipher=cipher)
        shown = [
            find_banner(connection, now, launch=f"l{number}", ehr="hospital", cipher=cipher) for number in range(102)
        ]
        return set(held) == {HELD} and found is not None and ehr == EHR and shown == [BANNER] * 102

    return installation.database.run_now(look)


def key_ids(installation: Installation) -> set[str]:
    """Of what has been sealed, those that sealed it; launches that have begun left out."""
    cipher = installation.keyring.cipher

    def look(connection: Connection, now: float) -> set[str]:
        rows = connection.execute(
            select(tables.launches.c.access, tables.launches.c.refresh, tables.launches.c.context)
        )
        secrets = connection.scalars(select(tables.ehrs.c.secret))
        return {cipher.key_id(value) for row in rows for value in row} | {cipher.key_id(each) for each in secrets}

    return installation.database.run_now(look)


def test_what_is_stored_is_sealed_anew_and_the_key_before_the_last_is_gone(installation: Installation) -> None:
    first = installation.keyring.cipher.current
    said = rotate(installation, "encryption")["encryption"]
    assert key_ids(installation) == {said["current"]} != {first}
    assert set(said["kept"]) == {first, said["current"]}
    assert everything_opens(installation)
    begun = installation.database.run_now(
        lambda c, now: store.take_pending(
            c, now, state="s", ehr="hospital", browser="b", cipher=installation.keyring.cipher
        )
    )
    assert begun == BEGUN
    assert first not in rotate(installation, "encryption")["encryption"]["kept"]
    assert everything_opens(installation)


def test_a_launch_that_has_begun_keeps_its_key_until_it_is_over(installation: Installation) -> None:
    first = installation.keyring.cipher.current
    for _ in range(2):
        rotate(installation, "encryption")
    assert first in installation.keyring.cipher.keys


def test_a_kill_between_two_steps_leaves_nothing_that_no_key_opens(installation: Installation) -> None:
    keyring.change(installation.directory, rotating._with_new_key)
    assert everything_opens(installation)
    rotate(installation, "encryption")
    assert everything_opens(installation)
    assert key_ids(installation) == {installation.keyring.cipher.current}


def test_a_server_that_runs_sees_new_keys_and_keeps_its_own_when_the_file_cannot_be_read(
    installation: Installation, caplog: pytest.LogCaptureFixture
) -> None:
    other = open_key_file(installation.directory)
    before = other.keyring.signing.jwks(0.0)
    said = rotate(installation, "signing")["signing"]
    assert [each["use"] for each in said] == ["signs", "next", "signs", "next"]
    assert len(other.keyring.signing.jwks(0.0)["keys"]) == 4
    assert before["keys"][0] in other.keyring.signing.jwks(0.0)["keys"]
    path = installation.directory / FILE
    whole = path.read_text()
    path.write_text("{")
    kept = other.keyring
    assert len(kept.signing.jwks(0.0)["keys"]) == 4
    assert "the keys in use stay" in caplog.text
    path.write_text(whole)
    assert other.keyring is not kept


def test_a_key_that_became_known_is_gone_at_once(installation: Installation) -> None:
    old = {key["kid"] for key in installation.keyring.signing.jwks(0.0)["keys"]}
    said = rotate(installation, "signing", at_once=True)
    assert {each["use"] for each in said["signing"]} == {"signs"}
    assert not old & {each["kid"] for each in said["signing"]}


@pytest.mark.parametrize("arguments", [{"keys": "all"}, {"keys": "encryption", "at_once": True}])
def test_other_keys_are_not_rotated(installation: Installation, arguments: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match="keys must be"):
        asyncio.run(rotating.rotate(installation, arguments))


def test_the_file_is_for_its_owner_only_and_nothing_is_left_beside_it(installation: Installation) -> None:
    rotate(installation, "encryption")
    path = installation.directory / FILE
    assert path.stat().st_mode & 0o777 == 0o600
    assert [each.name for each in installation.directory.iterdir() if each.name.startswith(FILE)] == [FILE]
    assert set(json.loads(path.read_text())) == {"namespace", "encryption", "session", "signing"}
    listed = str(asyncio.run(rotating.list_keys(installation, {})))
    assert not [key for key in json.loads(path.read_text())["encryption"]["keys"].values() if key in listed]
