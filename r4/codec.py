"""FHIR JSON, byte in and byte out, without changing what was said.

The only reader of FHIR bodies in the product: a decimal keeps its digits (``1.00``, ``1e2``, ``-0`` and numbers longer
than a float), equal keys in one object are refused instead of the last one winning, and so are NaN, lone surrogates
and nesting without end. ``format(parse(data))`` says the same as ``data`` (RFC 8259, FHIR R4 §2.6.2 JSON).
"""

import json
import re
from decimal import Decimal as _Decimal
from decimal import InvalidOperation
from itertools import chain
from typing import Any

import msgspec
import orjson

from r4.outcome import Issue

DEPTH_LIMIT = 64
DIGITS_LIMIT, EXPONENT_LIMIT = 300, 300
"""Digits and exponent of a number, at most: more than a double or any clinical value has."""
_NUMBER = re.compile(r"-?(0|[1-9]\d*)(\.\d+)?([eE][+-]?\d+)?")
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_INT = 15
"""An integer of more digits is kept as a decimal with its literal, for 64 bits may not hold it."""


class CodecError(ValueError):
    """The bytes are not FHIR JSON. ``issue`` says why, at which element where known, and repeats nothing; ``status`` 400."""

    status = 400

    def __init__(self, issue: Issue) -> None:
        super().__init__(issue.text)
        self.issue = issue


class Decimal(_Decimal):
    """A decimal that remembers how it was written: equal to its value, formatted as its literal."""

    __slots__ = ("literal",)

    literal: str

    def __new__(cls, literal: str) -> "Decimal":
        self = super().__new__(cls, literal)
        self.literal = literal
        return self

    def __reduce__(self) -> tuple[type["Decimal"], tuple[str]]:
        return Decimal, (self.literal,)

    def __copy__(self) -> "Decimal":
        return self

    def __deepcopy__(self, memo: Any) -> "Decimal":
        return self


def parse(data: bytes, *, max_depth: int = DEPTH_LIMIT) -> Any:
    """Bytes in UTF-8 → dicts, lists, strings, ints, ``Decimal``, bools, None. Raises CodecError."""
    value = _at_once(data)
    if value is None:
        value = _carefully(data)
    if not _shallow(data, max_depth) and _depth(value) > max_depth:
        raise _refused("The body is nested too deeply.")
    return value


def reread(data: bytes) -> Any:
    """What ``format`` wrote, parsed again: in a third of the time, for nothing stands in it twice."""
    if b":-0" in data or b",-0" in data or b"[-0" in data or _LONG in data.translate(_FIGURES):
        return parse(data)  # a reader in C would lose digits, or the sign of a nought
    return _READER.decode(data)


def _at_once(data: bytes) -> Any:
    """What most JSON says, or None: then it must be read carefully. A reader in C does not see that a member stands twice;
    but what it read, written again, is then not what came, white space aside. A long integer it would not keep as written:
    none is taken."""
    if data[:1] not in (b"{", b"[") or _LONG in data.translate(_FIGURES, _BLANK):
        return None
    try:
        value = _READER.decode(data)
        again = format(value)
        return value if again == data or again.translate(None, _BLANK) == data.translate(None, _BLANK) else None
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None


def _carefully(data: bytes) -> Any:
    """What any JSON says, or why it is none. Raises CodecError."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as failure:
        raise _refused("The body is not UTF-8.") from failure
    if text.startswith("\ufeff"):
        text = text[1:]
    try:
        value = _DECODER.decode(text)
    except RecursionError as failure:
        raise _refused("The body is nested too deeply.") from failure
    except CodecError:
        raise
    except (ValueError, InvalidOperation) as failure:
        raise _refused("The body is not JSON.") from failure
    if "\\u" in text and _has_surrogate(value):
        raise _refused("The body holds half of a surrogate pair.")
    return value


def format(value: Any) -> bytes:
    """The value as compact JSON in UTF-8. Raises CodecError for what JSON cannot say: NaN, infinities, lone surrogates,
    other types."""
    try:
        return orjson.dumps(value, default=_fragment, option=orjson.OPT_PASSTHROUGH_SUBCLASS)
    except (orjson.JSONEncodeError, TypeError, RecursionError) as failure:
        raise _refused("The value cannot be written as JSON.") from failure


def format_decimal(value: _Decimal) -> str:
    """The JSON number of a finite decimal: its literal if it has one, else its digits without a sign on the exponent."""
    if isinstance(value, Decimal):
        return value.literal
    if not value.is_finite():
        raise _refused("A number is not finite.")
    text = str(value)
    return text if "E" not in text else text.replace("E+", "e").replace("E", "e")


def _fragment(value: Any) -> orjson.Fragment:
    if isinstance(value, _Decimal):
        return orjson.Fragment(format_decimal(value))
    raise TypeError


def _refused(text: str) -> CodecError:
    return CodecError(Issue("structure", text, "", "json"))


def _integer(literal: str) -> int | Decimal:
    return _decimal(literal) if len(literal) > _LONGEST_INT or literal == "-0" else int(literal)


def _decimal(literal: str) -> Decimal:
    """R4 §2.24.0.1 asks for 18 digits; what no reader can hold is refused, not handed on."""
    digits, _, exponent = literal.lower().partition("e")
    if len(digits) > DIGITS_LIMIT or len(exponent) > 5 or abs(int(exponent or 0)) > EXPONENT_LIMIT:
        raise _refused("A number has too many digits.")
    return Decimal(literal)


def _constant(name: str) -> Any:
    raise _refused("A number is not finite.")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _refused("An object has the same member twice.")
    return found


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object, parse_float=_decimal, parse_int=_integer, parse_constant=_constant, strict=True
)
_READER = msgspec.json.Decoder(float_hook=_decimal)
_BLANK = b" \t\n\r"
_FIGURES = bytes.maketrans(b"123456789-,[", b"0000000000::")
_LONG = b":" + b"0" * (_LONGEST_INT + 1)
"""How a number of more digits than an int may have begins, after ``_FIGURES``."""
_BRACKETS = bytes.maketrans(b"[]", b"{}")
_OTHERS = bytes(sorted(set(range(256)) - set(b'[]{}"')))


def _shallow(data: bytes, limit: int) -> bool:
    """Whether JSON nests certainly no deeper: of its brackets and quotes, strings vanish and then the innermost pairs, limit
    times at most. A bracket in a string leaves its quotes, so that ``_depth`` has to say."""
    if data.count(b"{") + data.count(b"[") <= limit:
        return True
    if b"\\" in data:
        data = data.replace(b"\\\\", b"").replace(b'\\"', b"")
    signs = data.translate(_BRACKETS, _OTHERS).replace(b'""', b"")
    while signs and limit > 0 and b'"' not in signs:
        signs, limit = signs.replace(b"{}", b""), limit - 1
    return not signs


def _depth(value: Any) -> int:
    """How deep objects and arrays stand in each other; walks level by level, so nothing overflows."""
    depth, level = 0, [value]
    while True:
        objects = [item for item in level if item.__class__ is dict]
        arrays = [item for item in level if item.__class__ is list]
        if not objects and not arrays:
            return depth
        depth += 1
        level = [*chain.from_iterable(map(dict.values, objects)), *chain.from_iterable(arrays)]


def _has_surrogate(value: Any) -> bool:
    waiting = [value]
    while waiting:
        item = waiting.pop()
        if isinstance(item, str):
            if _SURROGATE.search(item):
                return True
        elif isinstance(item, dict):
            waiting += item.keys()
            waiting += item.values()
        elif isinstance(item, list):
            waiting += item
    return False
