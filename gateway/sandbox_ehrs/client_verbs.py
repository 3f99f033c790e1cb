"""Edge: the SMART clients of a sandbox EHR, added, listed and removed by the installation's owner."""

from collections.abc import Mapping
from dataclasses import replace
from secrets import token_urlsafe
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from auth.access.app_state import is_code
from auth.errors import RegistrationRefused
from auth.server.clients import list_clients as every_client
from auth.server.clients import remove_client, save_client
from auth.server.registration import described, read_registration
from sandbox import audit_log

CLIENT_ID = "chartgate"
"""The gateway's own client id at every sandbox EHR."""

Arguments = Mapping[str, Any]


class ClientRefused(ValueError):
    """The client cannot be added or removed as asked; the text says what to change."""


def add_client(connection: Connection, now: float, arguments: Arguments) -> dict[str, Any]:
    """The registered metadata with ``client_secret``, shown this once, for a client that authenticates by one.
    ``metadata`` is as in RFC 7591, ``state_codes`` the app state codes of others that it may use. Raises ClientRefused."""
    codes = tuple(arguments.get("state_codes", ()))
    if not all(map(is_code, codes)):
        raise ClientRefused("a state code is written as system|code")
    try:
        client = replace(read_registration(arguments["metadata"], id=str(uuid4())), state_codes=codes)
    except RegistrationRefused as refused:
        raise ClientRefused(refused.text) from refused
    secret = token_urlsafe(32) if client.symmetric else None
    save_client(connection, now, client=client, secret=secret)
    audit_log.used(connection, now, "register", client=client.id)
    return {**_told(client), **({"client_secret": secret} if secret is not None else {})}


def list_clients(connection: Connection, now: float, arguments: Arguments) -> list[dict[str, Any]]:
    """Every client without its secret, oldest first."""
    return [_told(client) for client in every_client(connection, now)]


def remove(connection: Connection, now: float, arguments: Arguments) -> dict[str, str]:
    """Forgets a client and ends all that it was granted. Raises ClientRefused when there is none of that id."""
    if arguments["id"] == CLIENT_ID:
        raise ClientRefused("the gateway's own client is registered anew at every start: it cannot be removed")
    if not remove_client(connection, now, arguments["id"]):
        raise ClientRefused("no client has that id: `chartgate clients list` shows them")
    audit_log.used(connection, now, "unregister", client=arguments["id"])
    return {"client_id": arguments["id"]}


def _told(client: Any) -> dict[str, Any]:
    return {**described(client), **({"state_codes": list(client.state_codes)} if client.state_codes else {})}
