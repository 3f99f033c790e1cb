"""An EHR's registration is read in one place, whoever wrote it: what is wrong is named, with the way to put it right."""

from pathlib import Path
from typing import Any

import pytest

from gateway.ehrs.file import SettingsRefused, read_ehrs
from gateway.ehrs.registrations import MEMBERS, RegistrationRefused, declare, read_table, shown

ISSUER = "https://fhir.hospital.example/R4"
TABLE = {"name": "hospital", "issuer": ISSUER, "client_id": "chartgate"}


def declared(folder: Path, **members: Any) -> Any:
    return declare(read_table({**TABLE, **members}, folder), "command")


def test_every_member_is_read_and_nothing_secret_is_shown(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("hush-hush\n")
    secret.chmod(0o600)
    ehr = declared(
        tmp_path, method="client_secret_post", secret_file="secret", networks=["10.20.0.0/16"], vendor="epic",
        origins=["https://login.hospital.example"], proxy="http://proxy.hospital.example:3128", scopes=["launch"],
        backend_scopes=[], backend_client_id="night", algorithm="RS384",
    )  # fmt: skip
    assert (ehr.secret, ehr.networks, ehr.redirect_path) == ("hush-hush", ("10.20.0.0/16",), "/app/callback/hospital")
    assert "hush" not in str(shown(ehr))
    assert shown(ehr)["secret"] is True


@pytest.mark.parametrize(
    ("members", "named"),
    [
        ({"issuer": ISSUER + "?a=b"}, "issuer"), ({"issuer": ISSUER + "#"}, "issuer"), ({"issuer": "http://10.0.0.1/r4"}, "issuer"),
        ({"issuer": "https://me:too@h.example/r4"}, "issuer"), ({"issuer": "https://h.example/a/../r4"}, "issuer"),
        ({"issuer": 7}, "issuer"), ({"name": "spec"}, "name"), ({"vendor": "nobody"}, "vendor"), ({"scopes": "launch"}, "scopes"),
        ({"proxy": "http://user:pass@proxy:3128"}, "proxy"), ({"proxy": "https://proxy:3128"}, "proxy"),
        ({"proxy": "http://proxy:99999"}, "proxy"), ({"issuer": "http://127.0.0.1/r4", "proxy": "http://proxy:1"}, "proxy"),
        ({"method": "client_secret_basic"}, "secret"), ({"secret_file": "missing"}, "secret_file"),
        ({"secret_file": "open"}, "secret_file"), ({"ca": "open"}, "ca"), ({"ca": "false.pem"}, "ca"),
        ({"certificate": "false.pem"}, "key"), ({"networks": ["10.0.0.1/8"]}, "networks"), ({"colour": "red"}, "colour"),
    ],
    ids=str,
)  # fmt: skip
def test_a_member_that_cannot_be_used_is_named_with_what_it_must_be(
    tmp_path: Path, members: dict[str, Any], named: str
) -> None:
    (tmp_path / "open").write_text("known to all")
    (tmp_path / "open").chmod(0o644)
    (tmp_path / "false.pem").write_text("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
    with pytest.raises(RegistrationRefused, match=rf"^{named} ") as refused:
        declared(tmp_path, **members)
    assert len(str(refused.value)) > len(named) + 20
    assert "known to all" not in str(refused.value)
    assert "pass@" not in str(refused.value)


def test_a_file_declares_ehrs_and_its_folder_is_where_its_paths_begin(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("hush")
    (tmp_path / "secret").chmod(0o600)
    (tmp_path / "chartgate.toml").write_text(
        f'[[ehr]]\nname = "hospital"\nissuer = "{ISSUER}"\nclient_id = "c"\nmethod = "client_secret_basic"\n'
        'secret_file = "secret"\n'
    )
    (found,) = read_ehrs(tmp_path / "chartgate.toml")
    assert (found.secret, found.declared) == ("hush", "file")
    assert read_ehrs(tmp_path / "absent.toml") == ()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("[server]\nport = 1", "server"), ("[ehr]\nname = 'x'", "[[ehr]]"), ("[[ehr]]\nname = 'x'", "issuer is missing"),
        (f"[[ehr]]\nname = 'x'\nissuer = '{ISSUER}'\nclient_id = 'c'\nissuerr = 'y'", "[[ehr]] 1: issuerr"), ("[[ehr]", "TOML"),
        (f"[[ehr]]\nname = 'x'\nissuer = '{ISSUER}'\nclient_id = 'c'\n" * 2, "two [[ehr]] with the name x"),
        (f"[[ehr]]\nname = 'x'\nissuer = '{ISSUER}/?'\nclient_id = 'c'\n", "[[ehr]] 1: issuer"),
    ],
)  # fmt: skip
def test_a_file_that_cannot_be_used_stops_the_start_by_name(tmp_path: Path, text: str, named: str) -> None:
    (tmp_path / "chartgate.toml").write_text(text)
    with pytest.raises(SettingsRefused) as refused:
        read_ehrs(tmp_path / "chartgate.toml")
    assert named in str(refused.value)


def test_how_to_connect_names_every_member() -> None:
    text = (Path(__file__).parents[3] / "docs" / "how-to" / "connect-an-ehr.md").read_text()
    assert [name for name in MEMBERS if f"`{name}`" not in text] == []
