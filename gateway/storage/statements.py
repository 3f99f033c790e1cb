"""Edge: the one connection of a file of SQLite: a statement that it has seen before runs at the driver.

SQLAlchemy takes 30 to 40 µs to run a statement that SQLite runs in 4. Rooms keep the statements of hot paths as
constants; when the same object comes a second time its SQL, its parameters and its types are noted beside it, for as
long as it lives. What is not understood here (literal SQL, defaults made in Python) takes SQLAlchemy's way as before.
"""

import sqlite3
from collections import namedtuple
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from keyword import iskeyword
from operator import itemgetter
from typing import Any, NamedTuple, cast
from weakref import ref

from sqlalchemy import (
    Boolean,
    Connection,
    CursorResult,
    Delete,
    Dialect,
    Engine,
    Insert,
    LargeBinary,
    Select,
    Update,
    exc,
)
from sqlalchemy.engine import IteratorResult
from sqlalchemy.engine.result import SimpleResultMetaData
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.elements import ClauseElement

_NOTHING: Mapping[str, Any] = {}
_REQUIRED = object()
Convert = Callable[[Any], Any]
Slot = tuple[str | tuple[str, int], Any, Convert | None]
LONGEST = 64
"""Longer lists of parameters are rare, and would each be noted."""
Shape = tuple[str | tuple[str, int], ...]
"""The names of the parameters, with the length of each list: together with a statement they decide the SQL."""


class Prepared(NamedTuple):
    """``slots`` are the parameters in the order of the SQL: name, what it is when it is not given, and how it is
    converted; a name may be ``(name, index)`` into a list. ``direct`` takes them from what is given and ``constants``, where
    nothing more is needed, ``converts`` are then the places of those to convert. ``row`` is None for what returns no rows."""

    sql: str
    slots: tuple[Slot, ...]
    direct: Callable[[Mapping[str, Any]], tuple[Any, ...]] | None
    constants: Mapping[str, Any]
    converts: tuple[tuple[int, Convert], ...]
    row: Any
    columns: tuple[tuple[int, Convert], ...]


class Rows:
    """The rows of a statement, all read. What is seldom asked for is answered by SQLAlchemy's result of the same."""

    __slots__ = ("_rows", "rowcount")

    def __init__(self, rows: list[Any], rowcount: int) -> None:
        self._rows, self.rowcount = rows, rowcount

    def __iter__(self) -> Iterator[Any]:
        return iter(self._rows)

    def all(self) -> list[Any]:
        return self._rows

    def first(self) -> Any:
        return self._rows[0] if self._rows else None

    def one(self) -> Any:
        return self._rows[0] if len(self._rows) == 1 else self._whole().one()

    def one_or_none(self) -> Any:
        return self._whole().one_or_none() if len(self._rows) > 1 else self.first()

    def scalar(self) -> Any:
        return self._rows[0][0] if self._rows else None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._whole(), name)

    def _whole(self) -> IteratorResult[Any]:
        names = self._rows[0]._fields if self._rows else ("nothing",)  # a result has a column, also when it has no row
        return IteratorResult(SimpleResultMetaData(names), iter(self._rows))


class _Seen:
    """A statement that came before: what was made of it for each shape, and ``last`` what served last, for so many
    parameters, none of them a list."""

    __slots__ = ("count", "last", "shapes", "statement")

    def __init__(self, statement: "ref[Any]") -> None:
        self.statement = statement
        self.shapes: dict[Shape, Prepared | None] = {}
        self.last: Prepared | None = None
        self.count = -1


class DriverConnection(Connection):
    """A connection of SQLite whose ``execute``, ``scalar`` and ``scalars`` know the statements that come again."""

    def __init__(self, engine: Engine) -> None:
        super().__init__(engine)
        self._driver = cast(sqlite3.Connection, self.connection.driver_connection)
        self._seen: dict[int, _Seen] = {}

    def execute(self, statement: Any, parameters: Any = None, **options: Any) -> CursorResult[Any]:
        """As Connection's. Raises what it raises."""
        rows = parameters if type(parameters) is list else [parameters]
        if not options and rows and type(rows[0]) is dict:
            seen = self._seen.get(id(statement))
            if seen is not None and seen.count == len(rows[0]) and seen.statement() is statement:
                try:
                    values = [_values(seen.last, row) for row in rows]  # type: ignore[arg-type]
                except KeyError:
                    seen.count = -1  # other names, as many
                else:
                    return self._run(seen.last, values)  # type: ignore[arg-type,return-value]
        prepared = None if options else self._prepared(statement, parameters)
        if prepared is None:
            return super().execute(statement, parameters, **options)
        return self._run(prepared, [_values(prepared, row or _NOTHING) for row in rows or (_NOTHING,)])  # type: ignore[return-value]

    def scalar(self, statement: Any, parameters: Any = None, **options: Any) -> Any:
        """As Connection's: the first column of the first row, or None."""
        return self.execute(statement, parameters, **options).scalar()

    def scalars(self, statement: Any, parameters: Any = None, **options: Any) -> Any:
        """As Connection's: the first column of every row."""
        return self.execute(statement, parameters, **options).scalars()

    def _prepared(self, statement: Any, parameters: Any) -> Prepared | None:
        seen = self._seen.get(id(statement))
        if seen is None or seen.statement() is not statement:
            self._notice(statement)
            return None
        known = seen.shapes
        one = parameters[0] if isinstance(parameters, list) and parameters else parameters
        if one and not isinstance(one, dict):
            return None
        shape = _shape(one or _NOTHING)
        if shape not in known:
            known[shape] = prepare(statement, one or _NOTHING, self)
        found = known[shape]
        if found is not None and found.direct is not None:
            seen.last, seen.count = found, len(shape)
        return found

    def _notice(self, statement: Any) -> None:
        """A number may come again for another statement, so that it is forgotten with the one it was given to."""
        number = id(statement)
        if isinstance(statement, ClauseElement):
            self._seen[number] = _Seen(ref(statement, lambda gone: self._forget(number, gone)))

    def _forget(self, number: int, gone: "ref[Any]") -> None:
        if number in self._seen and self._seen[number].statement is gone:
            del self._seen[number]

    def _run(self, prepared: Prepared, rows: Sequence[Sequence[Any]]) -> Rows:
        try:
            if len(rows) > 1:
                return Rows([], self._driver.executemany(prepared.sql, rows).rowcount)
            cursor = self._driver.execute(prepared.sql, rows[0])
            if prepared.row is None:
                return Rows([], cursor.rowcount)
            return Rows(_rows(prepared, cursor.fetchall()), cursor.rowcount)
        except sqlite3.Error as failure:
            raise self._told(prepared, failure) from failure

    def _told(self, prepared: Prepared, failure: sqlite3.Error) -> BaseException:
        return exc.DBAPIError.instance(
            prepared.sql, None, failure, sqlite3.Error, hide_parameters=True, dialect=self.dialect
        )


