"""Any output in words, for an EHR that has no better place for it than a note."""

from decimal import Decimal

from vocabulary.manifest import Prediction
from vocabulary.output import Component
from writeback.adapters.score import given
from writeback.labels import Occasion, model_name
from writeback.numerals import percent, tidy


def worded(occasion: Occasion) -> str:
    """A text as it is; a number, a label or an issue line by line, with what explains it."""
    output = occasion.output
    if output.kind == "text":
        return (output.text or "").strip()
    lines = [f"{occasion.title}: {_said(occasion)}", *_parts(occasion)]
    if output.interval is not None:
        lines.append("Interval: " + " to ".join(_number(occasion, bound) for bound in output.interval))
    for name, value in (("Tier", output.tier), ("Confidence", output.confidence)):
        lines += [f"{name}: {value}"] if value is not None else []
    if output.implicated:
        lines.append(f"Implicated: {', '.join(output.implicated)}")
    lines.append(f"From: {model_name(occasion.manifest)}, on data as of {occasion.as_of}")
    more = [words.strip() for words in (output.text, output.explanation) if words]
    return "\n".join([*lines, *more])


def _said(occasion: Occasion) -> str:
    output = occasion.output
    if output.value is not None:
        return _number(occasion, output.value)
    return output.label or output.abstained or "see below"


def _parts(occasion: Occasion) -> list[str]:
    return [f"- {part.title or part.name}: {_part(occasion, part, component)}" for part, component in given(occasion)]


def _part(occasion: Occasion, declared: Prediction, component: Component) -> str:
    if component.value is None:
        return component.label or ""
    return _with_unit(component.value, component.unit or declared.unit, occasion)


def _number(occasion: Occasion, value: Decimal) -> str:
    return _with_unit(value, occasion.output.unit or occasion.manifest.output.unit, occasion)


def _with_unit(value: Decimal, unit: str | None, occasion: Occasion) -> str:
    if occasion.output.kind == "risk":
        return f"{percent(value, unit)} %"
    plain = unit in (None, "1", "{score}")
    return f"{tidy(value)}" if plain else f"{tidy(value)} {unit}"
