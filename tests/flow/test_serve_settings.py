"""What stops ``serve``: the setting, the port or the key by name, with what to do; and what it serves by TLS."""

import shutil
import socket
import ssl
from pathlib import Path

import pytest

from tests.command import chartgate
from tests.flow.production_world import made_key, serving
from tests.flow.test_smart_tls import make_certificate

EXAMPLES = Path(__file__).resolve().parents[2] / "gateway" / "sites" / "examples"
NOWHERE = "postgresql://127.0.0.1:1/nowhere"


@pytest.mark.parametrize(
    ("arguments", "environment", "words"),
    [
        (["--host", "0.0.0.0"], {}, ["behind-proxy", "tls_cert"]),
        (["--tls-cert", "a"], {}, ["tls_key"]),
        (["--tls-cert", "a", "--tls-key", "b"], {}, ["tls-cert"]),
        (["--url", "http://gateway.example.org"], {}, ["--url", "https"]),
        (["--read-back", "often"], {}, ["--read-back"]),
        (["--config", "nowhere.toml"], {}, ["--config"]),
        (["--models", "nowhere"], {}, ["nowhere"]),
        ([], {"CHARTGATE_PROT": "1"}, ["CHARTGATE_PROT", "CHARTGATE_PORT"]),
        ([], {"CHARTGATE_KEYS": "no json"}, ["CHARTGATE_KEYS"]),
        ([], {"CHARTGATE_DATABASE_URL": NOWHERE}, ["ehrs keys --new", "keys_file"]),
    ],
)
def test_it_does_not_start_and_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str], environment: dict[str, str], words: list[str]
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    done = chartgate("serve", "--data", str(tmp_path / "data"), "--port", "0", *arguments)
    assert done.returncode == 3
    assert [word for word in words if word not in done.stderr.replace("\n", "")] == []
    assert not (tmp_path / "data" / "server.json").exists()


def test_a_model_that_would_write_while_a_gate_is_red_stops_the_start(tmp_path: Path) -> None:
    shutil.copytree(EXAMPLES / "lakeside", tmp_path / "data" / "sites" / "lakeside")
    data = ("--data", str(tmp_path / "data"))
    done = chartgate("serve", *data, "--port", "0")
    assert done.returncode == 3
    told = " ".join(done.stderr.split())
    assert 'news2 at lakeside-epic is to be "confirm" while conformance, ' in told
    assert "site override" in told
    assert not (tmp_path / "data" / "server.json").exists()


def test_a_port_in_use_is_said(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = chartgate("serve", "--data", str(tmp_path), "--port", str(taken.getsockname()[1]))
    assert (done.returncode, "in use" in done.stderr) == (3, True)


def test_a_database_that_is_away_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = str(tmp_path / "keys.json")
    assert chartgate("ehrs", "keys", "--new", keys).returncode == 0
    assert chartgate("ehrs", "keys", "--new", keys).returncode == 3
    monkeypatch.setenv("CHARTGATE_DATABASE_URL", NOWHERE)
    monkeypatch.setenv("CHARTGATE_KEYS_FILE", keys)
    done = chartgate("serve", "--data", str(tmp_path / "data"), "--port", "0")
    assert (done.returncode, "database" in done.stderr) == (3, True)


def test_keys_of_a_first_start_are_refused_with_postgresql(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    chartgate("keys", "list", "--data", str(tmp_path))
    assert (tmp_path / "keys.json").exists()
    monkeypatch.setenv("CHARTGATE_DATABASE_URL", NOWHERE)
    done = chartgate("serve", "--data", str(tmp_path), "--port", "0")
    assert (done.returncode, "first start" in done.stderr) == (3, True)


def test_it_serves_by_tls_beyond_loopback_and_speaks_of_its_certificate(tmp_path: Path) -> None:
    certificate, key = make_certificate(tmp_path)
    told = ["--host", "0.0.0.0", "--tls-cert", str(certificate), "--tls-key", str(key)]
    trust = ssl.create_default_context(cafile=str(certificate))
    with serving(tmp_path / "data", *told, "--url", "https://gateway.example.org", verify=trust) as up:
        shown = up.get("/health/ready", key=made_key(up.data, "metrics.read")).json()
        assert (shown["status"], shown["checks"]["certificates"]) == ("degraded", "warning")  # it ends tomorrow
        assert up.get("/app", host="gateway.example.org").status_code == 401
        assert up.get("/app", host="elsewhere.example.org").status_code == 421
