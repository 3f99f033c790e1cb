"""The request with a number: a seed, mutated by chance that the number decides."""

import json
from collections.abc import Callable, Sequence
from copy import copy
from random import Random
from typing import Any
from urllib.parse import quote, quote_from_bytes

from tests.fuzz.mutations import MARK, change_json, change_pairs, change_value
from tests.fuzz.seeds import FORM_TYPE, JSON_TYPE, Pairs, Seed
from tests.fuzz.wire import Sent
from tests.fuzz.world import EHR, TOKENS, bearer

HTTP_METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", "TRACE", "QUERY", "get")
TYPES = (
    "text/xml", "application/json", "application/fhir+json; charset=utf-16", "multipart/form-data; boundary=x", "", "application/json-patch+json",
    f"application/{MARK}", "application/x-www-form-urlencoded; charset=utf-8", "application/fhir+xml",
)  # fmt: skip
HEADERS: Pairs = [
    ("x-http-method-override", "DELETE"), ("x-forwarded-host", f"{MARK}.example"), ("forwarded", f"host={MARK}"), ("accept", f"text/{MARK}"),
    ("accept", "application/xml"), ("content-encoding", "gzip"), ("origin", f"https://{MARK}.example"), ("origin", "null"), ("prefer", f"return={MARK}"),
    ("if-match", f'W/"{MARK}"'), ("if-none-exist", f"identifier={MARK}"), ("if-modified-since", "Tue, 99 Foo 2030"), ("range", "bytes=0-1"),
    ("host", f"{MARK}.example"), ("cookie", f"__Host-spec-session={MARK}; a"), ("sec-fetch-site", "cross-site"), ("te", "trailers"),
    ("x-request-id", MARK), ("x-request-id", f"<{MARK}>"), ("access-control-request-method", "PUT"), ("authorization", f"Bearer {MARK}"), ("authorization", f"Basic {MARK}"),
    ("if-none-match", f"{MARK}"), ("content-length", "5"), ("transfer-encoding", "chunked"), ("expect", f"{MARK}"), ("accept-language", f"{MARK}"),
]  # fmt: skip
LONGEST_LINE = 60_000
"""Bytes of a query; a longer request line is refused before the application (uvicorn with httptools: 400)."""
PARTS = (
    "..",
    "%2e%2e",
    "%2F",
    ";a=b",
    "_history",
    "_search",
    "$everything",
    "$validate",
    "$export",
    "metadata",
    "%00",
    MARK,
    "%c0%ae",
    "*",
    "Patient",
    "p2",
    "%0d%0a",
)
SAFE = "/$%*;=:@!,&'()+~.-_"


def make(seeds: Sequence[Seed], seed: int, number: int) -> Sent:
    """The same request for the same seeds, seed and number."""
    random = Random((seed << 40) | number)
    request = copy(seeds[random.randrange(len(seeds))])
    request.query, request.headers = list(request.query), list(request.headers)
    request.form = list(request.form) if request.form is not None else None
    for _ in range(random.choice((1, 1, 1, 2, 2, 4))):
        _mutate(random, request)
    return _wire(random, request)


def _mutate(random: Random, request: Seed) -> None:
    """One change at one of the places that the request has."""
    places: list[Callable[[Random, Seed], None]] = [_path, _header]
    if request.query:
        places += [_query] * 6
    if request.form is not None:
        places += [_form] * 8
    if request.json is not None:
        places += [_json] * 8
    random.choice(places)(random, request)


def _query(random: Random, request: Seed) -> None:
    change_pairs(random, request.query)


def _form(random: Random, request: Seed) -> None:
    assert request.form is not None
    change_pairs(random, request.form)


def _json(random: Random, request: Seed) -> None:
    request.json = change_json(random, request.json)


