"""``chartgate down`` returns when the server is gone, so that its directory is free for whoever comes next."""

import contextlib
import os
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.processes import server
from gateway.processes.server import read_server_file
from tests.command import chartgate


def _alive(pid: int) -> bool:
    """Whether the process still runs: one that has ended and that nobody has waited for does not."""
    try:
        return (Path("/proc") / str(pid) / "stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_down_waits_until_the_server_has_ended(tmp_path: Path) -> None:
    words = ["up", "--port", "0", "--data", str(tmp_path), "--detach", "--wait"]
    subprocess.run([sys.executable, "-m", "gateway.cli", *words], check=True, capture_output=True)
    running = read_server_file(tmp_path)
    assert running is not None
    assert _alive(running["pid"])
    assert chartgate("down", "--data", str(tmp_path)).stdout == "stopped\n"
    assert not _alive(running["pid"])
    assert [name for name in os.listdir(tmp_path) if name.endswith(("-wal", ".sock"))] == []
    assert chartgate("down", "--data", str(tmp_path)).stdout == "nothing was running\n"


@pytest.mark.parametrize("handles", [True, False], ids=["Linux", "elsewhere"])
def test_who_waits_for_a_process_waits_until_it_has_ended(monkeypatch: pytest.MonkeyPatch, handles: bool) -> None:
    if not handles:
        monkeypatch.delattr(os, "pidfd_open")
    told = subprocess.run(["sh", "-c", "sleep 0.3 >&2 & echo $!"], stdout=subprocess.PIPE, text=True, check=True)
    pid = int(told.stdout)  # an orphan: nobody has to wait for it
    ended = server._handle(pid)
    with contextlib.suppress(ProcessLookupError):
        ended(10.0)
    assert not _alive(pid)
