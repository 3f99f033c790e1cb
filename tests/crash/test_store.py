"""SIGKILL under load: every write of the embedded EHR that was answered is there, and no transaction is there by half."""

import json
import random
import signal
import subprocess
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from benchmarks.measuring import commit
from gateway.face.serving import rules_of
from gateway.sandbox_ehrs.ehr import SandboxEhr
from r4 import codec
from r4.interaction import Answer, Interaction
from sandbox import store
from sandbox.backlog import catch_up
from sandbox.indexing import date_of, index, rows
from tests.crash.kill_demo import ROOT
from tests.crash.store_writer import SIZE, SYSTEM, opened
from tests.programs import Program

RESULTS = ROOT / "benchmarks" / "results" / "store_kills.jsonl"


@dataclass
class Answered:
    """What was answered in all rounds: per id the last version with its mark (None: deleted), and the transactions."""

    last: dict[str, tuple[int, str | None]] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)
    whole: set[str] = field(default_factory=set)
    count: int = 0

    def hear(self, line: str) -> None:
        words = line.split()
        if len(words) != 4:  # the last line of a killed process
            return
        kind, id, version, mark = words
        self.count += kind != "begin"
        if kind in ("begin", "transaction"):
            (self.begun if kind == "begin" else self.whole).add(mark)
        elif int(version) >= self.last.get(id, (0, None))[0]:
            self.last[id] = (int(version), None if kind == "delete" else mark)


def kill(path: Path, answered: Answered, *, seed: int, seconds: float, hasty: bool = False) -> None:
    """Writes to the file, and is killed ``seconds`` after the first answer."""
    words = [str(path), str(seed), *(["--hasty"] if hasty else [])]
    with Program("tests.crash.store_writer", *words, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        answered.hear(process.stdout.readline())
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            answered.hear(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        for line in process.stdout.read().splitlines():
            answered.hear(line)


def judge(path: Path, answered: Answered, *, terms: bool = True) -> list[str]:
    """What is wrong with the file as it was left; ``terms`` looks through the whole search index as well."""
    ehr = opened(str(path))
    try:
        check = ehr.database.run_now(lambda c, now: c.exec_driver_sql("PRAGMA integrity_check").scalar())
        found = [] if check == "ok" else [f"integrity: {check}"]
        found += [wrong for id, said in answered.last.items() if (wrong := _wrong(ehr, id, *said))]
        found += stray_terms(ehr) if terms else []
        return found + [wrong for mark in answered.begun if (wrong := _half(ehr, mark, mark in answered.whole))]
    finally:
        ehr.database.close()


def stray_terms(ehr: SandboxEhr) -> list[str]:
    """Resources whose rows in the search index are not those that their bodies make."""

    def compare(connection: Connection, now: float) -> list[str]:
        found = []
        catch_up(connection, base=ehr.fhir)
        current = "SELECT number, body, deleted FROM fhir_resources"
        for number, body, deleted in connection.exec_driver_sql(current).all():
            made = [] if deleted else index(codec.parse(body), base=ehr.fhir)
            wanted = [] if deleted else rows(number, made, date_of(codec.parse(body), base=ehr.fhir))
            kept = connection.exec_driver_sql("SELECT * FROM fhir_terms WHERE number = ?", (number,)).all()
            if sorted(map(repr, wanted)) != sorted(repr(tuple(row)) for row in kept):
                found.append(f"the terms of change {number} are not those of its body")
        return found

    return ehr.database.run_now(compare)


def _perform(ehr: SandboxEhr, interaction: Interaction) -> Answer:
    return ehr.database.run_now(lambda connection, now: store.perform(connection, now, interaction, rules_of(ehr)))


def _wrong(ehr: SandboxEhr, id: str, version: int, mark: str | None) -> str | None:
    """A later version than the one that was answered may stand there: its answer was on its way."""
    answer = _perform(ehr, Interaction(action="read", type="Observation", id=id))
    stands = int(answer.headers.get("etag", 'W/"0"')[3:-1])
    if stands > version:
        return None
    if stands < version or (answer.status == 410) != (mark is None):
        return f"version {version} is lost: {stands} stands there ({answer.status})"
    if mark is None:
        return None
    if (answer.resource or {})["identifier"][0]["value"] != mark:
        return f"version {version} is another one"
    hits = _marked(ehr, mark)
    return None if hits == 1 else f"it is found {hits} times by its identifier"


def _marked(ehr: SandboxEhr, mark: str) -> int:
    query = (("identifier", f"{SYSTEM}|{mark}"),)
    bundle: dict[str, Any] = _perform(ehr, Interaction(action="search", type="Observation", query=query)).resource or {}
    return len(bundle.get("entry", ()))


def _half(ehr: SandboxEhr, mark: str, whole: bool) -> str | None:
    count = sum(_marked(ehr, f"{mark}-{each}") for each in range(SIZE))
    if count in ((SIZE,) if whole else (0, SIZE)):
        return None
    return f"{count} of {SIZE} entries of a transaction {'that was answered ' if whole else ''}are there"


def campaign(place: Path, *, kills: int, seed: int) -> tuple[Answered, list[str]]:
    """So many kills on one file, judged after each fourth."""
    chance, answered, found = random.Random(seed), Answered(), []
    for number in range(kills):
        kill(place / "store.db", answered, seed=seed + number, seconds=0.05 + chance.random() * 0.6)
        if number % 4 == 3 or number == kills - 1:
            found += judge(place / "store.db", answered, terms=number == kills - 1)
            answered.last.clear()
            answered.begun.clear()
    return answered, found


def test_a_kill_loses_nothing_that_was_answered(tmp_path: Path) -> None:
    answered, found = campaign(tmp_path, kills=5, seed=1)
    assert found == []
    assert answered.count > 50


def test_a_store_that_answers_before_it_has_written_is_found_out(tmp_path: Path) -> None:
    """Of a few kills one at least comes between the two."""
    found: list[str] = []
    for seed in range(1, 9):
        answered, path = Answered(), tmp_path / f"store-{seed}.db"
        kill(path, answered, seed=seed, seconds=0.2, hasty=True)
        if found := judge(path, answered):
            break
    assert found != []


def test_terms_that_are_not_those_of_a_body_are_found_out(tmp_path: Path) -> None:
    answered = Answered()
    kill(tmp_path / "store.db", answered, seed=1, seconds=0.1)
    ehr = opened(str(tmp_path / "store.db"))
    clean = stray_terms(ehr)
    lost = "DELETE FROM fhir_terms WHERE number = (SELECT max(number) FROM fhir_terms)"
    ehr.database.run_now(lambda c, now: c.exec_driver_sql(lost))
    assert (clean, len(stray_terms(ehr))) == ([], 1)
    ehr.database.close()


@pytest.mark.campaign
def test_two_hundred_kills_lose_nothing_that_was_answered(tmp_path: Path) -> None:
    began = time.monotonic()
    answered, found = campaign(tmp_path, kills=200, seed=7)
    line = {"campaign": "SIGKILL of the embedded EHR", "kills": 200, "answered": answered.count, "problems": len(found),
            "seed": 7, "seconds": round(time.monotonic() - began, 1), "commit": commit()}  # fmt: skip
    with RESULTS.open("a") as file:
        file.write(json.dumps(line) + "\n")
    assert found == []
