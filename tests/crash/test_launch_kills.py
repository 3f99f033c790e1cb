"""SIGKILL between any two steps of a launch leaves a whole launch or none, and the next one works."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from auth.client import tables as client_tables
from auth.client.encryption import Cipher
from auth.client.store import save_launch
from auth.client.tokens import LaunchContext, Tokens
from gateway import tables
from gateway.launches import jobs
from gateway.people import sessions
from gateway.storage.database import open_sqlite
from gateway.storage.works import Work
from tests.crash.launch_kills import find_halves

ROOT = Path(__file__).resolve().parents[2]
CIPHER = Cipher(current="a", keys={"a": bytes(32)})


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
    """The failing twin: each of launch, session and job is missing in turn, and then none is."""
    held = Tokens(access="at", expires=1.0, scopes="patient/*.rs")
    person = sessions.of_launch(now=0.0, launch_id="l1", ehr="spec", patient="p1", fhir_user=None)
    steps: list[Work[None]] = [
        lambda c, now: save_launch(
            c, now, id="l1", ehr="spec", tokens=held, context=LaunchContext(), fhir_user=None, cipher=CIPHER
        ),
        lambda c, now: sessions.save_session(c, 0.0, session=person, secret="x"),
        lambda c, now: jobs.add_job(c, now, "l1"),
    ]
    for missing in (*range(len(steps)), None):
        database = open_sqlite(":memory:", metadata=(tables.metadata, client_tables.metadata), clock=lambda: 1.0)
        for number, step in enumerate(steps):
            if number != missing:
                database.run_now(step)
        assert (database.run_now(find_halves) == []) is (missing is None)
        database.close()
