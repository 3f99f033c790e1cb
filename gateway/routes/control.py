"""The control socket: verbs of the command line, done by the process that holds the installation. Reachable only
through a Unix socket of mode 0600 inside a directory of mode 0700: its caller is the installation's owner."""

import json
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from auth.client.errors import SealBroken
from gateway.storage.database import Database
from gateway.storage.failures import DatabaseFailed
from gateway.verbs import EHR_VERBS, NAME, UNKNOWN_EHR, VERBS

Act = Callable[[Mapping[str, Any]], Awaitable[Any]]


def app(database: Database, ehrs: Mapping[str, Database], acts: Mapping[str, Act]) -> Any:
    """The ASGI application of the socket: ``POST /{verb}`` with the verb's arguments as JSON. ``ehrs`` are
    the databases of the sandbox EHRs by name; ``acts`` are what only a running gateway can do, by verb."""

    async def control(scope: Any, receive: Any, send: Any) -> None:
        await (await _answer(Request(scope, receive), database, ehrs, acts))(scope, receive, send)

    return control


async def _answer(
    request: Request, database: Database, ehrs: Mapping[str, Database], acts: Mapping[str, Act]
) -> Response:
    name = NAME.fullmatch(request.url.path)
    verb = {**VERBS, **EHR_VERBS}.get(name[1]) if name and request.method == "POST" else None
    act = acts.get(name[1]) if name and request.method == "POST" else None
    if name is None or (verb is None and act is None):
        return JSONResponse({"error": "this server does not know the verb: are both of one version?"}, status_code=404)
    arguments = json.loads(await request.body())
    if name[1] in EHR_VERBS:
        if arguments.get("ehr") not in ehrs:
            return JSONResponse({"error": UNKNOWN_EHR}, status_code=422)
        database = ehrs[arguments["ehr"]]
    try:
        if act is not None or verb is None:
            return JSONResponse({"result": await act(arguments) if act else None})
        result = await database.run(lambda connection, now: verb(connection, now, arguments))
    except (ValueError, SealBroken) as refused:
        return JSONResponse({"error": str(refused)}, status_code=422)
    except DatabaseFailed as failed:
        return JSONResponse({"error": str(failed)}, status_code=507)
    return JSONResponse({"result": result})
