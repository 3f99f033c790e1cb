"""Predicates over elements as parsed, from which the constraints of R4 are put together. Each says whether it *holds*."""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from r4.moments import moment_range

Element = Mapping[str, Any]
Rule = Callable[[Element], bool]

UCUM = "http://unitsofmeasure.org"


def has(*names: str) -> Rule:
    """One of the members is there, as a value or as extensions in its place."""
    if not any(name.endswith("[x]") for name in names):
        members = frozenset(names) | {f"_{name}" for name in names}
        return lambda value: not members.isdisjoint(value)
    return lambda value: any(given(value, name) for name in names)


def lacks(*names: str) -> Rule:
    """None of the members is there."""
    given = has(*names)
    return lambda value: not given(value)


def either(first: Rule, second: Rule) -> Rule:
    """One of two rules holds."""
    return lambda value: first(value) or second(value)


def given(value: Element, name: str) -> bool:
    """The member is there, as a value or as extensions in its place; ``value[x]`` stands for any of the choice."""
    if name.endswith("[x]"):
        stem = name[:-3]
        return any(
            key.removeprefix("_").startswith(stem) and key.removeprefix("_")[len(stem) : len(stem) + 1].isupper()
            for key in value
        )
    return value.get(name) is not None or value.get(f"_{name}") is not None


def one_of(*names: str) -> Rule:
    """Exactly one of the two groups of members."""
    return lambda value: sum(given(value, name) for name in names) == 1


