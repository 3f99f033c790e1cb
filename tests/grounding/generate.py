"""Labelled sentences over the synthetic charts: clean ones, among them hard ones, and one perturbation each.

A clean sentence is true of its chart by construction; a perturbed one is false or has nothing behind it. Both come from
templates, so that what a checker makes of them is a figure to compare with yesterday's, and no statement about real texts.
"""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.grounding import facts
from tests.grounding.facts import Value

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
ABSENT = ("sepsis", "pneumonia", "deep vein thrombosis", "pulmonary embolism", "heart failure", "type 2 diabetes", "asthma",
          "lung cancer", "cirrhosis", "pancreatitis", "cellulitis", "acute kidney injury")  # fmt: skip
ABSENT_DRUGS = ("metformin", "amiodarone", "apixaban", "furosemide", "insulin glargine", "gabapentin", "prednisone")
ABSENT_ALLERGIES = ("penicillin", "latex", "codeine", "soy")
PROSE = ("The patient was seen and examined today.", "Findings were reviewed with the family at length.",
         "She feels better overall and slept well.", "Plan of care was agreed and documented.",
         "Mobility improved overnight with physiotherapy.", "Will follow up with the team in clinic.")  # fmt: skip
OTHER = "Observation/of-somebody-else"
GONE = "Observation/never-was"


@dataclass(frozen=True)
class Sentence:
    """``kind`` names the template or the perturbation; ``label`` is what is true of it: clean, contradicted, unsupported, or
    uncheckable for prose that claims nothing a chart could confirm."""

    text: str
    kind: str
    label: str


def sentences(resources: list[dict[str, Any]], seed: int, most: int = 6) -> Iterator[Sentence]:
    """At most ``most`` of each kind and chart."""
    rng = random.Random(seed)
    makers = (_values, _series, _pressures, _illnesses, _drugs, _allergies, _person, _contexts)
    counted: dict[str, int] = {}
    for make in makers:
        for sentence in make(resources, rng):
            counted[sentence.kind] = counted.get(sentence.kind, 0) + 1
            if counted[sentence.kind] <= most:
                yield sentence


def _said(value: float, decimals: int | None = None) -> str:
    return f"{value:.{decimals}f}" if decimals is not None else f"{value:g}"


def _clean(kind: str, text: str) -> Sentence:
    return Sentence(text, f"clean: {kind}", "clean")


def _wrong(kind: str, text: str) -> Sentence:
    return Sentence(text, kind, "contradicted")


def _empty(kind: str, text: str) -> Sentence:
    return Sentence(text, kind, "unsupported")


def _long(day: str) -> str:
    year, month, date = day.split("-")
    return f"{MONTHS[int(month) - 1]} {int(date)}, {year}"


def _other_day(days: set[str], rng: random.Random) -> str:
    while True:
        day = f"{rng.randint(2015, 2025)}-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}"
        if day not in days and not any(abs(int(day[8:]) - int(each[8:])) <= 1 and day[:7] == each[:7] for each in days):
            return day


def _values(resources: list[dict[str, Any]], rng: random.Random) -> Iterator[Sentence]:
    series = facts.series(resources)
    pool = [value for all in series.values() for value in all]
    for value in rng.sample(pool, min(40, len(pool))):
        label, unit = rng.choice(facts.LABELS[value.code]), rng.choice(facts.UNITS[value.unit])
        days, known = {each.day for each in series[value.code]}, [each.value for each in series[value.code]]
        v = _said(value.value)
        yield _clean("value", f"{label.capitalize() if label.islower() else label} was {v} {unit} on {value.day}.")
        yield _clean("value, cited", f"- {label}: {v} {unit} on {value.day}. [{value.reference}]")
        yield _clean("value, rounded", f"On {value.day} the {label} was {_said(value.value, 0)} {unit}.")
        yield _clean("date in words", f"On {_long(value.day)} {label} measured {_said(value.value, 1)} {unit}.")
        if value.code in facts.CONVERTED:
            other, times = facts.CONVERTED[value.code]
            yield _clean("unit converted", f"{label} of {_said(value.value * times, 1)} {other} on {value.day}.")
        yield _clean("reference range", f"{label} {v} {unit} (reference range 0.2-0.9) on {value.day}.")
        wrong = _wrong_number(value, known, rng)
        yield _empty("number", f"{label} was {wrong} {unit} on {value.day}.")
        yield _wrong("number, cited", f"{label} was {wrong} {unit}. [{value.reference}]")
        yield _wrong("unit", f"{label} was {v} {facts.WRONG_UNITS[value.unit]}.")
        yield _wrong("date", f"{label} was {v} {unit} on {_other_day(days, rng)}.")
        other_value = rng.choice(pool)
        if other_value.code != value.code:
            yield _wrong("citation, other concept", f"{label} was {v} {unit}. [{other_value.reference}]")
        yield _wrong("citation, other patient", f"{label} was {v} {unit}. [{OTHER}]")
        yield _wrong("citation, nothing there", f"{label} was {v} {unit}. [{GONE}]")