def _path(random: Random, request: Seed) -> None:
    what = random.random()
    if what < 0.2:
        request.method = random.choice(HTTP_METHODS)
    elif what < 0.3:
        request.query.append(("_count", MARK))
    elif what < 0.5:
        request.path += "/" + random.choice(PARTS)
    else:
        parts = request.path.removeprefix(EHR).split("/")
        place = random.randrange(len(parts))
        parts[place] = random.choice(
            (random.choice(PARTS), change_value(random, parts[place]), parts[place] + random.choice(PARTS), "")
        )
        request.path = EHR + "/".join(parts)


def _header(random: Random, request: Seed) -> None:
    what = random.random()
    names = [place for place, (name, _) in enumerate(request.headers)]
    if what < 0.45 or not names:
        request.headers.append(random.choice((random.choice(HEADERS), ("content-type", random.choice(TYPES)))))
        return
    place = random.choice(names)
    name, value = request.headers[place]
    if what < 0.55:
        request.headers[place] = "authorization", f"Bearer {bearer(random.choice(list(TOKENS)))}"
    elif what < 0.65:
        del request.headers[place]
    elif what < 0.75:
        request.headers.append((name, value))
    else:
        request.headers[place] = name, change_value(random, value)


def _wire(random: Random, request: Seed) -> Sent:
    """The bytes; now and then they are spoilt too."""
    body, kind = b"", None
    if request.form is not None:
        body, kind = _encoded(random, request.form), FORM_TYPE
    elif request.json is not None:
        body, kind = _written(random, request.json), JSON_TYPE
    if body and random.random() < 0.06:
        body = _spoilt(random, body)
    headers = [(name, value) for name, value in request.headers]
    if kind and not any(name == "content-type" for name, _ in headers):
        headers.append(("content-type", kind))
    query = _encoded(random, request.query)[:LONGEST_LINE]
    return Sent(
        method=request.method, path=quote(request.path.encode("utf-8", "surrogatepass"), safe=SAFE),
        query=_spoilt(random, query).replace(b" ", b"+").replace(b"\n", b"") if query and random.random() < 0.02 else query,
        headers=tuple((name.encode(), _field(value)) for name, value in headers), body=body,
    )  # fmt: skip


def _encoded(random: Random, pairs: Pairs) -> bytes:
    """A form, each byte escaped or now and then left as it is."""
    return b"&".join(_escaped(random, name) + b"=" + _escaped(random, value) for name, value in pairs)


def _escaped(random: Random, text: str) -> bytes:
    raw = text.encode("utf-8", "surrogatepass")
    if random.random() < 0.02:
        return quote_from_bytes(raw, safe=SAFE.replace("&", "")).encode().replace(b"%25", b"%")
    return quote_from_bytes(raw, safe="").encode()


def _written(random: Random, value: Any) -> bytes:
    """JSON; now and then with a name twice, or with something that is none of JSON's."""
    text = json.dumps(value)
    chance = random.random()
    if chance < 0.02 and text.startswith("{"):
        text = '{"resourceType":"Patient","subject":{"reference":"Patient/p2"},' + text[1:]
    elif chance < 0.04:
        text = random.choice(
            (
                "[" * 5000,
                text + MARK,
                text.replace('"', "'"),
                "\ufeff" + text,
                f"<a>{MARK}</a>",
                text.replace(": ", ":\x00", 1),
            )
        )
    return text.encode("utf-8", "surrogatepass")


def _spoilt(random: Random, raw: bytes) -> bytes:
    place = random.randrange(len(raw))
    return random.choice((
        raw[:place], raw[:place] + bytes([raw[place] ^ (1 << random.randrange(8))]) + raw[place + 1 :], raw[:place] + b"\xff\xfe" + raw[place:],
        raw + raw[:place], raw[place:], raw[:place] + b"\xed\xa0\x80" + raw[place:], raw[:place] + MARK.encode() * 900,
    ))  # fmt: skip


def _field(value: str) -> bytes:
    """A header's value as a server lets it through: latin-1, without line ends and NUL."""
    return value.encode("latin-1", "replace").translate(None, b"\r\n\x00").strip()
