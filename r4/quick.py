"""A fast path that only ever accepts: what it does not accept is not wrong, the walker decides (docs/decisions/0004).

A generated struct says that the structure is right, one look over the encoded bytes that no string is empty or holds a
control character, and a walk along the few members that carry rules says the rest. Extensions may stand anywhere, so
that they make the walk go everywhere: where the bytes have none, a shorter one does.
"""

import re
from collections.abc import Callable, Mapping
from decimal import Decimal
from functools import cache
from typing import Any

import msgspec

from r4 import codec
from r4.constraints import ELEMENT_RULES
from r4.definitions import Row, codes, elements, resource_types
from r4.primitives import PRIMITIVES
from r4.references import target_type
from r4.served import QUICK

Holds = Callable[[Any], bool]

ESCAPED = (b'"\\', b"\\u00", b"\\b", b"\\f")
"""How a string begins with white space, or holds a control character, in JSON."""

_FOREIGN_BLANK = re.compile("[\u0085\u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000]")

_plain = re.compile(
    r"[1-9]\d{3}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d(?:\.\d+)?Z", re.A
).fullmatch
"""A time in UTC on a day that every month has: most are."""

CHECKED = frozenset({"date", "dateTime", "instant", "time", "base64Binary", "xhtml", "oid", "uuid"})
"""Primitive types whose struct takes more than R4 does."""


def accepts(resource: dict[str, Any]) -> bool:
    """Whether the resource is certainly valid."""
    return encode(resource) is not None


def encode(resource: dict[str, Any]) -> bytes | None:
    """The bytes of a resource that is certainly valid, as ``codec.format`` gives them; None for every other."""
    name = resource.get("resourceType")
    if name not in QUICK:
        return None
    try:
        encoded = codec.format(resource)
        if _doubtful(encoded):
            return None
        _decoder(name).decode(encoded)
    except (msgspec.DecodeError, codec.CodecError):
        return None
    return encoded if _rules(name, b"xtension" in encoded)(resource) else None


def _doubtful(encoded: bytes) -> bool:
    """Escapes (control characters among them), references to what is contained, empty objects, strings that begin with
    white space: for the walker. Found where it is harmless, it costs time and nothing else. Single bytes are looked
    for first: they are found a hundred times faster, and pairs from the end, three times."""
    if b"\\" in encoded and any(sign in encoded for sign in ESCAPED):
        return True
    if (b"#" in encoded and b'"#' in encoded) or encoded.rfind(b"{}") >= 0 or encoded.rfind(b'" ') >= 0:
        return True
    return not encoded.isascii() and _FOREIGN_BLANK.search(encoded.decode()) is not None


@cache
def _decoder(name: str) -> msgspec.json.Decoder[Any]:
    """Reads bytes that the codec has written, to see whether they fit; what it makes of numbers is thrown away."""
    from r4.generated import structs

    return msgspec.json.Decoder(getattr(structs, name))


@cache
def _rules(name: str, extended: bool) -> Holds:
    return _walk(name, extended) or _always


def _always(value: Any) -> bool:
    return True


@cache
def _walk(name: str, extended: bool) -> Holds | None:
    """A predicate for elements of a type: its own rules and those below, or None when there are none."""
    if name in _RECURSIVE:
        return _recursive(name, extended)
    return _table_walk(name, extended)


_RECURSIVE = frozenset({"Extension", "Reference", "Identifier"})
"""Types that hold themselves, so that their walk is made when it is first needed."""


def _recursive(name: str, extended: bool) -> Holds:
    made: list[Holds | None] = []

    def walk(value: Any) -> bool:
        if not made:
            made.append(_table_walk(name, extended))
        return made[0] is None or made[0](value)

    return walk


def _table_walk(name: str, extended: bool) -> Holds | None:
    table = elements(name)
    rows = {member: row for member, row in table.items() if extended or row.type != "Extension"}
    members = {member: rule for member, row in rows.items() if (rule := _member(row, extended)) is not None}
    own = tuple(rule for _, rule in ELEMENT_RULES.get(name, ()))
    choices = _choices(table)
    if not members and not own and not choices:
        return None
    lookup = members.get

    def walk(value: Any) -> bool:
        for rule in own:
            if not rule(value):
                return False
        for low, group in choices:
            if not low <= len(group & value.keys()) <= 1:
                return False
        for member in value:
            inner = lookup(member)
            if inner is not None and not inner(value[member]):
                return False
        return True

    return walk


def _choices(table: Mapping[str, Row]) -> tuple[tuple[int, frozenset[str]], ...]:
    groups: dict[str, tuple[int, list[str]]] = {}
    for member, row in table.items():
        if row.choice is not None:
            groups.setdefault(row.choice, (row.low, []))[1].append(member)
    return tuple((low, frozenset(group)) for low, group in groups.values())


def _member(row: Row, extended: bool) -> Holds | None:
    """What a member has to hold besides its struct."""
    one = _value(row, extended)
    if one is None or row.high == 1:
        return one

    def every(value: Any) -> bool:
        for item in value:  # noqa: SIM110 -- a generator costs as much again
            if not one(item):
                return False
        return True

    return every


def _value(row: Row, extended: bool) -> Holds | None:
    if row.type == "decimal":
        return _finite
    if row.type in CHECKED:
        check = PRIMITIVES[row.type]
        if row.type == "dateTime":
            return lambda value: _plain(value) is not None or check(value) is None
        return lambda value: check(value) is None
    if row.type in PRIMITIVES:
        return None
    below = _walk(row.type, extended)
    if row.type == "Reference" and row.targets and "Resource" not in row.targets:
        return _reference(frozenset(row.targets), below)
    if row.codes is not None:
        return _bound(codes(row.codes), row.type, below)
    return below


def _finite(value: Any) -> bool:
    return (
        not isinstance(value, bool)
        and isinstance(value, int | Decimal)
        and (isinstance(value, int) or value.is_finite())
    )


def _reference(targets: frozenset[str], below: Holds | None) -> Holds:
    """A literal reference of one of these types; one that names no type is for the walker."""

    def holds(value: Any) -> bool:
        said = value.get("reference")
        right = said is None or said.partition("/")[0] in targets or _permitted(target_type(said), targets)
        if not right or ("type" in value and value["type"] not in targets):
            return False
        return below is None or "identifier" not in value or below(value)

    return holds


def _permitted(type: str, targets: frozenset[str]) -> bool:
    """What names no type of R4 (an address elsewhere, a URN) says nothing against it."""
    return type in targets or type not in resource_types()


def _bound(allowed: frozenset[str], type: str, below: Holds | None) -> Holds:
    """A required binding on something larger than a code: of the codings given, one is allowed."""

    def holds(value: Any) -> bool:
        codings = value.get("coding", ()) if type == "CodeableConcept" else (value,)
        given = [coding["code"] for coding in codings if "code" in coding]
        return (not given or any(code in allowed for code in given)) and (below is None or below(value))

    return holds
