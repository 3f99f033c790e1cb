"""A check is a generator of problems over evidence; ``@check`` says which requirements it shows (house.md §9)."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from inspect import cleandoc
from typing import Literal

from conformance.evidence import Evidence, Exchange, Missing, NotOffered

Problems = Iterator[str]
Result = Literal["pass", "fail", "skip", "error"]
Why = Literal["", "writes", "slow", "not offered", "not seen"]
"""Why a check was skipped: an option was not given, the server does not say it has that, or it could not be looked at."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """``id`` is the function's name; ``title`` the first line of what it says of itself, ``fix`` the rest: what to do when
    it fails. Without what ``writes`` or is ``slow`` the check has nothing to look at."""

    id: str
    title: str
    requirements: tuple[str, ...]
    find: Callable[[Evidence], Problems]
    fix: str = ""
    writes: bool = False
    slow: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What one check came to. ``problems`` hold no token, secret or patient datum; ``exchanges``, what was looked at, do:
    reports show them redacted."""

    id: str
    suite: str
    title: str
    requirements: tuple[str, ...]
    result: Result
    problems: tuple[str, ...] = ()
    why: Why = ""
    fix: str = ""
    exchanges: tuple[tuple[str, Exchange], ...] = ()

    @property
    def evidence(self) -> tuple[str, ...]:
        """What was looked at, in words."""
        return tuple(f"{name}: {exchange.says()}" for name, exchange in self.exchanges)


def check(
    *requirements: str, writes: bool = False, slow: bool = False
) -> Callable[[Callable[[Evidence], Problems]], Check]:
    """Makes a check of a generator function."""

    def made(find: Callable[[Evidence], Problems]) -> Check:
        title, _, fix = cleandoc(find.__doc__ or find.__name__).partition("\n")
        return Check(
            id=find.__name__, title=title, requirements=requirements, find=find, fix=" ".join(fix.split()),
            writes=writes, slow=slow,
        )  # fmt: skip

    return made


def marked(checks: Iterable[Check], *, writes: bool = False, slow: bool = False) -> tuple[Check, ...]:
    """The same checks, of evidence that writes or is slow to get."""
    return tuple(replace(item, writes=item.writes or writes, slow=item.slow or slow) for item in checks)


def judge(item: Check, suite: str, evidence: Evidence, *, writes: bool = True, slow: bool = True) -> Outcome:
    """Missing evidence is skip, a crash is error, problems are fail: silence alone is never a pass."""
    if withheld := _withheld(item, writes=writes, slow=slow):
        return _outcome(item, suite, "skip", (f"not run without --{withheld}",), withheld)
    evidence.looked_at()
    result, problems, why = _found(item, evidence)
    seen = tuple(evidence.looked_at())
    if result == "pass" and not seen:
        problems, result = ("the check looked at nothing",), "error"
    return replace(_outcome(item, suite, result, problems, why), exchanges=seen)


def _found(item: Check, evidence: Evidence) -> tuple[Result, tuple[str, ...], Why]:
    """What was found before evidence ran out is found."""
    problems: list[str] = []
    try:
        for problem in item.find(evidence):
            problems.append(problem)
    except Missing as missing:
        why: Why = "not offered" if isinstance(missing, NotOffered) else "not seen"
        if not problems:
            return "skip", (f"{why}: {missing.args[0]}",), why
    except Exception as fault:  # the suite's own fault must not look like the server's
        return "error", (f"the check itself failed: {type(fault).__name__}",), ""
    return "fail" if problems else "pass", tuple(problems), ""


def _withheld(item: Check, *, writes: bool, slow: bool) -> Literal["", "writes", "slow"]:
    if item.writes and not writes:
        return "writes"
    return "slow" if item.slow and not slow else ""


def _outcome(item: Check, suite: str, result: Result, problems: tuple[str, ...], why: Why) -> Outcome:
    return Outcome(
        id=item.id, suite=suite, title=item.title, requirements=item.requirements, result=result, problems=problems,
        why=why, fix=item.fix,
    )  # fmt: skip
