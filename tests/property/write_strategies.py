"""Models and outputs of every kind, drawn at random: all that the gate lets through, and what it must not."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from tests.unit.writeback.examples import NOW
from vocabulary.instant import Span
from vocabulary.manifest import Code, Manifest, Policy, Prediction, Report, Tier
from vocabulary.output import Component, Kind, Output
from writeback.gate import Admitted
from writeback.labels import Confirmation
from writeback.lexicon.codes import CATEGORIES, INTERPRETATIONS, QUALITATIVE
from writeback.lexicon.meanings import REGISTRY
from writeback.site import NO_SITE, Mapped, Site

KINDS: tuple[Kind, ...] = ("risk", "score", "classification", "text", "issue")
NASTY = (
    "low", "Sepsis", "10-year risk of stroke", "a  b", "x" * 250, "<script>alert(1)</script>", "{\\rtf1}", "&amp; <b>", "'; --",
    "Größe µ ≥ 3 ½", "高い", "🙂 smile", "\u2067שלום\u2069", "e\u0301", '"quoted"', "back\\slash", "#anchor", "a|b", "high", "H", "%2F",
    "null", "0", "é" * 40, "Machine-generated",
)  # fmt: skip
words = st.sampled_from(NASTY) | st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\u202d\u202e"),
    min_size=1,
    max_size=8,
).filter(str.strip)
sentences = st.one_of(words, st.lists(words, min_size=2, max_size=4).map("\n".join))
names = st.sampled_from(("main", "sepsis-12h", "a", "part-1", "x9", "pulse", "resp", "cvd-10y"))
ids = st.sampled_from(("p1", "A.b-C", "0", "f" * 64, "1e5", "0b0e1f3c-5d1e-4d0c-9a53-2f1c8d8f6a10"))
local = st.builds(Code, system=st.just("urn:chartgate:assessment"), code=names, display=st.none() | words)
public = st.sampled_from([row for row in REGISTRY if row.system in ("http://loinc.org", "http://snomed.info/sct")]).map(
    lambda row: Code(system=row.system, code=row.code, display=row.display)
)
strangers = st.just(Code(system="http://loinc.org", code="88330-6", display="NEWS2, as public code has it wrongly"))
codes = st.lists(local | public | strangers, min_size=1, max_size=3, unique_by=lambda code: code.code).map(tuple)
types = st.sampled_from(["Observation", "Condition", "MedicationRequest", "DocumentReference", "QuestionnaireResponse"])
references = st.builds(
    lambda type, id, version: f"{type}/{id}{version}", types, ids, st.sampled_from(["", "/_history/2"])
)
UNITS = ("{score}", "mm[Hg]", "mg/dL", "%", "/min", "kg/m2")


def decimals(low: Decimal, high: Decimal) -> st.SearchStrategy[Decimal]:
    """Numbers of the range, with the digits of a float or of a person."""
    plain = st.decimals(low, high, allow_nan=False, allow_infinity=False, places=3)
    floats = st.floats(float(low), float(high)).map(lambda value: Decimal(str(value)))
    return (plain | floats).filter(lambda value: low <= value <= high)


@st.composite
def predictions(draw: st.DrawFn, kind: Kind, *, name: str) -> Prediction:
    numeric = kind in ("risk", "score")
    unit = draw(st.sampled_from(("fraction", "percent") if kind == "risk" else UNITS)) if numeric else None
    high = Decimal(1 if unit == "fraction" else 100 if unit == "percent" else draw(st.integers(1, 500)))
    ranged = draw(st.booleans()) and numeric
    return Prediction(
        name=name, codes=draw(codes), unit=unit, range=(Decimal(0), high) if numeric else None,
        title=draw(st.none() | words), reference_range=(Decimal(0), high / 2) if ranged else None,
        reference_text=draw(words) if ranged else None,
    )  # fmt: skip


def apart(part: Prediction, own: Prediction) -> Prediction:
    """The component without the codes that are the output's own: a manifest may not have them."""
    own_codes = {(code.system, code.code) for code in own.codes}
    return replace(part, codes=tuple(code for code in part.codes if (code.system, code.code) not in own_codes))


@st.composite
def manifests(draw: st.DrawFn, kind: Kind) -> Manifest:
    parts = draw(st.lists(names, max_size=4, unique=True)) if kind in ("risk", "score", "classification") else []
    tiers = draw(st.lists(st.builds(
        Tier, name=words, low=st.just(Decimal(0)), interpretation=st.none() | st.sampled_from(sorted(INTERPRETATIONS)),
        qualitative=st.none() | st.sampled_from(sorted(QUALITATIVE)),
    ), max_size=3, unique_by=lambda tier: tier.name))  # fmt: skip
    policies: tuple[Policy, ...] = ("automatic", "confirm", "shadow")
    own = draw(predictions(kind, name="main"))
    components = [draw(predictions(kind, name=name)) for name in parts]
    return Manifest(
        id=draw(names), version=draw(st.sampled_from(("1.0.0", "2.1", "0.9-rc1"))), title=draw(words),
        entry="model:predict", url=None, kind=kind, output=own,
        policy=draw(st.sampled_from(policies)), valid_for=Span(seconds=86400), valid_for_text="P1D",
        components=tuple(apart(part, own) for part in components),
        horizon=draw(st.none() | st.just(Span(months=120)) | st.just(Span(seconds=43200))) if kind == "risk" else None,
        tiers=tuple(tiers), labels=draw(codes) if kind in ("classification", "issue") else (),
        write_abstention=kind == "score", flag=kind == "risk" and draw(st.booleans()),
        report=Report(codes=draw(codes), title=draw(words)) if kind == "score" and parts and draw(st.booleans()) else None,
        card=draw(st.dictionaries(names, words, max_size=3)),
    )  # fmt: skip


