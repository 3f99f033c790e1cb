"""SIGKILL between any two steps of a launch leaves a whole launch or none, and the next one works."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from auth.client import tables as client_tables
from gateway import jobs, sessions, tables
from gateway.database import open_sqlite
from tests.crash.launch_kills import find_halves

ROOT = Path(__file__).resolve().parents[2]


def killed(*arguments: str) -> dict[str, Any]:
    """What a run of launch_kills found: it forks, so it has a process without threads for itself."""
    command = [sys.executable, "-m", "tests.crash.launch_kills", *arguments]
    done = subprocess.run(command, capture_output=True, check=False, cwd=ROOT, timeout=1200)
    assert done.stdout, done.stderr.decode()[-2000:]
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_a_kill_between_any_two_steps_leaves_no_half_and_ends_a_grant_only_where_refresh_tokens_rotate() -> None:
    said = killed()
    assert said["problems"] == []
    assert said["kills"] >= 15
    assert said["launches_to_repeat"] == 1


@pytest.mark.campaign
def test_six_hundred_kills_at_random_instants() -> None:
    assert killed("--at", "random", "--kills", "150")["problems"] == []


def test_a_half_is_noticed() -> None:
    """The failing twin: a session without its launch, a launch's job without its session."""
    metadata = (tables.metadata, client_tables.metadata)
    database = open_sqlite(":memory:", metadata=metadata)
    person = sessions.of_launch(now=0.0, launch_id="l1", ehr="spec", patient="p1", fhir_user=None)
    assert database.run_now(find_halves) == []
    database.run_now(lambda c, now: sessions.save_session(c, now, session=person, secret="x"))
    assert database.run_now(find_halves) != []
    database.run_now(lambda c, now: jobs.add_job(c, now, "l1"))
    assert database.run_now(find_halves) != []
    database.close()