def _wrong_number(value: Value, known: list[float], rng: random.Random) -> str:
    """A slip of a digit, of a decimal point or of the order of digits that is no value of the series."""
    while True:
        digits = list(_said(value.value, 1))
        at = rng.choice([n for n, digit in enumerate(digits) if digit.isdigit()])
        digits[at] = rng.choice("123456789")
        wrong = rng.choice((float("".join(digits)), value.value * 10, value.value * rng.choice((0.7, 1.3))))
        if all(abs(round(wrong, 1) - each) > 0.06 for each in known):
            return _said(wrong, 1)


def _series(resources: list[dict[str, Any]], rng: random.Random) -> Iterator[Sentence]:
    for all in facts.series(resources).values():
        if len(all) < 3:
            continue
        label, unit, last, before = rng.choice(facts.LABELS[all[0].code]), facts.UNITS[all[0].unit][0], all[-1], all[-2]
        low, high = min(each.value for each in all), max(each.value for each in all)
        yield _clean("latest", f"The most recent {label} was {_said(last.value)} {unit}.")
        yield _clean("range", f"{label} ranged from {_said(low)} to {_said(high)} {unit}.")
        yield _clean(
            "range with a dash", f"Over the years {label} stayed within {_said(low, 1)}-{_said(high, 1)} {unit}."
        )
        yield _clean("limit denied", f"No {label} above {_said(high + 1, 0)} {unit} is recorded.")
        yield _clean("limit", f"{label} was at least {_said(high - 0.01, 2)} {unit} once.")
        yield _wrong("limit denied", f"No {label} above {_said(low - 0.01, 2)} {unit} is recorded.")
        yield _empty("range", f"{label} ranged from {_said(low * 0.5, 2)} to {_said(high * 0.7, 2)} {unit}.")
        older = [each for each in all[:-1] if round(each.value, 2) != round(last.value, 2)]
        if older:
            yield _wrong("latest", f"The latest {label} is {_said(rng.choice(older).value)} {unit}.")
        if last.value != before.value and (last.value - before.value) * (last.value - all[0].value) > 0:
            rose = last.value > before.value
            up, down = ("rising", "has risen", "increased"), ("falling", "has fallen", "decreased")
            right, wrong = (up, down) if rose else (down, up)
            yield _clean("trend", f"{label} is {right[0]}.")
            yield _clean(
                "trend with values", f"{label} {right[1]} from {_said(before.value)} to {_said(last.value)} {unit}."
            )
            yield _clean("trend denied", f"No {'decrease' if rose else 'increase'} in {label} was seen.")
            yield _wrong("trend", f"{label} is {wrong[0]}.")
            yield _wrong("trend with values", f"{label} {wrong[1]} to {_said(last.value)} {unit}.")


def _pressures(resources: list[dict[str, Any]], rng: random.Random) -> Iterator[Sentence]:
    all = facts.pressures(resources)
    for upper, lower, day, reference in rng.sample(all, min(6, len(all))):
        yield _clean("blood pressure", f"Blood pressure {upper}/{lower} mmHg on {day}.")
        yield _clean("blood pressure", f"BP was {upper}/{lower}. [{reference}]")
        if all and not any((u, low) == (upper + 13, lower) for u, low, _, _ in all):
            yield _empty("blood pressure", f"BP {upper + 13}/{lower} mmHg on {day}.")


