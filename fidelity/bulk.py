"""Edge: the bulk lane: a whole file counted by DuckDB with a declared schema (the ``bulk`` extra), faster than plain Python.

The same profile, bit by bit. A file that does not fit the schema, or holds anything that this lane would read more kindly
than the plain one, goes to the plain lane as a whole: it is never half counted.
"""

from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from operator import itemgetter
from pathlib import Path
from typing import Any

import msgspec

from fidelity import lines
from fidelity.bulk_query import COLUMNS, SCHEMAS, SETS, components_query, facts_query
from fidelity.counts import Key
from fidelity.profile import Profile

ROWS = 10_000


class _Object(msgspec.Struct, gc=False):
    """Of which nothing is read."""


_strict = msgspec.json.Decoder(_Object).decode_lines

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
    with duckdb.connect(config={**LIMITS, "threads": threads, "memory_limit": memory}) as connection:
        connection.execute("CREATE TABLE visits (visited VARCHAR, place VARCHAR)")
        if settings:
            connection.execute(
                "INSERT INTO visits SELECT unnest(?), unnest(?)", [list(settings), list(settings.values())]
            )
        with ThreadPoolExecutor(1) as beside:  # DuckDB's threads work without Python's lock
            strictly = beside.submit(_strictly_read, path)
            found = _first(connection, str(path), duckdb.Error)
            return found if strictly.result() else None


def _first(connection: Any, path: str, failure: type[Exception]) -> Profile | None:
    """By the first schema that the file fits."""
    for schema in SCHEMAS:
        try:
            return _profile(connection, path, schema)
        except failure:
            continue
    return None


def _strictly_read(path: Path) -> bool:
    """Whether a stricter reader finds JSON too: DuckDB's takes ``NaN``, ``inf`` and a comma before a bracket."""
    with path.open("rb") as file:
        for block, _, _ in lines.blocks(file, 0, None):
            try:
                _strict(block or b"-")
            except (msgspec.MsgspecError, RecursionError):
                return False
    return True


def _profile(connection: Any, path: str, schema: Mapping[str, str]) -> Profile | None:
    profile, known = Profile(), lines.TYPES
    components = False
    for name, key, number in _groups(connection.execute(facts_query(path, lines.LONGEST // 2, schema))):
        if name == "rows":
            if key[0] not in known:
                return None
            components = components or key[9] == "components"
        _PUT[name](profile, key, number)
    if components:
        for *measure, number in connection.execute(components_query(path, lines.LONGEST // 2)).fetchall():
            profile.values.put(tuple(measure), number)
    return profile


_PLACES = {name: [COLUMNS.index(column) for column in columns] for name, columns in SETS.items()}
_TELLING = (
    ("bin", "values"),
    ("worded", "rows"),
    ("pat", "patients"),
    ("ver", "codes"),
    ("del", "delays"),
    ("mask", "hours"),
)
"""By set, a column that only it has; the largest set first."""


def _groups(result: Any) -> Iterator[tuple[str, Key, int]]:
    """Each group with its set: the columns of the other sets are NULL, and no column is NULL otherwise."""
    telling = [(COLUMNS.index(column), name, itemgetter(*_PLACES[name])) for column, name in _TELLING]
    while rows := result.fetchmany(ROWS):
        for row in rows:
            for place, name, key in telling:
                if row[place] is not None:
                    yield name, key(row), row[-1]
                    break


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
