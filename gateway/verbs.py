"""Edge: what a command line verb does to an installation. While a server runs on it, the verb is sent through its Unix
socket and done there; otherwise the database is opened and the same function runs here."""

import asyncio
import json
import os
import re
import socket
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path
from secrets import token_hex, token_urlsafe
from typing import Any

import httpx2
from sqlalchemy import Connection

from auth.client.errors import SealBroken
from gateway import kept_reports
from gateway.ehrs import check, rotating
from gateway.ehrs.verbs import SEALED_VERBS
from gateway.feeds import kept_profiles
from gateway.installation import Installation, open_as_told
from gateway.model_folders import model_versions
from gateway.outputs import delivery_verbs, feedback, recall_verbs
from gateway.people import apikeys
from gateway.processes.server import SOCKET_NAME, relative
from gateway.sandbox_ehrs import client_verbs, load_verb
from gateway.sandbox_ehrs.audit_verb import list_audit
from gateway.schedules import verbs as schedule_verbs
from gateway.settings import FILE, VARIABLES, SettingsRefused, read_settings
from gateway.sites import verbs as site_verbs
from gateway.storage import backups, purging
from gateway.storage.database import open_sqlite
from gateway.storage.failures import DatabaseAway, DatabaseFailed
from gateway.storage.schema import SchemaRefused
from sandbox import audit_tables, tables

Arguments = Mapping[str, Any]
Verb = Callable[[Connection, float, Arguments], Any]


class VerbRefused(ValueError):
    """The verb cannot be done as asked; the text says what to change."""


def add_key(connection: Connection, now: float, arguments: Arguments) -> dict[str, str]:
    """``{"id", "key"}``; the key is shown this once."""
    id = token_hex(8)
    key = apikeys.new_key(
        id=id,
        name=arguments["name"],
        scopes=tuple(arguments["scopes"]),
        ehrs=tuple(arguments["ehrs"]),
        models=tuple(arguments["models"]),
    )
    presented = apikeys.format_key(id, token_urlsafe(32))
    apikeys.add_key(connection, now, key=key, presented=presented)
    return {"id": id, "key": presented}


def list_keys(connection: Connection, now: float, arguments: Arguments) -> list[dict[str, Any]]:
    """Every key without its secret."""
    return [
        {
            "id": key.id, "name": key.name, "scopes": sorted(key.scopes), "ehrs": sorted(key.ehrs),
            "models": sorted(key.models), "revoked": key.revoked,
        }
        for key in apikeys.list_keys(connection, now)
    ]  # fmt: skip


def revoke_key(connection: Connection, now: float, arguments: Arguments) -> dict[str, str]:
    """Ends a key. Raises VerbRefused when none in force has that id."""
    if not apikeys.revoke_key(connection, now, arguments["id"]):
        raise VerbRefused("no key in force has that id: `chartgate keys list` shows them")
    return {"id": arguments["id"]}


VERBS: Mapping[str, Verb] = {
    "keys.add": add_key,
    "keys.list": list_keys,
    "keys.revoke": revoke_key,
    "fidelity.keep": kept_profiles.keep,
    "conformance.keep": kept_reports.keep,
    "outputs.list": delivery_verbs.list_outputs,
    "outputs.show": delivery_verbs.show_output,
    "outputs.feedback": feedback.list_feedback,
    "purges.list": purging.list_purges,
    "deliveries.list": delivery_verbs.list_deliveries,
    "deliveries.show": delivery_verbs.show_delivery,
    "deliveries.resend": delivery_verbs.resend,
    "recalls.start": recall_verbs.start_recall,
    "recalls.show": recall_verbs.show_recall,
    "recalls.list": recall_verbs.list_recalls,
    **schedule_verbs.VERBS,
    **site_verbs.VERBS,
}


