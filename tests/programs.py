"""Programs in processes of their own, forked by ``tests.nursery``: what each would import costs a second and a half of processor
time, and how a cold start goes is not what most tests are about (``unit/gateway/test_cli.py`` and others start cold)."""

import atexit
import functools
import json
import os
import select
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import IO, Any

ROOT = Path(__file__).parents[1]


class Nursery:
    """The forking process of a test run. One question at a time."""

    def __init__(self) -> None:
        self._line, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        command = [sys.executable, "-m", "tests.nursery", str(its.fileno())]
        self._process = subprocess.Popen(
            command, cwd=ROOT, pass_fds=[its.fileno()], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL
        )
        its.close()
        self._turn = threading.Lock()
        atexit.register(self.close)

    def ask(self, *question: Any, descriptors: Sequence[int] = ()) -> int:
        """Raises EOFError when the nursery is gone."""
        with self._turn:
            socket.send_fds(self._line, [json.dumps(question).encode()], descriptors)
            answer = self._line.recv(100)
        if not answer:
            raise EOFError("the nursery has ended")
        return int(answer)

    def close(self) -> None:
        self._line.close()
        self._process.wait(60)


_FIRST = threading.Lock()
_made = functools.cache(Nursery)


def nursery() -> Nursery:
    """The one of this run, whoever asks first: a program ends where it began."""
    with _FIRST:
        return _made()


class Program:
    """A running ``python -m module words…``, used like a ``subprocess.Popen``; its stdin is empty. ``stdout`` and ``stderr`` are
    ``subprocess.PIPE`` or ``DEVNULL``, a file, or ours; with ``session`` it leads a session of its own."""

    def __init__(
        self, module: str, *words: str, stdout: int | IO[Any] | None = None, stderr: int | IO[Any] | None = None,
        text: bool = True, cwd: Path = ROOT, env: Mapping[str, str] | None = None, session: bool = False,
    ) -> None:  # fmt: skip
        self.args = [module, *words]
        self.returncode: int | None = None
        with ExitStack() as ours:
            (out, self.stdout), (err, self.stderr) = (
                _stream(each, own, ours, text=text) for own, each in ((1, stdout), (2, stderr))
            )
            told = (module, words, str(cwd), dict(os.environ if env is None else env), session)
            self.pid = nursery().ask("start", *told, descriptors=[out, err])
        self._end = os.pidfd_open(self.pid)

    def poll(self) -> int | None:
        if self.returncode is None and self._over(0.0):
            self._ended()
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """The exit code. Raises subprocess.TimeoutExpired."""
        if self.returncode is None and not self._over(timeout):
            raise subprocess.TimeoutExpired(self.args, timeout or 0.0)
        return self._ended()

    def _over(self, seconds: float | None) -> bool:
        poll = select.poll()
        poll.register(self._end, select.POLLIN)
        return bool(poll.poll(None if seconds is None else seconds * 1000))

    def _ended(self) -> int:
        if self.returncode is None:
            self.returncode = nursery().ask("code", self.pid)
            os.close(self._end)
        return self.returncode

    def send_signal(self, number: int) -> None:
        if self.poll() is None:
            signal.pidfd_send_signal(self._end, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)

    def communicate(self, timeout: float | None = None) -> tuple[Any, Any]:
        """What it wrote to the pipes, when it has ended. Raises subprocess.TimeoutExpired."""
        streams, read = [each for each in (self.stdout, self.stderr) if each is not None], dict[int, Any]()

        def take(stream: IO[Any]) -> None:
            with stream:
                read[id(stream)] = stream.read()

        readers = [threading.Thread(target=take, args=(each,), daemon=True) for each in streams]
        for reader in readers:
            reader.start()
        self.wait(timeout)
        for reader in readers:
            reader.join(timeout)
        return read.get(id(self.stdout)), read.get(id(self.stderr))

    def __enter__(self) -> "Program":
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:  # fmt: skip
        for stream in (self.stdout, self.stderr):
            if stream is not None:
                stream.close()
        self.wait()


def _stream(asked: int | IO[Any] | None, own: int, ours: ExitStack, *, text: bool) -> tuple[int, IO[Any] | None]:
    """The program's end, and ours of a pipe."""
    if asked == subprocess.PIPE:
        reading, writing = os.pipe()
        ours.callback(os.close, writing)
        return writing, os.fdopen(reading, "r" if text else "rb")
    if asked == subprocess.DEVNULL:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        ours.callback(os.close, nowhere)
        return nowhere, None
    if asked is None:
        return own, None
    return (asked if isinstance(asked, int) else asked.fileno()), None


def cli(*words: str, **streams: Any) -> Program:
    """``chartgate words…``."""
    return Program("gateway.cli", *words, **streams)


def run(module: str, *words: str, timeout: float = 600.0, **options: Any) -> "subprocess.CompletedProcess[Any]":
    """A program to its end, and what it wrote. Raises subprocess.TimeoutExpired, and ends it."""
    with Program(module, *words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options) as program:
        try:
            out, err = program.communicate(timeout)
        except subprocess.TimeoutExpired:
            program.kill()
            raise
        return subprocess.CompletedProcess([module, *words], program.wait(), out, err)
