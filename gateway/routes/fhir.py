"""Edge: the FHIR base of a sandbox EHR over HTTP: bytes in, an interaction, its answer, bytes out."""

import re
from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from urllib.parse import parse_qsl

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from auth.access.levels import OPERATIONS
from gateway.face import native, serving
from gateway.face.accesses import caller_of
from gateway.routes import bulk
from gateway.sandbox_ehrs import app_state, faulty
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.failures import DatabaseFailed, DatabaseFull
from r4 import codec
from r4.criteria import checked, leniently
from r4.interaction import Answer, Interaction, InteractionError, methods_of, parse
from r4.outcome import Issue, outcome
from r4.requests import MEANINGFUL, OVERRIDES
from sandbox import capabilities
from sandbox.answering import refusal
from sandbox.audit import Caller
from sandbox.personas.answering import answer as spoken
from sandbox.personas.persona import Persona
from sandbox.personas.refusing import offered
from sandbox.personas.stating import statement
from vocabulary.instant import format_instant

BODY_LIMIT = 8 * 1024 * 1024
"""Bytes: US Core 9 (Writing Clinical Notes) has servers take 5 MiB of content inline, which is 7 MiB in base64."""
JSON = b"application/fhir+json"
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"})
FULL = refusal(507, "no-store", "There is no room to store this: nothing of it was kept. Make room, and send it again.")
BULK = Interaction(action="operation", operation="$export")
"""What the requests about an export that is under way are, to the faults."""
BROKEN = refusal(500, "no-store", "The EHR's storage failed: nothing of this was kept.")
_BEARER = re.compile(r"(?i:bearer) +([A-Za-z0-9._~+/=-]{1,4096})")


class FhirFace:
    """An ASGI application: everything below ``/fhir``. No method list of a router's, so that every refusal is an
    OperationOutcome, and nothing between the server and this, for this is what is asked for most."""

    def __init__(self, ehr: SandboxEhr) -> None:
        self._ehr = ehr

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        caller = caller_of(scope)
        try:
            answer = await _served(self._ehr, scope, receive, caller)
            if isinstance(answer, faulty.Struck):
                whole = partial(whole_of, request=caller.request)
                await faulty.send(answer, whole, scope, receive, send, now=self._ehr.clock())
                return
        except InteractionError as wrong:
            self._ehr.audit.refused(wrong.status, wrong.issue.code, caller, why=wrong.issue.text)
            refused = Answer(status=wrong.status, resource=outcome([wrong.issue]))
            answer = spoken(self._ehr.persona, None, refused)
        except DatabaseFailed as failure:
            answer = FULL if isinstance(failure, DatabaseFull) else BROKEN
        except ClientDisconnect:
            return
        if answer.status == 405:
            answer = _allowing(answer, scope, self._ehr.persona)
        await _send(answer, send, head=scope["method"] == "HEAD", request=caller.request)


def _allowing(answer: Answer, scope: Scope, persona: Persona) -> Answer:
    """A method that is not served, with those that are (RFC 9110 §15.5.6): a persona leaves out more than R4 does."""
    others = [each for each in methods_of(_path(scope), partial(offered, persona)) if each != scope["method"]]
    return replace(answer, headers={"allow": ", ".join(others), **answer.headers})


def _path(scope: Scope) -> str:
    """The raw path below the base."""
    raw: str = scope["raw_path"].split(b"?")[0].decode("latin-1")
    return raw.partition("/fhir")[2].removeprefix("/")


async def _served(ehr: SandboxEhr, scope: Scope, receive: Receive, caller: Caller) -> Answer | faulty.Struck:
    """The answer in the form that is asked for: JSON, or what a Binary holds."""
    accept = native.wanted(scope["method"], _path(scope), scope["headers"])
    if accept is None:
        return await _respond(ehr, scope, receive, caller)
    read = {**scope, "headers": [pair for pair in scope["headers"] if pair[0] != b"accept"]}
    answer = await _respond(ehr, read, receive, caller)
    return native.content(answer, accept) if isinstance(answer, Answer) else answer


