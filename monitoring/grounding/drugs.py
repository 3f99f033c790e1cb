"""What a sentence says of a drug: G-MED-01, G-MED-02, G-NEG-01, G-DAT-01."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial

from monitoring.grounding.facts import Order
from monitoring.grounding.index import Index
from monitoring.grounding.measured import Claim, Finding, falls
from monitoring.grounding.mention import Mention, Number
from monitoring.grounding.units import in_unit, same

DOSES = frozenset(("mg", "ug", "g", "ng", "[iU]", "meq", "mL", "mg/mL", "%", "ug/h", "mg/h", "[iU]/h", "mL/h"))
OFTEN = 0.05
"""Relative difference within which two frequencies are the same."""


def claims(mention: Mention, index: Index, cited: frozenset[str]) -> Iterator[Claim]:
    """The claims about one drug. Name, dose, route, frequency and status must be those of one order."""
    if mention.family or mention.uncertain:
        yield "medication", "uncheckable", "", ()
        return
    orders = _orders(mention.key, index)
    if mention.negated:
        yield "medication", *_denied(orders, complete="MedicationRequest" in index.snapshot.complete)
        return
    if not orders and mention.key in index.allergies and not mention.numbers:
        yield "medication", "uncheckable", "", ()  # "Penicillin: rash." is about the allergy
        return
    if not orders:
        yield "medication", "unsupported", "G-MED-01", ()
        return
    yield "medication", "supported", "", orders[:1]
    left: Sequence[Order] = [each for each in orders if each.evidence.reference in cited] or orders
    yield from _of_one_order(mention, [*left, *_by_the_day(left)] if "1" in mention.frequencies else left)


def _of_one_order(mention: Mention, left: Sequence[Order]) -> Iterator[Claim]:
    """What is said besides the name, against the orders that keep what was said before. One that says nothing of it stays;
    of two orders of which only one is active, nobody can say which was stopped."""
    for name, rule, keeps, says in _attributes(mention):
        said = [each for each in left if says(each)]
        kept = [each for each in said if keeps(each)]
        silent = [each for each in left if each not in said] if len(said) < len(left) else []
        if (not kept and silent) or (name == "status" and len({each.active for each in left}) > 1):
            yield name, "uncheckable", "", ()
        elif not kept:
            yield name, "contradicted", rule, tuple(said[:3])
            return
        else:
            yield name, "supported", "", (kept[0],)
        left = kept + silent
    if mention.status == "ended" and (taken := tuple(each for each in left if each.active)):
        yield "status", "contradicted", "G-MED-02", taken


def _orders(key: str, index: Index) -> tuple[Order, ...]:
    """Orders with all of the ingredients, the active first."""
    parts = key.split("+")
    found = [each for each in index.orders.get(parts[0], ()) if each.ingredients.issuperset(parts)]
    return tuple(sorted(found, key=lambda each: not each.active))


def _by_the_day(orders: Sequence[Order]) -> Iterator[Order]:
    """Orders of several doses a day as what they come to: 500 mg twice daily is 1000 mg a day."""
    for each in orders:
        for often in each.frequencies:
            if often > 1:
                doses = frozenset((round(amount * often, 6), unit) for amount, unit in each.doses)
                yield replace(each, doses=doses, frequencies=frozenset({1.0}))


def _denied(orders: Sequence[Order], *, complete: bool) -> Finding:
    active = tuple(each for each in orders if each.active)
    if active:
        return "contradicted", "G-NEG-01", active
    return ("supported", "", tuple(orders[:1])) if complete or orders else ("uncheckable", "", ())


Test = Callable[[Order], bool]


def _attributes(mention: Mention) -> Iterator[tuple[str, str, Test, Test]]:
    """What is said besides the name: ``(claim type, rule, keeps it, says anything of it)``."""
    for number in mention.numbers:
        if number.unit in DOSES and not number.compare:
            yield "dose", "G-MED-02", partial(_dosed, number), partial(_measured_so, number)
    for route in mention.routes:
        yield "route", "G-MED-02", partial(_routed, route), lambda order: bool(order.routes)
    for often in mention.frequencies:
        yield "frequency", "G-MED-02", partial(_often, often), lambda order: order.prn or bool(order.frequencies)
    wanted = _status(mention)
    if wanted is not None:
        yield "status", "G-MED-02", partial(_stands, wanted), lambda order: order.active is not None
    if not mention.window:
        for date in dict.fromkeys((*mention.dates, *(number.date for number in mention.numbers if number.date))):
            yield (
                "date",
                "G-DAT-01",
                partial(_on, date),
                partial(_excludes, date, mention.begun and wanted is not False),
            )


def _status(mention: Mention) -> bool | None:
    """Whether the drug is said to be taken now (True) or no more (False); None where neither is said."""
    if mention.status == "ended":
        return None
    if mention.status == "stopped" or (mention.history and mention.when != "latest" and not mention.status):
        return False
    return True if mention.status == "active" or mention.when == "latest" else None


def _stands(active: bool, order: Order) -> bool:
    return bool(order.active) == active


def _routed(route: str, order: Order) -> bool:
    return route in order.routes


def _on(date: str, order: Order) -> bool:
    return falls(date, order.days)


def _excludes(date: str, begun: bool, order: Order) -> bool:
    """Whether an order can be held against a date: it says when it began, and nothing of when it was given or stopped."""
    return bool(order.days) and (begun or _on(date, order) or (date[0] != "-" and date < min(order.days)[: len(date)]))


def _measured_so(number: Number, order: Order) -> bool:
    """Whether an order has a dose that a number in this unit can be compared with: 5 mL says nothing of 400 mg."""
    return any(in_unit(amount, unit, number.unit, "") is not None for amount, unit in order.doses)


def _dosed(number: Number, order: Order) -> bool:
    for amount, unit in order.doses:
        said = in_unit(amount, unit, number.unit, "")
        if said is not None and same(number.value, number.decimals, said):
            return True
    return False


def _often(often: str, order: Order) -> bool:
    """As needed, or so many times a day; an order that says only "as needed" says nothing of how often."""
    if often == "prn":
        return order.prn
    wanted = float(often)
    return any(abs(each - wanted) <= OFTEN * wanted for each in order.frequencies)
