"""The registry gives back what was declared, and finds an issuer byte for byte only (smart-auth B08)."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, select
from sqlalchemy.exc import IntegrityError

from auth.client.encryption import Cipher
from auth.client.errors import SealBroken
from auth.client.registry import RegisteredEhr, find_ehr, find_issuer, list_ehrs, remove_ehr, save_ehr
from auth.client.tables import ehrs, metadata

CIPHER = Cipher(current="a", keys={"a": bytes(32)})
ISSUER = "https://ehr.example/r4"


def ehr(**members: Any) -> RegisteredEhr:
    return RegisteredEhr(**{"name": "spec", "issuer": ISSUER, "client_id": "gateway", **members})


@contextmanager
def database() -> Iterator[Connection]:
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        yield connection
    engine.dispose()


def test_what_was_declared_comes_back_whole() -> None:
    declared = ehr(
        method="client_secret_basic", secret="hush", networks=("10.0.0.0/8",), origins=("https://login.example",),
        backend_client_id="night", scopes=("launch", "patient/*.rs"), algorithm="RS384",
    )  # fmt: skip
    with database() as connection:
        save_ehr(connection, 1.0, ehr=declared, cipher=CIPHER)
        assert find_ehr(connection, 2.0, name="spec", cipher=CIPHER) == declared
        assert find_issuer(connection, 2.0, issuer=ISSUER, cipher=CIPHER) == declared
        assert list_ehrs(connection, 2.0, cipher=CIPHER) == (declared,)


@pytest.mark.parametrize(
    "issuer",
    [
        f"{ISSUER}/", ISSUER.upper(), f"{ISSUER} ", "https://ehr.example:443/r4", "http://ehr.example/r4", "",
        "https://ehr.exаmple/r4", f"{ISSUER}\x00", "https://ehr.example/r4?x", "\ud800",
    ],
)  # fmt: skip
def test_an_issuer_that_only_looks_alike_is_unknown(issuer: str) -> None:
    with database() as connection:
        save_ehr(connection, 1.0, ehr=ehr(), cipher=CIPHER)
        assert find_issuer(connection, 2.0, issuer=issuer, cipher=CIPHER) is None


@pytest.mark.parametrize("name", ["Spec", "spec ", "", "spec\x00", "\ud800", "nobody"])
def test_a_name_that_is_not_registered_is_unknown(name: str) -> None:
    with database() as connection:
        save_ehr(connection, 1.0, ehr=ehr(), cipher=CIPHER)
        assert find_ehr(connection, 2.0, name=name, cipher=CIPHER) is None


def test_a_declaration_is_replaced_under_its_name() -> None:
    with database() as connection:
        save_ehr(connection, 1.0, ehr=ehr(), cipher=CIPHER)
        save_ehr(connection, 2.0, ehr=ehr(client_id="other"), cipher=CIPHER)
        assert [one.client_id for one in list_ehrs(connection, 3.0, cipher=CIPHER)] == ["other"]


def test_an_issuer_belongs_to_one_name() -> None:
    with database() as connection:
        save_ehr(connection, 1.0, ehr=ehr(), cipher=CIPHER)
        with pytest.raises(IntegrityError), connection.begin_nested():
            save_ehr(connection, 2.0, ehr=ehr(name="twin"), cipher=CIPHER)


def test_a_removed_ehr_is_unknown_and_cannot_be_removed_again() -> None:
    with database() as connection:
        save_ehr(connection, 1.0, ehr=ehr(), cipher=CIPHER)
        assert remove_ehr(connection, 2.0, name="spec")
        assert not remove_ehr(connection, 3.0, name="spec")
        assert find_issuer(connection, 4.0, issuer=ISSUER, cipher=CIPHER) is None


def test_a_secret_is_stored_sealed_and_opens_for_its_own_ehr_only() -> None:
    with database() as connection:
        save_ehr(connection, 1.0, ehr=ehr(method="client_secret_basic", secret="hush"), cipher=CIPHER)
        row = connection.execute(select(ehrs)).one()
        assert b"hush" not in row.secret
        assert "hush" not in row.declaration
        connection.execute(ehrs.update().values(name="other"))
        with pytest.raises(SealBroken):
            find_ehr(connection, 2.0, name="other", cipher=CIPHER)


def test_the_client_certificate_s_key_is_stored_sealed_and_comes_back_for_its_own_ehr_only() -> None:
    declared = ehr(
        certificate="-----BEGIN CERTIFICATE-----\nAAAA", key="-----BEGIN PRIVATE KEY-----\nhush", proxy="http://proxy:3128",
        declared="file",
    )  # fmt: skip
    with database() as connection:
        save_ehr(connection, 1.0, ehr=declared, cipher=CIPHER)
        row = connection.execute(select(ehrs)).one()
        assert "PRIVATE" not in row.declaration
        assert "hush" not in repr(declared)
        assert find_ehr(connection, 2.0, name="spec", cipher=CIPHER) == declared
        connection.execute(ehrs.update().values(name="other"))
        with pytest.raises(SealBroken):
            find_ehr(connection, 2.0, name="other", cipher=CIPHER)
