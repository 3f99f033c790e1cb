"""A persona as a value: a name and the lines by which an EHR departs from R4. No line means R4."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from sandbox.personas.rules import Content, Drops, Duplicates, Offers, OwnIds, Parks, Partial, Refusal, Rule, Whole

R = TypeVar("R", bound=Rule)


@dataclass(frozen=True, kw_only=True, slots=True)
class Persona:
    """``title`` says in a few words what it stands for. ``rules`` are deviations only."""

    name: str
    title: str
    rules: tuple[Rule, ...] = ()

    def __post_init__(self) -> None:
        said = [rule.about for rule in self.rules]
        if len(set(said)) < len(said):
            raise ValueError(
                f"{self.name} says twice: {', '.join(sorted({each for each in said if said.count(each) > 1}))}"
            )
        if any(not rule.source.strip() for rule in self.rules):
            raise ValueError(f"{self.name} has a line without a source")
        if both := _lost(self) & _judged(self):
            raise ValueError(f"{self.name} both loses and refuses {', '.join(sorted(both))}")
        whole = self.one(Whole)
        if (whole is None or "transaction" in whole.interactions) and any(isinstance(r, STATEFUL) for r in self.rules):
            raise ValueError(f"{self.name} has transactions beside rules that look at single writes")

    @property
    def narrow(self) -> bool:
        """Whether it takes only some of the writes that R4 permits."""
        return any(isinstance(rule, Offers | Content) for rule in self.rules)

    def all(self, kind: type[R]) -> Iterator[R]:
        """Its lines of a kind."""
        return (rule for rule in self.rules if isinstance(rule, kind))

    def one(self, kind: type[R], type: str | None = None) -> R | None:
        """The line of a kind, for a type: its own, else that of ``*``."""
        found = [rule for rule in self.all(kind) if type is None or getattr(rule, "type", None) in (type, "*")]
        found.sort(key=lambda rule: getattr(rule, "type", None) == "*")
        return found[0] if found else None

    def content(self, type: str | None, action: str) -> Iterator[Content]:
        """Its lines about the body of a write."""
        return (rule for rule in self.all(Content) if rule.type == type and action in rule.on)


STATEFUL = (Content, Duplicates, Parks, Partial, OwnIds, Drops)


def _lost(persona: Persona) -> set[str]:
    return {f"{rule.type}.{path}" for rule in persona.all(Drops) for path in rule.paths}


def _judged(persona: Persona) -> set[str]:
    return {f"{rule.type}.{path}" for rule in persona.all(Content) for path in rule.path.split("|")}


def told(rule: Rule) -> str:
    """What a line says, in one line of text."""
    parts = [_part(field.name, getattr(rule, field.name)) for field in fields(rule) if field.name not in NAMED]
    said = sorted((part for part in parts if part), key=lambda part: part.startswith("else "))
    return "; ".join(said) or "yes"


NAMED = frozenset({"source", "type", "path", "on", "when"})
"""What a line is about, or where it comes from: said elsewhere."""


def _part(name: str, value: Any) -> str:
    """A member in words; nothing for what does not apply."""
    if value is False or value is None:
        return "" if name in ("needed", "open", "refusal") else f"no {name.replace('_', ' ')}"
    if value is True:
        return name.replace("_", " ")
    if name == "hidden":
        return f"undeclared: {_text(value)}" if value else ""
    if isinstance(value, Refusal):
        return f"else {_text(value)}"
    return _text(value) if name in ("interactions", "values", "status") else f"{name} {_text(value)}"


def _text(value: Any) -> str:
    if isinstance(value, Refusal):
        return " ".join(str(each) for each in (value.status, value.code, value.number, value.key) if each)
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "nothing"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(each)}" for name, each in sorted(value.items()))
    return ", ".join(_text(each) for each in value) if isinstance(value, tuple) else str(value)