async def _respond(ehr: SandboxEhr, scope: Scope, receive: Receive, caller: Caller) -> Answer | faulty.Struck:
    method = scope["method"]
    if method not in METHODS:
        raise InteractionError(405, Issue("not-supported", "this method is not served here"))
    path = _path(scope)
    query = scope["query_string"].decode("latin-1")
    credentials, headers = _heard(scope["headers"])
    if query and any(name == "access_token" for name, _ in parse_qsl(query, keep_blank_values=True)):
        raise InteractionError(400, Issue("security", "a token never stands in an address", "access_token"))
    token = _token(credentials)
    if token is None and not (method in ("GET", "HEAD") and path == "metadata"):
        ehr.audit.refused(401, "login", caller, why="No access token was sent as bearer.")
        return _unauthorized("")
    body = await _read(receive)
    if path.startswith(bulk.PLACE):
        return await _asked(ehr, BULK, token, lambda _: bulk.serve(ehr, method, path, token or "", caller))
    interaction = parse("GET" if method == "HEAD" else method, path, query, headers, body)
    if interaction.action == "capabilities":
        return await _metadata(ehr)
    if interaction.operation == "$export":
        url = f"{ehr.fhir}/{path}{'?' if query else ''}{query}"
        ask = partial(bulk.kick_off, ehr, token=token or "", said=dict(headers), url=url, caller=caller)
        return await _asked(ehr, interaction, token, ask)
    interaction = checked(leniently(interaction))
    return await _asked(ehr, interaction, token, partial(_performed, ehr, token or "", caller, len(body)))


async def _asked(
    ehr: SandboxEhr, interaction: Interaction, token: str | None, ask: faulty.Ask
) -> Answer | faulty.Struck:
    """The answer of ``ask`` to what was understood, with the faults that are switched on for it."""
    if not ehr.faults.quiet:
        struck = await faulty.serve(ehr, interaction, token or "", ask)
        return struck if struck.answer is not None else _unauthorized("invalid_token")
    answer = await ask(interaction)
    return _unauthorized("invalid_token") if answer is None else answer


async def _performed(
    ehr: SandboxEhr, token: str, caller: Caller, size: int, interaction: Interaction
) -> Answer | None:  # fmt: skip
    """The answer to an interaction whose body has ``size`` bytes; None when the token opens nothing."""
    if interaction.type == "Basic":
        answer = await app_state.serve(ehr, interaction, token, size=size, caller=caller)
        if answer is not None:
            return answer
    return await serving.serve(ehr, interaction, token, caller, size=size)


async def _metadata(ehr: SandboxEhr) -> Answer:
    date, served = format_instant(ehr.clock()), [name for name, row in OPERATIONS.items() if row.served]
    behind = ehr.upstream is not None
    said = capabilities.statement(base=ehr.fhir, date=date, operations=served, behind=behind)
    return Answer(status=200, resource=statement(ehr.persona, said))


def _heard(headers: Sequence[tuple[bytes, bytes]]) -> tuple[list[bytes], list[tuple[str, str]]]:
    """The Authorization headers; and those that mean something for an interaction, as text."""
    credentials: list[bytes] = []
    meant: list[tuple[str, str]] = []
    for name, value in headers:
        if name in _MEANT:
            meant.append((_MEANT[name], value.decode("latin-1")))
        elif name == b"authorization":
            credentials.append(value)
    return credentials, meant


_MEANT = {name.encode(): name for name in MEANINGFUL | OVERRIDES}


def _token(credentials: list[bytes]) -> str | None:
    match = _BEARER.fullmatch(credentials[0].decode("latin-1")) if len(credentials) == 1 else None
    return match[1] if match else None


async def _read(receive: Receive) -> bytes:
    """The whole body. Raises InteractionError 413, ClientDisconnect."""
    body, more = bytearray(), True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            raise ClientDisconnect
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > BODY_LIMIT:
            raise InteractionError(413, Issue("too-long", f"a body has at most {BODY_LIMIT} bytes"))
    return bytes(body)


async def _send(answer: Answer, send: Send, *, head: bool, request: str | None) -> None:
    headers, content = whole_of(answer, request)
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": b"" if head else content})


def whole_of(answer: Answer, request: str | None = None) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """The headers and the body of an answer; to a request with an id of its own, with that (R4 http.html, Custom Headers)."""
    content = answer.encoded
    if content is None:
        content = b"" if answer.resource is None else codec.format(answer.resource)
    headers = [(b"cache-control", b"no-store"), (b"content-length", b"%d" % len(content))]
    headers += [(name.encode("latin-1"), value.encode("latin-1")) for name, value in answer.headers.items()]
    headers += [(b"content-type", JSON)] if content and "content-type" not in answer.headers else []
    if request is not None:
        headers.append((b"x-request-id", request.encode()))
    if answer.status in (204, 304):
        headers = [pair for pair in headers if pair[0] != b"content-length"]
    return headers, content


def _unauthorized(error: str) -> Answer:
    issue = Issue("login", "An access token of this EHR is needed, as bearer.", "Authorization")
    challenge = f'Bearer error="{error}"' if error else "Bearer"
    return Answer(status=401, resource=outcome([issue]), headers={"www-authenticate": challenge})
