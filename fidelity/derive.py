"""Values that a chart does not hold but that follow from what it holds, by published formulas."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from vocabulary.chart import FeatureValue
from vocabulary.manifest import Code, Feature

LOINC = "http://loinc.org"


@dataclass(frozen=True, kw_only=True, slots=True)
class Derivation:
    """``source`` is what is looked for (its look-back is the derived feature's); ``formula`` takes its value, the age
    in years and the sex, and gives the value in ``unit``, or None where the formula does not hold."""

    source: Feature
    unit: str
    formula: Callable[[float, int, str], float | None]
    name: str


def ckd_epi_2021(creatinine: float, age: int, sex: str) -> float | None:
    """eGFR in mL/min/{1.73_m2} from serum creatinine in mg/dL, without race, for adults.
    Inker LA, et al. N Engl J Med 2021;385:1737-1749, doi 10.1056/NEJMoa2102953."""
    if age < 18 or sex not in ("female", "male") or creatinine <= 0:
        return None
    kappa, alpha, factor = (0.7, -0.241, 1.012) if sex == "female" else (0.9, -0.302, 1.0)
    ratio = creatinine / kappa
    return float(142 * min(ratio, 1) ** alpha * max(ratio, 1) ** -1.200 * 0.9938**age * factor)


CREATININE = Feature(
    name="creatinine",
    kind="observation",
    codes=(
        Code(system=LOINC, code="2160-0", display="serum creatinine"),
        Code(system=LOINC, code="38483-4", display="blood creatinine"),
    ),
    unit="mg/dL",
    limits=(Decimal("0.1"), Decimal("40")),
)

DERIVATIONS: Mapping[str, Derivation] = {
    "ckd-epi-2021": Derivation(
        source=CREATININE, unit="mL/min/{1.73_m2}", formula=ckd_epi_2021, name="CKD-EPI 2021 from creatinine"
    )
}


def derive(derivation: Derivation, source: FeatureValue, *, age: int, sex: str, code: str) -> FeatureValue | None:
    """The derived value with a caveat that names its source (LOINC ``code``), or None where the formula fails."""
    if isinstance(source.value, bool | str):
        return None
    value = derivation.formula(float(source.value), age, sex)
    if value is None:
        return None
    caveat = f"derived by {derivation.name} (LOINC {code})"
    return FeatureValue(
        value=value, unit=derivation.unit, sources=source.sources, at=source.at, caveats=(caveat, *source.caveats)
    )
