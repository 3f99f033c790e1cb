"""A published profile as the baseline that a scan is compared with."""

from collections.abc import Iterable, Mapping

from fidelity.baseline import Baseline, CodeUse
from fidelity.published import CodeUse as PublishedUse
from fidelity.published import Published

MONTH = 30.4375
"""Days of a mean month: a profile counts by month."""


def baseline_of(published: Published, types: Iterable[tuple[str, str, str]] = ()) -> Baseline:
    """The counts of a profile by (type, system, code). A profile counts codes over all types, and each system is of one
    type in US Core but for LOINC and SNOMED CT; ``types`` says which (type, system, code) the window has, so that a code is
    looked for under the type where it is used."""
    here = {(system, code): name for name, system, code in types}
    codes = {
        (here.get((system, code), _type_of(system)), system, code): _use(use)
        for (system, code), use in published.codes.items()
    }
    rare = {(here.get(pair, _type_of(pair[0])), *pair): CodeUse(n=1) for pair in published.rare}
    return Baseline(
        codes={**rare, **codes}, patients=_patients(published), days=_days(published.months),
        resources=sum(published.resources.values()), hours=_hours(published.hours),
        absent={
            f"{name}.{element}": (round(n * (1 - share)), n)
            for (name, element), share in published.elements.items()
            if (n := published.resources.get(name, 0))
        },
    )  # fmt: skip


def _type_of(system: str) -> str:
    return {
        "http://loinc.org": "Observation", "http://snomed.info/sct": "Condition",
        "http://www.nlm.nih.gov/research/umls/rxnorm": "MedicationRequest",
        "http://hl7.org/fhir/sid/icd-10-cm": "Condition", "http://hl7.org/fhir/sid/cvx": "Immunization",
    }.get(system, "")  # fmt: skip


def _use(use: PublishedUse) -> CodeUse:
    unit = use.modal_unit()
    values = use.values.get(unit) if unit is not None else None
    top = (
        {str(values.spike_value): round(values.spike_share * values.n)}
        if values and values.spike_value is not None
        else {}
    )
    return CodeUse(
        n=use.n, choices=dict(use.choices), units={unit: use.units.get((unit, "coded"), 0)} if unit is not None else {},
        low=values.quantiles.get(0.001) if values else None, high=values.quantiles.get(0.999) if values else None,
        top=top, values=values.n if values else 0,
    )  # fmt: skip


def _patients(published: Published) -> int:
    return max(
        (round(published.resources[name] / each) for name, each in published.per_patient.items() if each), default=0
    )


def _days(months: Mapping[str, Mapping[str, int]]) -> float:
    """From the first month that has records to the last, both whole."""
    named = sorted({month for each in months.values() for month, n in each.items() if n and month[:4].isdigit()})
    if not named:
        return 0.0
    first, last = ((int(month[:4]) * 12 + int(month[5:7])) for month in (named[0], named[-1]))
    return (last - first + 1) * MONTH


def _hours(hours: Mapping[str, tuple[int, ...]]) -> tuple[int, ...]:
    return tuple(map(sum, zip(*hours.values(), strict=True))) if hours else ()
