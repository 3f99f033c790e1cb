"""``fidelity profile`` and ``fidelity shape`` from the command line: files, folders, and FHIR servers by export and by pages."""

import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

import pytest

from r4 import codec
from sandbox.seed import load, messy
from tests.command import chartgate

SEED = list(load.resources())[::7]
FEED = list(messy.degrade(SEED, messy.Messiness(rate=0.5), arrived=1.78e9))
TOKEN = "a-bearer-for-tests"


def lines_of(resources):
    return b"".join(codec.format(each) + b"\n" for each in resources)


@pytest.fixture
def feed(tmp_path):
    (tmp_path / "feed.ndjson").write_bytes(lines_of(FEED))
    return tmp_path / "feed.ndjson"


def profiled(*arguments):
    done = chartgate("fidelity", "profile", *map(str, arguments), "--json", "--processes", "1")
    return done.returncode, json.loads(done.stdout) if done.stdout else done.stderr


def test_the_json_is_the_same_byte_for_byte_in_any_order_split_and_lane(feed, tmp_path):
    one = chartgate("fidelity", "profile", str(feed), "--json", "--processes", "1")
    shuffled = FEED[:]
    random.Random(2).shuffle(shuffled)
    folder = tmp_path / "folder"
    folder.mkdir()
    for kind in sorted({each["resourceType"] for each in FEED}):
        (folder / f"{kind}.ndjson").write_bytes(lines_of(each for each in shuffled if each["resourceType"] == kind))
    assert one.returncode == 0
    assert chartgate("fidelity", "profile", str(folder), "--json", "--processes", "1").stdout == one.stdout
    assert chartgate("fidelity", "profile", str(folder), "--json", "--plain", "--processes", "2").stdout == one.stdout
    (folder / "Patient.ndjson").unlink()
    assert chartgate("fidelity", "profile", str(folder), "--json", "--plain", "--processes", "1").stdout != one.stdout


def test_the_report_is_one_file_that_fetches_nothing_and_runs_nothing(feed, tmp_path):
    out = tmp_path / "out"
    assert chartgate("fidelity", "profile", str(feed), "--out", str(out), "--processes", "1").returncode == 0
    assert sorted(each.name for each in out.iterdir()) == [
        "piqi.json",
        "profile.json",
        "report.html",
        "unreadable.ndjson",
    ]
    page = (out / "report.html").read_text()
    assert "<svg" in page
    assert not [word for word in ("<script", "src=", "href=", "@import", "url(") if word in page]
    assert profiled(feed)[1] == json.loads((out / "profile.json").read_text())
    assert json.loads((out / "piqi.json").read_text())["dataClasses"]


def test_unreadable_lines_are_told_by_number_and_counted(feed, tmp_path):
    feed.write_bytes(feed.read_bytes() + b'{"resourceType":"Obs')
    code, made = profiled(feed)
    assert (code, made["unreadable"], made["resources"]) == (1, {"not JSON": 1}, len(FEED))
    told = chartgate("fidelity", "profile", str(feed), "--out", str(tmp_path / "out"), "--processes", "1")
    assert json.loads((tmp_path / "out" / "unreadable.ndjson").read_text())["line"] == len(FEED) + 1
    assert told.returncode == 1


