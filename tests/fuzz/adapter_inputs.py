"""One input of the adapters from bytes: a model, an EHR, what was read there, and a body of ``POST /api/outputs``."""

from dataclasses import dataclass, replace
from decimal import Decimal
from hashlib import shake_256
from typing import Any

from gateway.vendors import VENDORS
from r4 import codec
from tests.fuzz.adapter_bytes import DIGITS, MARK, Choices
from tests.fuzz.adapter_models import BLOCK, manifest_of, site_of
from tests.unit.writeback.examples import NOW, TYPES, capabilities
from vocabulary.finding import Verdict
from vocabulary.instant import format_instant
from vocabulary.manifest import Manifest, Prediction
from vocabulary.output import Output
from writeback.capabilities import Capabilities, parse_capabilities
from writeback.gate import Evidence
from writeback.labels import Confirmation, Names
from writeback.rules import WriteRules
from writeback.site import NO_SITE, Site

_BLOCKS = (shake_256(bytes([number])).digest(BLOCK) for number in range(64))
POOL = tuple(block for block in _BLOCKS if manifest_of(block) is not None)[:16]
"""Models that many inputs have in common: a mould is made for what comes again."""
RULES = tuple(vendor.write for vendor in VENDORS.values())
OFFERED = (
    capabilities(), capabilities(strategy="post"), capabilities(strategy="conditional"), capabilities("Observation"),
    capabilities("DocumentReference", "Provenance", strategy="post"), capabilities(*TYPES[:5], strategy="post"),
    parse_capabilities({"rest": [{"mode": "server", "resource": [
        {"type": "Observation", "interaction": [{"code": "create"}, {"code": ["update"]}], "updateCreate": "true"},
        {"type": ["Flag"], "interaction": {}}, None, {"type": "DocumentReference", "interaction": [{"code": "create"}, 1]},
    ]}, {"mode": {}}]}), parse_capabilities({"rest": 1}),
)  # fmt: skip
SPACES = ("urn:uuid:0b0e1f3c-5d1e-4d0c-9a53-2f1c8d8f6a10", "https://hospital.example/chartgate")
TIMES = (NOW, NOW + 0.1234567, 4_100_000_000.5, 32_000_000_000.0)
"""Clocks: today, not on a millisecond, after the plain calendar, near the last year that is taken."""
IDS = (f"{MARK}-1", "p1", "A.b-C", "f" * 64, "0")


@dataclass(frozen=True, kw_only=True)
class Case:
    """``raw`` is the body (None where JSON cannot say it), ``document`` what it was made from; the rest is the world;
    ``twice`` whether it is planned both ways."""

    manifest: Manifest
    document: Any
    raw: bytes | None
    now: float
    namespace: str
    organization: str | None
    offered: Capabilities
    granted: Capabilities | None
    rules: WriteRules
    site: Site
    confirmed: Confirmation | None
    spoils: bytes
    twice: bool

    def names(self, output: Output) -> Names:
        """Who writes, and where to."""
        return Names(ehr=output.ehr, namespace=self.namespace, organization=self.organization)


def make(data: bytes) -> Case | None:
    """The case of these bytes; None where they make no manifest."""
    choices = Choices(data)
    first = choices.byte()
    block = POOL[first % len(POOL)] if first < 192 else choices.block(BLOCK)
    manifest = manifest_of(block)
    if manifest is None:
        return None
    now = TIMES[0] if not choices.seldom(50) else choices.pick(TIMES)
    world = _world(choices, block, now) if choices.seldom(128) else PLAIN
    spoils, twice = choices.block(12), choices.seldom(80)
    document = spoilt(choices, good(choices, manifest, now))
    return Case(
        manifest=manifest, now=now, document=document, raw=_bytes(choices, document), spoils=spoils, twice=twice, **world
    )  # fmt: skip


PLAIN: dict[str, Any] = {
    "namespace": SPACES[0], "organization": None, "offered": OFFERED[0], "granted": None, "rules": RULES[0], "site": NO_SITE,
    "confirmed": None,
}  # fmt: skip
"""The world of every second input, so that what is poured from a mould is judged often."""


