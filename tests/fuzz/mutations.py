"""What is done to a good request: to a value, to a list of pairs, to JSON, to the bytes.

Every value that is changed carries ``MARK`` (all but truncations and flips, which leave nothing to recognise), so that an
answer which repeats input is seen.
"""

import base64
import json
from collections.abc import Callable
from random import Random
from typing import Any

from tests.fuzz.seeds import WORDS, Pairs

MARK = "zq7mark"
NAMES = (
    "client_id", "scope", "redirect_uri", "state", "aud", "resource", "launch", "code", "code_verifier", "nonce", "request",
    "grant_type", "client_secret", "client_assertion", "token", "user", "patient", "subject", "_id", "_include", "_count",
    "_sort", "_cursor", "_total", "_has:Observation:patient:code", "_format", "_summary", "_elements", "access_token",
    "prompt", "response_mode", "request_uri", "_lastUpdated", "identifier", "date", "_type", "_since", "_revinclude",
    "decision", "scope-0", "registration", "patient:not", "code:in", "_filter", "_query", "_text", "subject.name",
)  # fmt: skip
"""Names that mean something somewhere."""
NASTY = (
    f"<script>{MARK}</script>", f'"><{MARK}>', f"\r\nX-{MARK}: 1\r\n\r\n", f"{MARK}\x00", f"{MARK}'; DROP TABLE x; --",
    f"{MARK}\ud800", f"\U0001f4a9{MARK}\u202e", f"{MARK}\u0000\uffff", f"../../{MARK}", f"{{{{{MARK}}}}}", f"%s%n{MARK}",
    f"javascript:{MARK}", f"https://{MARK}.example/", f"//{MARK}.example", f"http://127.0.0.1@{MARK}", f"${{jndi:{MARK}}}",
    f"{MARK}|", f"|{MARK}", f"{MARK},{MARK}", f"{MARK}$x", f"{MARK}=1&a=b", f"Patient/{MARK}", f"Patient?name={MARK}",
    f"patient/{MARK}.rs", f"patient/Observation.rs?code={MARK}", f"{MARK}/*.cruds", f"urn:uuid:{MARK}", f"#{MARK}",
    f"http://127.0.0.1:8700/ehr/spec/fhir/{MARK}", f"ge{MARK}", f"2023-02-30{MARK}",
    f"W/\"{MARK}\"", f"*{MARK}", f"\t{MARK} ", f"\u00e9{MARK}\u0301", f"{MARK}\u2028", f"{MARK}%00", f"%c0%af{MARK}",
)  # fmt: skip
NUMBERS = (
    "0",
    "-1",
    "1e400",
    "9" * 400,
    "NaN",
    "Infinity",
    "1.0000000000000001",
    "00",
    "٣",
    "0x10",
    "2147483648",
    "1_0",
)
Value = Callable[[Random, str], str]


def _insert(random: Random, value: str, what: str) -> str:
    place = random.randint(0, len(value))
    return value[:place] + what + value[place:]


def _nest(random: Random, depth: int) -> Any:
    value: Any = MARK
    for _ in range(depth):
        value = (
            [value] if random.random() < 0.5 else {random.choice(("a", "extension", "contained", "part", MARK)): value}
        )
    return value


def _jwt(random: Random, value: str) -> str:
    """A compact JWT with its header or its claims changed; the signature stays."""
    parts = value.split(".")
    index = random.randrange(2)
    try:
        said = json.loads(base64.urlsafe_b64decode(parts[index] + "=="))
    except (ValueError, IndexError):
        return _insert(random, value, MARK)
    name = random.choice((*said, "crit", "jwk", "x5u", "jku", "alg", "kid", "exp", "aud", "jti", "nbf", MARK))
    said[name] = random.choice(
        ("none", "HS256", "RS256", MARK, ["jti", MARK], {"kty": MARK}, 1e308, -1, None, True, "", _nest(random, 9))
    )
    parts[index] = base64.urlsafe_b64encode(json.dumps(said).encode()).decode().rstrip("=")
    return ".".join(parts)


def _flip(random: Random, value: str) -> str:
    if not value:
        return MARK
    place = random.randrange(len(value))
    return (
        value[:place]
        + chr(random.choice((ord(value[place]) ^ 1, ord(value[place]) ^ 32, 0xE9, 0x3BB)))
        + value[place + 1 :]
    )


