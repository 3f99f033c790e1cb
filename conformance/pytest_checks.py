"""Edge: every check as a test item of pytest, for ``--chartgate-url``; the server is looked at once, when the first item runs."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from conformance import CannotRun, report, run
from conformance.check import Check
from conformance.options import Options
from conformance.report.showing import Shown, ShownCheck
from conformance.run import Report
from conformance.suites import SUITES


@dataclass(kw_only=True)
class Looking:
    """One run for all items. ``problem`` says why there is none."""

    url: str
    options: Options
    directory: Path | None
    formats: tuple[str, ...]
    found: Shown | None = None
    problem: str = ""

    def outcome(self, id: str) -> ShownCheck:
        """What a check came to. Fails where there was no run."""
        if self.found is None and not self.problem:
            self._look()
        if self.found is None:
            pytest.fail(self.problem, pytrace=False)
        return next(item for item in self.found.checks if item.id == id)

    def _look(self) -> None:
        try:
            self.found = report.shown(asyncio.run(run(self.url, self.options)))
        except CannotRun as failure:
            self.problem = f"could not run: {failure}"
            return
        if self.directory is not None:
            report.write(self.found, self.directory, self.formats)


def verdict(found: ShownCheck, report: Report) -> str:
    """What pytest says of a check: its result; but what a run that did not come to its end has not seen is an error, since
    a skip would leave the whole of it green."""
    unseen = found.result == "skip" and found.why == "not seen"
    return "error" if unseen and not report.complete else found.result


class CheckItem(pytest.Item):
    """One check."""

    def __init__(self, *, looking: Looking, check: Check, **more: Any) -> None:
        super().__init__(**more)
        self.looking, self.check = looking, check
        self.found: ShownCheck | None = None

    def setup(self) -> None:
        """What cannot be judged is an error, not a failure."""
        self.found = self.looking.outcome(self.check.id)
        if verdict(self.found, self._report()) == "error":
            stopped = self.looking.found.stopped if self.looking.found else ()
            pytest.fail("; ".join((*self.found.problems, *stopped)), pytrace=False)

    def _report(self) -> Report:
        assert self.looking.found is not None
        return self.looking.found.report

    def runtest(self) -> None:
        """Fails with the problems and how to see them again; a skipped check is skipped."""
        assert self.found is not None
        if self.found.result == "skip":
            pytest.skip("; ".join(self.found.problems))
        if self.found.result == "fail":
            pytest.fail(self._says(self.found), pytrace=False)

    def _says(self, found: ShownCheck) -> str:
        assert self.looking.found is not None
        asked = [self.looking.found.exchanges[number - 1] for _, number in found.seen]
        owed = [f"{each.level}: {each.text} ({each.id}, {each.source})" for each in found.requirements]
        fix = [f"To fix it: {found.fix}"] if found.fix else []
        return "\n".join(
            [found.title, *(f"- {each}" for each in found.problems), *fix, *owed, *(e.command for e in asked)]
        )

    def reportinfo(self) -> tuple[Path, None, str]:
        """The check by its title."""
        return self.path, None, f"{self.parent.name if self.parent else ''}: {self.check.title}"


class SuiteNode(pytest.Collector):
    """The checks of a suite."""

    def collect(self) -> list[pytest.Item]:
        """They are made by ``items``."""
        return []


def items(session: pytest.Session, looking: Looking) -> list[pytest.Item]:
    """An item for each check of the suites, announced as collected."""
    made: list[pytest.Item] = []
    for name in looking.options.suites or tuple(name for name, suite in SUITES.items() if not suite.plays):
        node = SuiteNode.from_parent(session, name=name, nodeid=f"chartgate/{name}")
        found: list[pytest.Item] = [
            CheckItem.from_parent(node, name=item.id, looking=looking, check=item) for item in SUITES[name].checks
        ]
        collected = pytest.CollectReport(nodeid=node.nodeid, outcome="passed", longrepr=None, result=[*found])
        session.ihook.pytest_collectreport(report=collected)
        made += found
    return made


def looking_of(config: pytest.Config) -> Looking:
    """What the command line says. Raises UsageError."""
    suites = tuple(name for name in config.getoption("--chartgate-suite").split(",") if name)
    formats = tuple(config.getoption("--chartgate-format").split(","))
    if unknown := [name for name in suites if name not in SUITES] + [
        each for each in formats if each not in report.FORMATS
    ]:
        raise pytest.UsageError(f"chartgate: there is no {unknown[0]!r}: {', '.join((*SUITES, *report.FORMATS))}")
    client, directory = config.getoption("--chartgate-client"), config.getoption("--chartgate-report")
    options = Options(
        suites=suites or None, writes=config.getoption("--chartgate-writes"), slow=config.getoption("--chartgate-slow"),
        client=Path(client) if client else None, deadline=config.getoption("--chartgate-deadline"),
    )  # fmt: skip
    return Looking(
        url=config.getoption("--chartgate-url"), options=options, formats=formats,
        directory=Path(directory) if directory else None,
    )  # fmt: skip