def _world(choices: Choices, block: bytes, now: float) -> dict[str, Any]:
    accepted = Confirmation(by=f"{choices.pick(('Practitioner', 'PractitionerRole'))}/{choices.pick(IDS)}", at=now)
    return {
        "namespace": choices.pick(SPACES), "organization": choices.word() if choices.seldom(40) else None,
        "offered": choices.pick(OFFERED), "granted": choices.pick(OFFERED) if choices.seldom(40) else None,
        "rules": choices.pick(RULES), "site": site_of(block, choices.byte()),
        "confirmed": accepted if choices.seldom(70) else None,
    }  # fmt: skip


def _bytes(choices: Choices, document: Any) -> bytes | None:
    """As it is sent; sometimes with its bytes damaged."""
    try:
        raw = codec.format(document)
    except codec.CodecError:
        return None
    if not choices.seldom(14):
        return raw
    place = choices.below(65536) % (len(raw) + 1)
    junk = choices.pick((b"", b"\\ud800", b'"model":1,', b"\xff", b"[" * 70, b"NaN", b"1e999999999", b"\x00"))
    return raw[:place] + junk + raw[place + choices.below(4) :]


def _number(choices: Choices, declared: Prediction) -> codec.Decimal:
    """A number of the declared range, or so; with few digits or with many."""
    low, high = declared.range or (Decimal(0), Decimal(1))
    value = low + (high - low) * choices.below(65536) / 65535
    if choices.seldom(5):
        value = high + (high - low + 1) / (1 + choices.byte())
    places = choices.pick((3, 0, 2, 8, 28))
    text = f"{value:.{places}f}" if abs(value) < 10**12 else str(value)
    return codec.Decimal(text.replace("E+", "e"))


def good(choices: Choices, manifest: Manifest, now: float) -> dict[str, Any]:
    """A document that the manifest lets through; every second one says no more than its numbers."""
    kind, own, plain = manifest.kind, manifest.output, choices.byte() < 128
    said: dict[str, Any] = {
        "model": manifest.id, "version": manifest.version, "ehr": choices.pick(("spec", "spec", "ward 7")), "kind": kind,
        "patient": f"Patient/{choices.pick(IDS)}", "inference_id": f"{MARK}{choices.below(65536)}",
        "as_of": format_instant(now - choices.below(65536) / 16),
    }  # fmt: skip
    if kind in ("risk", "score"):
        said |= {"value": _number(choices, own), "unit": own.unit}
    if kind in ("classification", "issue") and manifest.labels:
        said["label"] = choices.pick(manifest.labels).code
    if choices.seldom(150):
        said["encounter"] = f"Encounter/{choices.pick(IDS)}"
    if manifest.tiers and choices.seldom(30 if plain else 130):
        said["tier"] = choices.pick(manifest.tiers).name
    parts = [part for part in manifest.components if part.required or not choices.seldom(10 if plain else 90)]
    said["components"] = [_component(choices, part) for part in parts]
    return said if plain and kind != "text" else said | _more(choices, manifest, said)


def _component(choices: Choices, declared: Prediction) -> dict[str, Any]:
    if declared.range is None or choices.seldom(6):
        return {"code": declared.name, "label": choices.word()}
    return {"code": declared.name, "value": _number(choices, declared), "unit": declared.unit}


def _more(choices: Choices, manifest: Manifest, said: dict[str, Any]) -> dict[str, Any]:
    """What goes with a value: an interval, words, references."""
    found: dict[str, Any] = {"inputs": [_reference(choices) for _ in range(choices.below(4))]}
    if manifest.kind in ("risk", "score") and choices.seldom(90):
        others = sorted([_number(choices, manifest.output), said["value"], _number(choices, manifest.output)])
        found["interval"] = [others[0], others[2]]
    if manifest.kind in ("text", "issue"):
        found["text"] = " ".join(choices.word() for _ in range(1 + choices.below(6)))
    if manifest.kind == "issue":
        found["implicated"] = [_reference(choices) for _ in range(choices.below(3))]
    if manifest.kind == "classification" and choices.seldom(120):
        found["confidence"] = codec.Decimal(f"{choices.below(256) / 255:.5f}")
    if choices.seldom(100):
        found["explanation"] = choices.word()
    return found


