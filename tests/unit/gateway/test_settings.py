"""Settings are read once; what is unknown or cannot be used is named, with the fix."""

from pathlib import Path

import pytest

from gateway.settings import MEMBERS, Settings, SettingsRefused, check_exposure, read_settings, variable

FILE_TEXT = """
[serve]
url = "https://gateway.example.org"
port = 8443
models = ["models", "/srv/models"]
read_back = "0.1,epic=always"
behind_proxy = true
"""
CERTIFIED = {"tls_cert": Path("c"), "tls_key": Path("k")}


def written(place: Path, text: str) -> Path:
    path = place / "chartgate.toml"
    path.write_text(text)
    return path


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(tmp_path: Path) -> None:
    path = written(tmp_path, FILE_TEXT)
    found = read_settings(path, {"CHARTGATE_PORT": "9000", "CHARTGATE_LOG": "json"}, {"log": "text", "host": None})
    assert (found.url, found.port, found.log, found.host) == ("https://gateway.example.org", 9000, "text", "127.0.0.1")
    assert found.models == (tmp_path / "models", Path("/srv/models"))
    assert (found.behind_proxy, found.read_back.of("epic"), found.read_back.of("other")) == (True, 1.0, 0.1)


def test_without_a_file_everything_has_its_default(tmp_path: Path) -> None:
    assert read_settings(tmp_path / "none.toml", {}) == Settings()


WRONG = [
    ("colour = 1", {}, "colour"),
    ("[serve]\nprot = 1", {}, "prot"),
    ("serve = 1", {}, "serve"),
    ("[serve", {}, "TOML"),
    ('[serve]\nport = "x"', {}, "port"),
    ("[serve]\nport = 70000", {}, "port"),
    ('[serve]\nmodels = "a"', {"CHARTGATE_MODEL": "a"}, "CHARTGATE_MODEL"),
    ("", {"CHARTGATE_PORT": "no"}, "CHARTGATE_PORT"),
    ("", {"CHARTGATE_URL": "http://gateway.example.org"}, "CHARTGATE_URL"),
    ("", {"CHARTGATE_URL": "https://user@gateway.example.org"}, "CHARTGATE_URL"),
    ("", {"CHARTGATE_URL": "https://gateway.example.org/below"}, "CHARTGATE_URL"),
    ("", {"CHARTGATE_DATABASE_URL": "mysql://x"}, "CHARTGATE_DATABASE_URL"),
    ("", {"CHARTGATE_READ_BACK": "2"}, "CHARTGATE_READ_BACK"),
    ("", {"CHARTGATE_LOG": "xml"}, "CHARTGATE_LOG"),
    ("", {"CHARTGATE_BEHIND_PROXY": "perhaps"}, "CHARTGATE_BEHIND_PROXY"),
]


@pytest.mark.parametrize(("text", "environment", "word"), WRONG)
def test_what_cannot_be_used_is_named(tmp_path: Path, text: str, environment: dict[str, str], word: str) -> None:
    with pytest.raises(SettingsRefused, match=word):
        read_settings(written(tmp_path, text), environment)


def test_a_secret_in_a_setting_is_not_repeated(tmp_path: Path) -> None:
    with pytest.raises(SettingsRefused) as refused:
        read_settings(tmp_path / "x", {"CHARTGATE_DATABASE_URL": "mysql://user:hunter2@host/x"})
    assert "hunter2" not in str(refused.value)
    told = read_settings(tmp_path / "x", {"CHARTGATE_DATABASE_URL": "postgres://user:hunter2@host/x"})
    assert told.database_url == "postgresql://user:hunter2@host/x"
    assert "hunter2" not in repr(told)


@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(host="::1"),
        Settings(host="0.0.0.0", behind_proxy=True),
        Settings(host="0.0.0.0", url="https://g.example", **CERTIFIED),
    ],
)
def test_on_loopback_by_tls_or_behind_a_proxy_it_may_listen(settings: Settings) -> None:
    check_exposure(settings)


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        (Settings(host="0.0.0.0"), "behind-proxy"),
        (Settings(host="10.1.2.3", url="https://g.example"), "tls_cert"),
        (Settings(tls_cert=Path("c")), "tls_key"),
        (Settings(url="http://localhost:1", **CERTIFIED), "https"),
        (Settings(url="http://localhost:1", behind_proxy=True), "https"),
    ],
)
def test_otherwise_not_and_what_to_do_is_said(settings: Settings, word: str) -> None:
    with pytest.raises(SettingsRefused, match=word):
        check_exposure(settings)


def test_every_setting_has_its_variable_and_its_line_in_the_documents() -> None:
    text = (Path(__file__).parents[3] / "docs" / "how-to" / "run-in-production.md").read_text()
    assert [name for name in MEMBERS if f"`{name}`" not in text] == []
    assert variable("database_url") == "CHARTGATE_DATABASE_URL"
