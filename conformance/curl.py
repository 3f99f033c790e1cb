"""An exchange as a command that repeats it, and its answer in outline. Both are still to be redacted."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from conformance.evidence import Exchange
from conformance.redaction import NAME

LEFT_OUT = frozenset({"host", "accept-encoding", "connection", "user-agent", "content-length"})
SHOWN = (
    "content-type", "content-location", "location", "etag", "last-modified", "www-authenticate", "cache-control", "pragma",
    "retry-after", "allow", "access-control-allow-origin",
)  # fmt: skip
"""Headers of an answer that a report shows."""
LONGEST_BODY = 2_000
LONGEST_ANSWER, SHORT_ANSWER = 1_600, 300
"""Characters of an answer that nobody complains of are the fewer."""
TELLING = frozenset({"OperationOutcome", "CapabilityStatement"})
"""Resources that are about the request or the server, not about people."""
STRUCTURE = frozenset({"resourceType", "type", "versionId", "mode", "status", "method", "url", "etag", "relation"})
"""Elements of any other resource whose values are shown."""
ABOUT_PEOPLE = frozenset({"sub", "name", "email", "fhirUser", "patients", "users", "clients", "encounters"})


def command(exchange: Exchange) -> str:
    """The request as a curl command with its values in single quotes; ``quoted`` makes it one for a shell."""
    lines = [f"curl -i {'-X ' + exchange.method + ' ' if _said(exchange) else ''}{_quote(exchange.url)}"]
    lines += [f"-H {_quote(f'{name}: {value}')}" for name, value in exchange.sent.items() if name not in LEFT_OUT]
    return " \\\n  ".join([*lines, *_body(exchange)])


def _said(exchange: Exchange) -> bool:
    """Whether curl has to be told the method."""
    return exchange.method != ("POST" if exchange.content else "GET")


def _body(exchange: Exchange) -> list[str]:
    if not exchange.content:
        return []
    text = exchange.content.decode("utf-8", "replace")
    if "urlencoded" in exchange.sent.get("content-type", ""):
        return [
            f"--data-urlencode {_quote(f'{name}={value}')}" for name, value in parse_qsl(text, keep_blank_values=True)
        ]
    if len(text) > LONGEST_BODY or not text.isprintable():
        return [f"--data-binary @body  # {len(exchange.content)} bytes: the evidence bundle has them"]
    return [f"--data-binary {_quote(text)}"]


def _quote(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def quoted(redacted: str) -> str:
    """Names such as ``$PATIENT_1`` step out of the single quotes, so that a shell puts the value in."""
    return NAME.sub(lambda found: f"'\"{found[0]}\"'", redacted)


def answer(exchange: Exchange, *, longest: int = LONGEST_ANSWER) -> str:
    """Status, headers that matter and the body; of a resource about people only its outline."""
    lines = [f"HTTP {exchange.status}"]
    lines += [f"{name}: {exchange.headers[name]}" for name in SHOWN if name in exchange.headers]
    return "\n".join([*lines, *([""] if exchange.body else []), *_shown(exchange, longest)])


def _shown(exchange: Exchange, longest: int) -> list[str]:
    if not exchange.body:
        return []
    document = exchange.document
    if document is None:
        kind = exchange.headers.get("content-type", "").partition(";")[0] or "no type"
        return [f"({len(exchange.body)} bytes of {kind})"]
    text = json.dumps(outline(document), indent=1, ensure_ascii=False)
    return [text if len(text) <= longest else f"{text[:longest]}\n… ({len(exchange.body)} bytes)"]


def outline(value: Any, *, telling: bool = True, depth: int = 0) -> Any:
    """The same value, with ``…`` for what may be about people. Lists are cut after two."""
    if depth > 12:
        return "…"
    if isinstance(value, list):
        kept = [outline(each, telling=telling, depth=depth + 1) for each in (value if telling else value[:2])]
        return kept + (["…"] if len(value) > len(kept) else [])
    if isinstance(value, Mapping):
        kind = value.get("resourceType")
        tells = kind in TELLING if isinstance(kind, str) else telling
        return {name: _member(name, each, telling=tells, depth=depth) for name, each in value.items()}
    return value if telling else "…"


def _member(name: str, value: Any, *, telling: bool, depth: int) -> Any:
    if telling and name in ABOUT_PEOPLE:
        return "…"
    if isinstance(value, list | Mapping):
        return outline(value, telling=telling, depth=depth + 1)
    return value if telling or name in STRUCTURE else "…"
