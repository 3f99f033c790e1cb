"""A check is a generator of problems over evidence; ``@check`` says which requirements it shows (house.md §9)."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal

from conformance.evidence import Evidence, Missing

Problems = Iterator[str]
Result = Literal["pass", "fail", "skip", "error"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """``id`` is the function's name; ``title`` the first line of what it says of itself."""

    id: str
    title: str
    requirements: tuple[str, ...]
    find: Callable[[Evidence], Problems]


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """What one check came to. ``problems`` hold no token, secret or patient datum."""

    id: str
    suite: str
    title: str
    requirements: tuple[str, ...]
    result: Result
    problems: tuple[str, ...] = ()
    evidence: tuple[str, ...] = ()


def check(*requirements: str) -> Callable[[Callable[[Evidence], Problems]], Check]:
    """Makes a check of a generator function."""

    def made(find: Callable[[Evidence], Problems]) -> Check:
        title = (find.__doc__ or find.__name__).strip().splitlines()[0]
        return Check(id=find.__name__, title=title, requirements=requirements, find=find)

    return made


def judge(item: Check, suite: str, evidence: Evidence) -> Outcome:
    """Missing evidence is skip, a crash is error, problems are fail: silence alone is never a pass."""
    evidence.shown()
    result: Result
    try:
        problems = tuple(item.find(evidence))
        result = "fail" if problems else "pass"
    except Missing as missing:
        problems, result = (f"not seen: {missing.args[0]}",), "skip"
    except Exception as fault:  # the suite's own fault must not look like the server's
        problems, result = (f"the check itself failed: {type(fault).__name__}",), "error"
    seen = tuple(evidence.shown())
    if result == "pass" and not seen:
        problems, result = ("the check looked at nothing",), "error"
    return Outcome(
        id=item.id, suite=suite, title=item.title, requirements=item.requirements, result=result, problems=problems,
        evidence=seen,
    )  # fmt: skip


def marked(checks: tuple[Check, ...], *, writes: bool = False) -> tuple[Check, ...]:
    """Stand-in."""
    return checks
