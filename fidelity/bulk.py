"""Edge: the bulk lane: a whole file counted by DuckDB with a declared schema (the ``bulk`` extra), faster than plain Python.

The same profile, bit by bit. A file that does not fit the schema, or holds anything that this lane would read more kindly
than the plain one, goes to the plain lane as a whole: it is never half counted.
"""

import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fidelity.bulk_query import COLUMNS, SCHEMAS, SETS, components_query, facts_query
from fidelity.counts import Key
from fidelity.lines import LONGEST
from fidelity.profile import Profile
from r4.definitions import resource_types

ROWS = 10_000
KIND = (b"NaN", b"Infinity", b",}", b",]")
"""What DuckDB's reader of JSON takes and JSON forbids."""

LIMITS: dict[str, Any] = {"autoinstall_known_extensions": False, "preserve_insertion_order": False}


def installed() -> bool:
    """Whether the ``bulk`` extra is there."""
    try:
        import duckdb  # noqa: F401
    except ImportError:
        return False
    return True


def count_file(path: Path, settings: Mapping[str, str], *, threads: int = 1, memory: str = "1GB") -> Profile | None:
    """The profile of a file, or None when it has to go to the plain lane."""
    import duckdb

    if path.stat().st_size == 0:
        return Profile()
    if _kindly_read(path):
        return None
    with duckdb.connect(config={**LIMITS, "threads": threads, "memory_limit": memory}) as connection:
        connection.execute("CREATE TABLE visits (visited VARCHAR, place VARCHAR)")
        if settings:
            connection.execute(
                "INSERT INTO visits SELECT unnest(?), unnest(?)", [list(settings), list(settings.values())]
            )
        for schema in SCHEMAS:
            try:
                return _profile(connection, str(path), schema)
            except duckdb.Error:
                continue
    return None


def _kindly_read(path: Path) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
        return any(held.find(each) >= 0 for each in KIND)


def _profile(connection: Any, path: str, schema: Mapping[str, str]) -> Profile | None:
    profile, known = Profile(), resource_types()
    components = False
    for name, key, number in _groups(connection.execute(facts_query(path, LONGEST // 2, schema))):
        if name == "rows":
            if key[0] not in known:
                return None
            components = components or key[9] == "components"
        _PUT[name](profile, key, number)
    if components:
        for *measure, number in connection.execute(components_query(path, LONGEST // 2)).fetchall():
            profile.values.put(tuple(measure), number)
    return profile


_PLACES = {name: [COLUMNS.index(column) for column in columns] for name, columns in SETS.items()}
_TELLING = (
    ("worded", "rows"),
    ("mask", "hours"),
    ("month", "codes"),
    ("del", "delays"),
    ("bin", "values"),
    ("pat", "patients"),
)
"""By set, a column that only it has."""


def _groups(result: Any) -> Iterator[tuple[str, Key, int]]:
    """Each group with its set: the columns of the other sets are NULL, and no column is NULL otherwise."""
    telling = [(COLUMNS.index(column), name) for column, name in _TELLING]
    while rows := result.fetchmany(ROWS):
        for row in rows:
            name = next(name for place, name in telling if row[place] is not None)
            yield name, tuple(row[place] for place in _PLACES[name]), row[-1]


def _hours(profile: Profile, key: Key, number: int) -> None:
    type, source, hour, mask = key
    profile.tables["elements"].put((type, mask), number)
    if hour:
        profile.tables["hours"].put((type, source, hour), number)


def _codes(profile: Profile, key: Key, number: int) -> None:
    type, source, system, code, version, month = key
    profile.tables["months"].put((type, source, month), number)
    if code:
        profile.tables["codes"].put((system, code, version), number)
        if month:
            profile.span((system, code), month, month)


def _delays(profile: Profile, key: Key, number: int) -> None:
    if key[-1]:
        profile.tables["delays"].put(key, number)


def _values(profile: Profile, key: Key, number: int) -> None:
    if key[-1]:
        profile.values.put(key, number)


def _patients(profile: Profile, key: Key, number: int) -> None:
    if key[1]:
        profile.see(key[0], (key[1],))


_PUT = {
    "rows": lambda profile, key, number: profile.tables["rows"].put(key, number),
    "hours": _hours, "codes": _codes, "delays": _delays, "values": _values, "patients": _patients,
}  # fmt: skip
