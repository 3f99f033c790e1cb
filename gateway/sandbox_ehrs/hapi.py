"""Edge: starts and stops a HAPI FHIR R4 server of our own on loopback.

Where a container engine answers, that is the published image (``gateway.sandbox_ehrs.hapi_container``); otherwise a Java process
built by Maven from ``docker/hapi``. The process keeps its data, its log and ``hapi.json`` in the directory it is given
and ends together with the process that started it, even if that one is killed: its standard input ends then. Should
one be left behind all the same, the next start in the same directory ends it first.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from gateway.sandbox_ehrs import hapi_container

SOURCES = Path(__file__).resolve().parents[2] / "docker" / "hapi"
MAIN = "chartgate.hapi.HapiServer"
START_SECONDS = 300.0
STOP_SECONDS = 20.0
FLAGS = ("-Xmx1500m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1")
"""For a server that lives minutes: the second compiler would cost more than it saves (start 19 s instead of 26 s, the
whole seed in 30 s instead of 44 s). A server that lives for days is faster without the last flag."""
MISSING = (
    "HAPI needs a container engine, or a JDK (17 or newer) with Maven; on Debian: "
    "apt-get install openjdk-17-jdk-headless maven"
)

Progress = Callable[[str], None]


class HapiError(RuntimeError):
    """HAPI could not be built or started; the text says what to do next."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Hapi:
    """A running server. ``url`` is its FHIR base; ``pid`` that of its Java process, None for a container.
    ``stop`` waits until it is gone; calling it again does nothing."""

    url: str
    pid: int | None
    stop: Callable[[], None]


def _silent(_: str) -> None:
    return


def engine_present() -> bool:
    """Whether a container engine answers on this machine (some 0.2 s where none does)."""
    return hapi_container.engine_present()


def java_present() -> bool:
    """Whether the local build can be made and run: Java and Maven are on the path."""
    return shutil.which("java") is not None and shutil.which("mvn") is not None


def start(directory: Path, *, port: int = 0, database: str | None = None, progress: Progress = _silent) -> Hapi:
    """A HAPI server with its data in ``directory``, by whichever means this machine has; blocks until it answers.

    ``port`` 0 takes any free one. ``database`` is a ``postgresql://user:password@host:port/name`` URL; a container
    could not reach one on loopback, so it always gets the Java process. Raises HapiError.
    """
    if database is None and engine_present():
        progress("Starting HAPI in a container")
        try:
            url, stop = hapi_container.start(directory, port=port)
        except Exception as error:  # testcontainers raises what its client, its transport or its wait raised
            if not java_present():
                raise HapiError(f"the container engine answers, but {hapi_container.IMAGE} did not start") from error
            progress(f"{hapi_container.IMAGE} did not start ({type(error).__name__}); using the local Java build")
        else:
            return Hapi(url=url, pid=None, stop=stop)
    return start_process(directory, port=port, database=database, progress=progress)


