"""What is said of a work beside what it does: whether it may be done again, and how long it takes (docs/decisions/0003)."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from sqlalchemy import Connection

T = TypeVar("T")
Work = Callable[[Connection, float], T]


@dataclass(frozen=True, slots=True)
class Repeatable(Generic[T]):
    """A work that changes nothing but the database, so that it may be done again from its beginning. A savepoint costs SQLite a
    copy of every page that is written after it: a quarter of what it takes to record an output."""

    work: Work[T]

    def __call__(self, connection: Connection, now: float) -> T:
        return self.work(connection, now)


@dataclass(frozen=True, slots=True)
class Short(Repeatable[T]):
    """One that takes tens of microseconds: done on the event loop, which waits for it."""


@dataclass(frozen=True, slots=True)
class Accepting(Short[T]):
    """A short one that takes on what is to be done later, and with it room on the disk: refused where there is little
    (``room.py``), for that is kept for what was taken on before."""
