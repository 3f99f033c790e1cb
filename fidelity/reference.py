"""A published profile as the baseline that a scan is compared with."""

from collections.abc import Mapping

from fidelity.baseline import Baseline, CodeUse
from fidelity.published import CodeUse as PublishedUse
from fidelity.published import Published
from fidelity.records.kinds import KINDS

MONTH = 30.4375
"""Days of a mean month: a profile counts by month."""
TAILS = 10_000
"""Numbers that a profile needs for its outer thousandths: with fewer, the rule of ten cuts into the tails."""
KNOWN = 0.95
"""Share of the records whose months a profile has to say before its length is known."""


def baseline_of(published: Published) -> Baseline:
    """The counts of a profile. Codes that it saw too seldom to tell how often are there, once each."""
    return Baseline(
        codes={pair: CodeUse(n=1) for pair in published.rare} | {pair: _use(use) for pair, use in published.codes.items()},
        patients=_patients(published), days=_days(published),
        resources=sum(published.resources.values()), hours=_hours(published.hours),
        absent={
            f"{name}.{element}": (round(n * (1 - share)), n)
            for (name, element), share in published.elements.items()
            if (n := published.resources.get(name, 0))
        },
    )  # fmt: skip


def _use(use: PublishedUse) -> CodeUse:
    unit = use.modal_unit()
    values = use.values.get(unit) if unit is not None else None
    top = (
        {str(values.spike_value): round(values.spike_share * values.n)}
        if values and values.spike_value is not None
        else {}
    )
    tails = values.quantiles if values is not None and values.n >= TAILS else {}
    return CodeUse(
        n=use.n, choices=dict(use.choices), units={unit: use.units.get((unit, "coded"), 0)} if unit is not None else {},
        low=tails.get(0.001), high=tails.get(0.999),
        top=top, values=values.n if values else 0,
    )  # fmt: skip


def _patients(published: Published) -> int:
    return max(
        (round(published.resources[name] / each) for name, each in published.per_patient.items() if each), default=0
    )


def _days(published: Published) -> float:
    """From the first month that has records to the last, both whole; 0 where too many months are too thin to be told."""
    named = sorted({month for each in published.months.values() for month in each if month[:4].isdigit()})
    told = sum(n for each in published.months.values() for n in each.values())
    if not named or told < KNOWN * sum(published.resources[name] for name in published.months):
        return 0.0
    first, last = ((int(month[:4]) * 12 + int(month[5:7])) for month in (named[0], named[-1]))
    return (last - first + 1) * MONTH


def _hours(hours: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    """Of the types that a scan judges, together."""
    judged = [each for name, each in hours.items() if name in KINDS]
    return tuple(map(sum, zip(*judged, strict=True))) if judged else ()
