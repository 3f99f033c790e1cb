"""What one site adds to the write-back: which of its own codes an output's code becomes, and what may not be lost.

Read from ``site.toml`` as a table (``[writeback]``); every fault is reported, not the first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from vocabulary.manifest import Code
from vocabulary.tables import TableReader
from writeback.lexicon.codes import CATEGORIES


class SiteInvalid(ValueError):
    """The table cannot be used; ``problems`` names each faulty member and what it must be."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, kw_only=True, slots=True)
class Mapped:
    """``code`` is the site's own, e.g. a flowsheet row; ``category`` the Observation category it is filed under."""

    code: Code
    category: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Site:
    """``codes`` by the (system, code) that a manifest declares; ``must_keep`` are paths or types without which nothing
    is written here, beside those of the manifest."""

    codes: Mapping[tuple[str, str], Mapped] = field(default_factory=dict)
    must_keep: frozenset[str] = frozenset()
    own_codes: frozenset[tuple[str, str]] = field(init=False)

    def __post_init__(self) -> None:
        own = frozenset((mapped.code.system, mapped.code.code) for mapped in self.codes.values())
        object.__setattr__(self, "own_codes", own)

    def mapped(self, codes: tuple[Code, ...]) -> Mapped | None:
        """What the first of these codes that the site maps becomes."""
        if not self.codes:
            return None
        return next((self.codes[key] for code in codes if (key := (code.system, code.code)) in self.codes), None)


NO_SITE = Site()
"""A site that maps nothing."""


def parse_site(table: Mapping[str, Any]) -> Site:
    """``{"codes": [{"from": {"system", "code"}, "to": {"system", "code", "display"?}, "category"?}], "must_keep": […]}``
    → Site. Raises SiteInvalid."""
    problems: list[str] = []
    reader = TableReader(table, "writeback", problems)
    problems += [f"writeback.{name} is not known" for name in sorted(set(reader.table) - {"codes", "must_keep"})]
    rows = [_row(each) for each in reader.tables("codes")]
    must_keep = frozenset(reader.words("must_keep"))
    if len({key for key, _ in rows}) < len(rows):
        problems.append("writeback.codes maps one code twice")
    if problems:
        raise SiteInvalid(problems)
    return Site(codes=dict(rows), must_keep=must_keep)


def _row(reader: TableReader) -> tuple[tuple[str, str], Mapped]:
    source, target = (
        TableReader(reader.table.get(name), f"{reader.path}.{name}", reader.problems) for name in ("from", "to")
    )
    category = reader.choice("category", tuple(CATEGORIES)) if "category" in reader.table else None
    key = (source.text("system", required=True) or "", source.text("code", required=True) or "")
    code = Code(
        system=target.text("system", required=True) or "", code=target.text("code", required=True) or "",
        display=target.text("display"),
    )  # fmt: skip
    return key, Mapped(code=code, category=category)
