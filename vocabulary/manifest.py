"""``model.toml`` as a value: what a model needs, what it says, how that is labelled, written and watched.

Format: product.md §5. ``parse`` reads the TOML document; every fault is reported, not the first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any, Literal

from vocabulary.instant import Span, parse_span
from vocabulary.output import KINDS, Kind

FeatureKind = Literal["observation", "presence", "patient"]
Policy = Literal["automatic", "confirm", "shadow"]


class ManifestError(ValueError):
    """The manifest cannot be used; ``problems`` names each faulty member and what it must be."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@dataclass(frozen=True, kw_only=True, slots=True)
class Code:
    """One code of a code system, as a manifest lists it."""

    system: str
    code: str
    display: str | None = None
    value: str | None = None
    """For coded answers: what the model sees when this code is the answer."""
    caveat: str | None = None
    """A sentence that travels with every value found by this code (``33914-3`` is the older MDRD estimate)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Feature:
    """``codes`` are what to look for, best first; ``answers`` map coded answers to the model's words;
    ``resource`` is where a presence is looked for (Condition or MedicationRequest); without ``codes`` any current
    record of that resource is the presence."""

    name: str
    kind: FeatureKind
    codes: tuple[Code, ...] = ()
    unit: str | None = None
    lookback: Span | None = None
    pick: Literal["latest", "earliest", "lowest", "highest"] = "latest"
    required: bool = False
    limits: tuple[Decimal, Decimal] | None = None
    resource: str | None = None
    answers: tuple[Code, ...] = ()
    derive: str | None = None
    """A derivation of fidelity's table (``ckd-epi-2021``) tried when no code is found."""
    ever: bool = False
    """A presence counts although resolved or stopped since: prior disease rather than present disease."""
    alternative: str | None = None
    """Another feature that may stand in for this one when it is required (oxygen as a flow or as a fraction)."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Tier:
    """A named band of values."""

    name: str
    low: Decimal
    """The tier holds values from here up to the next tier's ``low``."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """The output's own value, or one of its components: code, declared clinical range, unit."""

    name: str
    codes: tuple[Code, ...] = ()
    range: tuple[Decimal, Decimal] | None = None
    unit: str | None = None
    title: str | None = None
    required: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """One model version. ``horizon`` is for risks (None: the rest of a life, as R4 reads a prediction without a period);
    ``valid_for`` how long an output may wait to be written."""

    id: str
    version: str
    title: str
    entry: str | None
    url: str | None
    kind: Kind
    output: Prediction
    policy: Policy
    valid_for: Span
    valid_for_text: str
    intended_use: str = ""
    features: tuple[Feature, ...] = ()
    components: tuple[Prediction, ...] = ()
    horizon: Span | None = None
    tiers: tuple[Tier, ...] = ()
    labels: tuple[Code, ...] = ()
    write_abstention: bool = False
    """An abstaining score is written as an Observation with ``dataAbsentReason``."""
    card: Mapping[str, Any] = field(default_factory=dict)
    monitoring: Mapping[str, Any] = field(default_factory=dict)


class _Reader:
    """Takes typed members out of one table of the document and collects what is wrong with them."""

    def __init__(self, table: Any, path: str, problems: list[str]) -> None:
        self.table: Mapping[str, Any] = table if isinstance(table, dict) else {}
        self.path, self.problems = path, problems
        if not isinstance(table, dict):
            problems.append(f"{path} must be a table")

    def text(self, name: str, *, required: bool = False) -> str | None:
        value = self.table.get(name)
        if isinstance(value, str) and value.strip():
            return value
        if value is not None or required:
            self.problems.append(f"{self.path}.{name} must be a non-empty string")
        return None

    def choice(self, name: str, allowed: tuple[str, ...], *, default: str | None = None) -> Any:
        value = self.table.get(name, default)
        if value in allowed:
            return value
        self.problems.append(f"{self.path}.{name} must be one of {', '.join(allowed)}")
        return allowed[0]

    def flag(self, name: str, *, default: bool = False) -> bool:
        value = self.table.get(name, default)
        if not isinstance(value, bool):
            self.problems.append(f"{self.path}.{name} must be true or false")
        return bool(value)

    def span(self, name: str, *, required: bool = False) -> Span | None:
        text = self.text(name, required=required)
        try:
            return parse_span(text) if text else None
        except ValueError:
            self.problems.append(f"{self.path}.{name} must be an ISO 8601 duration such as P1D")
            return None

    def range(self, name: str, *, required: bool = False) -> tuple[Decimal, Decimal] | None:
        value = self.table.get(name)
        if value is None and not required:
            return None
        numbers = [_number(item) for item in value] if isinstance(value, list) else []
        if len(numbers) != 2 or numbers[0] is None or numbers[1] is None or numbers[0] > numbers[1]:
            self.problems.append(f"{self.path}.{name} must be [low, high]")
            return None
        return numbers[0], numbers[1]

    def tables(self, name: str) -> list["_Reader"]:
        value = self.table.get(name, [])
        if not isinstance(value, list):
            self.problems.append(f"{self.path}.{name} must be a list of tables")
            return []
        return [_Reader(item, f"{self.path}.{name}[{index}]", self.problems) for index, item in enumerate(value)]

    def codes(self, name: str, *, required: bool = False) -> tuple[Code, ...]:
        found = tuple(
            Code(
                system=item.text("system", required=True) or "", code=item.text("code", required=True) or "",
                display=item.text("display"), value=item.text("value"), caveat=item.text("caveat"),
            )
            for item in self.tables(name)
        )  # fmt: skip
        if required and not found:
            self.problems.append(f"{self.path}.{name} must list at least one code")
        return found


def _number(value: Any) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None


def parse(document: Mapping[str, Any]) -> Manifest:
    """A parsed ``model.toml`` → Manifest. Raises ManifestError listing every fault by member."""
    problems: list[str] = []
    model = _Reader(document.get("model", {}), "model", problems)
    output = _Reader(document.get("output", {}), "output", problems)
    writeback = _Reader(document.get("writeback", {}), "writeback", problems)
    root = _Reader(dict(document), "manifest", problems)
    manifest = _manifest(document, model, output, writeback, root)
    problems += _contradictions(manifest)
    if problems:
        raise ManifestError(problems)
    return manifest


def _manifest(
    document: Mapping[str, Any], model: _Reader, output: _Reader, writeback: _Reader, root: _Reader
) -> Manifest:
    """The members one by one; what is wrong with them stands in the readers' list."""
    kind = output.choice("kind", KINDS)
    return Manifest(
        id=model.text("id", required=True) or "", version=model.text("version", required=True) or "",
        title=model.text("title", required=True) or "", intended_use=model.text("intended_use") or "",
        entry=model.text("entry"), url=model.text("url"),
        kind=kind,
        output=_prediction(output, required=True, numeric=kind in ("risk", "score")),
        components=tuple(_prediction(item, numeric=kind in ("risk", "score")) for item in output.tables("component")),
        horizon=output.span("horizon"),
        tiers=tuple(_tier(item) for item in output.tables("tiers")),
        labels=output.codes("labels"),
        policy=writeback.choice("policy", ("automatic", "confirm", "shadow")),
        valid_for=writeback.span("valid_for", required=True) or Span(),
        valid_for_text=writeback.text("valid_for") or "", write_abstention=writeback.flag("write_abstention"),
        features=tuple(_feature(item) for item in root.tables("feature")),
        card=document.get("card", {}), monitoring=document.get("monitoring", {}),
    )  # fmt: skip


