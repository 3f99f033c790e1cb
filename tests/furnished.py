"""An installation whose sandbox has its patients already: a copy of one that was started once. To load five thousand resources
takes a second of processor time, and most tests are not about it (``flow/test_personas.py`` and others start from nothing)."""

import atexit
import functools
import shutil
import subprocess
import tempfile
from pathlib import Path

from tests import programs


@functools.cache
def _pattern() -> Path:
    """Started and ended in order, once in a test run."""
    place = Path(tempfile.mkdtemp(prefix="chartgate-furnished-"))
    atexit.register(shutil.rmtree, place, ignore_errors=True)
    words = ("up", "--data", str(place / "data"), "--persona", "spec", "--port", "0", "--json")
    with programs.cli(*words, stdout=subprocess.PIPE) as program:
        assert program.stdout is not None
        assert program.stdout.readline(), "up did not start"
        program.terminate()
    return place / "data"


def furnish(data: Path) -> None:
    """Makes this directory of an installation: the sandbox of the persona ``spec``, seeded. Its keys and its namespace are
    those of every other that is made so."""
    shutil.copytree(_pattern(), data, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.sock"))