def items(value: Any) -> list[Element]:
    """The objects of a list; anything else is for the walker to complain about."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def coded(value: Any, system: str, *wanted: str) -> bool:
    """A CodeableConcept (or a list of them) has a coding of this system with one of these codes."""
    concepts = value if isinstance(value, list) else [value]
    return any(
        coding.get("system") == system and coding.get("code") in wanted
        for concept in concepts
        if isinstance(concept, dict)
        for coding in items(concept.get("coding"))
    )


def number(value: Any) -> Decimal | None:
    """A JSON number as parsed."""
    if isinstance(value, Decimal):
        return value
    return Decimal(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def in_ucum(code_needed: bool = True, positive: bool = False) -> Rule:
    """A specialisation of Quantity in UCUM units."""

    def holds(value: Element) -> bool:
        amount = number(value.get("value"))
        return (
            (not code_needed or "code" in value or "value" not in value)
            and value.get("system", UCUM) == UCUM
            and not (positive and amount is not None and amount <= 0)
        )

    return holds


def whole_count(value: Element) -> bool:
    """cnt-3: a Count is a whole number without a unit."""
    amount = value.get("value")
    whole = amount is None or (isinstance(amount, int) or "." not in str(getattr(amount, "literal", amount)))
    return in_ucum()(value) and value.get("code", "1") == "1" and whole


def in_order(value: Element) -> bool:
    """low <= high, of the same unit; units that differ are not compared."""
    low, high = value.get("low"), value.get("high")
    if not isinstance(low, dict) or not isinstance(high, dict):
        return True
    first, last = number(low.get("value")), number(high.get("value"))
    alike = all(low.get(name) == high.get(name) for name in ("system", "code", "unit"))
    return first is None or last is None or not alike or first <= last


def period_in_order(value: Element) -> bool:
    """start <= end as far as both say: partial dates are compared on what they share, zones as instants."""
    start, end = value.get("start"), value.get("end")
    if not isinstance(start, str) or not isinstance(end, str):
        return True
    if start[-1:] == end[-1:] == "Z" and len(start) == len(end):
        return start <= end
    first, last = moment_range(start), moment_range(end)
    return first is None or last is None or first[0] <= last[1]


def percent(value: Element) -> bool:
    """ras-1: both ends of a range are percentages."""
    limits = [value[name] for name in ("low", "high") if isinstance(value.get(name), dict)]
    return all(limit.get("code") == "%" and limit.get("system") == UCUM for limit in limits)


def at_least_zero(name: str) -> Rule:
    """A number, when there is one, is not negative."""
    return lambda value: (amount := number(value.get(name))) is None or amount >= 0


def attachment(value: Element) -> bool:
    """att-1: data says what it is."""
    return "data" not in value or given(value, "contentType")


def timing_offset(value: Element) -> bool:
    """tim-9: an offset needs an event that it is counted from."""
    meals = {"C", "CM", "CD", "CV"}
    when = value.get("when")
    return "offset" not in value or (
        isinstance(when, list) and not meals & {word for word in when if isinstance(word, str)}
    )


def trigger(value: Element) -> bool:
    """trd-3: each kind of trigger has what it needs."""
    kind = value.get("type")
    kind = kind if isinstance(kind, str) else ""
    return (
        (kind != "named-event" or given(value, "name"))
        and (kind != "periodic" or given(value, "timing[x]"))
        and (not kind.startswith("data-") or given(value, "data"))
    )


def ratio(value: Element) -> bool:
    """rat-1: both parts or none, and then an extension."""
    pair = ("numerator" in value) == ("denominator" in value)
    return pair and ("numerator" in value or "extension" in value)


def own_code_once(value: Element) -> bool:
    """obs-7: with a value of its own, no component repeats the code of the whole."""
    if "component" not in value or not given(value, "value[x]"):
        return True
    code = value.get("code")
    own = items(code.get("coding") if isinstance(code, dict) else None)
    parts = [part.get("code") for part in items(value.get("component"))]
    return not any(coding in own for part in parts if isinstance(part, dict) for coding in items(part.get("coding")))


def consent(code: str) -> Rule:
    """A consent of this scope names a patient."""
    return lambda value: given(value, "patient") or not coded(value.get("scope"), "something", code)


def appointment_times(value: Element) -> bool:
    """app-3: an appointment that is not proposed, cancelled or on a waitlist has its times."""
    timed = given(value, "start") and given(value, "end")
    return timed or value.get("status") in ("proposed", "cancelled", "waitlist")


def no_home(name: str) -> Rule:
    """Nothing in the list is for use at home."""
    return lambda value: all(item.get("use") != "home" for item in items(value.get(name)))


def _before(value: Element, earlier: str, later: str) -> bool:
    made, changed = value.get(earlier), value.get(later)
    if not isinstance(made, str) or not isinstance(changed, str):
        return True
    first, last = moment_range(made), moment_range(changed)
    return first is None or last is None or first[0] <= last[1]


def task_times(value: Element) -> bool:
    """inv-1: what was changed was made before."""
    return _before(value, "authoredOn", "lastModified")


def handed_over_after(value: Element) -> bool:
    """mdd-1: what was handed over was prepared before."""
    return _before(value, "whenPrepared", "whenHandedOver")


def entry_names(value: Element) -> bool:
    """bdl-7: a fullUrl stands once, unless the entries are versions of one resource."""
    seen: set[tuple[str, Any]] = set()
    for entry in items(value.get("entry")):
        url, resource = entry.get("fullUrl"), entry.get("resource")
        meta = resource.get("meta") if isinstance(resource, dict) else None
        version = meta.get("versionId") if isinstance(meta, dict) else None
        if isinstance(url, str):
            if (url, version) in seen:
                return False
            seen.add((url, version))
    return True


def bundle_first(kind: str, type: str) -> Rule:
    """A Bundle of this kind begins with a resource of that type."""

    def holds(value: Element) -> bool:
        first = next(iter(items(value.get("entry"))), {})
        resource = first.get("resource")
        return value.get("type") != kind or (isinstance(resource, dict) and resource.get("resourceType") == type)

    return holds


def bundle_entries(member: str, kinds: frozenset[str]) -> Rule:
    """``request`` or ``response`` stands in every entry of these kinds and in none of any other."""
    return lambda value: all(
        given(entry, member) == (value.get("type") in kinds) for entry in items(value.get("entry"))
    )
