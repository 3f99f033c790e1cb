"""What a code system says of a code in one edition, and in which order editions came."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from typing import NamedTuple, Protocol

Spans = tuple[tuple[float, float], ...]


class Standing(NamedTuple):
    """A code as an edition has it. None: not judged, for nothing here can decide it. ``spans``: when the code could be
    used, Unix seconds, from inclusive to exclusive; None where the system does not say. ``edition`` is the version."""

    known: bool | None
    active: bool | None
    spans: Spans | None = None
    edition: str = ""
    display: str | None = None


NOT_JUDGED = Standing(None, None)


class Terminology(Protocol):
    """Whoever can say what a code is: editions on this machine, or a terminology server. It fails closed: what it cannot
    decide is not judged."""

    def standing(self, system: str, code: str, version: str | None) -> Standing:
        """What ``version`` (None: the pinned or the newest edition) says of the code."""
        ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Edition:
    """One edition of one system. ``since`` is when it came into force, Unix seconds. ``active`` are the codes that may be
    used, ``retired`` those that are known and may not. ``complete``: a code in neither is unknown; an excerpt or a
    subset is not complete and does not judge what it lacks."""

    system: str
    version: str
    since: float
    active: Mapping[str, str]
    retired: Mapping[str, str] = field(default_factory=dict)
    complete: bool = False
    dated: bool = False
    """The system's codes are valid from edition to edition (ICD-10-CM), so that the date of an event decides."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Library:
    """The editions that are here, oldest first, by system; ``pins`` choose one by its version, else the newest holds."""

    editions: Mapping[str, Sequence[Edition]] = field(default_factory=dict)
    pins: Mapping[str, str] = field(default_factory=dict)

    def edition(self, system: str, version: str | None = None) -> Edition | None:
        """The edition of that version; without one the pinned, without a pin the newest. None when it is not here."""
        here = self.editions.get(system, ())
        wanted = version or self.pins.get(system)
        if wanted is None:
            return here[-1] if here else None
        return next((each for each in here if each.version == wanted), None)

    def standing(self, system: str, code: str, version: str | None = None) -> Standing:
        """What the edition says of the code, and when all editions that are here let it be used."""
        edition, here = self.edition(system, version), self.editions.get(system, ())
        dated = bool(here) and here[0].dated
        code = pointed(code) if dated else code
        spans = _spans(here, code) if dated else None
        if edition is None:  # not here: what may be used in it is not known, but when the code was valid may be
            return Standing(None, None, spans or None)
        if code in edition.active:
            return Standing(True, True, spans, edition.version, edition.active[code])
        if code in edition.retired or spans:
            return Standing(True, False, spans, edition.version, edition.retired.get(code))
        return Standing(False if edition.complete else None, None, None, edition.version)


def pointed(code: str) -> str:
    """An ICD-10-CM code with its point, which many senders leave out: ``E1165`` → ``E11.65``."""
    return code if len(code) <= 3 or "." in code else f"{code[:3]}.{code[3:]}"


def _spans(editions: Sequence[Edition], code: str) -> Spans:
    """When the code could be used: edition by edition, joined. Before the first edition that is here nothing is known,
    so its codes are taken to have been valid before."""
    found: list[tuple[float, float]] = []
    for place, edition in enumerate(editions):
        if code not in edition.active:
            continue
        begins = -inf if place == 0 else edition.since
        ends = editions[place + 1].since if place + 1 < len(editions) else inf
        if found and found[-1][1] == begins:
            found[-1] = (found[-1][0], ends)
        else:
            found.append((begins, ends))
    return tuple(found)


def library(editions: Iterable[Edition], pins: Mapping[str, str] | None = None) -> Library:
    """Editions in any order → Library."""
    sorted_in: dict[str, list[Edition]] = {}
    for edition in sorted(editions, key=lambda each: each.since):
        sorted_in.setdefault(edition.system, []).append(edition)
    return Library(editions=sorted_in, pins=dict(pins or {}))


def valid(spans: Spans, start: float, end: float) -> bool:
    """Whether a code could be used at some moment of an interval: a partial date is judged by the whole of what it
    stands for, so that it never raises a false fault."""
    return any(begins <= end and start < ends for begins, ends in spans)


class Skew(NamedTuple):
    """Codes of a model's features that one edition has active and the other has not."""

    system: str
    trained: str
    live: str
    added: tuple[str, ...]
    retired: tuple[str, ...]


def skew(trained: Edition, live: Edition, touches: Iterable[str]) -> Skew:
    """What changed between two editions among the codes that a model's features list. A listed category (``E11``) is
    touched by its subdivisions too when the system is ICD-10-CM, whose hierarchy is in the code (VER-05)."""
    listed = tuple(code.replace(".", "") for code in touches)

    def meant(code: str) -> bool:
        plain = code.replace(".", "")
        return plain in listed or (trained.dated and any(len(each) >= 3 and plain.startswith(each) for each in listed))

    before, now = set(trained.active), set(live.active)
    return Skew(
        live.system, trained.version, live.version,
        tuple(sorted(filter(meant, now - before))), tuple(sorted(filter(meant, before - now))),
    )  # fmt: skip
