"""Any output in words, for an EHR that has no better place for it than a note."""

from vocabulary.manifest import Prediction
from vocabulary.output import Component
from writeback.adapters.score import given
from writeback.adapters.telling import number, told, whole
from writeback.labels import Occasion, model_name

NUMBERS = frozenset({"risk", "score"})
"""Kinds whose own word is the value; of the others it is the label."""


def worded(occasion: Occasion) -> str:
    """A text as it is, with the numbers that were said beside it, and no further words: only the text was held against the
    chart. A number, a label or an issue line by line, with what explains it."""
    output = occasion.output
    if output.kind == "text":
        return "\n\n".join([(output.text or "").strip(), *told(occasion, "text", "label", "explanation")])
    first = "value" if output.kind in NUMBERS else "label"
    lines = [f"{occasion.title}: {_said(occasion)}", *_parts(occasion), *told(occasion, first, "text", "explanation")]
    lines.append(f"From: {model_name(occasion.manifest)}, on data as of {occasion.as_of}")
    more = [words.strip() for words in (output.text, output.explanation) if words]
    return "\n".join([*lines, *more])


def _said(occasion: Occasion) -> str:
    output = occasion.output
    if output.kind in NUMBERS and output.value is not None:
        return whole(occasion, output.value)
    label = None if output.kind in NUMBERS else output.label
    return label or output.abstained or "see below"


def _parts(occasion: Occasion) -> list[str]:
    return [f"- {part.title or part.name}: {_part(occasion, part, component)}" for part, component in given(occasion)]


def _part(occasion: Occasion, declared: Prediction, component: Component) -> str:
    if component.value is None:
        return component.label or ""
    value = number(occasion, component.value, component.unit or declared.unit)
    return f"{value} ({component.label})" if component.label else value
