"""``model.toml`` as a value: what a model needs, what it says, how that is labelled, written and watched.

Format: product.md §5. ``parse`` reads the TOML document; every fault is reported, not the first.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal

from vocabulary.instant import Span
from vocabulary.output import KINDS, Kind
from vocabulary.tables import TableReader, parse_number
from vocabulary.writable import CODE, problems_of

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
    interpretation: str | None = None
    """A code of HL7's v3-ObservationInterpretation that this tier stands for; none is guessed from its name."""
    qualitative: str | None = None
    """A code of HL7's risk-probability; its ``high`` means more likely to occur than not."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Prediction:
    """The output's own value, or one of its components: code, declared clinical range, unit."""

    name: str
    codes: tuple[Code, ...] = ()
    range: tuple[Decimal, Decimal] | None = None
    unit: str | None = None
    title: str | None = None
    required: bool = False
    reference_range: tuple[Decimal, Decimal] | None = None
    """Values that call for nothing, in ``unit``: written as the Observation's reference range."""
    reference_text: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Report:
    """A DiagnosticReport that groups a score with its sub-scores, each an Observation of its own."""

    codes: tuple[Code, ...]
    title: str


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
    flag: bool = False
    """A risk that a clinician has confirmed raises a Flag, when its tier is one of ``flag_tiers`` (none: always)."""
    flag_tiers: tuple[str, ...] = ()
    report: Report | None = None
    must_keep: frozenset[str] = frozenset()
    """Paths (``Observation.component``) or types (``Provenance``) without which the output is not written at all."""
    card: Mapping[str, Any] = field(default_factory=dict)
    monitoring: Mapping[str, Any] = field(default_factory=dict)
    editions: Mapping[str, str] = field(default_factory=dict)
    """Code system → the edition that the model was trained with (``[editions]``)."""


def _codes(table: TableReader, name: str, *, required: bool = False) -> tuple[Code, ...]:
    found = tuple(
        Code(
            system=item.text("system", required=True) or "", code=item.text("code", required=True) or "",
            display=item.text("display"), value=item.text("value"), caveat=item.text("caveat"),
        )
        for item in table.tables(name)
    )  # fmt: skip
    if required and not found:
        table.problems.append(f"{table.path}.{name} must list at least one code")
    return found


def parse(document: Mapping[str, Any]) -> Manifest:
    """A parsed ``model.toml`` → Manifest. Raises ManifestError listing every fault by member."""
    problems: list[str] = []
    model = TableReader(document.get("model", {}), "model", problems)
    output = TableReader(document.get("output", {}), "output", problems)
    writeback = TableReader(document.get("writeback", {}), "writeback", problems)
    root = TableReader(dict(document), "manifest", problems)
    manifest = _manifest(document, model, output, writeback, root)
    problems += _contradictions(manifest)
    if problems:
        raise ManifestError(problems)
    return manifest


def _manifest(
    document: Mapping[str, Any], model: TableReader, output: TableReader, writeback: TableReader, root: TableReader
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
        labels=_codes(output, "labels"),
        policy=writeback.choice("policy", ("automatic", "confirm", "shadow")),
        valid_for=writeback.span("valid_for", required=True) or Span(),
        valid_for_text=writeback.text("valid_for") or "", write_abstention=writeback.flag("write_abstention"),
        flag=writeback.flag("flag"), flag_tiers=writeback.words("flag_tiers"),
        must_keep=frozenset(writeback.words("must_keep")), report=_report(output),
        features=tuple(_feature(item) for item in root.tables("feature")),
        card=document.get("card", {}), monitoring=document.get("monitoring", {}), editions=document.get("editions", {}),
    )  # fmt: skip


def _prediction(table: TableReader, *, required: bool = False, numeric: bool) -> Prediction:
    codes = _codes(table, "codes", required=required) or _single_code(table)
    prediction = Prediction(
        name=table.text("name") or (codes[0].code if codes else ""),
        codes=codes,
        range=table.range("range", required=numeric),
        unit=table.text("unit", required=numeric),
        title=table.text("title"),
        required=table.flag("required"),
        reference_range=table.range("reference_range"),
        reference_text=table.text("reference_text"),
    )
    if not prediction.name:
        table.problems.append(f"{table.path} must have a name or a code")
    return prediction


