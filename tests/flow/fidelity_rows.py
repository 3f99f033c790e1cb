"""Outputs as they stand in the database after their charts were judged: twelve days of two models at two EHRs."""

from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from r4 import codec
from writeback.tables import outputs

DAY = 86_400.0
BODY = b'{"encounter":null,"as_of":"2026-01-01T00:00:00Z","abstained":null}'
FINDINGS = {
    "mass": ("COD-02", "the laboratory's own code"), "pressure": ("VAL-01", "a number stands in text"), "temperature": ("UNI-04", "coulomb"),
}  # fmt: skip


def judged(
    connection: Connection,
    since: float,
    *,
    ehr: str = "spec",
    model: str = "echo",
    fitness: str = "fit",
    failed: tuple[str, ...] = (),
) -> None:
    """One output whose chart was judged so."""
    findings = [
        {"check": FINDINGS[name][0], "result": "fail", "severity": "warning", "owner": "engineering", "feature": name, "detail": FINDINGS[name][1]}
        for name in failed
    ]  # fmt: skip
    verdict: dict[str, Any] = {"fitness": fitness, "reasons": [], "findings": findings}
    connection.execute(
        outputs.insert().values(
            id=uuid4().hex, ehr=ehr, model=model, version="1.0.0", patient="Patient/p1", inference_id=uuid4().hex, kind="risk",
            as_of=since, valid_until=since + DAY, state="delivered", verdict=codec.format(verdict).decode(), body=BODY, fingerprint="",
            principal="backend", submitter="key:x", losses="[]", since=since,
        )
    )  # fmt: skip


def fortnight(connection: Connection, now: float) -> None:
    """Charts of twelve days, today the last; a feed that gets worse."""
    for day in range(12):
        since = now - (11 - day) * DAY - 60.0
        for number in range(10 + day % 4):
            failed = tuple(name for place, name in enumerate(FINDINGS) if number < day - 3 * place)
            fitness = "unfit" if len(failed) == 3 else "caveats" if failed else "fit"
            judged(connection, since + number / 10, fitness=fitness, failed=failed)
        for number in range(4):
            judged(
                connection,
                since + number / 10,
                ehr="north",
                model="other",
                fitness="caveats" if number == 3 and day > 8 else "fit",
                failed=("mass",) if number == 3 and day > 8 else (),
            )
