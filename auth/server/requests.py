"""Edge: authorization requests that wait for a person: kept under the hash of their key, bound to one browser, one use,
ten minutes. What the address of a page says is the key and nothing else."""

import json
from dataclasses import dataclass, fields
from typing import Any

from sqlalchemy import Connection, delete, insert, select, update

from auth import scopes
from auth.server.clients import hashed
from auth.server.grants import format_context, parse_context
from auth.server.steps import Asked
from auth.server.tables import requests

LIFE = 600.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """``body`` is the request as it is stored: what a form was made for is compared with it. ``browser`` is the hash of
    the cookie that it is bound to, or None while no browser has opened it."""

    key: str
    asked: Asked
    body: str
    browser: str | None


def save_request(connection: Connection, now: float, *, asked: Asked, key: str) -> None:
    """Keeps a checked request for ten minutes."""
    connection.execute(delete(requests).where(requests.c.expires <= now))
    connection.execute(
        insert(requests).values(key=hashed(key), client=asked.client_id, body=format_asked(asked), expires=now + LIFE)
    )


def find_request(connection: Connection, now: float, key: str) -> Kept | None:
    """The request, or None when it is unknown, answered or late."""
    row = connection.execute(select(requests).where(requests.c.key == hashed(key))).one_or_none()
    if row is None or row.expires <= now:
        return None
    return Kept(key=key, asked=parse_asked(row.body), body=row.body, browser=row.browser)


def bind_request(connection: Connection, now: float, *, key: str, browser: str) -> bool:
    """Binds the request to the first browser that opens it; whether it is this one's."""
    free = (requests.c.key == hashed(key), requests.c.browser.is_(None))
    connection.execute(update(requests).where(*free).values(browser=browser))
    mine = select(requests.c.key).where(requests.c.key == hashed(key), requests.c.browser == browser)
    return connection.execute(mine).one_or_none() is not None


def rebind_requests(connection: Connection, now: float, *, old: str, new: str) -> None:
    """The browser has another cookie now; what waits in its tabs goes with it."""
    connection.execute(update(requests).where(requests.c.browser == old).values(browser=new))


def change_request(connection: Connection, now: float, *, kept: Kept, asked: Asked) -> bool:
    """Keeps what was picked: true unless the request was changed, answered or late in the meantime."""
    same = (requests.c.key == hashed(kept.key), requests.c.body == kept.body, requests.c.expires > now)
    return connection.execute(update(requests).where(*same).values(body=format_asked(asked))).rowcount == 1


def take_request(connection: Connection, now: float, kept: Kept) -> bool:
    """Uses the request up as it stood: true for one caller only."""
    same = (requests.c.key == hashed(kept.key), requests.c.body == kept.body, requests.c.expires > now)
    return connection.execute(delete(requests).where(*same)).rowcount == 1


def format_asked(asked: Asked) -> str:
    """The request as JSON."""
    members: dict[str, Any] = {each.name: getattr(asked, each.name) for each in fields(asked)}
    return json.dumps({**members, "scopes": scopes.format(asked.scopes), "context": format_context(asked.context)})


def parse_asked(text: str) -> Asked:
    """The inverse of ``format_asked``."""
    members = json.loads(text)
    lists = {name: tuple(members[name]) for name in ("faults", "done")}
    read = {"scopes": scopes.parse(members["scopes"]), "context": parse_context(members["context"])}
    return Asked(**{**members, **lists, **read})
