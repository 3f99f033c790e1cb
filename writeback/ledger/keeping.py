"""Edge: an EHR that keeps less of what it is sent than it did: paths that were kept before, and were not now.

What is always lost is no news. So each path that was lost is looked for among the deliveries before: where one of the same
type said the same element and it was kept, the EHR has changed. Asked once for a path, for as long as the process lives.
"""

from collections.abc import Iterator, Sequence
from re import compile
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import Connection, Engine, bindparam, select

from r4 import codec
from writeback.changes import KeptLess
from writeback.fitting import has
from writeback.ledger.among import among
from writeback.projection import covers
from writeback.speaking.claims import Attempted
from writeback.tables import bodies, deliveries

LOOKED_AT, READ = 400, 20
"""Deliveries before this one that are looked at, and of those of its type the newest whose bodies are read."""
_INDEX = compile(r"\[\d+\]")
_BEFORE = (
    select(deliveries.c.id, deliveries.c.ehr, deliveries.c.resource_type, deliveries.c.read_back, deliveries.c.state,
           deliveries.c.losses)
    .where(deliveries.c.id < bindparam("before"))
    .order_by(deliveries.c.id.desc())
    .limit(LOOKED_AT)
)  # fmt: skip
_BODIES = select(bodies.c.delivery, bodies.c.body).where(among(bodies.c.delivery, "ids"))

_KNOWN: WeakKeyDictionary[Engine, set[tuple[str, str, str]]] = WeakKeyDictionary()
"""EHR, type and path that were looked at already, by database."""
MOST_KNOWN = 10_000


def kept_less(connection: Connection, now: float, attempts: Sequence[Attempted]) -> tuple[KeptLess, ...]:
    """What of these deliveries was lost that the EHR had kept before."""
    known = _KNOWN.setdefault(connection.engine, set())
    found: list[KeptLess] = []
    for attempt in attempts:
        row = attempt.delivery
        new = [path for path in _unforeseen(attempt) if (row.ehr, row.type, path) not in known]
        if not new:
            continue
        if len(known) + len(new) > MOST_KNOWN:
            known.clear()
        known.update((row.ehr, row.type, path) for path in new)
        found += [_told(attempt, path) for path in _kept_before(connection, attempt, new)]
    return tuple(found)


def _told(attempt: Attempted, path: str) -> KeptLess:
    row = attempt.delivery
    return KeptLess(
        delivery=row.key, ehr=row.ehr, resource_type=row.type, model=row.model, version=row.version, path=path
    )


def _unforeseen(attempt: Attempted) -> Iterator[str]:
    """Paths below the resource that came back lost and were sent, without places in lists."""
    receipt = attempt.ending.receipt
    if receipt is None or not receipt.losses or not attempt.ending.read_back:
        return
    row = attempt.delivery
    planned = {plain(path) for path in row.planned_losses}
    paths = dict.fromkeys(plain(path) for path in receipt.losses)
    yield from (path for path in paths if path not in planned and path.startswith(f"{row.type}."))


def plain(path: str) -> str:
    """A path without places in lists: ``Observation.component[1].code`` → ``Observation.component.code``."""
    return _INDEX.sub("", path)


def _kept_before(connection: Connection, attempt: Attempted, paths: Sequence[str]) -> list[str]:
    """Those of the paths that an earlier delivery of the type had, and that were not among its losses."""
    row = attempt.delivery
    rows = connection.execute(_BEFORE, {"before": row.id}).all()
    mine = [each for each in rows if _alike(each, row.ehr, row.type)][:READ]
    ids = {"ids": tuple(each.id for each in mine)}
    said = {each.delivery: each.body for each in connection.execute(_BODIES, ids)} if mine else {}
    found: list[str] = []
    for each in mine:
        lost = {plain(path) for path in codec.parse(each.losses.encode())}
        body: Any = codec.parse(said[each.id]) if each.id in said else {}
        left = [path for path in paths if path not in found and not any(covers(path, loss) for loss in lost)]
        found += [path for path in left if has(body, path.partition(".")[2])]
    return found


def _alike(row: Any, ehr: str, type: str) -> bool:
    return (row.ehr, row.resource_type, row.state) == (ehr, type, "delivered") and bool(row.read_back)