def _single_code(table: TableReader) -> tuple[Code, ...]:
    """A component may say ``code = "ascvd"`` or ``code = { system, code }`` instead of a list."""
    value = table.table.get("code")
    if isinstance(value, str) and value:
        return (Code(system="urn:chartgate:assessment", code=value),)
    if isinstance(value, dict):
        item = TableReader(value, f"{table.path}.code", table.problems)
        return (Code(system=item.text("system", required=True) or "", code=item.text("code", required=True) or ""),)
    return ()


def _report(output: TableReader) -> Report | None:
    if "report" not in output.table:
        return None
    table = TableReader(output.table["report"], f"{output.path}.report", output.problems)
    return Report(codes=_codes(table, "codes", required=True), title=table.text("title", required=True) or "")


def _tier(table: TableReader) -> Tier:
    low = parse_number(table.table.get("low", 0))
    if low is None:
        table.problems.append(f"{table.path}.low must be a number")
    return Tier(
        name=table.text("name", required=True) or "", low=low or Decimal(0),
        interpretation=table.text("interpretation"), qualitative=table.text("qualitative"),
    )  # fmt: skip


def _feature(table: TableReader) -> Feature:
    kind = table.choice("kind", ("observation", "presence", "patient"))
    resource = table.text("resource")
    codes = _codes(table, "codes", required=kind == "observation" or (kind == "presence" and resource is None))
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
        answers=_codes(table, "answers"),
        derive=table.text("derive"),
        ever=table.flag("ever"),
        alternative=table.text("alternative"),
    )


def _contradictions(manifest: Manifest) -> list[str]:
    """What is well formed member by member and still cannot be meant."""
    problems = []
    if (manifest.entry is None) == (manifest.url is None):
        problems.append("model must have either entry or url")
    if manifest.id and not CODE.fullmatch(manifest.id):
        problems.append("model.id must have no blank at an end and no two in a row: it is written as a code")
    said = (*manifest.labels, *(manifest.report.codes if manifest.report else ()))
    problems += dict.fromkeys(problems_of(manifest.kind, (manifest.output, *manifest.components), said))
    for name in ("card", "monitoring"):
        problems += [] if isinstance(getattr(manifest, name), Mapping) else [f"{name} must be a table"]
    pins = manifest.editions
    if not isinstance(pins, Mapping) or not all(isinstance(pin, str) and pin for pin in pins.values()):
        problems.append("editions must be a table of code systems and versions")
    names = [feature.name for feature in manifest.features]
    problems += [f"feature {name} is declared twice" for name in sorted({n for n in names if names.count(n) > 1})]
    parts = [component.name for component in manifest.components]
    problems += [
        f"output.component {name} is declared twice" for name in sorted({n for n in parts if parts.count(n) > 1})
    ]
    own = {(code.system, code.code) for code in manifest.output.codes}
    problems += [
        f"output.component {component.name} has the output's own code: nobody could tell the two apart"
        for component in manifest.components
        if own & {(code.system, code.code) for code in component.codes}
    ]
    return [*problems, *_writing_contradictions(manifest)]


def _writing_contradictions(manifest: Manifest) -> list[str]:
    """Members of ``[writeback]`` and ``[output.report]`` that this kind of model has no use for."""
    problems = []
    if manifest.flag and (manifest.kind != "risk" or manifest.policy != "confirm"):
        problems.append('writeback.flag needs a risk and policy "confirm": only what a clinician confirmed is flagged')
    undeclared = set(manifest.flag_tiers) - {tier.name for tier in manifest.tiers}
    problems += [f"writeback.flag_tiers names a tier that is not declared: {name}" for name in sorted(undeclared)]
    if manifest.report is not None and (manifest.kind != "score" or not manifest.components):
        problems.append("output.report groups a score with its components: it needs both")
    return problems
