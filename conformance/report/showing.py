"""What every report shows, made once: checks with their requirements, exchanges as commands and answers, all redacted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from conformance import curl, redaction
from conformance.baseline import Comparison
from conformance.check import Outcome
from conformance.evidence import Exchange
from conformance.ledger import Requirement, load_requirements
from conformance.readiness import Readiness
from conformance.run import Report

BADLY = ("fail", "error", "skip", "pass")
"""The order in which results are shown: what needs somebody first."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownExchange:
    """``line`` is the request in words, ``command`` the same as a curl command, ``answer`` what came."""

    number: int
    line: str
    command: str
    answer: str
    seconds: float


@dataclass(frozen=True, kw_only=True, slots=True)
class ShownCheck:
    """``level`` is the strongest of its requirements'; ``seen`` are names and numbers of exchanges."""

    id: str
    suite: str
    title: str
    result: str
    why: str
    level: str
    requirements: tuple[Requirement, ...]
    problems: tuple[str, ...]
    fix: str
    evidence: tuple[str, ...]
    seen: tuple[tuple[str, int], ...]

    @property
    def owed(self) -> bool:
        """A SHALL that was not shown: skipped, and not because the server does not offer what it is about."""
        return self.result == "skip" and self.why != "not offered" and self.level.startswith("SHALL")

    @property
    def advised(self) -> bool:
        """A SHOULD or MAY that was not met: something to know, and no failure of the run."""
        return self.result == "fail" and not self.level.startswith("SHALL")


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A report without secrets, and what was asked beside it: a ``comparison`` with an earlier run, the ``readiness`` for
    regulation profiles, and the ``bundle`` with its evidence: its file, the name of its key and who signed it. ``strict``
    says that a SHOULD counts as a SHALL."""

    report: Report
    target: str
    stopped: tuple[str, ...]
    checks: tuple[ShownCheck, ...]
    exchanges: tuple[ShownExchange, ...]
    comparison: Comparison | None = None
    readiness: tuple[Readiness, ...] = ()
    bundle: Mapping[str, str] | None = None
    strict: bool = False

    @property
    def failed(self) -> bool:
        """Whether there is something for somebody to do: with a baseline, only what has become worse."""
        bad = [item for item in self.checks if item.result in ("fail", "error") and (self.strict or not item.advised)]
        found = bool(bad) if self.comparison is None else bool(self.comparison.worse)
        return found or not self.report.complete

    @property
    def advised(self) -> tuple[ShownCheck, ...]:
        """What was not met and makes no failure."""
        return () if self.strict else tuple(item for item in self.checks if item.advised)

    @property
    def owed(self) -> tuple[ShownCheck, ...]:
        """The skipped SHALLs."""
        return tuple(item for item in self.checks if item.owed)

    def counts(self, suite: str) -> Mapping[str, int]:
        """How many of its checks came to what."""
        return {word: sum(item.suite == suite and item.result == word for item in self.checks) for word in BADLY}


def shown(report: Report) -> Shown:
    """The report as it may leave the house."""
    named = dict(report.evidence.items()).get("patients", ())
    veil = redaction.redaction_of(report.exchanges, map(str, named))
    known = load_requirements()
    numbers: dict[int, int] = {}
    exchanges: list[Exchange] = []
    for item in report.checks:
        for _, each in item.exchanges:
            if id(each) not in numbers:
                numbers[id(each)] = len(exchanges) + 1
                exchanges.append(each)
    checks = [_check(item, known, numbers) for item in report.checks]
    wanted = {number for item in checks if item.result in ("fail", "error") for _, number in item.seen}
    target, *stopped = veil.texts([report.target, *report.stopped])
    return Shown(
        report=report, target=target, stopped=tuple(stopped), checks=_redacted(checks, veil),
        exchanges=_exchanges(exchanges, wanted, veil),
    )  # fmt: skip


def _check(item: Outcome, known: Mapping[str, Requirement], numbers: Mapping[int, int]) -> ShownCheck:
    requirements = tuple(known[id] for id in item.requirements if id in known)
    levels = [each.level for each in requirements]
    level = next((word for word in ("SHALL NOT", "SHALL", "SHOULD NOT", "SHOULD", "MAY") if word in levels), "SHALL")
    return ShownCheck(
        id=item.id, suite=item.suite, title=item.title, result=item.result, why=item.why, level=level, fix=item.fix,
        requirements=requirements, problems=item.problems, evidence=item.evidence,
        seen=tuple(dict.fromkeys((name, numbers[id(each)]) for name, each in item.exchanges)),
    )  # fmt: skip


def _redacted(checks: Sequence[ShownCheck], veil: redaction.Redaction) -> tuple[ShownCheck, ...]:
    texts = iter(veil.texts([text for item in checks for text in (*item.problems, *item.evidence)]))
    return tuple(
        replace(item, problems=tuple(next(texts) for _ in item.problems), evidence=tuple(next(texts) for _ in item.evidence))
        for item in checks
    )  # fmt: skip


def _exchanges(
    exchanges: Sequence[Exchange], wanted: set[int], veil: redaction.Redaction
) -> tuple[ShownExchange, ...]:  # fmt: skip
    """Those of failures at length, the others briefly."""
    said = []
    for place, each in enumerate(exchanges):
        longest = curl.LONGEST_ANSWER if place + 1 in wanted else curl.SHORT_ANSWER
        said += [each.says(), curl.command(each), curl.answer(each, longest=longest)]
    texts = iter(veil.texts(said))
    return tuple(
        ShownExchange(
            number=place + 1, line=next(texts), command=curl.quoted(next(texts)), answer=next(texts),
            seconds=round(each.seconds, 3),
        )
        for place, each in enumerate(exchanges)
    )  # fmt: skip
