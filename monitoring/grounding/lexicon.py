"""The bundled word lists as one dictionary of terms, read once (``tables/README.md`` says where they come from)."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path

from monitoring.grounding.tokens import words

TABLES = Path(__file__).parent / "tables"

Entry = tuple[int, list[str], str, str]
"""Tokens of the term, those after the first, the kind, and the key: the concept, or the value of a cue."""
Terms = Mapping[str, tuple[Entry, ...]]
"""By first token, the longest term first."""

CAPITALS = frozenset(("alt", "ast", "dm", "cad", "asa", "hb", "im", "sc", "iv", "sl", "pt", "af", "mi", "oa"))
"""Abbreviations that are words as well, or parts of names: only in capitals."""


@cache
def rows(name: str) -> tuple[dict[str, str], ...]:
    """The rows of a table."""
    with (TABLES / f"{name}.csv").open(encoding="utf-8", newline="") as stream:
        return tuple(csv.DictReader(stream))


@cache
def words_of(list: str) -> frozenset[str]:
    """The words of a list of ``words.csv``."""
    return frozenset(row["word"] for row in rows("words") if row["list"] == list)


SYMBOLS: Mapping[str, str] = {word.lower(): word for word in words_of("symbol")}
"""Symbols of measurements that are much else as well (``K``, ``T``): only as spelt here, and before what is said of one."""
SMALL = frozenset(("vs",))
"""Words that in capitals are something else: ``VS`` are vital signs."""
GUARDED = CAPITALS | SMALL | SYMBOLS.keys()


def entry(name: str, kind: str, key: str) -> tuple[str, Entry] | None:
    """A term by its first token, None for a name without words."""
    found = words(name) or ([name] if name in "<>≤≥;" or name in ("<=", ">=") else [])
    return (found[0], (len(found), found[1:], kind, key)) if found else None


def gather(named: Iterable[tuple[str, str, str]]) -> dict[str, tuple[Entry, ...]]:
    """``(name, kind, key)`` → terms; of two of the same words the first stands."""
    found: dict[str, dict[tuple[str, ...], Entry]] = {}
    for name, kind, key in named:
        made = entry(name, kind, key)
        if made is not None:
            found.setdefault(made[0], {}).setdefault(tuple(made[1][1]), made[1])
    return {first: tuple(sorted(all.values(), key=lambda each: -each[0])) for first, all in found.items()}


def _named() -> Iterator[tuple[str, str, str]]:
    for row in rows("cues"):
        yield row["phrase"], row["kind"], row["value"]
    for row in rows("analytes"):
        yield from ((name, "analyte", row["concept"]) for name in row["names"].split("|"))
    for row in rows("synonyms"):
        yield row["name"], row["kind"], row["concept"]
    yield from ((row["name"], "drug", row["name"]) for row in rows("drugs"))
    yield from ((row["brand"], "drug", row["ingredients"].replace("|", "+")) for row in rows("brands"))
    yield from ((row["name"], "condition", row["name"]) for row in rows("conditions"))


@cache
def terms() -> dict[str, tuple[Entry, ...]]:
    """Every bundled term."""
    return gather(_named())


@cache
def concept_of_loinc() -> Mapping[str, str]:
    """LOINC code → analyte."""
    return {code: row["concept"] for row in rows("analytes") for code in row["loinc"].split("|") if code}


@cache
def seldom_coded() -> frozenset[str]:
    """Symptoms and signs (ICD-10-CM chapter R), and diseases that are read off a number: a chart without an entry for one
    does not say that there was none."""
    return words_of("finding") | {row["name"] for row in rows("conditions") if row["icd10cm"].startswith("R")}


@cache
def molar_masses() -> Mapping[str, float]:
    """Analyte → grams per mole."""
    return {row["concept"]: float(row["grams_per_mole"]) for row in rows("analytes") if row["grams_per_mole"]}


@cache
def better() -> Mapping[str, str]:
    """Analyte → the direction in which it improves, for those that have one."""
    return {row["concept"]: row["better"] for row in rows("analytes") if row["better"]}


def longest(terms: Terms, tokens: list[str], at: int) -> Entry | None:
    """The longest term that begins at a token."""
    for each in terms.get(tokens[at], ()):
        if each[0] == 1 or tokens[at + 1 : at + each[0]] == each[1]:
            return each
    return None


def known(terms: Terms, tokens: list[str], kinds: frozenset[str]) -> set[str]:
    """The concepts of these kinds named anywhere in a name."""
    return {
        key
        for at in range(len(tokens))
        for n, rest, kind, key in terms.get(tokens[at], ())
        if kind in kinds and tokens[at + 1 : at + n] == rest
    }
