"""Edge: the bulk lane: a whole file counted by DuckDB with a declared schema (the ``bulk`` extra), several times as fast as plain Python.

The same profile, bit by bit. A file that does not fit the schema, or holds anything that this lane would read more kindly than the
plain one, goes to the plain lane as a whole: it is never half counted.
"""

import mmap
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from fidelity.bulk_query import COLUMNS, SETS, components_query, facts_query
from fidelity.lines import LONGEST
from fidelity.profile import Profile
from r4.definitions import resource_types

ROWS = 10_000
KIND = (b"NaN", b"Infinity", b",}", b",]")
"""What DuckDB's reader of JSON takes and JSON forbids."""


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
    limits = {"threads": threads, "memory_limit": memory, "autoinstall_known_extensions": False, "preserve_insertion_order": False}
    with duckdb.connect(config=limits) as connection:
        connection.execute("CREATE TABLE visits (visited VARCHAR, place VARCHAR)")
        if settings:
            connection.execute("INSERT INTO visits SELECT unnest(?), unnest(?)", [list(settings), list(settings.values())])
        try:
            return _profile(connection, str(path))
        except duckdb.Error:
            return None


def _kindly_read(path: Path) -> bool:
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as held:
        return any(held.find(each) >= 0 for each in KIND)


def _profile(connection: Any, path: str) -> Profile | None:
    profile, known = Profile(), resource_types()
    components = False
    for name, key, number, first, last in _groups(connection.execute(facts_query(path, LONGEST // 2))):
        if name == "rows":
            if key[0] not in known:
                return None
            components = components or key[9] == "components"
        _put(profile, name, key, number, first, last)
    if components:
        for *measure, number in connection.execute(components_query(path, LONGEST // 2)).fetchall():
            profile.values.put(tuple(measure), number)
    return profile


_TELLING = {name: next(column for column in reversed(columns) if sum(column in each for each in SETS.values()) == 1) for name, columns in SETS.items()}
"""By set, a column that only it has."""
_PLACES = {name: [COLUMNS.index(column) for column in columns] for name, columns in SETS.items()}


def _groups(result: Any) -> Iterator[tuple[str, tuple[Any, ...], int, str | None, str | None]]:
    """Each group with the set it is of: the columns of the other sets are NULL, and no column is NULL otherwise."""
    telling = [(COLUMNS.index(column), name) for name, column in _TELLING.items()]
    while rows := result.fetchmany(ROWS):
        for row in rows:
            name = next(name for place, name in telling if row[place] is not None)
            yield name, tuple(row[place] for place in _PLACES[name]), *row[len(COLUMNS) :]


def _put(profile: Profile, name: str, key: tuple[Any, ...], number: int, first: str | None, last: str | None) -> None:
    if name == "patients":
        if key[1]:
            profile.see(key[0], (key[1],))
    elif name == "values":
        if key[-1]:
            profile.values.put(key, number)
    elif name == "codes":
        if key[1]:
            profile.tables["codes"].put(key, number)
            if first and last:
                profile.span(key[:2], first, last)
    elif name in ("rows", "elements", "months") or key[-1]:
        if name != "delays" or key[-1]:
            profile.tables[name].put(key, number)
