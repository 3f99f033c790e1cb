"""Typed members out of one table of a TOML document; every fault is collected with its path, not raised."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from vocabulary.instant import Span, parse_span


class TableReader:
    """Takes typed members out of one table of the document and collects what is wrong with them."""

    def __init__(self, table: Any, path: str, problems: list[str]) -> None:
        self.table: Mapping[str, Any] = table if isinstance(table, dict) else {}
        self.path, self.problems = path, problems
        if not isinstance(table, dict):
            problems.append(f"{path} must be a table")

    def text(self, name: str, *, required: bool = False) -> str | None:
        value = self.table.get(name)
        if isinstance(value, str) and value.strip():
            return value
        if value is not None or required:
            self.problems.append(f"{self.path}.{name} must be a non-empty string")
        return None

    def choice(self, name: str, allowed: tuple[str, ...], *, default: str | None = None) -> Any:
        value = self.table.get(name, default)
        if value in allowed:
            return value
        self.problems.append(f"{self.path}.{name} must be one of {', '.join(allowed)}")
        return allowed[0]

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.table.get(name, default)
        if not isinstance(value, bool):
            self.problems.append(f"{self.path}.{name} must be true or false")
        return bool(value)

    def span(self, name: str, *, required: bool = False) -> Span | None:
        text = self.text(name, required=required)
        try:
            return parse_span(text) if text else None
        except ValueError:
            self.problems.append(f"{self.path}.{name} must be an ISO 8601 duration such as P1D")
            return None

    def range(self, name: str, *, required: bool = False) -> tuple[Decimal, Decimal] | None:
        value = self.table.get(name)
        if value is None and not required:
            return None
        numbers = [parse_number(item) for item in value] if isinstance(value, list) else []
        if len(numbers) != 2 or numbers[0] is None or numbers[1] is None or numbers[0] > numbers[1]:
            self.problems.append(f"{self.path}.{name} must be [low, high]")
            return None
        return numbers[0], numbers[1]

    def words(self, name: str) -> tuple[str, ...]:
        value = self.table.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) and item.strip() for item in value):
            self.problems.append(f"{self.path}.{name} must be a list of non-empty strings")
            return ()
        return tuple(value)

    def tables(self, name: str) -> list["TableReader"]:
        value = self.table.get(name, [])
        if not isinstance(value, list):
            self.problems.append(f"{self.path}.{name} must be a list of tables")
            return []
        return [TableReader(item, f"{self.path}.{name}[{index}]", self.problems) for index, item in enumerate(value)]


def parse_number(value: Any) -> Decimal | None:
    """A finite number of a TOML document, with its digits; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
