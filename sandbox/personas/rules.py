"""The words in which a persona is declared: one frozen value for each way an EHR departs from R4, with its source.

``source`` names where the fact is known from; ``[P]`` marks a third party's notes, ``[I]`` an inference of ours. Paths are
members joined by dots, lists flattened (``category.coding.code``); ``|`` separates alternatives.
"""

from dataclasses import dataclass, field
from typing import Literal

Write = Literal["create", "update"]
CREATE: tuple[Write, ...] = ("create",)
WORDS = {"AtMost": "at most"}
WRITES: tuple[Write, ...] = ("create", "update")


@dataclass(frozen=True, kw_only=True, slots=True)
class Refusal:
    """How a write is refused: ``code`` is the FHIR issue type, ``number`` and ``key`` the vendor's own."""

    status: int = 422
    code: str = "business-rule"
    number: str = ""
    key: str = ""
    text: str = "This EHR does not take it so."


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """What every line has."""

    source: str

    @property
    def about(self) -> str:
        """What the line is about: two personas are compared by it, and one persona says it once."""
        return type(self).__name__.lower()


@dataclass(frozen=True, kw_only=True, slots=True)
class Offers(Rule):
    """The interactions that a type has, in the words of a CapabilityStatement; ``hidden`` work without being declared.
    Type ``*`` stands for every type that has no line."""

    type: str
    interactions: frozenset[str] = frozenset()
    hidden: frozenset[str] = frozenset()

    @property
    def about(self) -> str:
        return f"{self.type} offers"


@dataclass(frozen=True, kw_only=True, slots=True)
class Whole(Rule):
    """The interactions of the whole system: of ``transaction``, ``batch``, ``history-system``."""

    interactions: frozenset[str] = frozenset()

    @property
    def about(self) -> str:
        return "system offers"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unoffered(Rule):
    """The answer to what is not offered."""

    refusal: Refusal

    @property
    def about(self) -> str:
        return "what is not offered"


@dataclass(frozen=True, kw_only=True, slots=True)
class Unconditional(Rule):
    """There are no conditional writes: If-None-Exist is not looked at, so that each request makes a record of its own;
    conditional updates and deletes are not offered."""

    @property
    def about(self) -> str:
        return "no conditional writes"


@dataclass(frozen=True, kw_only=True, slots=True)
class OwnIds(Rule):
    """Only the server gives ids: a PUT to an id that is not there makes nothing."""

    @property
    def about(self) -> str:
        return "no PUT to a new id"


@dataclass(frozen=True, kw_only=True, slots=True)
class Versionless(Rule):
    """No ETag, and If-Match is not looked at; ``on`` are the interactions for which that is so."""

    on: frozenset[str]

    @property
    def about(self) -> str:
        return "If-Match ignored"


@dataclass(frozen=True, kw_only=True, slots=True)
class Content(Rule):
    """A rule about the body of a write of one type; ``when`` limits it to bodies with that code at that path."""

    type: str
    path: str
    on: tuple[Write, ...] = CREATE
    refusal: Refusal = field(default_factory=Refusal)
    when: tuple[str, str] | None = None

    @property
    def about(self) -> str:
        of = f" of {self.when[1]}" if self.when else ""
        return f"{self.type}.{self.path}{of} {WORDS.get(type(self).__name__, type(self).__name__.lower())} ({', '.join(self.on)})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Allows(Content):
    """The codes that may stand there; ``needed``: one of them has to."""

    values: frozenset[str]
    needed: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Includes(Content):
    """The codes of which one has to be among those that stand there."""

    values: frozenset[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Needs(Content):
    """What must be there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Fatal(Content):
    """What must not be there: it fails the whole write."""


@dataclass(frozen=True, kw_only=True, slots=True)
class AtMost(Content):
    """How many there may be."""

    count: int = 1


@dataclass(frozen=True, kw_only=True, slots=True)
class Longest(Content):
    """How many characters it may have."""

    characters: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Author(Content):
    """The reference must be the user of the token; for a token without a user it need not be there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drops(Rule):
    """Elements that are lost without a word; ``content[1:]`` is all but the first."""

    type: str
    paths: tuple[str, ...]

    @property
    def about(self) -> str:
        return f"{self.type} loses"


@dataclass(frozen=True, kw_only=True, slots=True)
class Visit(Content):
    """The encounter of a write. ``needed`` for tokens that are not a patient's; ``open``: neither ended nor in the
    future; it is of the same patient in any case."""

    needed: bool = False
    open: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Immutable(Content):
    """What an update may not change."""

    on: tuple[Write, ...] = ("update",)


@dataclass(frozen=True, kw_only=True, slots=True)
class Duplicates(Rule):
    """The same content again. Without a refusal the second is accepted and nothing is stored."""

    type: str
    by: tuple[str, ...]
    refusal: Refusal | None = None

    @property
    def about(self) -> str:
        return f"{self.type} duplicates"


@dataclass(frozen=True, kw_only=True, slots=True)
class Parks(Rule):
    """What is accepted and lands elsewhere: in a document with this title that waits for a review."""

    type: str
    title: str

    @property
    def about(self) -> str:
        return f"{self.type} parked"


@dataclass(frozen=True, kw_only=True, slots=True)
class Partial(Rule):
    """A PUT with these elements only, of this status, changes the status and keeps the rest."""

    type: str
    elements: frozenset[str]
    status: str

    @property
    def about(self) -> str:
        return f"{self.type} partial update"