def _illnesses(resources: list[dict[str, Any]], rng: random.Random) -> Iterator[Sentence]:
    all = facts.illnesses(resources)
    names = {each.name.lower() for each in all}
    active = {each.name for each in all if each.active}
    for each in all:
        name = each.name[0].lower() + each.name[1:]
        if each.active:
            yield _clean(
                "condition",
                rng.choice((f"Has {name}.", f"Active problems include {name}.", f"Known {name}, on follow-up.")),
            )
            yield _clean("condition since", f"{each.name} since {each.day}. [{each.reference}]")
            yield _clean("no evidence, but", f"No evidence of {rng.choice(ABSENT)}, but {name} is active.")
            yield _wrong(
                "negation", rng.choice((f"No evidence of {name}.", f"Denies {name}.", f"Negative for {name}."))
            )
            yield _wrong("negation after", f"{each.name} was ruled out.")
            same = {one.day for one in all if one.name == each.name}
            yield _wrong("condition date", f"{each.name} since {_other_day(same, rng)}.")
        elif not any(each.name.lower() in other.lower() for other in active):
            yield _clean("historical problem", rng.choice((f"History of {name}.", f"Previous {name}, resolved.")))
            yield _clean("no longer", f"No longer has {name}.")
            yield _wrong("status", f"{each.name} is active.")
    for absent in rng.sample([one for one in ABSENT if one not in names], 6):
        yield _clean(
            "no evidence of",
            rng.choice((f"No evidence of {absent}.", f"Negative for {absent}.", f"Without signs of {absent}.")),
        )
        yield _clean("list denied", f"No fever, {absent}, or pulmonary edema.")
        yield _empty(
            "condition",
            rng.choice((f"Has {absent}.", f"Diagnosed with {absent} last year.", f"Admitted for {absent}.")),
        )


def _drugs(resources: list[dict[str, Any]], rng: random.Random) -> Iterator[Sentence]:
    all = facts.drugs(resources)
    active = {each.ingredient for each in all if each.active}
    strengths = {(each.ingredient, each.strength) for each in all}
    for each in all:
        if each.active:
            yield _clean("drug", f"Takes {each.ingredient} {each.strength} mg by mouth.")
            yield _clean("drug, full name", f"- {each.name}, active, ordered {each.day}. [{each.reference}]")
            wrong = _said(float(each.strength) * rng.choice((3, 4, 10)))
            if (each.ingredient, wrong) not in strengths:
                yield _wrong("dose", f"Takes {each.ingredient} {wrong} mg daily.")
            yield _wrong("route", f"Receives {each.ingredient} {each.strength} mg intravenously.")
            yield _wrong("drug denied", rng.choice((f"Not taking {each.ingredient}.", f"Is not on {each.ingredient}.")))
            if each.daily:
                yield _clean("drug, frequency", f"{each.ingredient.capitalize()} {each.strength} mg once daily.")
                yield _wrong("frequency", f"{each.ingredient.capitalize()} {each.strength} mg three times daily.")
        elif each.ingredient not in active:
            yield _clean("drug stopped", f"{each.ingredient.capitalize()} was stopped.")
            yield _wrong("drug status", f"Currently taking {each.ingredient}.")
    for absent in rng.sample([one for one in ABSENT_DRUGS if one not in {each.ingredient for each in all}], 4):
        yield _clean("drug not taken", f"Not on {absent}.")
        yield _empty(
            "drug", rng.choice((f"Takes {absent} daily.", f"Started on {absent}.", f"{absent.capitalize()} continues."))
        )


def _allergies(resources: list[dict[str, Any]], rng: random.Random) -> Iterator[Sentence]:
    all = facts.allergies(resources)
    for name, reference in all:
        yield _clean("allergy", f"Allergic to {name.lower()}. [{reference}]")
        yield _wrong(
            "allergy denied",
            rng.choice(("No known drug allergies.", "NKDA.") if name == "Aspirin" else ("No known allergies.", "NKA.")),
        )
    if not all:
        yield _clean("no allergies", "No known allergies.")
    for absent in rng.sample(ABSENT_ALLERGIES, 2):
        yield _clean("allergy denied", f"No allergy to {absent}.")
        yield _empty("allergy", f"Allergic to {absent}.")


def _person(resources: list[dict[str, Any]], rng: random.Random) -> Iterator[Sentence]:
    age, gender = facts.person(resources)
    word, other = ("man", "woman") if gender == "male" else ("woman", "man")
    yield _clean("age and sex", f"{age}-year-old {word} seen in clinic.")
    yield _clean("age and sex", f"A {age} year old {gender}.")
    yield _wrong("age", f"{age + rng.choice((-10, -1, 1, 10))}-year-old {word} seen in clinic.")
    yield _wrong("sex", f"{age}-year-old {other} seen in clinic.")


def _contexts(resources: list[dict[str, Any]], rng: random.Random) -> Iterator[Sentence]:
    names = {each.name.lower() for each in facts.illnesses(resources)}
    for absent in rng.sample([one for one in ABSENT if one not in names], 4):
        yield _clean("family history", rng.choice((f"Family history of {absent}.", f"Mother had {absent} at age 60.")))
        yield _clean(
            "doubt",
            rng.choice((f"Monitor for {absent}.", f"At risk of {absent}.", f"If {absent} occurs, call the team.")),
        )
    for text in PROSE:
        yield Sentence(text, "prose", "uncheckable")
