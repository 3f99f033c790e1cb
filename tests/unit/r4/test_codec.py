"""The codec's way through C against its careful one: the same value of the same types, or both refuse."""

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest

from r4 import codec
from tests.unit.r4.test_vectors import examples

ODD = [
    b'{"a":1,"a":1}', b'{"a":{"b":[1,{"c":1,"c":2}]}}', b'{"a":1,"\\u0061":1}', b'["\\ud800"]', b'["\\ud83d\\ude00"]', b'["\\u0000"]',
    b'["\xed\xa0\x80"]', b'["\xc0\x80"]', b'["\xff"]', b"[NaN]", b"[-Infinity]", b"[1e999]", b"[1e-301]", b'["\t"]', b'["\x7f"]', b'["\\/"]',
    b"{}", b"[]", b"", b"{", b"null", b"12345678901234567", b'"x"', b"[1]x", b"[1,]", b'{"a":1,}', b"\xef\xbb\xbf{}", b'{"a" :1}', b' {"a":1}',
    *(b"[%s]" % number for number in (
        b"-0", b"0", b"-0.0", b"00", b"01", b"1.", b".5", b"+1", b"1.00", b"1e2", b"1E+2", b"1e-2", b"-1.50e0", b"123456789012345",
        b"-123456789012345", b"1234567890123456", b"-1234567890123456", b"18446744073709551616", b"1" * 301, b"0." + b"1" * 301, b"-", b"1e", b"1.e1",
    )),
    b'{"a":1234567890123456}', b'{"a":[0,9999999999999999]}', b'{"a":"1234567890123456","b":-1.10}', b'["2026-01-02T03:04:05.678+00:00"]',
]  # fmt: skip


def said(value: Any) -> Any:
    """A value with the type of everything in it, and every decimal as it was written."""
    if isinstance(value, dict):
        return {name: said(item) for name, item in value.items()}, list(value)
    if isinstance(value, list):
        return [said(item) for item in value]
    return type(value), value.literal if isinstance(value, codec.Decimal) else value


def carefully(data: bytes) -> Any:
    try:
        return said(codec._carefully(data))
    except codec.CodecError:
        return "refused"


def mutated(bodies: list[bytes], count: int) -> Iterator[bytes]:
    """Short bodies with a few bytes changed, taken out, or brought in from elsewhere."""
    chance = random.Random(7)
    for _ in range(count):
        body = bytearray(chance.choice(bodies))
        for _ in range(chance.randrange(1, 4)):
            at = chance.randrange(len(body) + 1)
            body[at : at + chance.randrange(3)] = chance.choice(
                (b"", b'"', b"\\", b"{", b"]", b",", b":", b"0", b"-", b".", b"e", b" ", b"\xc3", b"9" * 16)
            )
        yield bytes(body)


def compact(body: bytes) -> bytes:
    return codec.format(codec.parse(body))


def test_what_is_read_at_once_is_what_is_read_carefully() -> None:
    bodies = [body for _, body in examples()]
    whole = [compact(body) for body in bodies]
    short = [body[:400] + b'"}' for body in whole] + [body for body in ODD if body]
    taken = 0
    for body in (*ODD, *bodies, *whole, *mutated([*whole[::40], *short], 3_000)):
        value = codec._at_once(body)
        if value is not None:
            taken += 1
            assert said(value) == carefully(body)
    assert taken > 700


def test_a_body_is_read_at_once_and_one_with_a_member_twice_is_not() -> None:
    assert codec._at_once(b'{"a":{"b":1.00},"c":"1234567890123456"}') is not None
    assert codec._at_once(b'{\r\n\t"a" : { "b" : 1.00 }, "c": "1 2"\n}') == {
        "a": {"b": codec.Decimal("1.00")},
        "c": "1 2",
    }
    for doubtful in (
        b'{"a": 1, "a": 1}',
        b'{"a": 1, "a ": 1, "a": 1}',
        b'{"a": 1e2,\n "b": 1234567890123456}',
        b'{"a": -0}',
    ):
        assert codec._at_once(doubtful) is None
    assert codec._at_once(b'{"a":{"b":1.00,"b":1.00},"c":"1234567890123456"}') is None
    with pytest.raises(codec.CodecError, match="same member twice"):
        codec.parse(b'{"a":{"b":1.00,"b":1.00},"c":"1234567890123456"}')


def nested(depth: int, text: str = "") -> bytes:
    return b"[" * (depth - 1) + json.dumps([text]).encode() + b"]" * (depth - 1)


@pytest.mark.parametrize("text", ["", "x", "[", "]]", '"', '\\"', "\\", '\\\\"[', '{"', "[]", "}{"])
def test_depth_is_bounded_whatever_stands_in_a_string(text: str) -> None:
    assert codec.parse(nested(codec.DEPTH_LIMIT, text)) is not None
    with pytest.raises(codec.CodecError, match="nested too deeply"):
        codec.parse(nested(codec.DEPTH_LIMIT + 1, text))


def test_brackets_in_strings_hide_no_depth() -> None:
    hidden = b'["]",' * 65 + b"0" + b',"["]' * 65
    with pytest.raises(codec.CodecError, match="nested too deeply"):
        codec.parse(hidden)
    assert not codec._shallow(hidden, codec.DEPTH_LIMIT)
    assert codec._depth(codec.parse(hidden, max_depth=65)) == 65
