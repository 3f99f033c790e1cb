"""The parts of a FHIR REST request, taken apart strictly: path, query, and the headers that mean something here.

A path is taken apart raw, so that ``..``, ``%2F`` and ``;`` cannot mean one thing here and another further on.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote

import msgspec

from r4.outcome import Issue

Action = Literal[
    "read", "vread", "search", "history", "create", "update", "patch", "delete", "capabilities", "batch", "transaction",
    "operation",
]  # fmt: skip
Pairs = tuple[tuple[str, str], ...]

PARAMETER_LIMIT = 64
JSON_FORMATS = frozenset({"json", "application/json", "application/fhir+json", "text/json"})
"""What ``_format`` may say: the answer is always JSON here."""
PREFERENCES = frozenset({"minimal", "representation", "OperationOutcome"})
_ETAG = re.compile(r'(?:W/)?"([A-Za-z0-9\-.]{1,64})"')
_PLAIN_PATH = re.compile(r"[A-Za-z0-9_$\-]+(/[A-Za-z0-9_$\-]+)*")
"""A path in which nothing has to be decoded, or could climb."""
_LENIENT = re.compile(r"(?:^|[;,\s])(?i:handling)=(?:\"lenient\"|lenient)(?:$|[;,\s])")
_RETURN = re.compile(r"(?:^|[;,\s])(?i:return)=(?:\"([A-Za-z]+)\"|([A-Za-z]+))")


class Interaction(msgspec.Struct, frozen=True, kw_only=True):
    """``type``/``id``/``version`` as far as the action has them (a history without id is a type's, without type the
    system's); ``query`` are decoded pairs in order; ``condition`` those of a conditional update, patch or delete, which has no
    id; ``compartment`` the bare id of a Patient whose compartment is searched; ``patch`` a list of JSON Patch operations
    or a Parameters resource; ``if_match`` is a version id; ``if_none_exist`` the pairs of a conditional create;
    ``if_modified_since`` Unix seconds; ``prefer`` what to return; ``entries`` those of a batch or transaction,
    ``full_url`` of an entry. ``valid`` says that the body was found to be valid R4 already, ``settled`` that all its references
    were found to lead to what is there and stays, ``lenient`` that parameters which are not understood may be left out
    (``Prefer: handling=lenient``), ``beside`` what a write may refer to without it being there: what its own transaction
    makes, and what the record that it changes referred to before.
    ``wrong`` is why an entry of a batch is none that can be understood: it is an operation that does not exist."""

    action: Action
    type: str | None = None
    id: str | None = None
    version: str | None = None
    query: Pairs = ()
    body: dict[str, Any] | None = None
    if_match: str | None = None
    if_none_match: str | None = None
    if_none_exist: Pairs | None = None
    prefer: str | None = None
    entries: tuple["Interaction", ...] = ()
    full_url: str | None = None
    operation: str | None = None
    condition: Pairs | None = None
    compartment: str | None = None
    patch: Any = None
    if_modified_since: float | None = None
    valid: bool = False
    settled: bool = False
    lenient: bool = False
    beside: frozenset[str] = frozenset()
    wrong: "InteractionError | None" = None

    def __repr__(self) -> str:
        """Without what is a patient's: this may end in a log."""
        return f"Interaction({self.action} {self.type})"


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """What goes over HTTP: ``path`` below the base, without a leading slash; ``query`` encoded."""

    method: str
    path: str
    query: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """``resource`` is None for an empty body; header names are lower case. ``encoded`` are the resource's exact bytes
    where they are at hand."""

    status: int
    resource: dict[str, Any] | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    encoded: bytes | None = field(default=None, repr=False)


class InteractionError(ValueError):
    """The request is none that can be understood; ``status`` and ``issue`` are the answer."""

    def __init__(self, status: int, issue: Issue) -> None:
        super().__init__(issue.text)
        self.status, self.issue = status, issue


def refused(status: int, code: str, text: str, element: str = "") -> InteractionError:
    """An InteractionError in one line."""
    return InteractionError(status, Issue(code, text, element))


MEANINGFUL = frozenset({
    "if-match", "if-none-match", "if-none-exist", "if-modified-since", "prefer", "content-type", "content-encoding",
    "accept", "x-security-context",
})  # fmt: skip
"""Headers that mean something for an interaction."""
OVERRIDES = frozenset({"x-http-method-override", "x-http-method", "x-method-override"})


def meaningful(headers: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The headers that mean something here, each at most once."""
    found: dict[str, str] = {}
    for name, value in headers:
        if name in OVERRIDES:
            raise refused(400, "structure", "a method override is not accepted")
        if name in MEANINGFUL:
            if name in found and name != "accept":
                raise refused(400, "structure", "a header is given twice")
            found[name] = f"{found[name]},{value}" if name in found else value
    return found


def segments_of(path: str) -> list[str]:
    """The raw path in its parts. An encoded separator, a dot segment or an empty part is refused, never resolved."""
    if not path or path == "/":
        return []
    if _PLAIN_PATH.fullmatch(path):
        return path.split("/")
    parts = path.removeprefix("/").split("/")
    for part in parts:
        plain = unquote(part)
        if not part or plain in (".", "..") or re.search(r"[/\\;?#%\x00-\x20\x7f]", plain) or not plain.isascii():
            raise refused(404, "not-found", "the path is not one of this server's")
    return [unquote(part) for part in parts]


def query_of(query: str) -> Pairs:
    """Decoded pairs in order. Raises InteractionError."""
    if not query:
        return ()
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=PARAMETER_LIMIT, errors="strict", separator="&")
    except ValueError as wrong:
        raise refused(400, "value", "the query is not readable, or has too many parameters") from wrong
    if any("\x00" in name + value for name, value in pairs):
        raise refused(400, "value", "the query is not readable, or has too many parameters")
    if any(name == "_format" and _plus(value).partition(";")[0].strip() not in JSON_FORMATS for name, value in pairs):
        raise refused(406, "not-supported", "answers are application/fhir+json", "_format")
    return tuple(pair for pair in pairs if pair[0] not in ("_format", "_pretty"))


def _plus(value: str) -> str:
    """A MIME type whose plus sign was sent as it is, which a query reads as a space."""
    return value.replace("/fhir ", "/fhir+")


def overridden(query: str) -> bool:
    """Whether ``_format`` stands in the place of Accept (R4 §3.1.0.1.11)."""
    return "format" in query and any(name == "_format" for name, _ in parse_qsl(query, keep_blank_values=True))


def acceptable(accept: str | None) -> bool:
    """Whether an Accept header takes JSON (RFC 9110 §12.5.1); a range with q=0 does not count."""
    if accept is None or accept in ACCEPTED:
        return True
    for part in accept.lower().split(","):
        kind, *rest = (word.strip() for word in part.split(";"))
        refused = any(re.fullmatch(r"q=0(\.0*)?", word) for word in rest)
        if (kind in ACCEPTED or not kind) and not refused and spoken(rest):
            return True
    return False


def spoken(parameters: Iterable[str]) -> bool:
    """Whether the parameters of a MIME type, in lower case, name no other version of FHIR (R4 §3.1.0.1.10)."""
    named = (word.strip().partition("=") for word in parameters)
    return all(value.strip('"') in VERSIONS for name, _, value in named if name == "fhirversion")


VERSIONS = frozenset({"4.0", "4.0.1"})
ACCEPTED = frozenset({*JSON_FORMATS, "*/*", "application/*", "text/*", "application/json+fhir"} - {"json"})


def moment_of(value: str | None) -> float | None:
    """Unix seconds of an RFC 9110 date; None when there is none, or it is none (§13.1.3: then it is ignored)."""
    try:
        return parsedate_to_datetime(value).timestamp() if value else None
    except (ValueError, TypeError, OverflowError):
        return None


def etag_of(value: str | None, name: str) -> str | None:
    """The version id of an ETag, or ``*``. Raises InteractionError."""
    if value is None:
        return None
    match = _ETAG.fullmatch(value.strip())
    if match is None and value.strip() != "*":
        raise refused(400, "value", f'{name} must be a version as W/"…"')
    return match[1] if match else "*"


def unchanged_of(value: str | None) -> str | None:
    """The version id of If-None-Match, or ``*``; None for several tags, and for what no version here is called: then the
    answer is whole, as it is without the header (RFC 9110 §13.1.2)."""
    match = _ETAG.fullmatch(value.strip()) if value else None
    return match[1] if match else "*" if value and value.strip() == "*" else None


def condition_of(value: str | None) -> Pairs | None:
    """The pairs of If-None-Exist. Raises InteractionError."""
    if value is None:
        return None
    pairs = query_of(value.partition("?")[2] if "?" in value.partition("=")[0] else value)
    if not pairs:
        raise refused(412, "value", "If-None-Exist must hold search parameters")
    return pairs


def preference_of(value: str | None) -> str | None:
    """What ``Prefer: return=`` asks for."""
    match = _RETURN.search(value) if value else None
    wanted = (match[1] or match[2]) if match else None
    return wanted if wanted in PREFERENCES else None


def lenient(value: str | None) -> bool:
    """Whether ``Prefer: handling=lenient`` allows to leave out what is not understood (R4 §3.1.1.2.1)."""
    return value is not None and _LENIENT.search(value) is not None
