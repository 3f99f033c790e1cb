"""Edge: what a sandbox EHR is filled with: the synthetic charts and the ward day, clean or as a live feed sends them."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert, select

from sandbox.seed import load, messy, ward
from sandbox.seed.messy import CLEAN, Messiness
from sandbox.tables import settings

LABELS = "messy.ndjson"
"""In the installation: what was done to which record (docs/reference/messy.md)."""
OTHERWISE = "this installation was seeded with another --messy or --messy-seed: leave both out, or take another --data"


def clean(anchor: float) -> Iterator[dict[str, Any]]:
    """The charts, then the ward day that ends at ``anchor`` (Unix seconds)."""
    yield from load.resources()
    yield from ward.ward_day(anchor)
    yield ward.ward()


def feed(messiness: Messiness, anchor: float) -> Iterator[dict[str, Any]]:
    """The same as a live feed would send it; at a rate of 0 it is the same."""
    return messy.degrade(clean(anchor), messiness, arrived=anchor) if messiness.rate else clean(anchor)


def seeded(connection: Connection, now: float) -> tuple[float, Messiness] | None:
    """The anchor of the seed that the store holds, and how messy it is; None before the first start."""
    found = {row.name: row.value for row in connection.execute(select(settings.c.name, settings.c.value))}
    if "seeded" not in found:
        return None
    rate, _, draw = found.get("messy", "").partition(" ")
    return float(found["seeded"]), Messiness(float(rate), int(draw)) if rate else CLEAN


def keep_seeded(connection: Connection, now: float, *, anchor: float, messiness: Messiness) -> None:
    """Remembers the seed, in the transaction that loads it."""
    connection.execute(insert(settings).values(name="seeded", value=str(int(anchor))))
    if messiness.rate:
        connection.execute(insert(settings).values(name="messy", value=f"{messiness.rate} {messiness.draw}"))


def write_labels(directory: Path, messiness: Messiness, anchor: float, *, anew: bool) -> None:
    """The label file of a messy seed, whole or not at all; again where it is missing."""
    path = directory / LABELS
    if not messiness.rate or (path.exists() and not anew):
        return
    partial = directory / f"{LABELS}.part"
    partial.write_bytes(messy.lines(clean(anchor), messiness, arrived=anchor))
    partial.replace(path)
