"""A chart judged and scored without an EHR: ``models run`` and populations say by it what a launch would say."""

from collections.abc import Mapping
from typing import Any

from fidelity.chart import assemble
from fidelity.editions.shipped import shipped
from fidelity.verdict import judge
from gateway.feeds import bundles
from gateway.model_folders import models
from gateway.model_folders.models import Model, ModelError
from vocabulary.chart import Chart, Read, Resource, Search
from vocabulary.finding import format_verdict
from vocabulary.instant import format_instant


def score_bundle(model: Model, bundle: Any, as_of: float) -> dict[str, Any]:
    """One chart from a file (bytes, or a parsed Bundle), judged and scored offline; ``as_of`` is Unix seconds.

    The answer has ``state`` (scored, abstained or refused), the verdict, the features with their sources, and the
    output or the reason for none. Of an unfit chart the model is only asked why it would abstain: a score that it gave
    all the same is refused. Raises ModelError for a file that is not one patient's chart.
    """
    try:
        resources = bundles.read_bundle(bundle)
        patient = bundles.patient_of(resources)
    except bundles.BundleError as wrong:
        raise ModelError(str(wrong)) from wrong
    return score_chart(model, patient=patient, reads=bundles.reads_of(resources, model.manifest.features), as_of=as_of)


def score_chart(
    model: Model, *, patient: Resource, reads: Mapping[Search, Read], as_of: float, known: bool = True
) -> dict[str, Any]:  # fmt: skip
    """The same for a chart already read. ``known`` is False where ``patient`` is an id alone, for no Patient could be read."""
    chart = assemble(patient=patient, reads=reads, features=model.manifest.features, as_of=as_of)
    verdict = judge(chart, model.manifest, patient_resource=patient if known else None, terminology=shipped())
    said: dict[str, Any] = {}
    refused = "; ".join(verdict.reasons) if verdict.fitness == "unfit" or not known else None
    try:
        said = models.answer(model, chart) if known else {}
    except ModelError as wrong:
        refused = refused or str(wrong)
    abstained = said.get("abstained")
    refused = None if abstained else refused or "; ".join(models.faults(model.manifest, said)) or None
    return {
        "model": model.manifest.id, "version": model.manifest.version, "kind": model.manifest.kind,
        "patient": chart.patient, "as_of": format_instant(as_of),
        "state": "abstained" if abstained else "refused" if refused else "scored",
        "verdict": format_verdict(verdict), "output": None if abstained or refused else said,
        "abstained": abstained, "refused": refused, "features": _shown(chart), "absent": dict(chart.absent),
    }  # fmt: skip


def _shown(chart: Chart) -> dict[str, Any]:
    return {
        name: {
            "value": value.value, "unit": value.unit, "sources": list(value.sources), "caveats": list(value.caveats),
            "at": None if value.at is None else format_instant(value.at),
        }
        for name, value in chart.features.items()
    }  # fmt: skip