def _prediction(table: _Reader, *, required: bool = False, numeric: bool) -> Prediction:
    codes = table.codes("codes", required=required) or _single_code(table)
    prediction = Prediction(
        name=table.text("name") or (codes[0].code if codes else ""),
        codes=codes,
        range=table.range("range", required=numeric),
        unit=table.text("unit", required=numeric),
        title=table.text("title"),
        required=table.flag("required"),
    )
    if not prediction.name:
        table.problems.append(f"{table.path} must have a name or a code")
    return prediction


def _single_code(table: _Reader) -> tuple[Code, ...]:
    """A component may say ``code = "ascvd"`` or ``code = { system, code }`` instead of a list."""
    value = table.table.get("code")
    if isinstance(value, str) and value:
        return (Code(system="urn:chartgate:assessment", code=value),)
    if isinstance(value, dict):
        item = _Reader(value, f"{table.path}.code", table.problems)
        return (Code(system=item.text("system", required=True) or "", code=item.text("code", required=True) or ""),)
    return ()


def _tier(table: _Reader) -> Tier:
    low = _number(table.table.get("low", 0))
    if low is None:
        table.problems.append(f"{table.path}.low must be a number")
    return Tier(name=table.text("name", required=True) or "", low=low or Decimal(0))


def _feature(table: _Reader) -> Feature:
    kind = table.choice("kind", ("observation", "presence", "patient"))
    resource = table.text("resource")
    codes = table.codes("codes", required=kind == "observation" or (kind == "presence" and resource is None))
    if kind == "presence" and resource is None:
        drugs = any(code.system.endswith("/rxnorm") for code in codes)
        resource = "MedicationRequest" if drugs else "Condition"
    return Feature(
        name=table.text("name", required=True) or "",
        kind=kind,
        codes=codes,
        unit=table.text("unit"),
        lookback=table.span("lookback"),
        pick=table.choice("pick", ("latest", "earliest", "lowest", "highest"), default="latest"),
        required=table.flag("required"),
        limits=table.range("limits"),
        resource=resource,
        answers=table.codes("answers"),
        derive=table.text("derive"),
        ever=table.flag("ever"),
        alternative=table.text("alternative"),
    )


def _contradictions(manifest: Manifest) -> list[str]:
    """What is well formed member by member and still cannot be meant."""
    problems = []
    if (manifest.entry is None) == (manifest.url is None):
        problems.append("model must have either entry or url")
    if manifest.kind == "risk" and any(
        prediction.unit not in ("fraction", "percent") for prediction in (manifest.output, *manifest.components)
    ):
        problems.append("output.unit of a risk must be fraction or percent")
    for name in ("card", "monitoring"):
        problems += [] if isinstance(getattr(manifest, name), Mapping) else [f"{name} must be a table"]
    names = [feature.name for feature in manifest.features]
    problems += [f"feature {name} is declared twice" for name in sorted({n for n in names if names.count(n) > 1})]
    parts = [component.name for component in manifest.components]
    problems += [
        f"output.component {name} is declared twice" for name in sorted({n for n in parts if parts.count(n) > 1})
    ]
    return problems
