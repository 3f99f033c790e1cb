"""Edge: four failures that happened, reproduced in the sandbox, each with the signal that would have caught it. Facts and sources
of the cases: docs/failure-modes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """What a case came to: ``without`` is the failure as it was, ``with_`` what is seen here; ``numbers`` for programs.
    ``caught`` says whether the signal was really raised in this run."""

    case: str
    without: tuple[str, ...]
    with_: tuple[str, ...]
    signal: str
    caught: bool
    numbers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True, slots=True)
class Case:
    """``run`` is a plain function; ``page`` the document that tells the case."""

    id: str
    title: str
    page: str
    run: Callable[[], Told]


def cases() -> tuple[Case, ...]:
    """The four, in the order of the failure modes. Imported late: each starts what it needs."""
    from gateway.cases import clinics, feed, unknown_queue, unwatched

    return (feed.CASE, unknown_queue.CASE, unwatched.CASE, clinics.CASE)
