"""Edge: the log of a process in production: lines of text, or of JSON for whoever collects them. What is logged holds no patient
datum, token or address of a request, whatever the form (tests/flow/test_nothing_leaks.py)."""

import json
import logging
import sys
import time
from typing import Any

STANDARD = frozenset({*logging.makeLogRecord({}).__dict__, "message", "asctime", "taskName"})


class JsonLines(logging.Formatter):
    """One object a line: ``time`` (UTC), ``level``, ``logger``, ``message``, the ``error`` class where there is one, and what
    the record was given as ``extra``."""

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line: dict[str, Any] = {
            "time": f"{at}.{int(record.msecs):03}Z", "level": record.levelname.lower(), "logger": record.name,
            "message": record.getMessage(),
        }  # fmt: skip
        if record.exc_info and record.exc_info[0] is not None:
            line["error"] = record.exc_info[0].__name__
        line |= {name: value for name, value in record.__dict__.items() if name not in STANDARD}
        return json.dumps(line, default=str)


class Lines(logging.Formatter):
    """Time, level, logger and message; of a failure its class, never its text, which may hold what was sent."""

    def format(self, record: logging.LogRecord) -> str:
        at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(record.created))
        error = f" ({record.exc_info[0].__name__})" if record.exc_info and record.exc_info[0] is not None else ""
        return f"{at} {record.levelname.lower():<7} {record.name}: {record.getMessage()}{error}"


def write_to_stderr(form: str) -> None:
    """Everything of Chartgate from ``info`` on, of others from ``warning`` on. ``form`` is ``text`` or ``json``."""
    lines = logging.StreamHandler(sys.stderr)
    lines.setFormatter(JsonLines() if form == "json" else Lines())
    root = logging.getLogger()
    root.handlers[:] = [lines]
    root.setLevel(logging.WARNING)
    logging.getLogger("chartgate").setLevel(logging.INFO)