@pytest.mark.parametrize("source", ["nowhere", ".", "http://127.0.0.1:9/fhir"])
def test_what_cannot_be_read_at_all_is_code_three_with_a_sentence(source, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    code, said = profiled(source)
    assert code == 3
    assert said.strip()


class Server(BaseHTTPRequestHandler):
    """A FHIR server with pages of 50; with ``exports`` it offers bulk export too. It wants the bearer."""

    exports, forbidden, elsewhere = False, (), False

    def log_message(self, *arguments): ...

    def do_GET(self):
        place, base = urlsplit(self.path), f"http://{self.headers['host']}/fhir"
        name = place.path.removeprefix("/fhir/")
        if self.headers.get("authorization") != f"Bearer {TOKEN}" and name != "metadata":
            return self.answer(401, {})
        if name == "$export" and self.exports:
            return self.answer(202, {}, {"content-location": f"{base}/status"})
        if name == "status":
            kinds = sorted({each["resourceType"] for each in FEED})
            return self.answer(200, {"output": [{"type": kind, "url": f"{base}/file/{kind}"} for kind in kinds]})
        if name.startswith("file/"):
            return self.answer(200, lines_of(each for each in FEED if each["resourceType"] == name[5:]))
        if name == "metadata":
            kinds = [
                {"type": kind, "interaction": [{"code": "search-type"}]}
                for kind in sorted({each["resourceType"] for each in FEED})
            ]
            return self.answer(200, {"resourceType": "CapabilityStatement", "rest": [{"resource": kinds}]})
        if name in self.forbidden or name == "$export":
            return self.answer(403, {})
        at = int(parse_qs(place.query).get("at", ["0"])[0])
        found = [each for each in FEED if each["resourceType"] == name]
        link = (
            [
                {
                    "relation": "next",
                    "url": f"{'https://elsewhere.example/fhir' if self.elsewhere else base}/{name}?at={at + 50}",
                }
            ]
            if at + 50 < len(found)
            else []
        )
        bundle = {
            "resourceType": "Bundle",
            "type": "searchset",
            "link": link,
            "entry": [{"resource": each} for each in found[at : at + 50]],
        }
        return self.answer(200, bundle)

    def answer(self, status, body, headers=None):
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body if isinstance(body, bytes) else codec.format(body))


@contextmanager
def serving(**members) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("Chosen", (Server,), members))
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/fhir"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def auth(tmp_path):
    path = tmp_path / "token"
    path.write_text(TOKEN)
    path.chmod(0o600)
    return path


@pytest.mark.parametrize("exports", [True, False])
def test_a_server_gives_the_profile_of_its_files_by_export_or_by_pages(feed, auth, exports):
    with serving(exports=exports) as url:
        assert profiled(url, "--auth", auth) == (0, profiled(feed)[1])
        assert profiled(url)[0] == 3, "without the bearer nothing is read"


@pytest.mark.parametrize("members", [{"forbidden": ("Observation",)}, {"elsewhere": True}])
def test_a_type_that_could_not_be_read_to_its_end_is_told(auth, members):
    with serving(**members) as url:
        done = chartgate("fidelity", "profile", url, "--auth", str(auth), "--json", "--processes", "1")
    assert "Observation: not read" in done.stderr
    assert done.returncode == 1, "a part is not taken for the whole"


def test_a_token_goes_neither_in_the_clear_nor_from_a_file_that_others_read(auth):
    assert "https only" in profiled("http://ehr.example/fhir", "--auth", auth)[1]
    auth.chmod(0o644)
    assert "read by others" in profiled("https://ehr.example/fhir", "--auth", auth)[1]


def test_shaping_from_the_command_line(feed, tmp_path):
    (tmp_path / "clean.ndjson").write_bytes(lines_of(SEED))
    chartgate("fidelity", "profile", str(feed), "--out", str(tmp_path / "like"), "--processes", "1")
    done = chartgate(
        "fidelity",
        "shape",
        str(tmp_path / "clean.ndjson"),
        "--like",
        str(tmp_path / "like"),
        "--out",
        str(tmp_path / "out"),
        "--json",
    )
    made = json.loads(done.stdout)
    assert (done.returncode, made["shaped"], made["unreadable"]) == (0, True, 0)
    assert made["touched"] == len(
        {json.loads(line)["resource"] for line in (tmp_path / "out" / "labels.ndjson").read_text().splitlines()}
    )
    assert json.loads((tmp_path / "out" / "manifest.json").read_text()) == made
    again = chartgate(
        "fidelity",
        "shape",
        str(tmp_path / "clean.ndjson"),
        "--like",
        str(tmp_path / "like"),
        "--out",
        str(tmp_path / "out"),
    )
    assert (again.returncode, "not empty" in again.stderr) == (3, True)
    wrong = chartgate(
        "fidelity", "shape", str(tmp_path / "clean.ndjson"), "--like", str(feed), "--out", str(tmp_path / "new")
    )
    assert wrong.returncode == 3
