"""The words in which a persona declares how it answers: statuses, headers, the dialect of its errors, its rate limit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from sandbox.personas.rules import Rule

Locations = Literal["absolute", "relative", "content-location", "none"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Stale(Rule):
    """The status for a version that is no more (R4: 412)."""

    status: int

    @property
    def about(self) -> str:
        return "stale If-Match"


@dataclass(frozen=True, kw_only=True, slots=True)
class Created(Rule):
    """The answer to a create. ``body``: ``asked`` gives it with ``Prefer: return=representation`` only. Type ``*`` is
    every type without a line."""

    type: str = "*"
    status: int = 201
    body: Literal["preferred", "asked", "none"] = "preferred"
    location: Locations = "absolute"
    etag: bool = True

    @property
    def about(self) -> str:
        return f"{self.type} created"


@dataclass(frozen=True, kw_only=True, slots=True)
class Deleted(Rule):
    """The answer to a delete."""

    status: int

    @property
    def about(self) -> str:
        return "deleted"


@dataclass(frozen=True, kw_only=True, slots=True)
class Numbers(Rule):
    """The vendor's number in ``issue.details.coding``, by the FHIR type of the issue."""

    system: str
    numbers: Mapping[str, str]

    @property
    def about(self) -> str:
        return "error numbers"


@dataclass(frozen=True, kw_only=True, slots=True)
class Bodiless(Rule):
    """The status whose answers have no body."""

    status: int

    @property
    def about(self) -> str:
        return f"body of a {self.status}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Numeric(Rule):
    """Writes are answered by a number and its key instead of FHIR: the success, and refusals by the type of the issue. ``mild``
    are the keys of refusals that come with a status of 200."""

    success: tuple[int, str]
    refusals: Mapping[str, tuple[int, str]]
    mild: frozenset[str] = frozenset()

    @property
    def about(self) -> str:
        return "answers to writes"


@dataclass(frozen=True, kw_only=True, slots=True)
class Limit(Rule):
    """Requests in a window of the clock, those for tokens too; above it 429 until the window ends."""

    requests: int
    seconds: int
    retry_after: bool

    @property
    def about(self) -> str:
        return "rate"
