"""Edge: API keys. A key is ``cg_{id}_{secret}``, shown once; its hash is kept. Scopes: product.md §6."""

import asyncio
import json
import re
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from functools import lru_cache
from hmac import compare_digest
from typing import Any, Literal, get_args

from sqlalchemy import Boolean, Column, Connection, Double, Row, String, Table, Text, bindparam, insert, select, update

from gateway.people.sessions import hashed
from gateway.tables import metadata

Scope = Literal[
    "outputs.write", "outputs.read", "deliveries.manage", "recall", "labels.write",
    "alerts.manage", "monitors.read", "metrics.read",
]  # fmt: skip
SCOPES: tuple[Scope, ...] = get_args(Scope)
_FORM = re.compile(r"cg_([0-9a-f]{8,32})_[A-Za-z0-9_-]{43}")

keys = Table(
    "gateway_api_keys",
    metadata,
    Column("id", String(32), primary_key=True),
    Column("name", String(128), nullable=False),
    Column("hash", String(64), nullable=False),
    Column("scopes", Text, nullable=False),
    Column("ehrs", Text, nullable=False),
    Column("models", Text, nullable=False),
    Column("since", Double, nullable=False),
    Column("revoked", Boolean, nullable=False, default=False),
)

REMEMBERED, KEPT = 1.0, 1024
"""Seconds that a key in force is remembered, and how many are."""

_LIVE = select(keys).where(keys.c.id == bindparam("id"), keys.c.revoked.is_(False))


class KeyRequestError(ValueError):
    """The key cannot be made as asked; names the argument."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ApiKey:
    """Without its secret. Empty ``ehrs`` or ``models`` mean all."""

    id: str
    name: str
    scopes: frozenset[Scope]
    ehrs: frozenset[str] = frozenset()
    models: frozenset[str] = frozenset()
    since: float = 0.0
    revoked: bool = False


def allows(key: ApiKey | None, scope: Scope, *, ehr: str | None = None, model: str | None = None) -> bool:
    """Whether a key permits this, at this EHR and for this model where the request concerns one."""
    return (
        key is not None
        and not key.revoked
        and scope in key.scopes
        and (ehr is None or not key.ehrs or ehr in key.ehrs)
        and (model is None or not key.models or model in key.models)
    )


def bounds(key: ApiKey) -> dict[str, frozenset[str]]:
    """The labels of metrics that a bound key sees, with their values."""
    return {name: bound for name, bound in (("ehr", key.ehrs), ("model", key.models)) if bound}


class Recent:
    """Keys that were found in force, for at most a second: so long may a revoked one still open (house.md §3). Those who
    ask while it is looked for share the look: it sees what is so after they asked, or a moment before."""

    def __init__(self) -> None:
        self._found: dict[str, tuple[float, ApiKey]] = {}
        self._looks: dict[str, asyncio.Future[ApiKey | None]] = {}

    async def find(
        self, presented: str, look: Callable[[], Coroutine[Any, Any, ApiKey | None]], now: Callable[[], float]
    ) -> ApiKey | None:
        """The key, when it was found less than a second ago, or ``look`` finds it; ``now`` is monotonic."""
        began = now()
        key = self.get(presented, began)
        if key is not None:
            return key
        if presented in self._looks:
            return await asyncio.shield(self._looks[presented])
        self._looks[presented] = looking = asyncio.ensure_future(look())
        looking.add_done_callback(lambda done: self._looks.pop(presented) and (done.cancelled() or done.exception()))
        key = await asyncio.shield(looking)  # whoever goes away leaves the look to the others
        if key is not None:
            self.put(presented, key, began)
        return key

    def get(self, presented: str, now: float) -> ApiKey | None:
        """The key, when it was found less than a second ago; ``now`` is monotonic."""
        until, key = self._found.get(presented, (now, None))
        return key if now < until <= now + REMEMBERED else None

    def put(self, presented: str, key: ApiKey, now: float) -> None:
        """It was in force at ``now``, taken before the look."""
        if len(self._found) >= KEPT:
            self._found.clear()
        self._found[presented] = (now + REMEMBERED, key)


def new_key(
    *, id: str, name: str, scopes: tuple[str, ...], ehrs: tuple[str, ...] = (), models: tuple[str, ...] = ()
) -> ApiKey:
    """A key as asked for. ``id`` is hex. Raises KeyRequestError for a key without a scope, or with an unknown one."""
    if not name.strip() or not name.isprintable() or len(name) > 128:
        raise KeyRequestError("NAME must be one printable line of at most 128 characters")
    if not scopes or not set(scopes) <= set(SCOPES):
        raise KeyRequestError(f"--scope must be one or more of {' '.join(SCOPES)}")
    known = frozenset(scope for scope in SCOPES if scope in scopes)
    return ApiKey(id=id, name=name, scopes=known, ehrs=frozenset(ehrs), models=frozenset(models))


def format_key(id: str, secret: str) -> str:
    """What the caller sends as bearer; ``secret`` is 32 random bytes, URL-safe base64."""
    return f"cg_{id}_{secret}"


def add_key(connection: Connection, now: float, *, key: ApiKey, presented: str) -> None:
    """Keeps a new key under the hash of what its holder will present."""
    connection.execute(
        insert(keys).values(
            id=key.id, name=key.name, hash=hashed(presented), scopes=json.dumps(sorted(key.scopes)),
            ehrs=json.dumps(sorted(key.ehrs)), models=json.dumps(sorted(key.models)), since=now, revoked=False,
        )
    )  # fmt: skip


def find_key(connection: Connection, now: float, presented: str) -> ApiKey | None:
    """The key that was presented, unless it is unknown, wrong or revoked."""
    form = _FORM.fullmatch(presented)
    row = connection.execute(_LIVE, {"id": form[1] if form else ""}).one_or_none()
    return _read(row) if row is not None and compare_digest(row.hash, hashed(presented)) else None


def list_keys(connection: Connection, now: float) -> tuple[ApiKey, ...]:
    """Every key, revoked ones too, oldest first."""
    return tuple(_read(row) for row in connection.execute(select(keys).order_by(keys.c.since, keys.c.id)))


def revoke_key(connection: Connection, now: float, id: str) -> bool:
    """A revoked key opens nothing any more and stays listed. False when there is no such key in force."""
    live = (keys.c.id == id, keys.c.revoked.is_(False))
    return connection.execute(update(keys).where(*live).values(revoked=True)).rowcount == 1


def _read(row: Row[Any]) -> ApiKey:
    return ApiKey(
        id=row.id, name=row.name, scopes=_words(row.scopes), ehrs=_words(row.ehrs), models=_words(row.models),
        since=row.since, revoked=row.revoked,
    )  # fmt: skip


@lru_cache(256)
def _words(text: str) -> frozenset[Any]:
    return frozenset(json.loads(text))
