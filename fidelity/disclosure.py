"""What a published profile may say: nothing that fewer than ten records stand for, and no text that somebody typed.

The rule of ten is that of cumulus-library-data-metrics (Apache-2.0): https://docs.smarthealthit.org/cumulus/library/
A code of a recognised system in its proper form identifies nobody, so such a code may be named when it is rare; its count
may not.
"""

import re
from collections.abc import Iterable, Iterator, Mapping

from fidelity.counts import MORE, Key
from fidelity.forms import code_form
from fidelity.quantities import SPELLINGS
from r4 import ucum

LEAST = 10
"""Records behind each number, at least."""
OTHER = "(other)"
_WORD = re.compile(r"[A-Za-z0-9()_.+-]{0,24}")
_ADDRESS = re.compile(r"[!-~]{0,160}")


def word(value: str) -> str:
    """A short code of a closed list, such as a status; anything else is OTHER."""
    return value if _WORD.fullmatch(value) else OTHER


def address(value: str) -> str:
    """An address or OID; anything else is OTHER."""
    return value if _ADDRESS.fullmatch(value) else OTHER


def unit(value: str, form: str) -> str:
    """A unit that UCUM knows, or a known spelling of one; else the kind of thing it is."""
    if form == "missing" or value in ("", MORE):
        return value
    if value.strip().casefold() in SPELLINGS or (len(value) <= 24 and ucum.known(value)):
        return value
    return "(not UCUM)" if form == "coded" else "(text)"


def code(system: str, value: str, number: int) -> bool:
    """Whether a code may be named."""
    if code_form(system, value, False) == "coded":
        return True
    return (
        number >= LEAST
        and bool(value)
        and bool(re.fullmatch(r"[!-~]{1,40}", value))
        and bool(_ADDRESS.fullmatch(system))
    )


def told(counts: Mapping[str, int]) -> dict[str, int]:
    """The numbers that may be told, in order of their names."""
    return {name: counts[name] for name in sorted(counts) if counts[name] >= LEAST}


def grouped(rows: Iterable[tuple[Key, int]]) -> dict[Key, int]:
    """Sums by key."""
    made: dict[Key, int] = {}
    for key, number in rows:
        made[key] = made.get(key, 0) + number
    return made


def in_order(rows: Mapping[Key, int]) -> Iterator[tuple[Key, int]]:
    """Rows in an order that hangs on their keys alone."""
    yield from sorted(rows.items(), key=lambda item: tuple(map(str, item[0])))
