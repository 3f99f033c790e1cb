"""Edge: a sandbox EHR in a process of its own, for other people's tests: started, spoken to as an app would, stopped.

Whoever uses this installs nothing but the command: no room is imported, and what the EHR knows of the tests comes by HTTP.
"""

import contextlib
import ctypes
import json
import os
import select
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from conformance.ehr_client import SandboxEhr

PATIENCE = {"embedded": 60.0, "hapi": 600.0}
"""Seconds until the command must have said where it serves; a FHIR server at a URL may have to be seeded, as HAPI."""
LAST_WORDS = 15
"""Lines of what the command said that are shown when it cannot start."""


class CannotStart(RuntimeError):
    """There is no sandbox EHR; the text says why, with the last words of the command, and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Wanted:
    """What is started. ``seed``: ``clean``, ``messy``, ``messy:RATE`` or ``messy:RATE:N`` (docs/reference/messy.md); None is
    what ``up`` does by itself. ``upstream``: ``embedded``, ``hapi``, or the FHIR base of a server. ``command`` is the
    ``chartgate`` command; None finds it."""

    persona: str = "spec"
    faults: tuple[str, ...] = ()
    seed: str | None = None
    upstream: str = "embedded"
    command: str | None = None


@contextlib.contextmanager
def running(wanted: Wanted) -> Iterator[SandboxEhr]:
    """A sandbox EHR on a free port in a temporary directory while the block runs. Raises CannotStart."""
    words = [*find_command(wanted.command), "up", "--port", "0", "--json", *arguments(wanted)]
    with tempfile.TemporaryDirectory(prefix="chartgate-") as directory:
        data, log = Path(directory) / "data", Path(directory) / "server.log"
        with log.open("wb") as errors:
            process = _start([*words, "--data", str(data)], errors)
        try:
            started = _first_line(process, log, PATIENCE["embedded" if wanted.upstream == "embedded" else "hapi"])
            secret = data / "operator.secret"
            ehr = SandboxEhr(
                name=wanted.persona, fhir=started["ehr"][wanted.persona], app=started["app"],
                operator=secret.read_text().strip() if secret.exists() else None,
            )  # fmt: skip
            if wanted.faults:
                ehr.faults.switch(*wanted.faults)
            yield ehr
        finally:
            _stop(process)


def find_command(said: str | None) -> list[str]:
    """The words that start ``chartgate``: the given ones, those of ``CHARTGATE_COMMAND``, the script beside this Python,
    or the one on the path. Raises CannotStart."""
    if said := said or os.environ.get("CHARTGATE_COMMAND"):
        words = shlex.split(said)
        found = shutil.which(words[0]) if words else None
    else:
        words = ["chartgate"]
        found = shutil.which("chartgate", path=str(Path(sys.executable).parent)) or shutil.which("chartgate")
    if found is None:
        raise CannotStart(
            "the chartgate command is not found: install the package here, or name it with --chartgate-command"
        )
    return [found, *words[1:]]


def arguments(wanted: Wanted) -> list[str]:
    """The options of ``up`` for this. Raises CannotStart when ``seed`` cannot be read."""
    chosen = ["--persona", wanted.persona, "--ehr", wanted.upstream]
    if wanted.seed is None:
        return chosen
    kind, *numbers = wanted.seed.split(":")
    if kind not in ("clean", "messy") or len(numbers) > (2 if kind == "messy" else 0):
        raise CannotStart("the seed is clean, messy, messy:RATE or messy:RATE:N")
    if wanted.upstream not in ("embedded", "hapi"):
        chosen.append("--seed")
    if kind == "messy":
        chosen += ["--messy", *(numbers[:1] or ["0.3"]), *(["--messy-seed", numbers[1]] if numbers[1:] else [])]
    return chosen


def _start(words: list[str], errors: IO[bytes]) -> "subprocess.Popen[bytes]":
    try:
        return subprocess.Popen(  # noqa: S603 -- the words are the caller's own
            words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors, preexec_fn=_end_with_parent
        )  # fmt: skip
    except OSError as failure:
        raise CannotStart(f"{words[0]} cannot be run: {failure.strerror}") from failure


def _end_with_parent() -> None:
    """On Linux the server ends when the test process does, even by SIGKILL (prctl PR_SET_PDEATHSIG)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(1, signal.SIGTERM)


def _first_line(process: "subprocess.Popen[bytes]", log: Path, patience: float) -> dict[str, Any]:
    """What the command says when it serves. Raises CannotStart."""
    assert process.stdout is not None
    until = time.monotonic() + patience
    ready, _, _ = select.select([process.stdout], [], [], patience)
    line = process.stdout.readline() if ready else b""
    try:
        said: dict[str, Any] = json.loads(line)
        return said
    except ValueError:
        late = f"nothing within {patience:.0f} s" if time.monotonic() >= until else f"exit code {_code(process)}"
        words = "\n".join(log.read_text(errors="replace").splitlines()[-LAST_WORDS:])
        raise CannotStart(f"chartgate up did not start ({late}). It said:\n{words}") from None


def _code(process: "subprocess.Popen[bytes]") -> int | None:
    with contextlib.suppress(subprocess.TimeoutExpired):
        return process.wait(5)
    return None


def _stop(process: "subprocess.Popen[bytes]") -> None:
    process.terminate()
    try:
        process.wait(20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()
    if process.stdout is not None:
        process.stdout.close()
