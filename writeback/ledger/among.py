"""``among(column, name)``: the column is one of the values that the parameter lists, in one statement for every number of
values. ``IN (?, ?, …)`` is another text, to be put together and prepared anew, for each number."""

from collections.abc import Collection
from typing import Any, cast

import msgspec
from sqlalchemy import (
    BigInteger,
    Column,
    ColumnElement,
    Dialect,
    Integer,
    Text,
    bindparam,
)
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator, TypeEngine


class _Listed(TypeDecorator[Collection[Any]]):
    """An array on PostgreSQL, JSON on SQLite."""

    impl = Text
    cache_ok = True

    def __init__(self, *, numbers: bool) -> None:
        super().__init__()
        self.numbers = numbers

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return ARRAY(BigInteger() if self.numbers else Text()) if dialect.name == "postgresql" else Text()

    def process_bind_param(self, value: Collection[Any] | None, dialect: Dialect) -> Any:
        listed = list(value or ())
        return listed if dialect.name == "postgresql" else msgspec.json.encode(listed).decode()


class _Among(FunctionElement[int]):
    """Not of the type Boolean: SQLAlchemy would say ``= 1`` of it, and SQLite then uses no index."""

    type = Integer()
    inherit_cache = True


@compiles(_Among, "postgresql")
def _as_array(element: Any, compiler: Any, **options: Any) -> str:
    column, values = element.clauses
    return f"{compiler.process(column, **options)} = ANY({compiler.process(values, **options)})"


@compiles(_Among)
def _as_json(element: Any, compiler: Any, **options: Any) -> str:
    column, values = element.clauses
    listed = f"json_each({compiler.process(values, **options)})"
    return f"{compiler.process(column, **options)} IN (SELECT value FROM {listed})"  # noqa: S608 - compiled SQL


def among(column: Column[Any], name: str) -> ColumnElement[bool]:
    """A condition; the parameter ``name`` is then given as a tuple of texts or of whole numbers."""
    numbers = isinstance(column.type, BigInteger)
    return cast(ColumnElement[bool], _Among(column, bindparam(name, type_=_Listed(numbers=numbers))))
