"""Edge: resources out of files, one at a time: NDJSON line by line, or the entries of a Bundle."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from r4 import codec

NDJSON, JSON = (".ndjson", ".jsonl"), ".json"


class Unreadable(ValueError):
    """The file is none that can be loaded; the text says what it would have to be."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Item:
    """One resource as JSON text. ``line`` counts lines, or entries of a Bundle, from 1."""

    line: int
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """``names`` are what ``urn:`` references of a Bundle stand for; ``size`` is in bytes."""

    path: Path
    names: dict[str, str] = field(default_factory=dict)
    entries: tuple[str, ...] | None = None

    def items(self) -> Iterator[tuple[Item, int]]:
        """Each resource, with the bytes read so far."""
        if self.entries is not None:
            for number, text in enumerate(self.entries, start=1):
                yield Item(line=number, text=text), number
            return
        done = 0
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                done += len(line)
                if line.strip():
                    yield Item(line=number, text=line.decode("utf-8", "replace")), done

    @property
    def size(self) -> int:
        """What ``items`` counts to."""
        return self.path.stat().st_size if self.entries is None else len(self.entries)


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
    entries = [entry for entry in document.get("entry") or () if isinstance(entry, dict) and "resource" in entry]
    names = {str(entry.get("fullUrl")): _name(entry["resource"]) for entry in entries}
    return Source(
        path=path, names={url: name for url, name in names.items() if url.startswith("urn:") and name},
        entries=tuple(codec.format(entry["resource"]).decode() for entry in entries),
    )  # fmt: skip


def _name(resource: Any) -> str:
    if isinstance(resource, dict) and isinstance(resource.get("id"), str):
        return f"{resource.get('resourceType')}/{resource['id']}"
    return ""
