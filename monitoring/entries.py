"""What the gateway tells the monitors, as journal entries: numbers and words, no resource and no patient datum.

``encounter`` is a keyed hash, so that an encounter is counted once; ``strata`` are coarse groups (``sex=female;age=65-79``).
"""

import struct
from collections.abc import Iterable, Sequence

from msgspec import Struct

MISSING, UNSEEN, UNUSABLE = float("nan"), float("inf"), float("-inf")
"""Cells that are no number: absent; a code or category that the reference lacks; a unit that could not be converted."""


class Observed(Struct, frozen=True, kw_only=True, gc=False):
    """One output, whatever became of it. ``features`` are cells in the manifest's order (``pack_cells``); ``value`` the output
    as a number (None: refused, abstained, or a text); ``score`` what labels are held against (a chance from 0 to 1, where it
    is one); ``refusal`` the gate's word, if it refused; ``inference`` the hash of what its submitter calls it."""

    output: str
    model: str
    version: str
    ehr: str
    encounter: str
    features: bytes = b""
    value: float | None = None
    score: float | None = None
    refusal: str = ""
    strata: str = ""
    inference: str = ""


class Labelled(Struct, frozen=True, kw_only=True, gc=False):
    """The true outcome of an output is known, and mature."""

    output: str
    model: str
    version: str
    ehr: str
    event: bool


class TextChecked(Struct, frozen=True, kw_only=True, gc=False):
    """The verdicts on one text, counted. ``missing`` and ``foreign`` count its citations of nothing and of another patient's
    resource; ``numbers`` the contradicted numbers, units and doses among ``contradicted``; ``must`` what had to be mentioned
    (critical results, allergies in force), ``omitted`` what of it was not."""

    output: str
    model: str
    version: str
    ehr: str
    supported: int = 0
    contradicted: int = 0
    unsupported: int = 0
    uncheckable: int = 0
    citations: int = 0
    missing: int = 0
    foreign: int = 0
    numbers: int = 0
    must: int = 0
    omitted: int = 0


class SentenceRead(Struct, frozen=True, kw_only=True, gc=False):
    """What a person says of a sentence that was drawn at random: supported, contradicted, unsupported or uncheckable."""

    output: str
    model: str
    version: str
    ehr: str
    verdict: str


class Ticked(Struct, frozen=True, gc=False):
    """Time has passed: what makes silence visible. Told by the evaluator itself, to every model."""


Telling = Observed | Labelled | TextChecked | SentenceRead | Ticked

COUNTS = (
    "supported", "contradicted", "unsupported", "uncheckable", "citations", "missing", "foreign", "numbers", "must",
    "omitted",
)  # fmt: skip
"""Further counts come at the end: entries of before, and states, have fewer."""


class Entry(Struct, frozen=True, kw_only=True):
    """A telling at its place in the journal: order is (``at``, ``id``). ``first`` says that no earlier output was of the same
    encounter; of a label, that its output was the first with a value. ``score`` and ``strata`` of a label are its output's."""

    id: int
    at: float
    told: Telling
    first: bool = True
    score: float | None = None
    strata: str = ""


def pack_cells(cells: Iterable[float]) -> bytes:
    """Cells as little-endian doubles."""
    cells = tuple(cells)
    return struct.pack(f"<{len(cells)}d", *cells)


def unpack_cells(packed: bytes) -> tuple[float, ...]:
    """The inverse of ``pack_cells``."""
    return struct.unpack(f"<{len(packed) // 8}d", packed)


def place(entry: Entry) -> tuple[str, str, str] | None:
    """Model, version and EHR that an entry concerns; None for a tick: all of them."""
    told = entry.told
    return None if isinstance(told, Ticked) else (told.model, told.version, told.ehr)


def ordered(entries: Sequence[Entry]) -> list[Entry]:
    """In the order in which they are folded."""
    return sorted(entries, key=lambda entry: (entry.at, entry.id))
