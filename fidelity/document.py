"""A profile as the JSON document that ``chartgate fidelity profile`` gives: docs/reference/fidelity-profile.md.

Published means disclosed: see ``disclosure`` for what is left out. The order of everything hangs on its content alone.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from fidelity import disclosure, patterns
from fidelity.counts import MORE, Key
from fidelity.disclosure import LEAST, grouped, in_order, told
from fidelity.facts import ELEMENTS
from fidelity.forms import DELAYS
from fidelity.histograms import Histogram, coarse, ordered, total
from fidelity.profile import Profile

FORMAT = "chartgate-profile/1"
QUANTILES = (0.001, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 0.999)


def document(profile: Profile) -> dict[str, Any]:
    """The document. The same resources give the same, in whatever order they came."""
    profile.settled()
    rows = profile.tables["rows"].rows
    counts = grouped(((row[0],), number) for row, number in rows.items())
    return {
        "format": FORMAT,
        "least": LEAST,
        "resources": sum(counts.values()),
        "unreadable": dict(sorted(profile.unreadable.items())),
        "types": {type: _type(profile, type, number) for (type,), number in in_order(counts)},
        **patterns.published(rows),
        **_codes(profile),
    }


def _type(profile: Profile, type: str, number: int) -> dict[str, Any]:
    tables = profile.tables
    patients = profile.patients.get(type)
    elements = _elements(tables["elements"].rows, type)
    hours = _by(tables["hours"].rows, type)
    return {
        "resources": number,
        "patients": patients.estimate if patients is not None and patients.estimate >= LEAST else None,
        "elements": told(elements),
        "months": told(_by(tables["months"].rows, type)),
        "hours": [hours.get(f"{hour:02d}", 0) for hour in range(24)] if sum(hours.values()) >= LEAST * 24 else None,
        "delays": _delays(_by(tables["delays"].rows, type)),
        "states": patterns.states(tables["rows"].rows, type),
    }


def _elements(rows: Mapping[Key, int], type: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for (name, mask), number in rows.items():
        if name == type and mask != MORE:
            for place, element in enumerate(ELEMENTS):
                if mask >> place & 1:
                    found[element] = found.get(element, 0) + number
    return found


def _by(rows: Mapping[Key, int], type: str) -> dict[str, int]:
    """Counts of one type by the last column."""
    found = grouped(
        ((key[-1],), number) for key, number in rows.items() if key[0] == type and key[-1] not in ("", MORE)
    )
    return {name: number for (name,), number in found.items()}


def _delays(counts: Mapping[str, int]) -> dict[str, int]:
    return {bin: counts[bin] for bin in DELAYS if counts.get(bin, 0) >= LEAST}


def _codes(profile: Profile) -> dict[str, Any]:
    versions: dict[Key, dict[str, int]] = {}
    for (system, code, version), number in profile.tables["codes"].rows.items():
        versions.setdefault((system, code), {})[version] = number
    for system, code, _unit, _form in profile.values.groups:
        versions.setdefault((system, code), {})
    facets = _Facets(profile)
    shown, rare, others = [], [], 0
    for (system, code), by_version in sorted(versions.items()):
        number = sum(by_version.values()) or facets.measured((system, code))
        if code == MORE or not disclosure.code(system, code, number):
            others += number
        elif number < LEAST:
            rare.append([system, code])
        else:
            shown.append({"system": system, "code": code, "resources": number, **facets.of((system, code), by_version)})
    return {"codes": shown, "rare_codes": rare, "other_codes": others if others >= LEAST else 0}


class _Facets:
    """What is told of one code."""

    def __init__(self, profile: Profile) -> None:
        self._spans, self._choices = profile.spans, _indexed(_choices(profile.tables["rows"].rows))
        self._delays = _indexed((key[1:], number) for key, number in profile.tables["delays"].rows.items())
        self._values: dict[Key, list[tuple[str, str, Histogram]]] = {}
        for (system, code, unit, form), histogram in sorted(profile.values.groups.items()):
            self._values.setdefault((system, code), []).append((unit, form, histogram))

    def measured(self, code: Key) -> int:
        """How many numbers a code has: all that is known of a component's code."""
        return sum(sum(histogram.bins.values()) for _, _, histogram in self._values.get(code, ()))

    def of(self, code: Key, versions: Mapping[str, int]) -> dict[str, Any]:
        """The facets."""
        first, last = self._spans.get(code, (None, None))
        values = [_values(*each) for each in self._values.get(code, ()) if sum(each[2].bins.values()) >= LEAST]
        units = grouped(((each["unit"], each["form"]), each["numbers"]) for each in values)
        return {
            "first": first,
            "last": last,
            "versions": {disclosure.address(name): number for name, number in told(versions).items() if name},
            "choices": told(self._choices.get(code, {})),
            "units": [{"unit": unit, "form": form, "numbers": number} for (unit, form), number in in_order(units)],
            "delays": _delays(self._delays.get(code, {})),
            "values": values,
        }


def _choices(rows: Mapping[Key, int]) -> Iterator[tuple[Key, int]]:
    for row, number in rows.items():
        if row[0] == "Observation" and (choice := patterns.CHOICE_OF.get(row[9], row[9])):
            yield (row[6], row[7], choice), number


def _indexed(rows: Iterable[tuple[Key, int]]) -> dict[Key, dict[str, int]]:
    made: dict[Key, dict[str, int]] = {}
    for (system, code, name), number in rows:
        inner = made.setdefault((system, code), {})
        inner[name] = inner.get(name, 0) + number
    return made


def _values(unit: str, form: str, histogram: Histogram) -> dict[str, Any]:
    """Numbers of one unit: mean, quantiles with ``LEAST`` numbers or more on either side, the commonest, bins of two digits."""
    bins = list(ordered(histogram.bins))
    numbers = sum(number for _, number in bins)
    common, most = max(bins, key=lambda each: (each[1], -each[0]))
    wide = grouped(((float(coarse(bin, min(2, histogram.digits))),), number) for bin, number in histogram.bins.items())
    return {
        "unit": disclosure.unit(unit, form),
        "form": form,
        "numbers": numbers,
        "mean": float(f"{float(total(histogram.bins)) / numbers:.6g}"),
        "quantiles": _quantiles([(float(value), number) for value, number in bins], numbers),
        "common": {"value": float(common), "numbers": most} if most >= LEAST else None,
        "bins": [[value, number] for (value,), number in sorted(wide.items()) if number >= LEAST],
    }


def _quantiles(bins: list[tuple[float, int]], numbers: int) -> dict[str, float]:
    if numbers < 2 * LEAST:
        return {}
    found: dict[str, float] = {}
    for share in QUANTILES:
        rank, seen = min(max(round(share * numbers), LEAST), numbers - LEAST + 1), 0
        for value, number in bins:
            seen += number
            if seen >= rank:
                found[str(share)] = value
                break
    return found
