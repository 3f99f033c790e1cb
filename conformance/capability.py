"""What a server says of itself (R4 CapabilityStatement): nothing is asked of it that it does not say, and all that it says."""

from collections.abc import Mapping
from typing import Any

from conformance.evidence import Evidence, NotOffered


def rest(evidence: Evidence) -> Mapping[str, Any]:
    """What it says of the server's side of REST, in one part or several; empty when that is nothing. Raises Missing."""
    found = evidence.seen("metadata").table.get("rest")
    rows = [row for row in found if isinstance(row, dict)] if isinstance(found, list) else []
    own = [row for row in rows if row.get("mode") == "server"]
    if len(own) < 2:
        return own[0] if own else {}
    joined = {name: [each for row in own for each in _listed(row, name)] for name in LISTS}
    return {**{name: value for row in reversed(own) for name, value in row.items()}, **joined}


LISTS = ("resource", "interaction", "operation", "searchParam")
"""Members of which each part has some."""


def row(evidence: Evidence, type: str) -> Mapping[str, Any]:
    """What it says of a resource type; empty when it says nothing."""
    return next((each for each in _listed(rest(evidence), "resource") if each.get("type") == type), {})


def types(evidence: Evidence) -> list[str]:
    """Every type that it names."""
    return [str(each.get("type")) for each in _listed(rest(evidence), "resource")]


def offers(evidence: Evidence, type: str, *codes: str) -> bool:
    """Whether it has these interactions on the type: codes of type-restful-interaction, and ``conditional-create``,
    ``conditional-update``, ``conditional-delete``, ``update-create``."""
    said = row(evidence, type)
    has = {each.get("code") for each in _listed(said, "interaction")}
    return all(_conditional(said, code) if code in CONDITIONS else code in has for code in codes)


CONDITIONS = {
    "conditional-create": "conditionalCreate", "conditional-update": "conditionalUpdate",
    "conditional-delete": "conditionalDelete", "update-create": "updateCreate",
}  # fmt: skip
"""What is said by a member of its own, and not as an interaction."""


def _conditional(said: Mapping[str, Any], code: str) -> bool:
    return said.get(CONDITIONS[code]) in (True, "single", "multiple")


def require(evidence: Evidence, type: str, *codes: str) -> None:
    """Raises NotOffered when it does not say that it has all of these."""
    if missing := [code for code in codes if not offers(evidence, type, code)]:
        raise NotOffered(f"{missing[0]} of {type}")


def whole(evidence: Evidence, code: str) -> bool:
    """Whether it has an interaction of the whole system: ``batch``, ``transaction``, ``history-system``."""
    return code in {each.get("code") for each in _listed(rest(evidence), "interaction")}


def require_whole(evidence: Evidence, code: str) -> None:
    """Raises NotOffered."""
    if not whole(evidence, code):
        raise NotOffered(code)


def versioned(evidence: Evidence, type: str) -> bool:
    """Whether it minds versions in updates; silence is taken as no."""
    return row(evidence, type).get("versioning") == "versioned-update"


def parameters(evidence: Evidence, type: str) -> dict[str, str]:
    """The search parameters of the type with their kinds."""
    return {str(each.get("name")): str(each.get("type")) for each in _listed(row(evidence, type), "searchParam")}


def operations(evidence: Evidence, type: str | None = None) -> frozenset[str]:
    """The names of operations on the type, or on the system."""
    said = rest(evidence) if type is None else row(evidence, type)
    return frozenset(str(each.get("name")).removeprefix("$") for each in _listed(said, "operation"))


def _listed(said: Mapping[str, Any], member: str) -> list[Mapping[str, Any]]:
    found = said.get(member)
    return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
