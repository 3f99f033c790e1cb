"""Edge: model folders on disk, loaded and run.

A folder is ``model.toml`` (vocabulary.manifest) and either Python code beside it, loaded by path under a module name of
its own so that two models may both call their file ``model.py``, or the address of a service.
"""

import asyncio
import csv
import importlib.util
import inspect
import re
import sys
import tomllib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from hashlib import sha256
from itertools import chain
from math import isfinite
from pathlib import Path
from typing import Any

from gateway.model_folders import remote_models
from vocabulary import manifest as manifests
from vocabulary.chart import Chart
from vocabulary.manifest import Manifest, ManifestError, Prediction

SHIPPED = Path(__file__).resolve().parents[2] / "models"
MEMBERS = ("value", "unit", "components", "interval", "label", "confidence", "tier", "abstained", "implicated",
           "explanation", "text")  # fmt: skip
"""What a model's answer may say: members of the body of POST /api/outputs. Others are left out."""
WORDS = {"text": ("text",), "classification": ("label",), "issue": ("label", "text")}
"""What an output that is no number must say: one of these."""
UNDECLARED = "a component is not one that the manifest declares"
_ENTRY = re.compile(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*):([A-Za-z_]\w*)")


class ModelError(Exception):
    """A model folder that cannot be loaded, a model that failed, or a file that is no chart: the text says which."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """``predict`` takes the features by name, None where absent, and the chart."""

    manifest: Manifest
    predict: Callable[[dict[str, Any], Chart], Any]
    directory: Path

    @property
    def key(self) -> tuple[str, str]:
        """``(id, version)``."""
        return self.manifest.id, self.manifest.version


def read_manifest(directory: Path) -> Manifest:
    """``model.toml`` of the folder, code lists of ``codes_from`` included. Raises ModelError, ManifestError."""
    try:
        with (directory / "model.toml").open("rb") as stream:
            document = tomllib.load(stream, parse_float=Decimal)
    except OSError as wrong:
        raise ModelError(f"{directory.name}: model.toml cannot be read") from wrong
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as wrong:
        raise ModelError(f"{directory.name}: model.toml is not TOML ({wrong})") from wrong
    features = document.get("feature")
    for feature in features if isinstance(features, list) else ():
        if isinstance(feature, dict) and "codes_from" in feature:
            feature["codes"] = [*feature.get("codes", []), *_listed(directory, feature)]
    return manifests.parse(document)


def _listed(directory: Path, feature: Mapping[str, Any]) -> list[dict[str, str]]:
    """Rows of a code list whose column ``feature`` is the feature's name, as codes not listed yet."""
    name = feature["codes_from"]
    path = directory / str(name)
    if not isinstance(name, str) or path.resolve().parent != directory.resolve():
        raise ModelError(f"{directory.name}: codes_from must be a file in the model's folder")
    known = {(code.get("system"), code.get("code")) for code in feature.get("codes", []) if isinstance(code, dict)}
    try:
        with path.open(encoding="utf-8", newline="") as stream:
            rows = [row for row in csv.DictReader(stream) if row.get("feature") == feature.get("name")]
    except (OSError, UnicodeDecodeError, csv.Error) as wrong:
        raise ModelError(f"{directory.name}: {name} cannot be read") from wrong
    return [
        {"system": row["system"], "code": row["code"], **({"display": row["name"]} if row.get("name") else {})}
        for row in rows
        if (row.get("system"), row.get("code")) not in known
    ]


def load(directory: Path | str) -> Model:
    """The model of one folder, ready to run. Raises ModelError, ManifestError; the text names the folder or member."""
    folder = Path(directory)
    manifest = read_manifest(folder)
    if manifest.url is not None:
        predict = remote_models.caller(manifest)
    else:
        predict = _python(folder, manifest)
    return Model(manifest=manifest, predict=predict, directory=folder)


def _python(folder: Path, manifest: Manifest) -> Callable[[dict[str, Any], Chart], Any]:
    match = _ENTRY.fullmatch(manifest.entry or "")
    if match is None:
        raise ModelError(f'{folder.name}: model.entry must be "module:function"')
    path = folder.joinpath(*match[1].split(".")).with_suffix(".py")
    name = f"chartgate_model_{sha256(str(path.resolve()).encode()).hexdigest()[:16]}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None or not path.is_file():
        raise ModelError(f"{folder.name}: the file of model.entry is missing")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # dataclasses and pickling look a module up by its name
    try:
        spec.loader.exec_module(module)
    except Exception as wrong:
        del sys.modules[name]
        raise ModelError(f"{folder.name}: the code of model.entry fails on import ({type(wrong).__name__})") from wrong
    function = getattr(module, match[2], None)
    if not callable(function):
        raise ModelError(f"{folder.name}: model.entry names no function")
    if inspect.iscoroutinefunction(function):
        raise ModelError(f"{folder.name}: model.entry must be a plain function, not a coroutine")
    return _adapted(function)


def _adapted(function: Callable[..., Any]) -> Callable[[dict[str, Any], Chart], Any]:
    """A function of the features, or of the features and the chart when it takes two positional arguments."""
    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    try:
        taken = [item for item in inspect.signature(function).parameters.values() if item.kind in kinds]
    except (TypeError, ValueError):
        taken = []
    if len(taken) >= 2:
        return function
    return lambda features, chart: function(features)


