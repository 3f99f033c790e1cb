"""A part of a bulk export sorted by patient: the lines that a model asks for, in buckets, in one file."""

import os
import re
import tempfile
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import NamedTuple
from zlib import crc32

import msgspec

from fidelity import lines
from fidelity.profiling import SHOWN, Part
from gateway.population.asked import MEDICATION, OBSERVATION, Asked, Head, head_of, read_head, speaks, whose

SHARED = -1
"""The bucket of what belongs to no patient and may be needed for any."""
_NAMED = re.compile(rb"Patient\\?/([A-Za-z0-9.\-]{1,64})")


class Entry(NamedTuple):
    """A line with whose it is and its number within the part. Without a line: one that named this patient could not be read."""

    key: str
    number: int
    line: bytes


class Piece(NamedTuple):
    """A bucket's entries in the file of a part."""

    run: str
    part: int
    start: int
    length: int


class Sorted(NamedTuple):
    """``counts`` resources by type, ``asked`` those kept, ``astray`` those of them that name no patient, ``nobody`` the
    unreadable lines that name none either."""

    pieces: dict[int, Piece]
    lines: int
    counts: dict[str, int]
    unreadable: dict[str, int]
    wrong: list[tuple[int, str]]
    asked: int
    astray: int
    nobody: int


class _Sorting:
    """What has been seen of a part so far."""

    def __init__(self, asked: Asked, buckets: int) -> None:
        self.types, self.codes, self.buckets = asked.types, asked.codes, buckets
        self.held: dict[int, list[Entry]] = {}
        self.counts: dict[str, int] = {}
        self.unreadable: dict[str, int] = {}
        self.wrong: list[tuple[int, str]] = []
        self.lines = self.asked = self.astray = self.nobody = 0

    def keep(self, head: Head, number: int, line: bytes) -> None:
        key = whose(head)
        self.asked += 1
        if not key:
            self.astray += 1
            return
        shared = head.resourceType == MEDICATION
        self.held.setdefault(SHARED if shared else bucket(key, self.buckets), []).append(Entry(key, number, line))

    def carefully(self, number: int, line: bytes) -> None:
        """A line that is not built as most are: what it is, or what is wrong with it, by the rules of ``fidelity.lines``."""
        if not line or line.isspace():
            return
        found = lines.parsed(number, 0, line)
        if found.resource is None:
            self.refuse(number, found.wrong, line)
            return
        head = head_of(found.resource)
        self.counts[head.resourceType] = self.counts.get(head.resourceType, 0) + 1
        if head.resourceType in self.types:
            self.keep(head, number, line.removeprefix(lines.BOM))

    def refuse(self, number: int, why: str, line: bytes = b"") -> None:
        self.unreadable[why] = self.unreadable.get(why, 0) + 1
        if len(self.wrong) < SHOWN:
            self.wrong.append((number, why))
        named = sorted(set(_NAMED.findall(line)))
        self.nobody += not named
        for key in map(bytes.decode, named):
            self.held.setdefault(bucket(key, self.buckets), []).append(Entry(key, number, b""))


def bucket(key: str, buckets: int) -> int:
    """Where a patient is put: the same everywhere."""
    return crc32(key.encode("utf-8", "surrogatepass")) % buckets


def sort_part(numbered: tuple[int, Part], *, asked: Asked, buckets: int, folder: Path) -> Sorted:
    """Sorts one part into ``folder``. Memory: the lines of the part that are asked for."""
    place, part = numbered
    found = _Sorting(asked, buckets)
    _look(found, part)
    run = folder / f"{place:06d}.run"
    pieces = _write(run, place, found.held)
    return Sorted(
        pieces, found.lines, found.counts, found.unreadable, found.wrong, found.asked, found.astray, found.nobody
    )


def _look(found: _Sorting, part: Part) -> None:
    """Each line once; most are told by their head."""
    types, codes, counts, keep = found.types, found.codes, found.counts, found.keep
    number = 0
    with part.path.open("rb") as file:
        blocks = (lines.split(block) for block, _, _ in lines.blocks(file, part.start, part.end))
        for number, line in enumerate(chain.from_iterable(blocks), start=1):
            if line is None:
                found.refuse(number, lines.TOO_LONG)
                continue
            try:
                if not line.isascii():
                    line.decode("utf-8")
                head = read_head(line)
            except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                found.carefully(number, line)
                continue
            kind = head.resourceType
            if kind not in lines.TYPES:
                found.carefully(number, line)
                continue
            counts[kind] = counts.get(kind, 0) + 1
            if kind in types and (kind != OBSERVATION or codes is None or speaks(head, codes)):
                keep(head, number, line)
    found.lines = number


def _write(run: Path, place: int, held: dict[int, list[Entry]]) -> dict[int, Piece]:
    """In place as a whole, so that a part done twice is the same part."""
    pieces: dict[int, Piece] = {}
    descriptor, made = tempfile.mkstemp(dir=run.parent)
    with os.fdopen(descriptor, "wb") as file:
        for number in sorted(held):
            body = msgspec.msgpack.encode(held.pop(number))
            pieces[number] = Piece(run.name, place, file.tell(), len(body))
            file.write(body)
    os.replace(made, run)
    return pieces


_entries: Callable[[bytes], list[Entry]] = msgspec.msgpack.Decoder(list[Entry]).decode


def read_piece(folder: Path, piece: Piece) -> list[Entry]:
    """What ``sort_part`` put there."""
    with (folder / piece.run).open("rb") as file:
        file.seek(piece.start)
        return _entries(file.read(piece.length))
