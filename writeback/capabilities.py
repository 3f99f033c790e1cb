"""What an EHR says it takes: the parts of a CapabilityStatement that decide how something is written (R4 §3.1)."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, kw_only=True, slots=True)
class TypeCapability:
    """What one resource type offers. What is not said is not offered."""

    interactions: frozenset[str] = frozenset()
    update_create: bool = False
    conditional_create: bool = False
    searches: frozenset[str] = frozenset()


NOTHING = TypeCapability()


@dataclass(frozen=True, kw_only=True, slots=True)
class Capabilities:
    """By resource type; ``interactions`` are those of the whole system (``transaction``, ``batch``)."""

    types: Mapping[str, TypeCapability] = field(default_factory=dict)
    interactions: frozenset[str] = frozenset()

    def of(self, type: str) -> TypeCapability:
        """What the type offers; nothing when it is not listed."""
        return self.types.get(type, NOTHING)


def parse_capabilities(statement: Mapping[str, Any]) -> Capabilities:
    """A CapabilityStatement as fetched. Members of the wrong type count as absent: nothing is offered by accident."""
    servers = [rest for rest in _tables(statement.get("rest")) if rest.get("mode") == "server"]
    return Capabilities(
        types={
            resource["type"]: _type(resource)
            for rest in servers
            for resource in _tables(rest.get("resource"))
            if isinstance(resource.get("type"), str)
        },
        interactions=frozenset(code for rest in servers for code in _codes(rest.get("interaction"), "code")),
    )


def _type(resource: Mapping[str, Any]) -> TypeCapability:
    return TypeCapability(
        interactions=_codes(resource.get("interaction"), "code"),
        update_create=resource.get("updateCreate") is True,
        conditional_create=resource.get("conditionalCreate") is True,
        searches=_codes(resource.get("searchParam"), "name"),
    )


def _codes(value: Any, member: str) -> frozenset[str]:
    return frozenset(item[member] for item in _tables(value) if isinstance(item.get(member), str))


def _tables(value: Any) -> list[Mapping[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
