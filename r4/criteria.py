"""What a request may say in parameters, by interaction and type (R4 §3.1.1): an allow-list of names and modifiers.

Whatever is not understood here is refused before any server sees it, for a server that ignores a filter shows records
that nobody asked for, and one that understands more than we do answers questions that were never decided.
"""

import re
from collections.abc import Mapping
from functools import cache
from typing import NamedTuple

from msgspec import structs

from r4.definitions import Parameter, parameters
from r4.entries import refused_entry
from r4.generated.types import RESOURCES
from r4.requests import Interaction, InteractionError, Pairs, refused
from r4.served import SERVED
from r4.shapes import SHAPES, shape_of

CONTROLS = ("_count", "_sort", "_include", "_revinclude", "_total", "_summary", "_elements")
PAGE = "_page"
"""The one parameter of a further page: sealed, so that it stands alone."""

MODIFIERS: Mapping[str, frozenset[str]] = {
    "token": frozenset({"not", "missing"}),
    "string": frozenset({"exact", "contains", "missing"}),
    "reference": frozenset({*RESOURCES, "identifier", "missing"}),
    "date": frozenset({"missing"}),
    "number": frozenset({"missing"}),
    "quantity": frozenset({"missing"}),
    "uri": frozenset({"missing"}),
    "composite": frozenset(),
}
"""Modifiers by kind of parameter (R4 §3.1.1.4.5). ``:text``, ``:in``, ``:above`` and ``:below`` need a terminology and are
not here: they are refused."""

OTHERS: Mapping[str, frozenset[str]] = {
    "read": frozenset(SHAPES),
    "vread": frozenset(SHAPES),
    "history": frozenset({"_count", "_since", "_at"}),
    "$validate": frozenset({"mode", "profile"}),
    "$everything": frozenset({"_type", "_count", "_since", "start", "end"}),
}
"""Parameters of what is no search; everything else takes none."""

_NAME = re.compile(
    r"([A-Za-z_][A-Za-z_-]{0,63})(?::([A-Za-z]{1,64}))?"
    r"(?:\.([A-Za-z_-]{1,64})(?::([A-Za-z]{1,64}))?)?"
)
_HAS = re.compile(r"_has:([A-Za-z]{1,64}):([A-Za-z_-]{1,64}):([A-Za-z_-]{1,64})(?::([A-Za-z]{1,64}))?")


class Criterion(NamedTuple):
    """One parameter's name taken apart: ``subject:Patient.name`` has the modifier ``Patient`` and the ``rest`` ``name``;
    ``_has:Observation:patient:code`` is ``_has`` with ``reverse`` (type, reference, parameter). ``last`` is the modifier of
    the parameter that a chain or ``_has`` ends at: ``subject:Patient.name:exact``."""

    name: str
    modifier: str = ""
    rest: str = ""
    reverse: tuple[str, str, str] | None = None
    last: str = ""

    @property
    def end(self) -> str:
        """What a chain or ``_has`` asks of the other resource, as a plain search of its type would say it."""
        name = self.rest if self.reverse is None else self.reverse[2]
        return f"{name}:{self.last}" if self.last else name


@cache
def searchable(type: str) -> Mapping[str, Parameter]:
    """The search parameters of a type that are served."""
    return parameters(type)


def criterion(text: str) -> Criterion | None:
    """A parameter's name taken apart, or None when it is none of a search."""
    if text.startswith("_has:"):
        match = _HAS.fullmatch(text)
        return Criterion("_has", reverse=(match[1], match[2], match[3]), last=match[4] or "") if match else None
    match = _NAME.fullmatch(text)
    return Criterion(match[1], match[2] or "", match[3] or "", last=match[4] or "") if match else None


def checked(interaction: Interaction) -> Interaction:
    """The interaction, whose parameters may be said; an entry of a batch with others is refused alone. Raises
    InteractionError 400."""
    if interaction.action != "batch":
        check(interaction)
        return interaction
    return structs.replace(interaction, entries=tuple(map(_entry_checked, interaction.entries)))


def _entry_checked(entry: Interaction) -> Interaction:
    try:
        check(entry)
    except InteractionError as wrong:
        return refused_entry(wrong)
    return entry


