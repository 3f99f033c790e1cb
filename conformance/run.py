"""Edge: one run: evidence collected within the deadline, every check judged over it."""

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

import httpx2

from conformance import opening
from conformance.check import Outcome, judge
from conformance.evidence import Evidence, Exchange
from conformance.options import Options
from conformance.probe import CannotRun, Probe, open_client
from conformance.session import Part, Session
from conformance.suites import NOT_YET, SUITES

SUITE_VERSION = "0.2.0"
CLEANING = 30.0
"""Seconds for taking away what was made, after the deadline."""
Told = Callable[[str, int, int], None]
"""Progress: what is being looked at, how many parts are done, of how many."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """``checks`` in the order of the suites; ``stopped`` says why evidence is missing, part by part, ``left`` what could not
    be taken away. A run that is not ``complete`` was ended by its deadline, by a person, by answers that did not come or could
    not be read, or because nobody could be signed in. ``took`` are the seconds of each
    suite."""

    target: str
    started: str
    seconds: float
    checks: tuple[Outcome, ...]
    stopped: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    complete: bool = True
    writes: bool = False
    slow: bool = False
    suites: tuple[str, ...] = ()
    took: Mapping[str, float] = field(default_factory=dict)
    evidence: Evidence = field(default_factory=Evidence)
    exchanges: tuple[Exchange, ...] = ()

    @property
    def summary(self) -> Mapping[str, int]:
        """How many checks came to what."""
        return {word: sum(item.result == word for item in self.checks) for word in ("pass", "fail", "skip", "error")}

    @property
    def failed(self) -> bool:
        """Whether a check failed, or could not be judged for a fault of its own, or the run did not come to its end."""
        return bool(self.summary["fail"] or self.summary["error"]) or not self.complete


@dataclass(kw_only=True)
class Course:
    """What is noted while a run goes on."""

    stopped: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    took: dict[str, float] = field(default_factory=dict)
    complete: bool = True
    session: Session | None = None


async def run(
    url: str, options: Options | None = None, *, transport: httpx2.AsyncBaseTransport | None = None,
    told: Told = lambda name, done, all: None, **changes: Any,
) -> Report:  # fmt: skip
    """Judges the server at ``url``; ``changes`` replace members of the options. Cancelled (Ctrl-C), or at the deadline, it
    judges what there is. Raises CannotRun."""
    options = replace(options or Options(), **{**changes, **_listed(changes.get("suites"))})
    wanted = chosen(url, options)
    began, started = time.monotonic(), datetime.now(UTC).isoformat(timespec="seconds")
    evidence, course = Evidence(), Course()
    async with open_client(options.wire, transport) as http:
        probe = Probe(url, client=http, wire=options.wire)
        await _within(options, course, _collect(probe, evidence, options, wanted, course, told))
        await _clean(course)
    report = Report(
        target=probe.base, started=started, seconds=round(time.monotonic() - began, 2), checks=(), suites=wanted,
        stopped=tuple(course.stopped), left=tuple(course.left), complete=course.complete, writes=options.writes,
        slow=options.slow, took=course.took, evidence=evidence, exchanges=tuple(probe.exchanges),
    )  # fmt: skip
    return judged(report)


def judged(report: Report) -> Report:
    """The same report, every check of its suites judged over its evidence."""
    outcomes = tuple(
        judge(item, name, report.evidence, writes=report.writes, slow=report.slow)
        for name in report.suites for item in SUITES[name].checks
    )  # fmt: skip
    return replace(report, checks=outcomes)


def _listed(suites: Sequence[str] | None) -> dict[str, Any]:
    return {"suites": tuple(suites)} if suites else {}


def chosen(url: str, options: Options) -> tuple[str, ...]:
    """The suites of a run. Raises CannotRun."""
    wanted = options.suites or tuple(name for name, suite in SUITES.items() if not suite.plays)
    if later := [name for name in wanted if name in NOT_YET]:
        raise CannotRun(f"the suite {later[0]} is not part of this version: leave it out")
    if "://" not in url:
        raise CannotRun("URL must be the absolute FHIR base, such as http://127.0.0.1:8700/ehr/spec/fhir")
    if len(wanted) > 1 and (plays := [name for name in wanted if SUITES[name].plays]):
        raise CannotRun(f"the suite {plays[0]} judges an app and plays the EHR: run it alone")
    return wanted


async def _within(options: Options, course: Course, work: Any) -> None:
    try:
        async with asyncio.timeout(options.deadline):
            await work
    except TimeoutError:
        course.stopped.append("the deadline passed")
        course.complete = False
    except asyncio.CancelledError:
        course.stopped.append("interrupted")
        course.complete = False


async def _collect(
    probe: Probe, evidence: Evidence, options: Options, wanted: Sequence[str], course: Course, told: Told
) -> None:
    session = course.session = Session(
        probe=probe, given=options.load_client(), listen=options.listen, public_url=options.public_url
    )
    if not SUITES[wanted[0]].plays:
        await _begin(session, evidence, options, wanted, course)
    parts = [(name, part) for name in wanted for part in SUITES[name].parts if _allowed(part, options)]
    for done, (name, part) in enumerate(parts):
        told(f"{name}: {part.name}", done, len(parts))
        began = time.monotonic()
        try:
            await part.collect(session, evidence)
        except Exception as failure:
            course.stopped.append(f"{part.name}: {_words(failure)}")
            if not told_by_us(failure):  # the server did not answer, or with something that nobody can read
                course.complete = False
        finally:
            course.took[name] = round(course.took.get(name, 0.0) + time.monotonic() - began, 2)


async def _begin(
    session: Session, evidence: Evidence, options: Options, wanted: Sequence[str], course: Course
) -> None:  # fmt: skip
    """Discovery and sign-in. Raises CannotRun where there is no FHIR server."""
    _, missing = await opening.open_session(
        session.probe, evidence, session.given, door=options.door, patients=options.patients, session=session
    )
    course.stopped += missing
    people = any(SUITES[name].people for name in wanted)
    if not session.ready(evidence, people=people) or not opening.discovered(session, evidence):
        course.complete = False  # what needs somebody signed in, or discovery, was not seen, and no pass is meant


def _allowed(part: Part, options: Options) -> bool:
    return (options.writes or not part.writes) and (options.slow or not part.slow)


def told_by_us(failure: BaseException) -> bool:
    """Whether a part says by this that something is not there, in its own words."""
    return isinstance(failure, LookupError) and not isinstance(failure, KeyError | IndexError)


def _words(failure: BaseException) -> str:
    """Why a part stopped. What an answer lacks is named by its kind only: it may be the server's own word."""
    said = isinstance(failure, CannotRun) or told_by_us(failure)
    return str(failure) if said else f"an answer that cannot be read ({type(failure).__name__})"


async def _clean(course: Course) -> None:
    """Also after an interruption, but not for long."""
    if course.session is None:
        return
    try:
        async with asyncio.timeout(CLEANING):
            course.left += await opening.close_session(course.session)
    except (TimeoutError, asyncio.CancelledError):
        course.left += opening.standing(course.session.probe)
