"""Manifests and sites from bytes, made as ``model.toml`` and ``site.toml`` are read: most of them sound."""

from decimal import Decimal
from functools import lru_cache
from typing import Any

from tests.fuzz.adapter_bytes import Choices
from tests.property.write_strategies import UNITS
from vocabulary.manifest import Manifest, ManifestError, parse
from vocabulary.output import KINDS
from writeback.lexicon.codes import CATEGORIES, INTERPRETATIONS, QUALITATIVE
from writeback.lexicon.meanings import REGISTRY
from writeback.site import NO_SITE, Site, SiteInvalid, parse_site

BLOCK = 40
"""Bytes that a manifest is made from: inputs that share them share it, as outputs share a model."""
SYSTEMS = (
    "urn:chartgate:assessment", "urn:chartgate:label", "http://loinc.org", "http://snomed.info/sct", "https://model.example/codes",
    "urn:oid:1.2.3", "urn:local", "http://hl7.org/fhir/sid/icd-10",
)  # fmt: skip
RANGES = (
    ("0", "20"), ("0", "3"), ("-5", "5"), ("0", "300"), ("1", "1"), ("0.0000001", "0.5"), ("0", "1e300"), ("-1e9", "1e12"),
    ("0", "1e400"), ("-0.5", "1.5"),
)  # fmt: skip
SPANS = ("P1D", "PT12H", "P10Y", "P1M", "P1W", "PT1S", "P100Y", "P990Y", "P9000Y", "P99999999999D", "PT0S")
NAMES = ("main", "sepsis-12h", "a", "part-1", "x9", "pulse", "resp", "cvd-10y")
KEPT = (
    "Provenance", "Observation.component", "RiskAssessment.prediction.whenPeriod", "Observation.meta.security", "Device", "a.b[0]",
    "DocumentReference", "Observation.code.coding",
)  # fmt: skip


def _code(choices: Choices) -> dict[str, Any]:
    if choices.seldom(90):
        row = REGISTRY[choices.below(len(REGISTRY))]
        return {"system": row.system, "code": row.code, "display": row.display}
    name = choices.word() if choices.seldom(20) else choices.pick(NAMES)
    said = {"system": "no address" if choices.seldom(3) else choices.pick(SYSTEMS), "code": name}
    return said | {member: choices.word() for member in ("display", "value") if choices.seldom(60)}


def _codes(choices: Choices) -> list[dict[str, Any]]:
    return [_code(choices) for _ in range(1 + choices.below(3))]


def _unit(choices: Choices) -> str:
    return choices.pick(("C", "K/uL")) if choices.seldom(6) else choices.pick((*UNITS, "1"))


def _range(choices: Choices, table: dict[str, Any], kind: str) -> None:
    unit = choices.pick(("fraction", "percent")) if kind == "risk" else _unit(choices)
    low, high = map(Decimal, choices.pick(RANGES))
    if kind == "risk" and not choices.seldom(3):
        low, high = Decimal(0), Decimal(1 if unit == "fraction" else 100)
    table |= {"unit": unit, "range": [low, high]}
    if choices.seldom(60):
        table |= {"reference_range": [low, (low + high) / 2], "reference_text": choices.word()}


def _prediction(choices: Choices, kind: str, name: str) -> dict[str, Any]:
    table: dict[str, Any] = {"name": name, "codes": _codes(choices)}
    if kind in ("risk", "score") or choices.seldom(30):
        _range(choices, table, kind)
    if choices.seldom(120):
        table["title"] = choices.word()
    table["required"] = choices.seldom(30)
    return table


def _tiers(choices: Choices) -> list[dict[str, Any]]:
    found = []
    for _ in range(choices.below(4)):
        tier: dict[str, Any] = {
            "name": choices.pick(("low", "high", "H", "moderate")) if choices.seldom(99) else choices.word()
        }
        if choices.seldom(70):
            tier["interpretation"] = choices.pick((*INTERPRETATIONS, "no code"))
        if choices.seldom(70):
            tier["qualitative"] = choices.pick((*QUALITATIVE, "no code"))
        found.append(tier | {"low": Decimal(choices.below(100)) / 100})
    return found