EHR_VERBS: Mapping[str, Verb] = {
    "audit.list": list_audit,
    "clients.add": client_verbs.add_client,
    "clients.list": client_verbs.list_clients,
    "clients.remove": client_verbs.remove,
    "load.part": load_verb.load_part,
    "load.missing": load_verb.missing,
}
"""Verbs on the database of the sandbox EHR that ``ehr`` names."""
WHOLE_VERBS: Mapping[str, Callable[[Installation, Arguments], Coroutine[Any, Any, Any]]] = {
    "ehrs.check": check.check_here,
    **backups.VERBS,
    **rotating.VERBS,
    **model_versions.VERBS,
}
"""Verbs of a whole installation: they ask EHRs, or change its keys."""
UNKNOWN_EHR = "this installation has no sandbox EHR of that name"


def perform(directory: Path, verb: str, arguments: Arguments) -> Any:
    """Does the verb where the installation is: in its server, or here. Raises VerbRefused."""
    answer = _ask_server(directory, verb, arguments)
    if answer is not None:
        return answer["result"]
    if verb in EHR_VERBS:
        return _perform_at_ehr(directory, verb, arguments)
    installation = _open(directory)
    try:
        if verb in WHOLE_VERBS:
            return asyncio.run(WHOLE_VERBS[verb](installation, arguments))
        return installation.database.run_now(
            lambda connection, now: _do(connection, now, verb, arguments, installation)
        )
    except (ValueError, SealBroken) as refused:
        raise VerbRefused(str(refused)) from refused
    finally:
        installation.close()


def _open(directory: Path) -> Installation:
    """The installation where its settings say that its data is. Raises VerbRefused."""
    environment = {name: value for name, value in os.environ.items() if name in VARIABLES}
    try:
        return open_as_told(directory, read_settings(directory / FILE, environment), environment)
    except (SettingsRefused, SchemaRefused, DatabaseAway) as refused:
        raise VerbRefused(str(refused)) from refused


def _do(connection: Connection, now: float, verb: str, arguments: Arguments, installation: Installation) -> Any:
    if verb in SEALED_VERBS:
        return SEALED_VERBS[verb](connection, now, arguments, installation.keyring.cipher)
    return VERBS[verb](connection, now, arguments)


def _perform_at_ehr(directory: Path, verb: str, arguments: Arguments) -> Any:
    path = directory / f"ehr-{arguments['ehr']}.db"
    if NAME.fullmatch(f"/{arguments['ehr']}.a") is None or not path.exists():
        raise VerbRefused(f"{UNKNOWN_EHR}: `chartgate up` makes them")
    database = open_sqlite(path, metadata=[audit_tables.metadata, tables.metadata])
    try:
        return database.run_now(lambda connection, now: EHR_VERBS[verb](connection, now, arguments))
    except (ValueError, DatabaseFailed) as refused:
        raise VerbRefused(str(refused)) from refused
    finally:
        database.close()


def _ask_server(directory: Path, verb: str, arguments: Arguments) -> dict[str, Any] | None:
    """None when no server answers on the installation's socket."""
    if not (directory / SOCKET_NAME).exists():
        return None
    with relative(directory.absolute()) as short:
        place = f"{short}/{SOCKET_NAME}"
        if not _listening(place):
            return None
        transport = httpx2.HTTPTransport(uds=place, verify=False)
        with httpx2.Client(
            transport=transport, timeout=PATIENCE.get(verb, 30.0), trust_env=False, verify=False
        ) as client:
            try:
                reply = client.post(f"http://control/{verb}", content=json.dumps(dict(arguments)))
            except httpx2.ConnectError:
                return None
    answer: dict[str, Any] = reply.json()
    if reply.status_code != 200:
        raise VerbRefused(answer.get("error", "the server could not do it"))
    return answer


def _listening(place: str) -> bool:
    """Whether somebody accepts connections there: a killed server leaves its socket behind."""
    with socket.socket(socket.AF_UNIX) as probe:
        try:
            probe.connect(place)
        except OSError:
            return False
    return True


PATIENCE = {"backups.make": 3600.0, "models.compare": model_versions.PATIENCE}
"""Seconds that verbs which take longer than others may take."""
NAME = re.compile(r"/([a-z]+\.[a-z]+)")
"""The path of a verb on the control socket."""
