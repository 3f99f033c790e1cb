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
    parts = [
        f"{field.name}: {_text(getattr(rule, field.name))}"
        for field in fields(rule)
        if field.name not in ("source", "type", "path", "on", "when")
    ]
    return "; ".join(parts) or "yes"


def _text(value: Any) -> str:
    if isinstance(value, Refusal):
        return " ".join(str(each) for each in (value.status, value.code, value.number, value.key) if each)
    if isinstance(value, frozenset):
        return ", ".join(sorted(value)) or "nothing"
    if isinstance(value, dict):
        return ", ".join(f"{name} {_text(each)}" for name, each in sorted(value.items()))
    if isinstance(value, tuple):
        return " ".join(_text(each) for each in value)
    return {True: "yes", False: "no", None: "none"}.get(value, str(value)) if not isinstance(value, str) else value
