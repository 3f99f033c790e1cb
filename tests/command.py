"""The command line in this process: what starts a new one costs a second of processor time for its imports alone."""

import contextlib
import io
from subprocess import CompletedProcess

from gateway.cli import main


def chartgate(*arguments: str) -> "CompletedProcess[str]":
    """What ``chartgate ARGUMENTS`` prints and its exit code."""
    said, complained, code = io.StringIO(), io.StringIO(), 0
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(complained):
        try:
            main(arguments)
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
    return CompletedProcess(["chartgate", *arguments], code, said.getvalue(), complained.getvalue())