def prepare(statement: Any, parameters: Mapping[str, Any], connection: Connection) -> Prepared | None:
    """The statement for parameters of this shape; None when it has to go SQLAlchemy's way."""
    if not isinstance(statement, Select | Insert | Update | Delete):
        return None
    writes = not isinstance(statement, Select)
    compiled = statement.compile(dialect=connection.dialect, column_keys=list(parameters) if writes else None)
    if not isinstance(compiled, SQLCompiler) or compiled.prefetch or compiled.literal_execute_params:
        return None
    slots = _slots(compiled, parameters, connection.dialect)
    names = [column.keyname for column in compiled._result_columns]
    if slots is None or len(set(names)) < len(names) or not all(_plain(name) for name in names):
        return None
    direct, constants = _direct(slots, parameters)
    types = [column.type.dialect_impl(connection.dialect) for column in compiled._result_columns]
    converts = [type.result_processor(connection.dialect, None) for type in types]
    return Prepared(
        sql=compiled.construct_expanded_state(dict(parameters)).statement,
        slots=slots,
        direct=direct,
        constants=constants,
        converts=tuple(
            (index, convert)
            for index, (name, _, convert) in enumerate(slots)
            if convert is not None and name in parameters
        ),
        row=namedtuple("Row", names) if names else None,
        columns=tuple((index, convert) for index, convert in enumerate(converts) if convert is not None),
    )


def _direct(
    slots: Sequence[Slot], given: Mapping[str, Any]
) -> tuple[Callable[[Mapping[str, Any]], tuple[Any, ...]] | None, Mapping[str, Any]]:  # fmt: skip
    """What takes all values at once, and those that are the same each time, by names that are no parameter's."""
    names: list[str] = []
    constants: dict[str, Any] = {}
    for index, (name, default, convert) in enumerate(slots):
        if isinstance(name, str) and name in given:
            names.append(name)
        elif isinstance(name, str) and default is not _REQUIRED:
            names.append(f" {index}")
            constants[f" {index}"] = default if convert is None else convert(default)
        else:
            return None, {}
    return (itemgetter(*names), constants) if len(names) > 1 else (None, {})


def _plain(name: str) -> bool:
    return name.isidentifier() and not name.startswith("_") and not iskeyword(name)


def _slots(compiled: SQLCompiler, parameters: Mapping[str, Any], dialect: Dialect) -> tuple[Slot, ...] | None:
    slots: list[Slot] = []
    for name in compiled.positiontup or ():
        bind = compiled.binds[name]
        type = bind.type.dialect_impl(dialect)
        convert = None if isinstance(type, LargeBinary | Boolean) else type.bind_processor(dialect)  # as they are
        given = parameters.get(name)
        if bind.callable is not None or (bind.expanding and name in parameters and not isinstance(given, list)):
            return None
        if bind.expanding and name in parameters and (not given or len(given) > LONGEST):
            return None
        if bind.expanding and name in parameters:
            slots += [((name, index), _REQUIRED, convert) for index in range(len(given or ()))]
        elif bind.expanding:
            slots += [(name, value, convert) for value in bind.value or ()]
        else:
            slots.append((name, _REQUIRED if bind.required else bind.value, convert))
    return tuple(slots)


def _shape(parameters: Mapping[str, Any]) -> Shape:
    for value in parameters.values():
        if type(value) is list:
            return tuple([(name, len(each)) if type(each) is list else name for name, each in parameters.items()])
    return tuple(parameters)


def _values(prepared: Prepared, given: Mapping[str, Any]) -> Sequence[Any]:
    if prepared.direct is not None:
        values = prepared.direct({**given, **prepared.constants} if prepared.constants else given)
        return _converted(values, prepared.converts) if prepared.converts else values
    found = []
    for name, default, convert in prepared.slots:
        value = given.get(name, default) if isinstance(name, str) else given[name[0]][name[1]]
        if value is _REQUIRED:
            raise exc.InvalidRequestError(f"a value is required for bind parameter {name!r}")
        found.append(value if convert is None else convert(value))
    return found


def _rows(prepared: Prepared, raw: Sequence[Sequence[Any]]) -> list[Any]:
    make = partial(tuple.__new__, prepared.row)  # as its ``_make``, but for counting: three times as fast
    if not prepared.columns:
        return list(map(make, raw))
    return [make(_converted(row, prepared.columns)) for row in raw]


def _converted(values: Sequence[Any], converts: tuple[tuple[int, Convert], ...]) -> list[Any]:
    changed = list(values)
    for index, convert in converts:
        changed[index] = convert(changed[index])
    return changed
