"""Edge: resources out of files, one at a time: NDJSON line by line, or the entries of a Bundle."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from r4 import codec

NDJSON, JSON = (".ndjson", ".jsonl"), ".json"
LONGEST = 5 * 1024 * 1024
"""Bytes of a line, at most: as many as a request to the FHIR base may have."""
TOO_LONG = f"has more than {LONGEST} bytes"
EMPTY = "has no resource: what is to be stored is loaded, and nothing is deleted"


class Unreadable(ValueError):
    """The file is none that can be loaded; the text says what it would have to be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One resource as JSON text, in which bytes that are not UTF-8 are escaped (``surrogateescape``), or what is wrong.
    ``line`` counts lines, or entries of a Bundle, from 1."""

    line: int
    text: str = ""
    wrong: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """``names`` are what ``urn:`` references of a Bundle stand for; ``size`` is in bytes."""

    path: Path
    names: dict[str, str] = field(default_factory=dict)
    entries: tuple[str | None, ...] | None = None

    def items(self) -> Iterator[tuple[Item, int]]:
        """Each resource, with the bytes read so far."""
        if self.entries is not None:
            for number, text in enumerate(self.entries, start=1):
                yield Item(line=number, wrong=EMPTY) if text is None else Item(line=number, text=text), number
            return
        with self.path.open("rb") as file:
            for number, line in enumerate(iter(lambda: file.readline(LONGEST + 1), b""), start=1):
                item = Item(line=number, text=line.decode("utf-8", "surrogateescape"))
                if len(line) > LONGEST:
                    item = Item(line=number, wrong=TOO_LONG)
                    _to_the_end(file, line)
                if line.strip():
                    yield item, file.tell()

    @property
    def size(self) -> int:
        """What ``items`` counts to."""
        return self.path.stat().st_size if self.entries is None else len(self.entries)


def _to_the_end(file: BinaryIO, line: bytes) -> None:
    """Leaves out the rest of the line."""
    while line and not line.endswith(b"\n"):
        line = file.readline(LONGEST)


def sources(paths: list[Path]) -> Iterator[Source]:
    """Files in the order given, those of a folder by name. Raises Unreadable."""
    for path in paths:
        listed = sorted(each for each in path.rglob("*") if each.suffix in (*NDJSON, JSON)) if path.is_dir() else [path]
        if not listed:
            raise Unreadable(f"{path.name} holds no .ndjson and no .json file")
        for each in listed:
            yield _source(each)


def _source(path: Path) -> Source:
    if path.suffix in NDJSON:
        return Source(path=path)
    if path.suffix != JSON:
        raise Unreadable(f"{path.name} is neither .ndjson nor .json")
    try:
        document: Any = codec.parse(path.read_bytes())
    except codec.CodecError as wrong:
        raise Unreadable(f"{path.name} is not JSON: {wrong.issue.text}") from wrong
    if not isinstance(document, dict):
        raise Unreadable(f"{path.name} is no resource")
    if document.get("resourceType") != "Bundle":
        return Source(path=path, entries=(codec.format(document).decode(),))
    entries = [entry if isinstance(entry, dict) else {} for entry in document.get("entry") or ()]
    resources = [_identified(entry) for entry in entries]
    names = {str(entry.get("fullUrl")): _name(body) for entry, body in zip(entries, resources, strict=True)}
    return Source(
        path=path, names={url: name for url, name in names.items() if url.startswith("urn:") and name},
        entries=tuple(None if body is None else codec.format(body).decode() for body in resources),
    )  # fmt: skip


def _identified(entry: dict[str, Any]) -> Any:
    """The resource of an entry. One without id has that of its ``urn:uuid:``, so that loading it again makes no other."""
    body, url = entry.get("resource"), str(entry.get("fullUrl"))
    if isinstance(body, dict) and "id" not in body and url.startswith(UUID):
        return {**body, "id": url.removeprefix(UUID)}
    return body


UUID = "urn:uuid:"


def _name(resource: Any) -> str:
    if isinstance(resource, dict) and isinstance(resource.get("id"), str):
        return f"{resource.get('resourceType')}/{resource['id']}"
    return ""
