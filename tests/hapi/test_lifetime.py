"""A HAPI process does not outlive the one that started it, and what is left behind is ended by the next start."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from gateway.sandbox_ehrs import hapi
from tests import web

Process = "subprocess.Popen[bytes]"
TOKEN = "a" * 32
STARTER = """
import sys, time
from pathlib import Path
from gateway.sandbox_ehrs import hapi
server = hapi.start_process(Path(sys.argv[1]))
print(server.pid, server.url, flush=True)
time.sleep(600)
"""


def note(directory: Path, *, pid: int, token: str = TOKEN) -> None:
    (directory / "hapi.json").write_text(json.dumps({"pid": pid, "port": 1, "token": token}))


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.fixture
def sleeper() -> Iterator[Process]:
    """A process that carries a start token on its command line, as our Java process does."""
    command = [sys.executable, "-c", "import time; time.sleep(60)", f"-Dchartgate.start={TOKEN}"]
    with subprocess.Popen(command) as process:
        while TOKEN.encode() not in Path(f"/proc/{process.pid}/cmdline").read_bytes():
            time.sleep(0.01)
        yield process
        process.kill()


def test_a_process_left_behind_is_ended(tmp_path: Path, sleeper: Process) -> None:
    note(tmp_path, pid=sleeper.pid)
    assert hapi.end_leftover(tmp_path)
    assert sleeper.wait(60) == -signal.SIGTERM
    assert not (tmp_path / "hapi.json").exists()


def test_a_process_that_got_the_same_pid_later_is_left_alone(tmp_path: Path, sleeper: Process) -> None:
    note(tmp_path, pid=sleeper.pid, token="b" * 32)
    assert not hapi.end_leftover(tmp_path)
    assert sleeper.poll() is None


@pytest.mark.parametrize("text", ["", "{}", "[]", '{"pid": "x", "token": ""}', "\x00", '{"pid": 1, "token": ""}'])
def test_an_unreadable_note_ends_nobody(tmp_path: Path, text: str) -> None:
    (tmp_path / "hapi.json").write_text(text)
    assert not hapi.end_leftover(tmp_path)


def test_a_database_that_is_not_postgresql_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(hapi.HapiError, match="postgresql://"):
        hapi.start_process(tmp_path, database="mysql://127.0.0.1/x")


@pytest.mark.hapi
def test_it_ends_with_a_killed_starter_and_what_was_stored_is_in_its_file(hapi_built: None, tmp_path: Path) -> None:
    kill_after_a_write(tmp_path)
    assert (in_file(tmp_path, "kept"), in_file(tmp_path, "never")) == (1, 0)


@pytest.mark.campaign
@pytest.mark.hapi
def test_the_next_start_after_a_kill_finds_what_was_stored(hapi_built: None, tmp_path: Path) -> None:
    kill_after_a_write(tmp_path)
    with started(tmp_path) as starter:
        assert starter.stdout is not None
        _, url = starter.stdout.readline().decode().split()
        found = web.get(f"{url}/Patient/kept", timeout=60).status_code
        starter.kill()
    assert found == 200


def kill_after_a_write(directory: Path) -> None:
    """A server's starter is killed when the server has acknowledged ``Patient/kept``; the server ends."""
    with started(directory) as starter:
        assert starter.stdout is not None
        pid, url = starter.stdout.readline().decode().split()
        body = {"resourceType": "Patient", "id": "kept"}
        assert web.put(f"{url}/Patient/kept", json=body, timeout=60).status_code == 201
        starter.kill()
    deadline = time.monotonic() + 60
    while alive(int(pid)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not alive(int(pid))


def in_file(directory: Path, id: str) -> int:
    """How many resources of this id the database's file has, by H2's own shell: another HAPI takes half a minute to start."""
    jar = next((hapi.SOURCES / "target" / "lib").glob("h2-*.jar"))
    url = "jdbc:h2:file:./hapi-database;IFEXISTS=TRUE;ACCESS_MODE_DATA=r"
    words = ["-url", url, "-user", "sa", "-password", "", "-sql"]
    asked = f"SELECT COUNT(*) AS found FROM HFJ_RESOURCE WHERE FHIR_ID = '{id}'"
    command = ["java", "-cp", str(jar), "org.h2.tools.Shell", *words, asked]
    said = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=True).stdout
    return int(said.split()[1])


def started(directory: Path) -> "subprocess.Popen[bytes]":
    return subprocess.Popen([sys.executable, "-c", STARTER, str(directory)], stdout=subprocess.PIPE)
