"""Decides, from values alone, what a series of kills has lost or doubled: counted at the receiver, by delivery key."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sqlalchemy import select

from gateway.storage.database import Database
from tests.crash.kill_demo import ROOT
from writeback import tables

RESULTS = ROOT / "benchmarks" / "results" / "delivery.jsonl"
SETTLED = frozenset({"delivered", "superseded"})
"""How an output may end here: everything is valid and nobody recalls anything. The older of one patient is superseded."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """A delivery as the outbox has it at the end. ``number`` is its output's, None for what outputs share."""

    key: str
    type: str
    role: str
    state: str
    number: int | None


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What went wrong, by kind. ``late``: still on its way, which is neither lost nor well."""

    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)
    other: list[str] = field(default_factory=list)
    outputs: int = 0
    kept: int = 0

    @property
    def problems(self) -> list[str]:
        return [*self.lost, *self.doubled, *self.late, *self.other]

    @property
    def figures(self) -> dict[str, int]:
        return {
            "outputs": self.outputs, "kept": self.kept, "lost": len(self.lost), "doubled": len(self.doubled),
            "late": len(self.late), "other": len(self.other),
        }  # fmt: skip


def judge(
    *, accepted: Iterable[int], refused: Iterable[int] = (), outputs: Mapping[int, str], rows: Sequence[Row],
    kept: Sequence[tuple[str, str, str]],
) -> Verdict:  # fmt: skip
    """``accepted`` and ``refused`` are what callers were told, ``outputs`` number → state at the end, ``kept`` what the
    receiver kept: (type, id, delivery key) each."""
    there = Counter((type, key) for type, _, key in set(kept))
    lost = [f"output {number} was accepted and is gone" for number in sorted(set(accepted) - outputs.keys())]
    lost += [
        f"{row.role} of output {row.number} is said to be delivered and is not there"
        for row in rows
        if row.state == "delivered" and not there[row.type, row.key]
    ]
    known = {row.key for row in rows}
    other = [f"output {number} was refused and is there" for number in sorted(set(refused) & outputs.keys())]
    other += [f"a {type} is there that no delivery knows" for type, key in there if key not in known]
    other += [f"{row.role} of output {row.number} is {row.state}" for row in rows if row.state in ("dead", "rejected")]
    return Verdict(
        lost=lost,
        doubled=[f"{count} {type} carry one delivery key" for (type, _), count in there.items() if count > 1],
        late=[f"output {number} is {state}" for number, state in outputs.items() if state not in SETTLED],
        other=other, outputs=len(outputs), kept=len(set(kept)),
    )  # fmt: skip


def outputs_in(database: Database) -> dict[int, str]:
    query = select(tables.outputs.c.inference_id, tables.outputs.c.state)
    return database.run_now(lambda c, now: {int(row[0]): row[1] for row in c.execute(query)})


def rows_in(database: Database) -> list[Row]:
    columns = tables.deliveries.c
    query = select(columns.key, columns.resource_type, columns.role, columns.state, columns.output)
    return database.run_now(
        lambda c, now: [
            Row(key=row[0], type=row[1], role=row[2], state=row[3], number=None if row[4] is None else int(row[4]))
            for row in c.execute(query)
        ]
    )


def whole(database: Database) -> bool:
    """The database's own opinion of its file."""
    if not hasattr(database, "engine") or database.engine.dialect.name != "sqlite":
        return True
    return bool(database.run_now(lambda c, now: c.exec_driver_sql("PRAGMA integrity_check").scalar()) == "ok")


def record(figure: str, /, **line: Any) -> None:
    """One line into the committed table of results: ``figure``, ``bar``, numbers, seed, commit."""
    said = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], capture_output=True, text=True, check=False, cwd=ROOT
    )
    with Path(RESULTS).open("a") as file:
        file.write(json.dumps({"figure": figure, **line, "commit": said.stdout.strip()}) + "\n")