def check(interaction: Interaction) -> None:
    """Refuses what the interaction's parameters may not say, in all entries too. Raises InteractionError 400."""
    for entry in interaction.entries:
        check(entry)
    if not interaction.query and interaction.condition is None and interaction.if_none_exist is None:
        return
    names = [name for name, _ in interaction.query]
    if PAGE in names and interaction.action in ("search", "history", "operation"):
        if len(names) > 1:
            raise refused(400, "not-supported", "stands alone: it holds the whole search", PAGE)
        return
    if interaction.action == "search" and interaction.type is not None:
        if interaction.type not in SERVED:
            return  # 404 whatever is asked, once it is known who asks
        _search(interaction.type, interaction.query)
    else:
        allowed = OTHERS.get(interaction.operation or interaction.action, frozenset())
        if set(names) - allowed or len(set(names)) != len(names):
            raise refused(400, "not-supported", "has a parameter that this interaction does not take", "query")
    shape_of(interaction.query)
    for condition in (interaction.condition, interaction.if_none_exist):
        if condition is not None and interaction.type is not None:
            _condition(interaction.type, condition)


def _condition(type: str, query: Pairs) -> None:
    """A conditional write: filters only, and none without a value."""
    if any(name.startswith(CONTROLS) or "." in name or name.startswith("_has") or not value for name, value in query):
        raise refused(412, "not-supported", "must hold plain search parameters", "query")
    _search(type, query)


def _search(type: str, query: Pairs) -> None:
    for name, value in query:
        if name in ("_include", "_revinclude"):
            include(name, value)
        elif name.startswith(("_include:", "_revinclude:")):
            raise refused(
                400, "not-supported", "has no modifier here: includes are of one step", name.partition(":")[0]
            )
        elif not understood(type, name):
            raise refused(400, "not-supported", "has a parameter that is not supported", "query")


def understood(type: str, name: str) -> bool:
    """Whether a search of the type knows a parameter of this name, modifier and all."""
    if name in CONTROLS or name == PAGE:
        return True
    found = criterion(name)
    return found is not None and (_reversed(type, found) if found.reverse else _plain(type, found))


def leniently(interaction: Interaction) -> Interaction:
    """A search without what is not understood, where its client said that this may be left out: the answer's self link
    shows what was used."""
    if not interaction.lenient or interaction.type is None:
        return interaction
    kept = tuple(pair for pair in interaction.query if understood(interaction.type, pair[0]))
    return structs.replace(interaction, query=kept)


def _plain(type: str, found: Criterion) -> bool:
    row = searchable(type).get(found.name)
    if row is None or (found.name in ("_id", "_lastUpdated") and found.modifier):
        return False
    if found.rest:
        others = targets(type, found) if row.kind == "reference" else ()
        return bool(others) and all(_plain(other, Criterion(found.rest, found.last)) for other in others)
    return not found.modifier or found.modifier in MODIFIERS[row.kind]


def _reversed(type: str, found: Criterion) -> bool:
    other, reference, name = found.reverse or ("", "", "")
    row = searchable(other).get(reference) if other in SERVED else None
    points = row is not None and row.kind == "reference" and type in row.targets
    return points and _plain(other, Criterion(name, found.last))


def targets(type: str, found: Criterion) -> tuple[str, ...]:
    """The types that a chained parameter looks into: the one that is named, or all that it may refer to."""
    row = searchable(type)[found.name]
    wanted = (found.modifier,) if found.modifier else tuple(sorted(row.targets))
    return tuple(name for name in wanted if name in SERVED and name in row.targets and found.rest in searchable(name))


def include(control: str, value: str) -> tuple[str, str, str | None]:
    """``Type:parameter`` or ``Type:parameter:Target`` of an include. Raises InteractionError."""
    parts = value.split(":")
    row = searchable(parts[0]).get(parts[1]) if len(parts) in (2, 3) and parts[0] in SERVED else None
    if row is None or row.kind != "reference" or (len(parts) == 3 and parts[2] not in row.targets):
        raise refused(400, "not-supported", "must be Type:parameter or Type:parameter:Target of a reference", control)
    return parts[0], parts[1], parts[2] if len(parts) == 3 else None


def uses(interaction: Interaction) -> frozenset[str]:
    """Which features a search uses: ``chain``, ``_has``, ``_include``, ``_revinclude``, ``_source``."""
    names = {name.partition(":")[0] for name, _ in interaction.query}
    chain = {"chain"} if any("." in name for name, _ in interaction.query) else set()
    return frozenset(chain | names & {"_include", "_revinclude", "_has", "_source"})


def traversed(interaction: Interaction) -> frozenset[str]:
    """The types that chains and ``_has`` of a search look into."""
    found: set[str] = set()
    for name, _ in interaction.query:
        said = criterion(name)
        if said is not None and said.reverse is not None:
            found.add(said.reverse[0])
        elif said is not None and said.rest and interaction.type is not None:
            found |= set(targets(interaction.type, said))
    return frozenset(found)