def build(*, progress: Progress = _silent) -> Path:
    """The directory of the built server; runs Maven only when its sources are newer. Raises HapiError."""
    target = SOURCES / "target"
    if not SOURCES.is_dir():
        raise HapiError("docker/hapi is not there: run Chartgate from a checkout, or start a container engine")
    built = target / "built"  # written last: a build that was interrupted does not count
    newest = max(file.stat().st_mtime for file in _sources())
    if built.is_file() and built.stat().st_mtime >= newest:
        return target
    if not java_present():
        raise HapiError(MISSING)
    progress("Building HAPI with Maven (ten seconds, or some minutes the first time, which loads 160 MB of jars)")
    command = ["mvn", "-B", "-q", "-DskipTests", "-Pexploded", "package"]
    done = subprocess.run(command, cwd=SOURCES, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode != 0:
        raise HapiError(f"Maven could not build docker/hapi:\n{(done.stdout + done.stderr)[-2000:]}")
    built.touch()
    return target


def _sources() -> Iterator[Path]:
    yield SOURCES / "pom.xml"
    yield from (file for file in (SOURCES / "src").rglob("*") if file.is_file())


def start_process(
    directory: Path, *, port: int = 0, database: str | None = None, connections: int = 10, progress: Progress = _silent
) -> Hapi:  # fmt: skip
    """As ``start``, always by Java, with so many connections to its database (HAPI's default). Raises HapiError, with the place
    of the log."""
    ready = directory / "hapi.ready"
    environment = _environment(port=port, database=database, ready=ready) | {"HAPI_CONNECTIONS": str(connections)}
    target = build(progress=progress)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    end_leftover(directory)
    progress("Starting HAPI (10 to 20 seconds)")
    token = secrets.token_hex(16)
    ready.unlink(missing_ok=True)
    process = _launch(directory, target, environment=environment, token=token)
    stop = _stopper(process, directory)
    _note(directory, pid=process.pid, port=None, token=token)
    try:
        bound = _wait_ready(process, ready, log=directory / "hapi.log")
    except BaseException:
        stop()
        raise
    _note(directory, pid=process.pid, port=bound, token=token)
    return Hapi(url=f"http://127.0.0.1:{bound}/fhir", pid=process.pid, stop=stop)


def _launch(directory: Path, target: Path, *, environment: dict[str, str], token: str) -> "subprocess.Popen[bytes]":
    java = shutil.which("java")
    if java is None:
        raise HapiError(MISSING)
    classes = f"{target / 'chartgate-hapi.jar'}{os.pathsep}{target / 'lib' / '*'}"
    with (directory / "hapi.log").open("wb") as log:
        return subprocess.Popen(  # noqa: S603
            [java, *FLAGS, f"-Dchartgate.start={token}", "-cp", classes, MAIN],
            cwd=directory,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,  # an interrupt at the terminal is for us; we end the server when we are done
        )


def _environment(*, port: int, database: str | None, ready: Path) -> dict[str, str]:
    """Nothing of our own environment but what Java needs: it may hold secrets, and HAPI would read its settings."""
    kept = {name: os.environ[name] for name in ("PATH", "JAVA_HOME", "LANG", "TMPDIR") if name in os.environ}
    settings = {
        "HAPI_PORT": str(port),
        "HAPI_READY_FILE": str(ready.resolve()),
        "HAPI_END_WITH_INPUT": "true",
        # Relative to the working directory. Without the two options H2 acknowledges half a second before it writes,
        # and closes under Spring's feet.
        "HAPI_DATABASE": "jdbc:h2:file:./hapi-database;WRITE_DELAY=0;DB_CLOSE_ON_EXIT=FALSE;TRACE_LEVEL_FILE=0",
    }
    return kept | settings | (_postgres(database) if database is not None else {})


def _postgres(database: str) -> dict[str, str]:
    parts = urlsplit(database)
    if not parts.scheme.startswith("postgresql") or parts.hostname is None:
        raise HapiError("the database of HAPI must be a postgresql:// URL")
    return {
        "HAPI_DATABASE": f"jdbc:postgresql://{parts.hostname}:{parts.port or 5432}{parts.path}",
        "HAPI_DATABASE_USER": unquote(parts.username or "postgres"),
        "HAPI_DATABASE_PASSWORD": unquote(parts.password or ""),
        "HAPI_DIALECT": "ca.uhn.fhir.jpa.model.dialect.HapiFhirPostgresDialect",
    }


def _wait_ready(process: subprocess.Popen[bytes], ready: Path, *, log: Path) -> int:
    deadline = time.monotonic() + START_SECONDS
    while not ready.is_file():
        if process.poll() is not None:
            raise HapiError(f"HAPI ended while it was starting; its log is {log}")
        if time.monotonic() > deadline:
            raise HapiError(f"HAPI was not ready after {START_SECONDS:.0f} seconds; its log is {log}")
        time.sleep(0.05)
    return int(ready.read_text())


def _stopper(process: subprocess.Popen[bytes], directory: Path) -> Callable[[], None]:
    def stop() -> None:
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        if process.stdin is not None:
            process.stdin.close()
        for name in ("hapi.json", "hapi.ready"):
            (directory / name).unlink(missing_ok=True)

    return stop


def _note(directory: Path, *, pid: int, port: int | None, token: str) -> None:
    """Who runs here, for the next start. The token is on the process's command line: a pid alone may be anybody's."""
    half = directory / "hapi.json.half"
    half.write_text(json.dumps({"pid": pid, "port": port, "token": token}))
    half.replace(directory / "hapi.json")


def end_leftover(directory: Path) -> bool:
    """Ends the server that an earlier, killed process left in ``directory``; says whether there was one."""
    try:
        note = json.loads((directory / "hapi.json").read_text())
        pid, token = int(note["pid"]), str(note["token"])
    except (OSError, ValueError, KeyError, TypeError):
        return False
    found = _runs(pid, token)
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + STOP_SECONDS
        if _runs(pid, token):
            os.kill(pid, signal_number)
        while _runs(pid, token) and time.monotonic() < deadline:
            time.sleep(0.05)
    (directory / "hapi.json").unlink(missing_ok=True)
    return found


def _runs(pid: int, token: str) -> bool:
    """Whether ``pid`` is a process that was started with ``token``."""
    try:
        command = Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        if Path("/proc/self").exists():
            return False
        listed = ["ps", "-o", "command=", "-p", str(pid)]  # no /proc here, as on macOS
        command = subprocess.run(listed, capture_output=True, check=False).stdout  # noqa: S603
    return len(token) >= 16 and f"-Dchartgate.start={token}".encode() in command


def main(arguments: list[str]) -> int:
    """``python -m gateway.sandbox_ehrs.hapi build``: what ``make hapi`` runs. 0, or 3 with the reason."""
    if arguments != ["build"]:
        sys.stderr.write("usage: python -m gateway.sandbox_ehrs.hapi build\n")
        return 2
    try:
        build(progress=lambda text: print(text, flush=True))
    except HapiError as error:
        sys.stderr.write(f"{error}\n")
        return 3
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
