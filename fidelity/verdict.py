"""What the findings add up to for one model: fit, caveats or unfit, with reasons a clinician can read.

*Unfit*, and the model is not run: a required feature is missing or cannot be read; something critical touches a
feature in use; the patient is not the one asked for, cannot be read, or is dead. *Caveats*: anything else that the
answer should carry. A model that requires nothing is never unfit, but for a wrong patient.
"""

from collections.abc import Iterator, Sequence
from typing import TypedDict

from fidelity import demographics
from fidelity.chart import NOTHING_FOUND
from fidelity.editions.edition import Terminology
from fidelity.inspection import Editions, inspect
from fidelity.reading import CONVERTED
from vocabulary.chart import Chart, Resource
from vocabulary.finding import Finding, Verdict
from vocabulary.manifest import Feature, Manifest


class _Done(TypedDict):
    converted: tuple[tuple[str, str], ...]
    refused: tuple[tuple[str, str], ...]


def judge(
    chart: Chart, manifest: Manifest, *, patient_resource: Resource | None, salt: bytes | None = None,
    terminology: Terminology | None = None,
) -> Verdict:  # fmt: skip
    """The verdict of one chart for one model. ``patient_resource`` is the Patient as read, None when it could not be.

    Reasons name features and hold no value of the patient. ``salt`` makes findings point at records by salted hash;
    ``terminology`` judges codes by the editions that the manifest pins, else by the newest.
    """
    findings = inspect(chart, manifest.features, salt=salt, editions=Editions(terminology, manifest.editions))
    demanding = any(feature.required for feature in manifest.features)
    wrong = tuple(_wrong_patient(chart, patient_resource))
    grave = (*_patient_faults(chart, patient_resource), *_missing(chart, manifest.features), *_critical(findings))
    caveats = tuple(dict.fromkeys(_caveats(chart, manifest.features, findings)))
    done: _Done = {"converted": tuple(_converted(chart)), "refused": tuple(_refused(chart))}
    if wrong or (demanding and grave):
        return Verdict(fitness="unfit", findings=findings, reasons=tuple(dict.fromkeys((*wrong, *grave))), **done)
    reasons = tuple(dict.fromkeys((*grave, *caveats)))
    return Verdict(fitness="caveats" if reasons else "fit", findings=findings, reasons=reasons, **done)


def _converted(chart: Chart) -> Iterator[tuple[str, str]]:
    """Features whose value came in another unit, and the unit that it was converted to."""
    for name, value in chart.features.items():
        if value.unit is not None and any(caveat.startswith(CONVERTED) for caveat in value.caveats):
            yield name, value.unit


def _refused(chart: Chart) -> Iterator[tuple[str, str]]:
    """Features of which there is a record that was not used, and why."""
    for name, reason in chart.absent.items():
        if not reason.startswith(NOTHING_FOUND):
            yield name, reason


def _wrong_patient(chart: Chart, patient: Resource | None) -> Iterator[str]:
    if patient is not None and (
        patient.get("resourceType") != "Patient" or f"Patient/{patient.get('id')}" != chart.patient
    ):
        yield "the patient that was read is not the patient of this chart"


def _patient_faults(chart: Chart, patient: Resource | None) -> Iterator[str]:
    if patient is None:
        yield "the patient could not be read"
    elif demographics.deceased(patient, chart.as_of):
        yield "the patient is recorded as deceased"


def _missing(chart: Chart, features: Sequence[Feature]) -> Iterator[str]:
    """Required features that are not there, nor the feature that may stand in for them."""
    for feature in features:
        present = feature.name in chart.features or (feature.alternative or "") in chart.features
        if feature.required and not present:
            yield f"{feature.name} is required and missing: {chart.absent.get(feature.name, 'it was not looked for')}"


def _critical(findings: Sequence[Finding]) -> Iterator[str]:
    """Critical findings but STR-05, which ``_missing`` weighs by what is required."""
    for finding in findings:
        if finding.result == "fail" and finding.severity == "critical" and finding.check != "STR-05":
            yield f"{finding.feature}: {finding.detail}"


def _caveats(chart: Chart, features: Sequence[Feature], findings: Sequence[Finding]) -> Iterator[str]:
    for feature in features:
        value = chart.features.get(feature.name)
        if value is not None:
            yield from (f"{feature.name}: {caveat}" for caveat in value.caveats)
        elif feature.kind == "presence" and not feature.required:
            yield f"{feature.name} is not known: {chart.absent.get(feature.name, 'it was not looked for')}"
        elif not feature.required and not chart.absent.get(feature.name, NOTHING_FOUND).startswith(NOTHING_FOUND):
            yield f"{feature.name} was left out: {chart.absent[feature.name]}"
    for finding in findings:
        if finding.result == "fail" and finding.severity == "warning":
            yield from (f"{finding.feature}: {detail}" for detail in finding.detail.split("; "))
