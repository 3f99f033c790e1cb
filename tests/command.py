"""The command line in this process: what starts a new one costs a second of processor time for its imports alone."""

import contextlib
import io
import logging
from collections.abc import Iterator
from subprocess import CompletedProcess

from gateway.cli import main


@contextlib.contextmanager
def _logs_as_they_were() -> Iterator[None]:
    """A server sets up the log of its process: other tests want theirs back."""
    root, own = logging.getLogger(), logging.getLogger("chartgate")
    handlers, levels = list(root.handlers), (root.level, own.level)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(levels[0])
        own.setLevel(levels[1])


def chartgate(*arguments: str) -> "CompletedProcess[str]":
    """What ``chartgate ARGUMENTS`` prints and its exit code."""
    said, complained, code = io.StringIO(), io.StringIO(), 0
    with _logs_as_they_were(), contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        try:
            main(arguments)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return CompletedProcess(["chartgate", *arguments], code, said.getvalue(), complained.getvalue())
