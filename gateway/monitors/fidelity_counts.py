"""Edge: what the charts' verdicts add up to, day by day: counted out of the outputs that carry them, after the fact and once
each, so that no output waits for it. Counts only: neither a patient nor a value gets in here.
"""

import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, func, select, text, update

from gateway.tables import counted, fidelity
from writeback.ledger.inserting import insert_once
from writeback.tables import outputs

AT_ONCE = 150
"""Outputs counted in one work: some milliseconds."""
LAG = 40.0
"""Seconds that PostgreSQL may take to commit what it has begun (``database.Postgres``): younger outputs wait. SQLite has one
writer, and what is older than now has been committed."""
_NAME = "fidelity"
_ADD = text(
    'INSERT INTO gateway_fidelity (day, ehr, model, version, feature, "check", result, number) '
    "VALUES (:day, :ehr, :model, :version, :feature, :check, :result, :number) "
    'ON CONFLICT (day, ehr, model, version, feature, "check", result) '
    "DO UPDATE SET number = gateway_fidelity.number + excluded.number"
)


class Wanted(NamedTuple):
    """None is no restriction; days are ``YYYY-MM-DD``, both included. ``ehrs`` and ``models`` are what a key is bound to."""

    ehr: str | None = None
    model: str | None = None
    version: str | None = None
    feature: str | None = None
    since: str | None = None
    until: str | None = None
    ehrs: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()


def count_outputs(connection: Connection, now: float) -> bool:
    """Counts some outputs that were not counted yet; whether there may be more."""
    insert_once(connection, counted, {"name": _NAME, "upto": 0.0})
    begin = connection.scalar(select(counted.c.upto).where(counted.c.name == _NAME).with_for_update()) or 0.0
    end = now if connection.dialect.name == "sqlite" else now - LAG
    following = connection.scalar(
        select(outputs.c.since).where(outputs.c.since >= begin, outputs.c.since < end).order_by(outputs.c.since)
        .offset(AT_ONCE).limit(1)
    )  # fmt: skip
    if following == begin:  # one commit of many outputs, all of one moment
        following = connection.scalar(select(func.min(outputs.c.since)).where(outputs.c.since > begin))
    upto = min(end, following if following is not None else end)
    if upto <= begin:
        return False
    rows = connection.execute(
        select(outputs.c.ehr, outputs.c.model, outputs.c.version, outputs.c.verdict, outputs.c.since)
        .where(outputs.c.since >= begin, outputs.c.since < upto)
    )  # fmt: skip
    _add(connection, rows)
    connection.execute(update(counted).where(counted.c.name == _NAME).values(upto=upto))
    return following is not None


def _add(connection: Connection, rows: Iterable[Any]) -> None:
    found: Counter[tuple[str, ...]] = Counter()
    for row in rows:
        if not row.verdict:
            continue
        verdict = json.loads(row.verdict)  # not FHIR: fitness and findings
        key = (datetime.fromtimestamp(row.since, UTC).date().isoformat(), row.ehr, row.model, row.version)
        found[*key, "", "", verdict["fitness"]] += 1
        failed = {(each["feature"] or "", each["check"]) for each in verdict["findings"] if each["result"] == "fail"}
        found.update((*key, *each, "fail") for each in failed)
    names = ("day", "ehr", "model", "version", "feature", "check", "result")
    added = [{**dict(zip(names, key, strict=True)), "number": number} for key, number in sorted(found.items())]
    if added:
        connection.execute(_ADD, added)


def summary(connection: Connection, now: float, wanted: Wanted) -> dict[str, Any]:
    """Charts by day and by feed with their verdicts; by model and feature how many charts failed which check."""
    where = list(_where(wanted))
    whole = [*where, fidelity.c.feature == "", fidelity.c.check == ""]
    days = _fitness(connection, whole, fidelity.c.day)
    feeds = _fitness(connection, whole, fidelity.c.ehr)
    models = _fitness(connection, whole, fidelity.c.ehr, fidelity.c.model, fidelity.c.version)
    return {
        "charts": sum(each["charts"] for each in days),
        "trend": days,
        "feeds": feeds,
        "models": models,
        "features": _features(connection, where, wanted.feature),
    }


def _where(wanted: Wanted) -> Iterable[ColumnElement[bool]]:
    for name in ("ehr", "model", "version"):
        if (value := getattr(wanted, name)) is not None:
            yield fidelity.c[name] == value
    if wanted.ehrs:
        yield fidelity.c.ehr.in_(wanted.ehrs)
    if wanted.models:
        yield fidelity.c.model.in_(wanted.models)
    if wanted.since is not None:
        yield fidelity.c.day >= wanted.since
    if wanted.until is not None:
        yield fidelity.c.day <= wanted.until


def _fitness(connection: Connection, where: list[ColumnElement[bool]], *by: ColumnElement[str]) -> list[dict[str, Any]]:
    """Charts and their verdicts, grouped."""
    query = select(*by, fidelity.c.result, func.sum(fidelity.c.number)).where(*where).group_by(*by, fidelity.c.result)
    made: dict[tuple[str, ...], dict[str, Any]] = {}
    for *key, result, number in connection.execute(query.order_by(*by)):
        names = (str(column.key) for column in by)
        row = made.setdefault(
            tuple(key), {**dict(zip(names, key, strict=True)), "charts": 0, "fit": 0, "caveats": 0, "unfit": 0}
        )
        row["charts"] += int(number)
        row[result] += int(number)
    return list(made.values())


def _features(connection: Connection, where: list[ColumnElement[bool]], feature: str | None) -> list[dict[str, Any]]:
    """By EHR, model and feature, how many charts failed each check, and on which days where one feature is asked for."""
    by = (fidelity.c.ehr, fidelity.c.model, fidelity.c.version, fidelity.c.feature)
    found = [*where, fidelity.c.feature != "", *([fidelity.c.feature == feature] if feature is not None else [])]
    columns = (*by, fidelity.c.check, *([fidelity.c.day] if feature is not None else []))
    query = select(*columns, func.sum(fidelity.c.number)).where(*found).group_by(*columns).order_by(*columns)
    made: dict[tuple[str, ...], dict[str, Any]] = {}
    for ehr, model, version, name, check, *day, number in connection.execute(query):
        row = made.setdefault((ehr, model, version, name), {
            "ehr": ehr, "model": model, "version": version, "feature": name, "failed": {}, "days": {},
        })  # fmt: skip
        row["failed"][check] = row["failed"].get(check, 0) + int(number)
        for each in day:
            row["days"].setdefault(each, {})[check] = int(number)
    return list(made.values())