def _component(draw: st.DrawFn, declared: Prediction) -> Component:
    if declared.range is None:
        return Component(code=declared.name, label=draw(words))
    label = draw(st.none() | words)
    return Component(code=declared.name, value=draw(decimals(*declared.range)), unit=declared.unit, label=label)


def _beside(draw: st.DrawFn, own: dict[str, Any]) -> dict[str, Any]:
    """Members that the kind has no use for, and that are said all the same; an abstention has no words."""
    given = {"confidence": draw(st.none() | decimals(Decimal(0), Decimal(1)))}
    if "abstained" not in own:
        given |= {"text": draw(st.none() | sentences), "implicated": tuple(draw(st.lists(references, max_size=1)))}
        given |= {} if "label" in own else {"label": draw(st.none() | words)}
    return {**given, **own}


def _own(draw: st.DrawFn, manifest: Manifest) -> dict[str, Any]:
    declared, kind = manifest.output, manifest.kind
    if kind in ("risk", "score"):
        assert declared.range is not None
        if kind == "score" and draw(st.integers(0, 9)) == 0:
            return {"abstained": draw(words)}
        low, value, high = sorted(draw(st.lists(decimals(*declared.range), min_size=3, max_size=3)))
        interval = (low, high) if draw(st.booleans()) else None
        return {"value": value, "unit": declared.unit, "interval": interval}
    if kind == "text":
        return {"text": draw(sentences)}
    label = draw(st.sampled_from(manifest.labels)).code
    if kind == "classification":
        return {"label": label, "confidence": draw(st.none() | decimals(Decimal(0), Decimal(1)))}
    return {
        "label": label,
        "text": draw(st.none() | sentences),
        "implicated": tuple(draw(st.lists(references, max_size=2))),
    }


@st.composite
def outputs(draw: st.DrawFn, manifest: Manifest) -> Output:
    own = _beside(draw, _own(draw, manifest))
    tier = st.sampled_from([tier.name for tier in manifest.tiers]) if manifest.tiers else words
    if manifest.kind == "issue" and not manifest.tiers:
        tier = st.sampled_from(["high", "moderate", "low"]) | words
    given_parts = [part for part in manifest.components if draw(st.booleans())]
    return Output(
        model=manifest.id, version=manifest.version, ehr="spec", patient=f"Patient/{draw(ids)}", kind=manifest.kind,
        as_of=NOW - draw(st.floats(0, 80000)), inference_id=draw(words),
        encounter=draw(st.none() | ids.map(lambda id: f"Encounter/{id}")),
        inputs=tuple(draw(st.lists(references, max_size=4))), tier=draw(st.none() | tier),
        explanation=draw(st.none() | sentences),
        components=tuple(_component(draw, part) for part in given_parts), **own,
    )  # fmt: skip


@st.composite
def cases(draw: st.DrawFn, kind: Kind | None = None) -> dict[str, Any]:
    """``output``, ``manifest``, ``admitted``, ``confirmed_by``, ``site``: the arguments of the adapters."""
    manifest = draw(manifests(kind or draw(st.sampled_from(KINDS))))
    output = draw(outputs(manifest))
    inputs = tuple(name if "/_history/" in name else f"{name}/_history/1" for name in output.inputs)
    confirmed = draw(st.booleans())
    return {
        "output": output, "manifest": manifest,
        "admitted": Admitted(
            inputs=inputs, caveats=tuple(draw(st.lists(words, max_size=2))),
            encounter_open=None if output.encounter is None else draw(st.booleans()),
        ),
        "confirmed_by": Confirmation(by=f"Practitioner/{draw(ids)}", at=NOW) if confirmed else None,
        "site": draw(sites(manifest)),
    }  # fmt: skip


def sites(manifest: Manifest) -> st.SearchStrategy[Site]:
    """Sites that map nothing, or the output's own code to a flowsheet row."""
    code = manifest.output.codes[0]
    row = Code(system="urn:oid:1.2.840.114350.1.13.0.1.7.2.707679", code="7074", display="Flowsheet row")
    mapped = st.builds(Mapped, code=st.just(row), category=st.none() | st.sampled_from(sorted(CATEGORIES)))
    return st.just(NO_SITE) | mapped.map(lambda each: Site(codes={(code.system, code.code): each}))


def sample(count: int, *, kind: Kind | None = None) -> list[dict[str, Any]]:
    """That many cases, the same ones every time."""
    found: list[dict[str, Any]] = []

    @settings(max_examples=count, derandomize=True, database=None, phases=[Phase.generate], deadline=None)
    @given(cases(kind))
    def collect(case: dict[str, Any]) -> None:
        found.append(case)

    collect()
    return found


def outside(output: Output, manifest: Manifest) -> list[Output]:
    """The same output with its value, one of its components, or an end of its interval beyond the declared range."""
    if manifest.output.range is None or output.value is None:
        return []
    low, high = manifest.output.range
    step = Decimal("0.0000001")
    wrong = [
        replace(output, value=value)
        for value in (low - step, high + step, high * 100, Decimal("NaN"), Decimal("-Infinity"))
    ]
    for index, part in enumerate(output.components):
        if part.value is not None:
            parts = list(output.components)
            parts[index] = replace(part, value=Decimal(10) ** 6)
            wrong.append(replace(output, components=tuple(parts)))
    return [
        *wrong,
        replace(output, interval=(output.value, high + step)),
        replace(output, interval=(low - step, output.value)),
    ]