def _output(choices: Choices, kind: str) -> dict[str, Any]:
    table = _prediction(choices, kind, "main") | {"kind": kind, "tiers": _tiers(choices)}
    names = dict.fromkeys(choices.pick(NAMES[1:]) for _ in range(choices.below(5)))
    table["component"] = [_prediction(choices, kind, name) for name in names]
    if choices.seldom(160):
        table["horizon"] = choices.pick(SPANS)
    if kind in ("classification", "issue"):
        table["labels"] = _codes(choices)
    if kind == "score" and names and choices.seldom(120):
        table["report"] = {"codes": _codes(choices), "title": choices.word()}
    return table


def _tame(choices: Choices) -> Any:
    """A value of any kind that a TOML file can hold: no half of a surrogate pair."""
    return _whole(choices.hostile())


def _whole(value: Any) -> Any:
    if isinstance(value, dict):
        return {_whole(name): _whole(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_whole(item) for item in value]
    return value.encode(errors="replace").decode() if isinstance(value, str) else value


def document(choices: Choices) -> dict[str, Any]:
    """A ``model.toml`` as it is read."""
    kind = choices.pick((*KINDS, "risk", "score", "risk", "score"))
    output = _output(choices, kind)
    policy = choices.pick(("automatic", "confirm", "shadow"))
    valid_for = choices.pick(SPANS) if choices.seldom(60) else "P1D"
    writing: dict[str, Any] = {"policy": policy, "valid_for": valid_for, "write_abstention": choices.seldom(120)}
    if kind == "risk" and policy == "confirm":
        tiers = [tier["name"] for tier in output["tiers"]]
        writing |= {"flag": choices.seldom(160), "flag_tiers": tiers[: choices.below(3)]}
    if choices.seldom(40):
        writing["must_keep"] = [choices.pick(KEPT) for _ in range(1 + choices.below(2))]
    model = {
        "id": choices.pick(NAMES),
        "version": choices.pick(("1.0.0", "0.9-rc1")),
        "title": choices.word(),
        "entry": "m:f",
    }
    card = {
        choices.pick(NAMES): _tame(choices) if choices.seldom(30) else choices.word() for _ in range(choices.below(3))
    }
    said: dict[str, Any] = {"model": model, "output": output, "writeback": writing, "card": card}
    if choices.seldom(12):
        table = said[choices.pick(("model", "output", "writeback"))]
        table[choices.pick(tuple(table))] = _tame(choices)
    return said


@lru_cache(512)
def manifest_of(block: bytes) -> Manifest | None:
    """The manifest of these bytes, the same one each time; None where the document has faults."""
    try:
        return parse(document(Choices(block)))
    except ManifestError:
        return None


@lru_cache(1024)
def site_of(block: bytes, number: int) -> Site:
    """A site that maps nothing, or the output's first code to a flowsheet row."""
    manifest, choices = manifest_of(block), Choices(bytes([number, number * 7 % 256, number * 31 % 256]))
    if number < 160 or manifest is None:
        return NO_SITE
    own = manifest.output.codes[0]
    row = {"system": "urn:oid:1.2.840.114350.1.13.0.1.7.2.707679", "code": "7074", "display": "Flowsheet row"}
    table: dict[str, Any] = {"codes": [{"from": {"system": own.system, "code": own.code}, "to": row}]}
    if choices.seldom(80):
        table["codes"][0]["category"] = choices.pick(tuple(CATEGORIES))
    if choices.seldom(40):
        table["must_keep"] = [choices.pick(KEPT)]
    try:
        return parse_site(table)
    except SiteInvalid:
        return NO_SITE
