"""Answers of a FHIR store as values: refusals, single resources, and the headers that say which version they are."""

import re
from collections.abc import Iterable, Iterator, Mapping
from email.utils import formatdate
from functools import lru_cache
from typing import Any

from r4 import codec
from r4.interaction import Answer
from r4.outcome import Issue, outcome
from r4.references import named, parse, walk


def refusal(
    status: int, code: str, text: str, *, element: str = "", headers: Mapping[str, str] | None = None
) -> Answer:
    """An OperationOutcome with one issue."""
    return Answer(status=status, resource=outcome([Issue(code, text, element)]), headers=headers or {})


def found(row: Any) -> Answer:
    """A stored version; ``row`` has ``body``, ``version`` and ``updated``."""
    headers = {"etag": etag(row.version), "last-modified": http_date(row.updated)}
    return Answer(status=200, encoded=row.body, resource=parsed(row.body), headers=headers)


def unplain(body: Mapping[str, Any], *, base: str, said: Iterable[str] | None = None) -> Iterator[Issue]:
    """References that name nothing: no URL (R4 §2.3.0.1), or a search, which is none to store. ``said`` is what the body's
    references say, where that is known."""
    if all(_names(each, base) for each in (named(body) if said is None else said)):
        return
    for path, reference in walk(body):
        if not _names(reference["reference"], base):
            yield Issue("value", "must be a reference to a resource", f"{path}.reference", "reference")


def _names(said: str, base: str) -> bool:
    """Whether this is a URL, a URN, a fragment or a resource here."""
    if parse(said, base=base) is not None:
        return True
    return said.startswith(("http://", "https://", "urn:", "#")) and not _BLANK.search(said)


_BLANK = re.compile(r"\s")
REMEMBERED_BYTES = 8192


def parsed(body: bytes) -> Any:
    """A stored body as a resource, which nobody may change: short ones are kept, for they are read again and again."""
    return _remembered(body) if len(body) <= REMEMBERED_BYTES else codec.parse(body)


@lru_cache(maxsize=2048)
def _remembered(body: bytes) -> Any:
    return codec.parse(body)


def etag(version: int) -> str:
    """The weak ETag of a version (R4 §3.1.0.6)."""
    return f'W/"{version}"'


def http_date(at: float) -> str:
    """RFC 9110 date of Unix seconds."""
    return _http_date(int(at))


@lru_cache(maxsize=4096)
def _http_date(second: int) -> str:
    return formatdate(second, usegmt=True)
