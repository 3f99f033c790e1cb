"""A program that is forked is used as one that ``subprocess`` starts: its streams, folder, environment, exit code and signals."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests import programs
from tests.programs import Program

TALKER = """
import os, sys, time
print(sys.argv[1:], os.getcwd(), os.environ.get("WHO"), __name__, os.getpid() == os.getsid(0), flush=True)
print("a complaint", file=sys.stderr)
if sys.argv[1] == "stay":
    time.sleep(600)
sys.exit(int(sys.argv[1]))
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "talker.py").write_text(TALKER)
    return tmp_path


def test_it_has_its_words_folder_and_environment_and_an_exit_code(folder: Path) -> None:
    done = programs.run("talker", "7", cwd=folder, env={"WHO": "me"})
    assert (done.returncode, done.stderr) == (7, "a complaint\n")
    assert done.stdout == f"['7'] {folder} me __main__ False\n"


def test_a_module_that_is_not_there_is_an_exit_code_and_words(folder: Path) -> None:
    done = programs.run("no_such_module", cwd=folder)
    assert done.returncode == 1
    assert "no_such_module" in done.stderr


def test_it_is_a_process_of_its_own_that_a_signal_ends(folder: Path) -> None:
    with Program("talker", "stay", stdout=subprocess.PIPE, cwd=folder, session=True) as program:
        assert program.stdout is not None
        assert program.stdout.readline().endswith("__main__ True\n")
        assert program.poll() is None
        with pytest.raises(subprocess.TimeoutExpired):
            program.wait(0.01)
        assert program.pid not in (os.getpid(), 0)
        program.kill()
        assert program.wait(60) == -signal.SIGKILL
    with pytest.raises(ProcessLookupError):
        os.kill(program.pid, 0)


def test_what_nobody_reads_goes_nowhere(folder: Path) -> None:
    with Program("talker", "0", stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder) as program:
        assert (program.stdout, program.stderr, program.wait(60)) == (None, None, 0)


def test_what_takes_too_long_is_ended(folder: Path) -> None:
    with pytest.raises(subprocess.TimeoutExpired):
        programs.run("talker", "stay", cwd=folder, timeout=0.3)


def test_it_ends_as_one_that_is_started_cold(folder: Path) -> None:
    """The failing twin of what a fork might do otherwise."""
    cold = subprocess.run(
        [sys.executable, "-m", "talker", "3"], cwd=folder, capture_output=True, text=True, check=False
    )
    warm = programs.run("talker", "3", cwd=folder)
    assert (cold.returncode, cold.stdout, cold.stderr) == (warm.returncode, warm.stdout, warm.stderr)
