"""Instruments of values: is the value where a program can read it (VAL)."""

from fidelity.elements import absent_reason, kind, table, text, value_of
from fidelity.instrument import PASS, SKIP, Outcome, Sighting, fail
from fidelity.reading import holds_number


def _value(seen: Sighting) -> tuple[str, object] | None:
    element = dict(seen.element)
    return value_of(element) if kind(seen.resource) == "Observation" and not absent_reason(element) else None


def number_in_text(seen: Sighting) -> Outcome:
    """VAL-01: a number is not hidden in text (``7.2 mg/dL`` as valueString, or as the text of a coded answer)."""
    found = _value(seen)
    if found is None:
        return SKIP
    written = found[1] if found[0] == "valueString" else table(found[1]).get("text")
    hidden = found[0] in ("valueString", "valueCodeableConcept") and holds_number(written)
    return fail("a number stands in text and was not read") if hidden else PASS


def comment_in_value(seen: Sighting) -> Outcome:
    """VAL-02: a comment does not stand where the value belongs."""
    found = _value(seen)
    if found is None:
        return SKIP
    comment = found[0] == "valueString" and text(found[1]) is not None and not holds_number(found[1])
    return fail("a comment stands where the value belongs") if comment else PASS


def censored(seen: Sighting) -> Outcome:
    """VAL-03: the value is known, not only that it lies beyond a limit."""
    found = _value(seen)
    if found is None or found[0] != "valueQuantity":
        return SKIP
    return fail("a value is only known to lie beyond a limit") if table(found[1]).get("comparator") else PASS
