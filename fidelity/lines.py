"""Edge: reads NDJSON as it comes, line by line, in bounded memory. What cannot be read is a line with its number and what is
wrong with it: never an exception, and never left out in silence.

A bulk lane that writes nothing back: numbers are read as floats (house.md §2, codec).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import orjson

from r4.definitions import resource_types

LONGEST = 16 * 1024 * 1024
"""Bytes of a line, at most: no resource of a feed comes near, and a file of one endless line does not fill the memory."""
DEEPEST = 200
"""Arrays and objects within one another: no resource comes near, and whoever walks one must not run out of stack."""
PIECE = 1024 * 1024
BLOCK = 256 * 1024
"""Bytes read at a time: what a core keeps near."""
BOM = b"\xef\xbb\xbf"
SUFFIXES = (".ndjson", ".jsonl")
NOT_JSON, NOT_UTF8, TOO_LONG, NO_OBJECT, NO_TYPE = "not JSON", "not UTF-8", "too long", "no object", "unknown type"
TOO_DEEP, BUNDLE = "nested too deep", "a Bundle"
LABELS = ("labels.ndjson", "unreadable.ndjson", "messy.ndjson")
"""Files beside resources that hold none: what was done to them, or what could not be read."""
WRONG = (NOT_JSON, NOT_UTF8, TOO_LONG, NO_OBJECT, NO_TYPE, TOO_DEEP, BUNDLE)
"""What may be wrong with a line."""


class Line(NamedTuple):
    """One line that is not blank: ``resource``, or None and what is ``wrong``. ``number`` counts from 1; ``at`` is the place in
    the file behind it, in bytes."""

    number: int
    at: int
    resource: dict[str, Any] | None
    wrong: str = ""


class NoLines(ValueError):
    """There is no NDJSON at this place; the text says what is looked for."""


def files(source: Path) -> tuple[Path, ...]:
    """The NDJSON files of a folder by name, or the file. Raises NoLines."""
    if source.is_file():
        return (source,)
    found = tuple(sorted(each for each in source.rglob("*") if each.suffix in SUFFIXES and each.name not in LABELS))
    if not found:
        raise NoLines(f"{source.name} holds no file that ends in {' or '.join(SUFFIXES)}")
    return found


def read(path: Path, *, start: int = 0, end: int | None = None) -> Iterator[Line]:
    """The lines that begin between two places of the file, in bytes. Their numbers count from ``start``."""
    with path.open("rb") as file:
        for number, (line, at) in enumerate(pieces(file, start, end), start=1):
            if line is None:
                yield Line(number, at, None, TOO_LONG)
            elif line and not line.isspace():
                yield parsed(number, at, line)


def pieces(file: BinaryIO, start: int, end: int | None) -> Iterator[tuple[bytes | None, int]]:
    """Each line, without its end, with the place behind it; None for one that is too long. A line belongs to where it begins."""
    for block, at, last in blocks(file, start, end):
        for line in split(block):
            at = last if line is None else min(at + len(line) + 1, last)
            yield line, at


def split(block: bytes | None) -> list[bytes | None]:
    """The lines of a block, without their ends."""
    return [None] if block is None else [*block.removesuffix(b"\n").split(b"\n")]


def blocks(file: BinaryIO, start: int, end: int | None, size: int = BLOCK) -> Iterator[tuple[bytes | None, int, int]]:
    """The same, many lines at a time: whole lines, the place before them and the one behind.
    ``size`` bytes are read at a time."""
    at = max(start - 1, 0)
    file.seek(at)
    if start > 0:
        at = _behind(file, file.readline(PIECE), at)
    held = b""
    while end is None or at < end:
        piece = file.read(size)
        if not piece and not held:
            return
        block = held + piece
        if end is not None and at + len(block) >= end and (stop := block.find(b"\n", end - 1 - at) + 1):
            block = block[:stop]
        cut = block.rfind(b"\n") + 1 if piece else len(block)
        held = block[cut:]
        if cut:
            yield from _cut(block[:cut], at)
            at += cut
        elif len(held) > LONGEST:
            before, at, held = at, _behind(file, held, at), b""
            yield None, before, at


def _cut(block: bytes, at: int) -> Iterator[tuple[bytes | None, int, int]]:
    """Whole lines. Only the first can be too long: it alone began in a block before."""
    last = at + len(block)
    if len(block) > LONGEST and (first := block.find(b"\n") + 1 or len(block)) > LONGEST:
        yield None, at, at + first
        block, at = block[first:], at + first
    if block:
        yield block, at, last


def holding(path: Path, word: bytes) -> Iterator[bytes]:
    """The lines with a word in them, found a megabyte at a time."""
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            rest = b"" if piece.endswith(b"\n") else file.readline(LONGEST + 1)
            if len(rest) > LONGEST:
                _behind(file, rest, file.tell() - len(rest))
                piece, rest = piece[: piece.rfind(b"\n") + 1], b""
            piece += rest
            if word in piece:
                yield from (line for line in piece.split(b"\n") if word in line)


def _behind(file: BinaryIO, line: bytes, at: int) -> int:
    """The place behind a line of which a part was read; the file is there then."""
    at += len(line)
    if line.endswith(b"\n"):
        return at
    while piece := file.read(PIECE):
        end = piece.find(b"\n") + 1
        if end:
            file.seek(at + end)
            return at + end
        at += len(piece)
    return at


def parsed(number: int, at: int, line: bytes) -> Line:
    """What one line holds."""
    try:
        found = orjson.loads(
            line.removeprefix(BOM) if number == 1 else line
        )  # not FHIR written back: a lane that counts
    except orjson.JSONDecodeError:
        return Line(number, at, None, _why(line))
    except RecursionError:
        return Line(number, at, None, NOT_JSON)
    if type(found) is not dict:
        return Line(number, at, None, NO_OBJECT)
    if type_of(found) is None:
        return Line(number, at, None, BUNDLE if found.get("resourceType") == "Bundle" else NO_TYPE)
    if line.count(b"{") + line.count(b"[") > DEEPEST and _deeper(found, DEEPEST):
        return Line(number, at, None, TOO_DEEP)
    return Line(number, at, found)


def _deeper(value: Any, most: int) -> bool:
    """Whether more than ``most`` arrays and objects lie within one another, level by level."""
    level = [value]
    for _ in range(most):
        level = [
            inner for each in level for inner in (each.values() if type(each) is dict else each)
            if type(inner) is dict or type(inner) is list
        ]  # fmt: skip
        if not level:
            return False
    return True


def type_of(resource: dict[str, Any]) -> str | None:
    """The type of a resource, if R4 has it and a line may be one: a Bundle holds several, and counted as one it would hide
    them."""
    name = resource.get("resourceType")
    return name if isinstance(name, str) and name in TYPES else None


TYPES = resource_types() - {"Bundle"}


def _why(line: bytes) -> str:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return NOT_UTF8
    return NOT_JSON
