"""What the monitors are told of an output: numbers, coarse groups and keyed hashes; and how a model is watched."""

import hmac
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import lru_cache
from hashlib import sha256
from math import isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from gateway.model_folders.models import Model
from monitoring.entries import MISSING, UNSEEN, UNUSABLE, Observed, pack_cells
from monitoring.reference import Column, Reference, ReferenceInvalid, parse
from monitoring.thresholds import Thresholds
from vocabulary.chart import Chart, FeatureValue, Resource
from vocabulary.instant import format_instant
from vocabulary.manifest import Manifest
from vocabulary.output import Output
from writeback.changes import OutputChanged

if TYPE_CHECKING:
    from monitoring.plan import Plan

RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
AGES = ((0, "0-17"), (18, "18-39"), (40, "40-64"), (65, "65-79"), (80, "80+"))
UNUSABLE_WORDS = ("the unit is missing", "the unit cannot be converted", "hard plausibility limits", "no measurement")
UNSEEN_WORDS = ("not one that the model knows",)
"""What fidelity says of a value that is there and cannot be used: its unit, or its code."""
NUMERIC = ("risk", "score", "classification")


@lru_cache(maxsize=256)
def reference_of(directory: Path, name: str | None) -> Reference:
    """The reference that a manifest names, or one in which everything is to be learnt. Raises ReferenceInvalid."""
    if not name:
        return Reference()
    try:
        return parse(json.loads((directory / name).read_text()))  # not FHIR: a model's own file
    except (OSError, ValueError) as wrong:
        raise ReferenceInvalid(
            str(wrong) if isinstance(wrong, ReferenceInvalid) else f"{name} cannot be read"
        ) from wrong


def reference(model: Model) -> Reference:
    """The reference of a model. Raises ReferenceInvalid."""
    return reference_of(model.directory, model.manifest.monitoring.get("reference"))


def plan_of(model: Model, ehr: str, thresholds: Thresholds) -> "Plan":
    """How a model is watched at one EHR. Raises ReferenceInvalid."""
    from monitoring.plan import Plan  # numpy comes with it: not before there is something to watch

    manifest = model.manifest
    return Plan(
        model=manifest.id, version=manifest.version, ehr=ehr, features=tuple(each.name for each in manifest.features),
        reference=reference(model), numeric=manifest.kind in NUMERIC, calibrated=manifest.kind == "risk",
        thresholds=thresholds,
    )  # fmt: skip


def observe(
    output: Output, manifest: Manifest, chart: Chart, *, known: Reference, patient: Resource | None, key: bytes
) -> Observed:
    """An output with its cells; the id and what became of it are put in when they are known."""
    encounter = output.encounter or f"{output.patient} {format_instant(output.as_of)[:10]}"
    place = "\x00".join(("encounter", output.model, output.version, output.ehr, encounter))
    value = value_of(output, manifest, known)
    return Observed(
        output="", model=output.model, version=output.version, ehr=output.ehr,
        encounter=hmac.digest(key, place.encode(), "sha256").hex()[:32],
        features=pack_cells(
            _cell(chart.features.get(each.name), chart.absent.get(each.name, ""), known.features.get(each.name))
            for each in manifest.features
        ),
        value=value, score=_score(output, manifest, value), strata=strata_of(patient, output.as_of),
        inference=inference_hash(output.inference_id),
    )  # fmt: skip


def settled(observed: Observed, change: OutputChanged) -> Observed:
    """With the output's id; a refused output has no value that anybody could have acted on."""
    if change.state != "refused":
        return replace(observed, output=change.output)
    return replace(observed, output=change.output, value=None, score=None, refusal=change.reason or "unknown")


def inference_hash(inference_id: str) -> str:
    """What an inference id is kept as: to be found again, not to be read."""
    return sha256(inference_id.encode(errors="replace")).hexdigest()[:32]


def _cell(value: FeatureValue | None, absent: str, column: Column | None) -> float:
    if value is None:
        if any(words in absent for words in UNUSABLE_WORDS):
            return UNUSABLE
        return UNSEEN if any(words in absent for words in UNSEEN_WORDS) else MISSING
    if isinstance(value.value, str):
        categories = column.categories if column is not None else ()
        return _index(value.value, categories) if categories else 0.0
    number = float(value.value)
    return number if isfinite(number) else UNUSABLE


def _index(word: str, categories: tuple[str, ...]) -> float:
    return float(categories.index(word)) if word in categories else UNSEEN


def value_of(output: Output, manifest: Manifest, known: Reference) -> float | None:
    """The output as the number that is watched: of a classification the place of its label among the reference's."""
    if manifest.kind == "classification" and output.label is not None and output.abstained is None:
        return _index(output.label, known.output.categories) if known.output.categories else 0.0
    if output.value is None or output.abstained is not None or manifest.kind not in ("risk", "score"):
        return None
    return float(output.value)


def _score(output: Output, manifest: Manifest, value: float | None) -> float | None:
    """What labels are held against: a risk as a fraction, a score as it is, a classification's confidence."""
    if manifest.kind == "classification":
        return None if output.confidence is None else float(output.confidence)
    percent = manifest.kind == "risk" and manifest.output.unit == "percent"
    return value / 100 if percent and value is not None else value


def strata_of(patient: Resource | None, at: float) -> str:
    """Sex, age band and race, as far as the record says them: ``sex=female;age=65-79``."""
    if patient is None:
        return ""
    found = []
    if patient.get("gender") in ("male", "female", "other"):
        found.append(f"sex={patient['gender']}")
    if (age := _age(patient.get("birthDate"), at)) is not None:
        found.append(f"age={[name for least, name in AGES if age >= least][-1]}")
    if (race := _race(patient)) is not None:
        found.append(f"race={race}")
    return ";".join(found)


def _age(born: Any, at: float) -> int | None:
    """In whole years, by the year alone where no more is given."""
    try:
        year, *rest = (int(part) for part in str(born).split("-"))
    except ValueError:
        return None
    today = datetime.fromtimestamp(at, UTC)
    later = (today.month, today.day) < tuple((*rest, 1, 1)[:2]) if rest else False
    age = today.year - year - later
    return age if 0 <= age <= 150 else None


def _race(patient: Mapping[str, Any]) -> str | None:
    """The OMB category of US Core, a code of five characters."""
    for extension in patient.get("extension") or ():
        if isinstance(extension, dict) and extension.get("url") == RACE:
            for part in extension.get("extension") or ():
                code = (part.get("valueCoding") or {}).get("code") if isinstance(part, dict) else None
                if isinstance(code, str) and part.get("url") == "ombCategory" and len(code) <= 8 and code.isascii():
                    return code.replace(";", "")
    return None
