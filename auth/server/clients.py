"""Edge: the SMART clients of one EHR: kept, found, forgotten with all that they were granted."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any, Literal
from urllib.parse import urlsplit

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from auth.server.tables import clients, grants, launches, requests

Method = Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
METHODS: tuple[Method, ...] = ("none", "client_secret_basic", "client_secret_post", "private_key_jwt")
GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")
DEFAULT_PORTS = {"https": 443, "http": 80}
DEFAULT_SCOPE = (
    "openid fhirUser launch launch/patient launch/encounter offline_access online_access patient/*.cruds user/*.cruds"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """``scope`` is what it may ever be granted; ``jwks`` its inline keys, ``jwks_uri`` where they are published.
    ``state_codes`` are the app state codes (``system|code``) that the operator lets it use beside those of its origins."""

    id: str
    name: str = ""
    method: Method = "none"
    redirect_uris: tuple[str, ...] = ()
    launch_url: str | None = None
    grant_types: tuple[str, ...] = ("authorization_code",)
    scope: str = DEFAULT_SCOPE
    jwks: Mapping[str, Any] | None = None
    jwks_uri: str | None = None
    state_codes: tuple[str, ...] = ()

    @property
    def symmetric(self) -> bool:
        """Whether it authenticates by a secret."""
        return self.method.startswith("client_secret")

    @property
    def public(self) -> bool:
        """Whether it has no credential, so that its refresh tokens must rotate."""
        return self.method == "none"


def hashed(secret: str) -> str:
    """SHA-256 in hex: what is kept of anything that is only compared."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def save_client(
    connection: Connection, now: float, *, client: Client, secret: str | None = None, registration: str | None = None
) -> None:
    """Registers a client, or replaces what is registered under its id. Secrets are kept as hashes."""
    row = _row(client) | {
        "secret_hash": hashed(secret) if secret else None,
        "registration_hash": hashed(registration) if registration else None,
    }
    if connection.execute(update(clients).where(clients.c.id == client.id).values(row)).rowcount == 0:
        connection.execute(insert(clients).values(id=client.id, since=now, **row))


def change_client(connection: Connection, now: float, *, client: Client, secret: str | None) -> None:
    """Replaces the metadata of a registered client (RFC 7592 §2.2). Its registration token stays, its secret too while
    it authenticates by one; ``secret`` is the new one of a client that had none."""
    row: dict[str, Any] = _row(client)
    if not client.symmetric:
        row["secret_hash"] = None
    elif secret is not None:
        row["secret_hash"] = hashed(secret)
    connection.execute(update(clients).where(clients.c.id == client.id).values(row))


def _row(client: Client) -> dict[str, Any]:
    return {"body": json.dumps({name: value for name, value in asdict(client).items() if name != "id"})}


def find_client(connection: Connection, now: float, id: str) -> tuple[Client, str | None] | None:
    """The client and the hash of its secret, or None."""
    row = connection.execute(_FIND, {"key": id}).one_or_none()
    return None if row is None else (_read(row.id, row.body), row.secret_hash)


_FIND = select(clients).where(clients.c.id == bindparam("key"))


def find_registration(connection: Connection, now: float, id: str, token: str) -> Client | None:
    """The client, if this is its registration access token (RFC 7592)."""
    row = connection.execute(
        select(clients).where(clients.c.id == id, clients.c.registration_hash == hashed(token))
    ).one_or_none()
    return None if row is None else _read(row.id, row.body)


def list_clients(connection: Connection, now: float) -> list[Client]:
    """Every registered client, oldest first."""
    return [_read(row.id, row.body) for row in connection.execute(select(clients).order_by(clients.c.since))]


def remove_client(connection: Connection, now: float, id: str) -> bool:
    """Forgets a client, if there is one, with what was prepared for it; its grants end: tokens open nothing any more."""
    connection.execute(update(grants).where(grants.c.client == id).values(revoked=True))
    for waiting in (launches, requests):
        connection.execute(delete(waiting).where(waiting.c.client == id))
    return connection.execute(delete(clients).where(clients.c.id == id)).rowcount == 1


def registers_origin(connection: Connection, now: float, origin: str) -> bool:
    """Whether a client has a redirect address at this web origin, as browsers write it (Fetch §origin)."""
    rows = connection.execute(select(clients.c.body).where(clients.c.body.contains(f'"{origin}', autoescape=True)))
    return any(origin in map(origin_of, json.loads(row.body)["redirect_uris"]) for row in rows)


def origin_of(uri: str) -> str | None:
    """The web origin of an address as a browser writes it: lower case, without a default port. None for other schemes."""
    parts = urlsplit(uri)
    if parts.scheme not in DEFAULT_PORTS or not parts.hostname:
        return None
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    port = "" if parts.port in (None, DEFAULT_PORTS[parts.scheme]) else f":{parts.port}"
    return f"{parts.scheme}://{host}{port}"


def _read(id: str, body: str) -> Client:
    members = json.loads(body)
    lists = {name: tuple(members.get(name, ())) for name in ("redirect_uris", "grant_types", "state_codes")}
    return replace(Client(id=id, **{**members, **lists}))