def _reference(choices: Choices) -> str:
    type = choices.pick(
        ("Observation", "Condition", "MedicationRequest", "DocumentReference", "Patient", "Practitioner")
    )
    return f"{type}/{choices.pick(IDS)}{choices.pick(('', '', '/_history/2', '/_history/99999999999999999999'))}"


MEMBERS = (
    "model", "version", "ehr", "patient", "kind", "as_of", "inference_id", "encounter", "value", "unit", "inputs", "components",
    "interval", "label", "confidence", "tier", "abstained", "implicated", "explanation", "text",
)  # fmt: skip
POINTS = (
    "1900-01-01T00:00:00+13:59", "2999-12-31T23:59:59.999999999-14:00", "2026-02-30T00:00:00Z", "2026-01-01T00:00:00",
    "2026-01-01t00:00:00z", "2016-12-31T23:59:60Z", "0001-01-01T00:00:00+14:00", "٢٠٢٦-01-01T00:00:00Z", "1970-01-01T00:00:00Z",
)  # fmt: skip


def spoilt(choices: Choices, document: dict[str, Any]) -> Any:
    """The same with what nobody should send; two in three stay as they are."""
    for _ in range(1 + choices.below(3) if choices.seldom(90) else 0):
        name, kind = choices.pick(MEMBERS), choices.below(10)
        if kind < 4:
            document[name] = (choices.hostile, choices.hostile_text, choices.word, lambda: None)[kind]()
        elif kind == 4:
            document.pop(name, None)
        elif kind == 5:
            document[choices.hostile_text()] = choices.hostile()
        elif kind == 6:
            document["as_of"] = choices.pick(POINTS)
        elif kind == 7:
            document |= {"abstained": choices.word(), "value": None, "interval": None, "components": []}
        elif kind == 8 and choices.seldom(24):
            _crowd(choices, document)
        else:
            document["interval"] = [choices.hostile(1) for _ in range(choices.below(4))]
    return choices.hostile() if choices.seldom(5) else document


def _crowd(choices: Choices, document: dict[str, Any]) -> None:
    """Very many of something."""
    number = choices.pick((31, 1000, 1001, 3000))
    name = choices.pick(("inputs", "components", "implicated", "members"))
    if name == "members":
        document |= {f"{MARK}{each}": each for each in range(number)}
    elif name == "components":
        document[name] = [{"code": f"{MARK}{each}", "value": codec.Decimal(DIGITS)} for each in range(number)]
    else:
        document[name] = [f"Observation/{each}" for each in range(number)]


def evidence(case: Case, output: Output) -> Evidence:
    """All in order, or with what an EHR should not have answered in it."""
    choices = Choices(case.spoils)
    whole = bool(case.spoils) and choices.byte() < 200

    def there(reference: str) -> dict[str, Any] | None:
        type, id = reference.split("/")[:2]
        found: dict[str, Any] = {
            "resourceType": type,
            "id": id,
            "meta": {"versionId": "2"},
            "subject": {"reference": output.patient},
        }
        if type == "Encounter":
            found["status"] = "in-progress" if whole else choices.pick(("finished", "planned", "entered-in-error"))
        return found if whole else _answered(choices, found)

    fitness = "fit" if whole else choices.pick(("fit", "caveats", "unfit"))
    read = Evidence(
        patient=there(output.patient), encounter=there(output.encounter) if output.encounter else None,
        inputs={name: there(name) for name in (*output.inputs, *output.implicated)},
        verdict=Verdict(fitness=fitness, reasons=("The heart rate is old.",) if fitness != "fit" else ()),
    )  # fmt: skip
    if whole or not choices.seldom(40):
        return read
    return replace(
        read, launch_patient=output.patient, contradictions=choices.below(3), foreign_citations=choices.below(2)
    )


def _answered(choices: Choices, resource: dict[str, Any]) -> dict[str, Any] | None:
    if choices.seldom(10):
        return None
    if choices.seldom(60):
        name = choices.pick(("status", "meta", "subject", "id", "verificationStatus", "resourceType", "patient"))
        resource[name] = choices.hostile(1)
    if choices.seldom(20):
        resource["meta"] = {"versionId": choices.pick(("9" * 5000, "W/1", "²", "", 2)), "security": choices.hostile(1)}
    return resource