VALUES: tuple[Value, ...] = (
    lambda random, value: _insert(random, value, random.choice(NASTY)),
    lambda random, value: _insert(random, value, random.choice(NASTY)),
    lambda random, value: random.choice(NASTY),
    lambda random, value: _insert(random, value, MARK),
    lambda random, value: value + MARK,
    lambda random, value: random.choice(WORDS),
    lambda random, value: random.choice(NUMBERS) + random.choice(("", MARK)),
    lambda random, value: value[: random.randint(0, len(value))],
    lambda random, value: _flip(random, value),
    lambda random, value: value.swapcase() + MARK,
    lambda random, value: (value[:400] + MARK) * random.choice((2, 40, 700)),
    lambda random, value: "",
    lambda random, value: _jwt(random, value) if value.count(".") == 2 else f" {value}{MARK} ",
    lambda random, value: base64.b64encode(f"{value}:{MARK}".encode("utf-8", "surrogatepass")).decode()[random.randrange(4) :],
    lambda random, value: " ".join([value, MARK, value.upper()]),
)  # fmt: skip


def change_value(random: Random, value: str) -> str:
    """Another value instead of a good one."""
    return random.choice(VALUES)(random, value)


def change_pairs(random: Random, pairs: Pairs) -> None:
    """One change to a query or a form, in place."""
    what = random.random()
    if not pairs or what < 0.15:
        pairs.insert(random.randint(0, len(pairs)), (random.choice(NAMES), change_value(random, random.choice(WORDS))))
        return
    place = random.randrange(len(pairs))
    name, value = pairs[place]
    if what < 0.65:
        pairs[place] = name, change_value(random, value)
    elif what < 0.75:
        del pairs[place]
    elif what < 0.83:
        pairs.append((name, random.choice((value, change_value(random, value)))))
    elif what < 0.93:
        pairs[place] = (
            random.choice(
                (name + ":" + MARK, change_value(random, name), name.upper(), name + "[]", random.choice(NAMES))
            ),
            value,
        )
    else:
        pairs[place], pairs[-1] = (name, pairs[-1][1]), (pairs[-1][0], value)


ODD: tuple[Callable[[Random], Any], ...] = (
    lambda random: None, lambda random: random.choice((True, 0, -1, 1e308, 10**40, 1.5)), lambda random: MARK, lambda random: [],
    lambda random: {}, lambda random: [MARK, [MARK]], lambda random: {MARK: MARK}, lambda random: _nest(random, random.choice((2, 30, 200))),
    lambda random: random.choice(NASTY), lambda random: [MARK] * random.choice((2, 300)), lambda random: {"reference": f"Patient/p2{MARK}"},
    lambda random: {"reference": random.choice(WORDS)}, lambda random: {"resourceType": MARK, "id": MARK}, lambda random: [None],
)  # fmt: skip


def change_json(random: Random, value: Any, depth: int = 0) -> Any:
    """A JSON value with one place changed; what is changed is copied, not the rest."""
    if isinstance(value, dict) and value and (depth < 1 or random.random() < 0.85):
        return _change_object(random, value, depth)
    if isinstance(value, list) and value and random.random() < 0.85:
        place = random.randrange(len(value))
        changed = change_json(random, value[place], depth + 1)
        more = [value[place]] if random.random() < 0.1 else []
        return [*value[:place], changed, *more, *value[place + 1 :]]
    return (
        change_value(random, value) if isinstance(value, str) and random.random() < 0.7 else random.choice(ODD)(random)
    )


def _change_object(random: Random, value: dict[str, Any], depth: int) -> dict[str, Any]:
    name, what = random.choice(list(value)), random.random()
    if what < 0.7:
        return {**value, name: change_json(random, value[name], depth + 1)}
    if what < 0.8:
        return {key: said for key, said in value.items() if key != name}
    if what < 0.9:
        return {
            **value,
            random.choice((MARK, "_" + name, "contained", "extension", "meta", "identifier", "text")): random.choice(
                ODD
            )(random),
        }
    return {(change_value(random, key) if key == name else key): said for key, said in value.items()}
