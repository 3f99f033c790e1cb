"""Edge: reads a feed, file by file, through the whole catalogue (``chartgate fidelity scan``)."""

import secrets
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx2

from fidelity import lines
from fidelity.editions.edition import Library, Skew, Terminology, skew
from fidelity.limits import PROPOSED, Limit
from fidelity.published import Published
from fidelity.records.judging import compile_rules
from fidelity.reference import baseline_of
from fidelity.report import format_report
from fidelity.scan import Scan, Settings
from gateway.feeds.terminology import Server
from vocabulary.manifest import Feature, Manifest

FIRST = ("patient", "encounter", "practitioner", "organization", "location", "medication")
"""Files whose names begin so are read before others: what refers to their records need not wait for them."""
Progress = Callable[[int], None]
SECONDS = 5.0
LONGEST = 1_000_000
"""Bytes of a terminology server's answer that are read."""
TROUBLES = 100
"""Unreadable lines that are told with file, number and what is wrong; all are counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scanned:
    """What a scan is told. ``pins``: the feed's editions by system; ``terminology``: the base of a server, asked for what
    the library cannot decide; ``arrival``: seconds within which records should arrive."""

    manifest: Manifest
    library: Library
    pins: Mapping[str, str]
    limits: tuple[Limit, ...] = PROPOSED
    reference: Published | None = None
    linkage: bool = False
    arrival: float | None = None
    terminology: str | None = None


def scan(
    files: tuple[Path, ...], told: Scanned, *, source: str, complete: Mapping[str, bool], progress: Progress
) -> dict[str, Any]:
    """The report of one scan over NDJSON files. ``complete`` says of each type that was searched for whether it was read to
    the end; ``progress`` hears of the bytes behind. Raises OSError."""
    with httpx2.Client(timeout=SECONDS, follow_redirects=False, trust_env=False) as client:
        found = Scan(_settings(told, client))
        troubles: list[dict[str, Any]] = []
        for path in sorted(files, key=_turn):
            for line in _lines(path, progress):
                if line.resource is None:
                    found.unreadable += 1
                    if len(troubles) < TROUBLES:
                        troubles.append({"file": path.name, "line": line.number, "wrong": line.wrong})
                else:
                    found.add(line.resource)
        for name, whole in complete.items():
            found.searched(name, whole)
        report = format_report(found.results(), source=source, model=told.manifest.id, version=told.manifest.version)
        return {**report, "unreadable_lines": troubles}


def _settings(told: Scanned, client: httpx2.Client) -> Settings:
    terminology: Terminology = told.library
    if told.terminology is not None:
        terminology = Server(ask=asker(client, told.terminology), before=told.library)
    judge = compile_rules(
        features=told.manifest.features, terminology=terminology, as_of=time.time(),
        pins={**told.manifest.editions, **told.pins}, limits=told.limits,
    )  # fmt: skip
    return Settings(
        judge=judge, salt=secrets.token_bytes(16), features=told.manifest.features,
        reference=baseline_of(told.reference) if told.reference is not None else None,
        linkage=told.linkage, arrival=told.arrival, skews=tuple(skews(told)),
    )  # fmt: skip


def skews(told: Scanned) -> Iterator[Skew]:
    """What changed between the editions that the model was trained with and the live ones, among its features' codes. A
    system of which one of the two editions is not here is not judged (VER-05)."""
    for system, version in told.manifest.editions.items():
        trained, live = told.library.edition(system, version), told.library.edition(system, told.pins.get(system))
        if trained is not None and live is not None:
            yield skew(trained, live, _codes(told.manifest.features, system))


def _codes(features: tuple[Feature, ...], system: str) -> Iterator[str]:
    return (code.code for feature in features for code in feature.codes if code.system == system)


def asker(client: httpx2.Client, base: str) -> Callable[[str], tuple[int, bytes]]:
    """One GET below the base of a terminology server. What it gives raises OSError when nothing came back, or more, or later,
    than an answer about one code is."""

    def ask(path: str) -> tuple[int, bytes]:
        body, end = bytearray(), time.monotonic() + SECONDS
        try:
            with client.stream(
                "GET", f"{base.rstrip('/')}/{path}", headers={"accept": "application/fhir+json"}
            ) as answer:
                for part in answer.iter_bytes():
                    body += part
                    if len(body) > LONGEST or time.monotonic() > end:
                        raise OSError("the terminology server's answer does not end")
        except httpx2.HTTPError as failure:
            raise OSError("the terminology server did not answer") from failure
        return answer.status_code, bytes(body)

    return ask


def _lines(path: Path, progress: Progress) -> Iterator[lines.Line]:
    behind = 0
    for line in lines.read(path):
        yield line
        if line.at - behind > 1_000_000:
            progress(line.at - behind)
            behind = line.at
    progress(path.stat().st_size - behind)


def _turn(path: Path) -> tuple[bool, str]:
    return not path.name.lower().startswith(FIRST), path.name
