"""SMART scopes as values: v1, v2 and granular, parsed, formatted and compared (SMART App Launch 2.2 scopes)."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal
from urllib.parse import parse_qsl, urlencode

from r4.generated.types import RESOURCES

Context = Literal["patient", "user", "system"]
ACTIONS = "cruds"
V1 = {"read": "rs", "write": "cud", "*": "cruds"}

INTROSPECT = "introspect"
"""Backend clients registered with this word may introspect tokens issued to any client (SMART App Launch 2.2
token-introspection §authorization). It is granted by client_credentials only: no person is asked for it."""
WORDS = frozenset(
    {
        "openid", "fhirUser", "profile", "launch", "launch/patient", "launch/encounter", "offline_access",
        "online_access", INTROSPECT,
    }
)  # fmt: skip
"""Scopes without a resource type that this product knows."""

_FHIR = re.compile(
    r"(?P<context>patient|user|system)/(?P<type>\*|[A-Z][A-Za-z]{1,63})\."
    r"(?:(?P<v1>read|write|\*)|(?P<v2>(?=[cruds])c?r?u?d?s?))(?:\?(?P<query>[\x21\x23-\x5b\x5d-\x7e]+))?"
)
_LAUNCH = re.compile(r"launch/(?P<type>[a-z]{1,64})(?:\?role=[\x21\x23-\x5b\x5d-\x7e]{1,256})?")
"""Further context, in lower case, with or without a role (SMART App Launch 2.2 scopes §fhir-context)."""
_LOWER = frozenset(type.lower() for type in RESOURCES)
_PARAMETER = re.compile(r"[A-Za-z][A-Za-z0-9-]*")


@dataclass(frozen=True, kw_only=True, slots=True)
class FhirScope:
    """``actions`` is a subset of ``cruds``. ``query`` narrows to resources that match every pair (granular scope).
    ``v1`` remembers the old spelling, which the answer to a v1 request keeps."""

    context: Context
    type: str
    actions: frozenset[str]
    query: tuple[tuple[str, str], ...] = ()
    v1: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class WordScope:
    """``launch``, ``openid`` and the like."""

    word: str


Scope = FhirScope | WordScope


def parse(text: str) -> tuple[Scope, ...]:
    """A space-separated scope string → the scopes that are understood, in order, each once. What is unknown or
    malformed is dropped: it grants nothing (RFC 6749 §3.3 lets a server ignore it)."""
    found = (parse_one(word) for word in words(text))
    return tuple(dict.fromkeys(scope for scope in found if scope is not None))


def words(text: str) -> tuple[str, ...]:
    """The words of a scope string. Space alone separates (RFC 6749 §3.3): a tab makes a word that is not understood."""
    return tuple(word for word in text.split(" ") if word)


def parse_one(word: str) -> Scope | None:
    """One scope, or None when it is not understood: out-of-order actions, unknown types, modifiers, chains."""
    if word in WORDS:
        return WordScope(word=word)
    if (launch := _LAUNCH.fullmatch(word)) is not None:
        return WordScope(word=word) if launch["type"] in _LOWER else None
    match = _FHIR.fullmatch(word)
    if match is None or (match["type"] != "*" and match["type"] not in RESOURCES):
        return None
    query = _query(match["query"]) if match["query"] is not None else ()
    if query is None or (query and (match["v1"] or match["type"] == "*")):
        return None
    context: Context = match["context"]  # type: ignore[assignment]
    actions = frozenset(V1[match["v1"]] if match["v1"] else match["v2"])
    return FhirScope(context=context, type=match["type"], actions=actions, query=query, v1=match["v1"] is not None)


def _query(text: str) -> tuple[tuple[str, str], ...] | None:
    """``category=a|b&code=c``: plain parameters with one value each; anything cleverer is not understood."""
    try:
        pairs = parse_qsl(text, keep_blank_values=True, strict_parsing=True, max_num_fields=8)
    except ValueError:
        return None
    names = [name for name, _ in pairs]
    plain = all(_PARAMETER.fullmatch(name) and _plain(value) for name, value in pairs)
    return tuple(sorted(pairs)) if plain and len(set(names)) == len(names) else None


def _plain(value: str) -> bool:
    return bool(value) and value.isprintable() and "," not in value and "=" not in value


def format(scopes: Iterable[Scope]) -> str:
    """The inverse of ``parse``."""
    return " ".join(format_one(scope) for scope in scopes)


def format_one(scope: Scope) -> str:
    """One scope as it is written in a request."""
    if isinstance(scope, WordScope):
        return scope.word
    if scope.v1:
        suffix = next(word for word, actions in V1.items() if frozenset(actions) == scope.actions)
    else:
        suffix = "".join(action for action in ACTIONS if action in scope.actions)
    query = f"?{urlencode(scope.query, safe='|:/')}" if scope.query else ""
    return f"{scope.context}/{scope.type}.{suffix}{query}"


def covers(granted: Scope, wanted: Scope) -> bool:
    """Whether one scope permits everything another asks for. Two scopes are never added up."""
    if isinstance(granted, WordScope) or isinstance(wanted, WordScope):
        return granted == wanted
    return (
        granted.context == wanted.context
        and granted.type in ("*", wanted.type)
        and wanted.actions <= granted.actions
        and set(granted.query) <= set(wanted.query)
    )


def narrow(asked: Iterable[Scope], allowed: Iterable[Scope], *, apart: bool = False) -> tuple[Scope, ...]:
    """What of ``asked`` may be granted: each scope as far as a single allowed one covers it. A type wildcard asked of a
    client that has single types becomes those types; actions are cut to those allowed. ``apart`` leaves a granular scope
    that was asked for beside a broader one, for who may allow the one without the other."""
    wanted, permitted = tuple(asked), tuple(allowed)
    granted: dict[Scope, None] = {}
    for want in wanted:
        for have in permitted:
            if (cut := _meet(want, have)) is not None:
                granted[cut] = None
                if cut == want:
                    break
    kept = {scope for scope in wanted if apart and isinstance(scope, FhirScope) and scope.query}
    outer = set(outermost(granted))
    return tuple(scope for scope in granted if scope in outer or scope in kept)


def outermost(granted: Iterable[Scope]) -> tuple[Scope, ...]:
    """Those that no other one goes beyond. One in the spelling of v1 and of v2 is the same twice, and both stay."""
    found = tuple(granted)
    return tuple(
        scope for scope in found if not any(covers(other, scope) and not covers(scope, other) for other in found)
    )


def _meet(want: Scope, have: Scope) -> Scope | None:
    """The largest scope that both cover, or None."""
    if isinstance(want, WordScope) or isinstance(have, WordScope):
        return want if want == have else None
    if covers(have, want):
        return want
    actions = want.actions & have.actions
    if want.context != have.context or not actions or ("*" not in (want.type, have.type) and want.type != have.type):
        return None
    query = dict(want.query)
    if any(query.get(name, value) != value for name, value in have.query):
        return None
    type_ = have.type if want.type == "*" else want.type
    return FhirScope(context=want.context, type=type_, actions=actions, query=tuple(sorted({*want.query, *have.query})))
