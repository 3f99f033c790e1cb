"""Edge: conformance reports that are kept with an installation, by the server they are about: what ``/conformance`` shows."""

import json
import zlib
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, delete, func, insert, select

from gateway.tables import reports
from vocabulary.instant import format_instant

MOST = 4 * 1024 * 1024
"""Bytes of a packed page, and of what is kept of the JSON, at most."""
UNPACKED = 64 * 1024 * 1024
KEPT = 10
"""Reports kept of one server; the oldest goes."""
RESULTS = ("pass", "fail", "skip", "error")
CHECKS, PROBLEMS, WORDS = 300, 5, 300
"""Checks that did not pass, problems of each and characters of each that are kept: the page has them all."""


class ReportInvalid(ValueError):
    """It is no report of ``chartgate conform``; the text says what is wrong with it."""


def packed(page: bytes) -> str:
    """A page as ``keep`` takes it."""
    return b64encode(zlib.compress(page, 9)).decode()


Sentences = Mapping[str, tuple[str, str]]
"""What a requirement says in our own words, and the address of its source, by id."""


def summary(document: Any, sentences: Sentences | None = None) -> dict[str, Any]:
    """What is kept of a JSON report: ``{"target", "started", "complete", "writes", "slow", "suite_version", "summary",
    "suites": [{"suite", "summary"}], "bad": [{"id", "suite", "result", "title", "level", "requirements": [{"id", "text",
    "address"}], "problems", "why", "fix"}], "more"}``. Raises ReportInvalid."""
    checks = document.get("checks") if isinstance(document, Mapping) else None
    target = document.get("target") if isinstance(document, Mapping) else None
    if not isinstance(checks, list) or not isinstance(target, str) or not isinstance(document.get("summary"), Mapping):
        raise ReportInvalid("this is no JSON report of chartgate conform")
    bad = [each for each in checks if isinstance(each, Mapping) and each.get("result") in ("fail", "error")]
    suites = [each for each in document.get("suites") or () if isinstance(each, Mapping)]
    return {
        "target": target.rstrip("/")[:500], "summary": _counts(document["summary"]), "complete": document.get("complete") is True,
        **{name: document.get(name) is True for name in ("writes", "slow")},
        **{name: str(document.get(name, ""))[:40] for name in ("started", "suite_version")},
        "suites": [{"suite": str(e.get("suite"))[:40], "summary": _counts(e.get("summary"))} for e in suites],
        "bad": [_check(each, sentences or {}) for each in bad[:CHECKS]], "more": max(len(bad) - CHECKS, 0),
    }  # fmt: skip


def _counts(said: Any) -> dict[str, int]:
    given = said if isinstance(said, Mapping) else {}
    return {word: number if isinstance(number := given.get(word), int) else 0 for word in RESULTS}


def _check(each: Mapping[str, Any], sentences: Sentences) -> dict[str, Any]:
    return {
        **{name: str(each.get(name) or "")[:WORDS] for name in ("id", "suite", "result", "title", "level", "why", "fix")},
        "requirements": [_requirement(id, sentences) for id in _words(each.get("requirements"), 20)],
        "problems": _words(each.get("problems"), PROBLEMS),
    }  # fmt: skip


def _requirement(id: str, sentences: Sentences) -> dict[str, str]:
    text, address = sentences.get(id, ("", ""))
    return {"id": id, "text": text[:WORDS], "address": address if address.startswith("https://") else ""}


def _words(said: Any, most: int) -> list[str]:
    given: Sequence[Any] = said if isinstance(said, list) else ()
    return [str(each)[:WORDS] for each in given[:most]]


def keep(connection: Connection, now: float, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """Keeps ``document`` (of ``summary``) with ``by`` and, where it is given, the packed ``page``. Raises ValueError."""
    said = json.dumps(arguments["document"], sort_keys=True)
    try:
        page = b64decode(arguments["page"], validate=True) if arguments.get("page") else None
    except NotBase64 as wrong:
        raise ValueError("the page of the report cannot be read") from wrong
    if max(len(said), len(page or b"")) > MOST:
        raise ValueError("the report is larger than what is kept: run fewer suites at a time")
    target = str(arguments["document"]["target"])
    connection.execute(
        insert(reports).values(target=target, at=now, by=str(arguments["by"])[:200], said=said, page=page)
    )
    ids = list(connection.scalars(select(reports.c.id).where(reports.c.target == target).order_by(reports.c.id.desc())))
    connection.execute(delete(reports).where(reports.c.id.in_(ids[KEPT:])))
    return {"id": ids[0], "target": target}


_COLUMNS = (*(each for each in reports.c if each.name != "page"), reports.c.page.is_not(None).label("whole"))


def latest(connection: Connection, now: float) -> dict[str, dict[str, Any]]:
    """The newest report of each server: ``summary`` and ``{"id", "at", "by", "whole"}``, whole where its page is kept."""
    newest = select(func.max(reports.c.id)).group_by(reports.c.target)
    rows = connection.execute(select(*_COLUMNS).where(reports.c.id.in_(newest)))
    return {
        row.target: {**json.loads(row.said), "id": row.id, "at": format_instant(row.at), "by": row.by, "whole": bool(row.whole)}
        for row in rows
    }  # fmt: skip


def find_page(connection: Connection, now: float, id: int) -> tuple[str, bytes] | None:
    """The server that one report is about, and its packed page; None where that is not kept."""
    row = connection.execute(select(reports.c.target, reports.c.page).where(reports.c.id == id)).one_or_none()
    return None if row is None or row.page is None else (row.target, row.page)


def unpacked(page: bytes) -> bytes:
    """The page itself. Raises ValueError for what would not be one."""
    opened = zlib.decompressobj()
    try:
        found = opened.decompress(page, UNPACKED)
    except zlib.error as wrong:
        raise ValueError("the page cannot be unpacked") from wrong
    if opened.unconsumed_tail:
        raise ValueError("the page is longer than any report")
    return found