def load_all(directories: Iterable[Path | str] = ()) -> tuple[Model, ...]:
    """The shipped models and those of further folders of model folders, in a fixed order.
    Raises ModelError, also for two models of one id and version, and ManifestError."""
    models: dict[tuple[str, str], Model] = {}
    for model in chain(_shipped(SHIPPED), *(_within(Path(directory)) for directory in directories)):
        if model.key in models:
            raise ModelError(f"{model.directory.name}: {' '.join(model.key)} is declared twice")
        models[model.key] = model
    return tuple(models.values())


@cache
def _shipped(directory: Path) -> tuple[Model, ...]:
    """Read once in a process: they are part of the code, and are shared as it is."""
    return tuple(_within(directory))


def _within(directory: Path) -> Iterator[Model]:
    if not directory.is_dir():
        raise ModelError(f"{directory.name}: no such folder of models")
    folders = [directory] if (directory / "model.toml").is_file() else sorted(directory.iterdir())
    yield from (load(folder) for folder in folders if (folder / "model.toml").is_file())


def answer(model: Model, chart: Chart) -> dict[str, Any]:
    """What the model says of a chart, as members of an output's body; ``abstained`` alone when it abstains.

    A presence that is unknown makes every model abstain: absence means "no" only when the type was read to the end.
    Units left out are the manifest's. Raises ModelError when the model fails or answers something else.
    """
    presences = [feature.name for feature in model.manifest.features if feature.kind == "presence"]
    unknown = [name for name in presences if name in chart.absent]
    if unknown:
        return {"abstained": "; ".join(f"{name} is not known: {chart.absent[name]}" for name in unknown)}
    return _ask(model, chart)


def _ask(model: Model, chart: Chart) -> dict[str, Any]:
    features = {
        feature.name: chart.features[feature.name].value if feature.name in chart.features else None
        for feature in model.manifest.features
    }
    try:
        said = model.predict(features, chart)
    except Exception as wrong:
        raise ModelError(f"{model.manifest.id} failed ({type(wrong).__name__})") from wrong
    if not isinstance(said, Mapping):
        raise ModelError(f"{model.manifest.id} answered something that is no table of members")
    if said.get("abstained") is not None:
        return {"abstained": str(said["abstained"]) or "no reason given"}
    body = {name: said[name] for name in MEMBERS if said.get(name) is not None}
    return _with_units(model.manifest, body)


def _with_units(manifest: Manifest, body: dict[str, Any]) -> dict[str, Any]:
    if "value" in body and manifest.output.unit:
        body.setdefault("unit", manifest.output.unit)
    given = body.get("components")
    if isinstance(given, Mapping):
        given = [{"code": name, "value": value} for name, value in given.items()]
    units = {component.name: component.unit for component in manifest.components}
    if isinstance(given, Sequence) and not isinstance(given, str):
        body["components"] = [_unit_added(item, units) for item in given]
    return body


def _unit_added(item: Any, units: Mapping[str, str | None]) -> Any:
    unit = units.get(str(item.get("code"))) if isinstance(item, Mapping) else None
    return {"unit": unit, **item} if unit else item


async def ask(model: Model, chart: Chart) -> dict[str, Any]:
    """``answer`` on a thread, so that neither a slow model nor a remote one holds up the gateway."""
    return await asyncio.to_thread(answer, model, chart)


def faults(manifest: Manifest, said: Mapping[str, Any]) -> list[str]:
    """Why an answer could not be written: a value missing, not finite, of another unit or out of its declared range."""
    if manifest.kind in ("risk", "score"):
        found = _value_faults("value", said, manifest.output)
        declared = {component.name: component for component in manifest.components}
        given = said.get("components") or ()
        for item in given if isinstance(given, Sequence) else ():
            component = declared.get(str(item.get("code"))) if isinstance(item, Mapping) else None
            found += _value_faults(f"component {component.name}", item, component) if component else [UNDECLARED]
        return found
    wanted = WORDS[manifest.kind]
    return [] if any(isinstance(said.get(name), str) for name in wanted) else [f"{wanted[0]} is missing"]


def _value_faults(name: str, said: Mapping[str, Any], declared: Prediction) -> list[str]:
    value = said.get("value")
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal) or not isfinite(value):
        return [f"{name} is not a finite number"]
    if declared.unit and said.get("unit") != declared.unit:
        return [f"{name} is not in {declared.unit}"]
    if declared.range and not declared.range[0] <= Decimal(str(value)) <= declared.range[1]:
        return [f"{name} lies outside its declared range"]
    return []


def check(directory: Path | str) -> tuple[list[str], list[str]]:
    """``(problems, warnings)`` of a folder: what keeps it from being used, and what a deployment would miss."""
    from gateway.model_folders import model_check

    try:
        model = load(directory)
    except ManifestError as wrong:
        return list(wrong.problems), []
    except ModelError as wrong:
        return [str(wrong)], []
    return model_check.problems(model.manifest), model_check.warnings(model.manifest, Path(directory))
