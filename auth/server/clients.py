"""Edge: SMART clients of one EHR: registered (RFC 7591), found, authenticated by their registered method only."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from hashlib import sha256
from typing import Any, Literal
from urllib.parse import urlsplit

from sqlalchemy import Connection, delete, insert, select, update

from auth.errors import RegistrationRefused
from auth.keys import parse_key_set
from auth.server.tables import clients

Method = Literal["none", "client_secret_basic", "client_secret_post", "private_key_jwt"]
METHODS: tuple[Method, ...] = ("none", "client_secret_basic", "client_secret_post", "private_key_jwt")
GRANT_TYPES = ("authorization_code", "refresh_token", "client_credentials")
DEFAULT_SCOPE = (
    "openid fhirUser launch launch/patient launch/encounter offline_access online_access patient/*.cruds user/*.cruds"
)
LOOPBACK = ("127.0.0.1", "localhost", "::1")


@dataclass(frozen=True, kw_only=True, slots=True)
class Client:
    """``scope`` is what it may ever be granted; ``jwks`` its inline keys, ``jwks_uri`` where they are published."""

    id: str
    name: str = ""
    method: Method = "none"
    redirect_uris: tuple[str, ...] = ()
    launch_url: str | None = None
    grant_types: tuple[str, ...] = ("authorization_code",)
    scope: str = DEFAULT_SCOPE
    jwks: Mapping[str, Any] | None = None
    jwks_uri: str | None = None

    @property
    def public(self) -> bool:
        """Whether it has no credential, so that its refresh tokens must rotate."""
        return self.method == "none"


def hashed(secret: str) -> str:
    """SHA-256 in hex: what is kept of anything that is only compared."""
    return sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def read_registration(body: Any, *, id: str) -> Client:
    """Client metadata (RFC 7591 §2) → Client. Members that are not known are ignored, as §2 says. Raises
    RegistrationRefused naming the member."""
    if not isinstance(body, dict):
        raise _refused("the body must be a JSON object")
    method = body.get("token_endpoint_auth_method", "client_secret_basic")
    if method not in METHODS:
        raise _refused(f"token_endpoint_auth_method must be one of {', '.join(METHODS)}")
    grant_types = _strings(body, "grant_types", default=("authorization_code",))
    if not set(grant_types) <= set(GRANT_TYPES) or not grant_types:
        raise _refused(f"grant_types must be among {', '.join(GRANT_TYPES)}")
    if _strings(body, "response_types", default=("code",)) != ("code",) and "authorization_code" in grant_types:
        raise _refused("response_types must be code")
    client = Client(
        id=id,
        name=_text(body, "client_name") or id,
        method=method,
        redirect_uris=_strings(body, "redirect_uris"),
        launch_url=_text(body, "initiate_login_uri"),
        grant_types=grant_types,
        scope=_text(body, "scope") or DEFAULT_SCOPE,
        jwks=body.get("jwks"),
        jwks_uri=_text(body, "jwks_uri"),
    )
    _consistent(client)
    return client


def _consistent(client: Client) -> None:
    """What no single member shows to be wrong."""
    if "authorization_code" in client.grant_types and not client.redirect_uris:
        raise RegistrationRefused("invalid_redirect_uri", "redirect_uris must name at least one address")
    for uri in (*client.redirect_uris, *((client.launch_url,) if client.launch_url else ())):
        if not _usable(uri):
            raise RegistrationRefused(
                "invalid_redirect_uri", "an address must be https (or http on loopback), without fragment or user"
            )
    if client.method == "private_key_jwt":
        if (client.jwks is None) == (client.jwks_uri is None):
            raise _refused("private_key_jwt needs either jwks or jwks_uri")
        if client.jwks is not None:
            _check_keys(client.jwks)
        elif not _usable(client.jwks_uri or ""):
            raise _refused("jwks_uri must be https (or http on loopback), without fragment or user")
    if "client_credentials" in client.grant_types and client.public:
        raise _refused("client_credentials needs a client that can authenticate")


def _check_keys(jwks: Any) -> None:
    try:
        keys = list(parse_key_set(jwks)) if isinstance(jwks, dict) else []
    except (ValueError, TypeError):
        keys = []
    if not keys or any(not key.kid for key in keys):
        raise _refused("jwks must hold public RSA or EC signing keys, each with a kid")


def _usable(uri: str) -> bool:
    """An absolute https address, or http on loopback; a custom scheme with a dot is a native app's own (RFC 8252)."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        return False
    if (
        parts.fragment
        or parts.username
        or parts.password
        or len(uri) > 2000
        or not uri.isascii()
        or not uri.isprintable()
    ):
        return False
    if parts.scheme == "http":
        return parts.hostname in LOOPBACK
    return (parts.scheme == "https" and bool(parts.hostname)) or ("." in parts.scheme and " " not in uri)


def _text(body: Mapping[str, Any], name: str) -> str | None:
    value = body.get(name)
    if value is not None and (not isinstance(value, str) or not value or len(value) > 4000 or not value.isprintable()):
        raise _refused(f"{name} must be a non-empty string")
    return value


def _strings(body: Mapping[str, Any], name: str, *, default: tuple[str, ...] = ()) -> tuple[str, ...]:
    value = body.get(name)
    if value is None:
        return default
    if not isinstance(value, list) or len(value) > 32 or not all(isinstance(item, str) and item for item in value):
        raise _refused(f"{name} must be a list of strings")
    return tuple(value)


def _refused(text: str) -> RegistrationRefused:
    return RegistrationRefused("invalid_client_metadata", text)


def save_client(
    connection: Connection, now: float, *, client: Client, secret: str | None = None, registration: str | None = None
) -> None:
    """Registers a client, or replaces what is registered under its id. Secrets are kept as hashes."""
    row = {
        "body": json.dumps({name: value for name, value in asdict(client).items() if name != "id"}),
        "secret_hash": hashed(secret) if secret else None,
        "registration_hash": hashed(registration) if registration else None,
    }
    if connection.execute(update(clients).where(clients.c.id == client.id).values(row)).rowcount == 0:
        connection.execute(insert(clients).values(id=client.id, since=now, **row))


def find_client(connection: Connection, now: float, id: str) -> tuple[Client, str | None] | None:
    """The client and the hash of its secret, or None."""
    row = connection.execute(select(clients).where(clients.c.id == id)).one_or_none()
    return None if row is None else (_read(row.id, row.body), row.secret_hash)


def find_registration(connection: Connection, now: float, id: str, token: str) -> Client | None:
    """The client, if this is its registration access token (RFC 7592)."""
    row = connection.execute(
        select(clients).where(clients.c.id == id, clients.c.registration_hash == hashed(token))
    ).one_or_none()
    return None if row is None else _read(row.id, row.body)


def list_clients(connection: Connection, now: float) -> list[Client]:
    """Every registered client, oldest first."""
    return [_read(row.id, row.body) for row in connection.execute(select(clients).order_by(clients.c.since))]


def remove_client(connection: Connection, now: float, id: str) -> None:
    """Forgets a client; its tokens open nothing any more at their next use of it."""
    connection.execute(delete(clients).where(clients.c.id == id))


def _read(id: str, body: str) -> Client:
    members = json.loads(body)
    lists = {name: tuple(members[name]) for name in ("redirect_uris", "grant_types")}
    return replace(Client(id=id, **{**members, **lists}))
