"""What is wrong with a manifest beyond its form, and what a deployment would miss in it."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

from fidelity import demographics
from fidelity.derive import DERIVATIONS
from fidelity.editions.forms import WELL_FORMED
from fidelity.presence import CURRENT
from gateway.model_folders.source_attributes import NAMES
from gateway.monitors.observing import reference_of
from monitoring.reference import ReferenceInvalid
from r4 import ucum
from r4.house_rules import TRAPS
from vocabulary.manifest import Code, Feature, Manifest
from vocabulary.outcome import parse_outcome
from writeback.lexicon.codes import INTERPRETATIONS, QUALITATIVE
from writeback.lexicon.meanings import permitted
from writeback.site import NO_SITE

OWNERS = ("engineering", "clinical_informatics")


def problems(manifest: Manifest) -> list[str]:
    """What keeps the model from ever working: features that nothing can fill, units that nobody knows."""
    names = {feature.name for feature in manifest.features}
    found = [f"feature {each.name}: {problem}" for each in manifest.features for problem in _feature(each, names)]
    return [*found, *_writing(manifest)]


def _writing(manifest: Manifest) -> Iterator[str]:
    """Declarations of the write-back that can never be meant."""
    for tier in manifest.tiers:
        if tier.interpretation is not None and tier.interpretation not in INTERPRETATIONS:
            yield f"output.tiers {tier.name}: interpretation must be one of {', '.join(INTERPRETATIONS)}"
        if tier.qualitative is not None and tier.qualitative not in QUALITATIVE:
            yield f"output.tiers {tier.name}: qualitative must be one of {', '.join(QUALITATIVE)}"
    for prediction in (manifest.output, *manifest.components):
        if prediction.unit in TRAPS:
            yield f"output {prediction.name}: {prediction.unit} is a unit that is never meant, and is not written"
        normal, limits = prediction.reference_range, prediction.range
        if normal is not None and (limits is None or not limits[0] <= normal[0] <= normal[1] <= limits[1]):
            yield f"output {prediction.name}: reference_range must lie within range"
    if manifest.write_abstention and manifest.kind != "score":
        yield "writeback.write_abstention is for scores: no other kind can be written without its value"


def _feature(feature: Feature, names: set[str]) -> Iterator[str]:
    known = demographics.AGES | demographics.SEXES
    if feature.kind == "patient" and feature.name not in known:
        yield f"a patient feature is one of {', '.join(sorted(known))}"
    if feature.kind == "presence" and feature.resource not in CURRENT:
        yield f"resource must be one of {', '.join(CURRENT)}"
    if feature.derive is not None and feature.derive not in DERIVATIONS:
        yield f"derive must be one of {', '.join(DERIVATIONS)}"
    if feature.alternative is not None and feature.alternative not in names:
        yield "alternative must name another feature"
    if feature.kind == "observation" and feature.unit is not None and not ucum.known(feature.unit):
        yield "unit must be a UCUM code"


def warnings(manifest: Manifest, directory: Path) -> list[str]:
    """What may be left out and would be missed."""
    return [
        *(["model.intended_use is missing"] if not manifest.intended_use else []),
        *(f"card.{name} is missing" for name in NAMES if not manifest.card.get(name)),
        *(warning for feature in manifest.features for warning in _feature_warnings(feature, manifest)),
        *_output_warnings(manifest),
        *_monitoring_warnings(manifest, directory),
    ]


def _feature_warnings(feature: Feature, manifest: Manifest) -> Iterator[str]:
    named = f"feature {feature.name}"
    if feature.kind == "observation":
        numeric = feature.unit is not None
        if not numeric and not feature.answers:
            yield f"{named} has neither a unit nor answers: any number or code is taken as it comes"
        if numeric and feature.limits is None and manifest.kind != "text":
            yield f"{named} has no hard plausibility limits"
        if feature.lookback is None:
            yield f"{named} has no lookback: a value of any age is taken"
    for code in (*feature.codes, *feature.answers):
        if not _well_formed(code):
            yield f"{named}: the code {code.code} does not have the form of its system"


def _well_formed(code: Code) -> bool:
    rule = WELL_FORMED.get(code.system)
    return rule is None or rule(code.code)


def _output_warnings(manifest: Manifest) -> Iterator[str]:
    if manifest.kind in ("text", "issue") and manifest.policy == "automatic":
        yield "writeback.policy automatic lets a text reach the chart that no clinician has read"
    if manifest.kind == "risk" and manifest.horizon is None:
        yield "output.horizon is missing: a chart reads the risk as one of the rest of the patient's life"
    yield from _coding_warnings(manifest)
    if not manifest.editions and any(feature.codes for feature in manifest.features):
        yield "editions is missing: nobody can tell which codes are newer or older than the model"
    for prediction in (manifest.output, *manifest.components):
        unit = prediction.unit
        if unit and unit not in ("fraction", "percent") and not ucum.known(unit):
            yield f"output {prediction.name}: the unit is not a UCUM code"
        if not prediction.title:
            yield f"output {prediction.name} has no title"


def _coding_warnings(manifest: Manifest) -> Iterator[str]:
    """Codes that will be left out, and the one code of R4 that is easily taken for another."""
    predictions, report = (manifest.output, *manifest.components), manifest.report
    codes = [
        *(code for each in predictions for code in each.codes),
        *manifest.labels,
        *(report.codes if report else ()),
    ]
    for code in codes:
        if not permitted(code.system, code.code, NO_SITE):
            yield f"output: {code.system} {code.code} is not in the registry of cited codes and will be left out"
    half = Decimal("0.5") if manifest.output.unit == "fraction" else Decimal(50)
    for tier in manifest.tiers:
        if tier.qualitative in ("high", "certain") and manifest.kind == "risk" and tier.low < half:
            yield f"output.tiers {tier.name}: {tier.qualitative} means more likely to occur than not, which it is not"


def _monitoring_warnings(manifest: Manifest, directory: Path) -> Iterator[str]:
    owners = manifest.monitoring.get("owners")
    for owner in OWNERS:
        if not (isinstance(owners, dict) and owners.get(owner)):
            yield f"monitoring.owners.{owner} is missing: nobody would get its alerts"
    reference = manifest.monitoring.get("reference")
    if manifest.kind in ("risk", "score", "classification"):
        if not isinstance(reference, str):
            yield "monitoring.reference is missing: drift cannot be measured"
        elif not (directory / reference).is_file():
            yield "monitoring.reference names a file that is not there"
        else:
            try:
                reference_of(directory, reference)
            except ReferenceInvalid as wrong:
                yield f"monitoring.reference cannot be used: {wrong}"
        if not manifest.monitoring.get("outcome"):
            yield "monitoring.outcome is missing: accuracy cannot be measured"
        yield from parse_outcome(manifest.monitoring)[1]
    if any(feature.limits for feature in manifest.features) and not manifest.monitoring.get("limits_signed_by"):
        yield "monitoring.limits_signed_by is missing: who signed the hard limits, and when"
