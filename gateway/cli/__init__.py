"""``chartgate``: the command line. Contract: product.md §6. Exit codes: 0 success, 1 ran and found problems, 2 usage,
3 could not run, with what to do next."""

import gc
import sys
from collections.abc import Sequence

from sqlalchemy.exc import OperationalError

from gateway.cli.commands import application

SELDOM = (50_000, 20, 20)
"""How many new objects make the collector look. What a start imports stays until the end, and looking through it every 700
objects, as Python does by itself, took a seventh of the processor time of a short command."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script; without ``arguments`` those of this process. Ends with SystemExit. An expected failure is a
    sentence and exit code 3, never a traceback."""
    if arguments is None:
        gc.set_threshold(*SELDOM)
    from gateway.cli.printing import complain
    from gateway.keyring import KeyFileError
    from gateway.processes.server import PortTaken

    try:
        application(arguments)
    except (KeyFileError, PortTaken) as failure:
        complain(str(failure))
        sys.exit(3)
    except OperationalError as failure:
        busy = "locked" in str(failure.orig)
        complain(
            "another process has this installation open" if busy else "the database of this installation cannot be used"
        )
        sys.exit(3)
    except OSError as failure:
        complain(f"{failure.strerror or type(failure).__name__}: check the directory given with --data")
        sys.exit(3)


__all__ = ["application", "main"]
