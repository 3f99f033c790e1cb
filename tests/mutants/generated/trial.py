"""One generated mutant in a process of its own: the product is imported with one file changed, and the suites judge it.

The process is a fork of one that has imported everything but the product, so it begins at once and leaves nothing behind.
"""

import contextlib
import importlib
import importlib.abc
import importlib.machinery
import json
import os
import select
import signal
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from types import CodeType, FrameType, ModuleType
from typing import Any

from tests import absent
from tests.mutants.generated.sites import ROOT, Site, mutated

SECONDS = 90.0
"""What is not judged by then hangs: it is killed, as a client would see."""
CHANGING = ("auth", "sandbox", "gateway")
"""Rooms that a mutant changes, or that hold what it changed."""
STILLBORN = "does not start"
Reach = Mapping[str, Sequence[str]]
"""``file:line of the function`` → the suites that come by it."""


class Changed(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Loads one module from a changed tree."""

    def __init__(self, site: Site) -> None:
        self.name = site.file.removesuffix(".py").replace("/", ".")
        self.code: CodeType = compile(mutated(site), str(ROOT / site.file), "exec")
        self.path = str(ROOT / site.file)

    def find_spec(self, fullname: str, path: Any, target: Any = None) -> importlib.machinery.ModuleSpec | None:
        if fullname != self.name:
            return None
        return importlib.machinery.ModuleSpec(fullname, self, origin=self.path)

    def create_module(self, spec: importlib.machinery.ModuleSpec) -> ModuleType | None:
        return None

    def exec_module(self, module: ModuleType) -> None:
        module.__file__ = self.path
        exec(self.code, module.__dict__)


def prepare() -> None:
    """Imports what no mutant changes, as a child finds it. Raises RuntimeError when the product is there already: forks
    would have it unchanged."""
    for name in in_a_fork(_needed):
        importlib.import_module(name)
    absent.remember()
    if loaded := [name for name in sys.modules if name.split(".")[0] in CHANGING]:
        raise RuntimeError(f"{loaded[0]} is imported already")


def _needed() -> list[str]:
    import tests.mutants.world  # noqa: F401

    mine = (*CHANGING, "tests", "models", "__main__")
    return [name for name in sys.modules if name.split(".")[0] not in mine and "__mp_main__" not in name]


def judged_by(site: Site, suites: Sequence[str]) -> str:
    """In the child: the check that fails first, or how it ended otherwise; empty when it survives."""
    sys.meta_path.insert(0, Changed(site))
    with contextlib.ExitStack() as stack:
        try:
            from tests.mutants.world import judged, open_ehr

            ehr = stack.enter_context(open_ehr())
        except Exception as failure:
            return f"{STILLBORN}: {type(failure).__name__}"
        for name in suites:
            try:
                found = judged(ehr, suites=(name,))
            except Exception as failure:  # whatever happens is what the mutant does
                return f"{name}: cannot run ({type(failure).__name__})"
            if found.failed:
                failed = [item.id for item in found.checks if item.result in ("fail", "error")]
                return f"{name}: {failed[0] if failed else 'the run does not come to its end'}"
    return ""


def tested_by(site: Site, files: Sequence[str]) -> str:
    """In the child: whether the project's own tests of these files notice; the first that fails."""
    import pytest

    class First:
        failed = ""

        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.failed and not self.failed:
                self.failed = report.nodeid

        def pytest_collectreport(self, report: pytest.CollectReport) -> None:
            if report.failed and not self.failed:
                self.failed = report.nodeid

    sys.meta_path.insert(0, Changed(site))
    first = First()
    code = pytest.main(
        ["-x", "-q", "-m", "not hapi", "-p", "no:cacheprovider", "--assert=plain", *files], plugins=[first]
    )
    return first.failed or (f"pytest ends with {int(code)}" if code not in (0, 5) else "")


def in_a_fork(work: Callable[[], Any], *, seconds: float = SECONDS) -> Any:
    """What the work says, as JSON from a child; ``None`` when it takes longer."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _child(work, writing)
    os.close(writing)
    until, said = time.monotonic() + seconds, b""
    try:
        while (left := until - time.monotonic()) > 0 and select.select([reading], [], [], left)[0]:
            block = os.read(reading, 65536)
            if not block:
                return _said(said)
            said += block
        return None
    finally:
        os.close(reading)
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child, signal.SIGKILL)  # and what it started
        os.waitpid(child, 0)


def _said(answer: bytes) -> Any:
    """What the child said. One that died said nothing: that is what the mutant does. Raises RuntimeError for a fault of ours."""
    document = json.loads(answer) if answer else {"said": "died"}
    if "failed" in document:
        raise RuntimeError(document["failed"])
    return document["said"]


def _child(work: Callable[[], Any], writing: int) -> None:
    os.setsid()  # what it does to its group is not done to ours
    try:
        with open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), 1)
            os.dup2(nowhere.fileno(), 2)
        try:
            said = json.dumps({"said": work()}).encode()
        except Exception as failure:
            said = json.dumps({"failed": repr(failure)}).encode()
        while said:
            said = said[os.write(writing, said) :]
    finally:
        os._exit(0)


def reach(suites: Sequence[str]) -> Reach:
    """In a child: which suites come by which function of the product, by running each under watch."""
    watch = Watch()
    threading.settrace(watch)  # before the database has its thread
    sys.settrace(watch)
    from tests.mutants.world import judged, open_ehr

    found: dict[str, list[str]] = defaultdict(list)
    with open_ehr() as ehr:
        for name in suites:
            watch.seen = {}
            judged(ehr, suites=(name,))
            for place in watch.places():
                found[place].append(name)
    return found


class Watch:
    """Notes what is called, and nothing that happens within it: a function that a profiler is told of twice, and again for
    each call of one in C, costs four times as much."""

    def __init__(self) -> None:
        self.seen: dict[int, CodeType] = {}

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        self.seen[id(frame.f_code)] = frame.f_code

    def places(self) -> list[str]:
        """The functions of the product that were called, as ``file:function``."""
        prefix = f"{ROOT}/"
        return sorted(
            {
                f"{code.co_filename.removeprefix(prefix)}:{code.co_qualname.partition('.<locals>')[0]}"
                for code in list(self.seen.values())
                if code.co_filename.startswith(prefix)
            }
        )
