"""What was read about one patient, turned into the features a model asked for, each with where it came from.

``plan`` says what to read; the edge reads it; ``assemble`` judges nothing and invents nothing: what was not found, not
readable or not usable is *absent*, with the reason.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from fidelity import demographics, matching, presence, reading
from fidelity.demographics import age, sex
from fidelity.derive import DERIVATIONS, derive
from fidelity.elements import text, versioned
from fidelity.presence import CURRENT, Scene
from fidelity.reading import Unusable
from fidelity.shelf import Shelf, shelve, shortfall
from vocabulary.chart import Chart, FeatureValue, Read, Resource, Search
from vocabulary.manifest import Code, Feature

CODES_A_SEARCH = 40
"""A search with more codes than this is split: addresses have a length that servers and proxies put up with."""

NOTHING_FOUND = "no record was found"
NARROWED = {"MedicationRequest": (("status", "active"),)}
"""Searches that can be narrowed without changing the answer; not when a feature asks for what is past (``ever``)."""


def plan(features: Sequence[Feature]) -> tuple[Search, ...]:
    """The searches of one patient that feed the features, each once; the Patient itself is read apart."""
    codes: dict[Code, None] = {}
    kinds: dict[str, bool] = {}
    for feature in features:
        if feature.kind == "observation":
            codes |= dict.fromkeys(matching.search_codes(wanted_codes(feature)))
        elif feature.kind == "presence" and (name := feature.resource or "") in CURRENT:
            kinds[name] = kinds.get(name, False) or feature.ever
    tokens = [f"{code.system}|{code.code}" for code in codes]
    groups = [tokens[at : at + CODES_A_SEARCH] for at in range(0, len(tokens), CODES_A_SEARCH)]
    observations = [Search(type="Observation", parameters=(("code", ",".join(group)),)) for group in groups]
    presences = [Search(type=name, parameters=() if ever else NARROWED.get(name, ())) for name, ever in kinds.items()]
    return (*observations, *presences)


def wanted_codes(feature: Feature) -> tuple[Code, ...]:
    """The feature's codes, and those of the source that it may be derived from."""
    derivation = DERIVATIONS.get(feature.derive or "")
    return feature.codes + (derivation.source.codes if derivation else ())


def assemble(
    *, patient: Resource, reads: Mapping[Search, Read], features: Sequence[Feature], as_of: float
) -> Chart:  # fmt: skip
    """The chart of one patient. ``as_of`` is Unix seconds: nothing after it is used. Never raises on what an EHR sent.

    A feature is in ``features`` or in ``absent``, never in both. A presence in ``absent`` is *unknown*, not "no".
    """
    name = f"Patient/{text(patient.get('id')) or ''}"
    found: dict[str, FeatureValue] = {}
    absent: dict[str, str] = {}
    shelf = shelve(reads)
    for feature in features:
        if feature.kind == "patient":
            value = demographics.read(feature, patient, as_of)
        elif feature.kind == "presence":
            value = _presence(feature, shelf, name, as_of)
        else:
            value = _observation(feature, shelf, patient, as_of)
        if isinstance(value, FeatureValue):
            found[feature.name] = value
        else:
            absent[feature.name] = value
    return Chart(patient=name, as_of=as_of, features=found, absent=absent, reads=reads)


def _presence(feature: Feature, shelf: Shelf, patient: str, as_of: float) -> FeatureValue | str:
    name = feature.resource or ""
    if name not in CURRENT:
        return "this kind of resource cannot be looked through"
    medications = {text(item.get("id")) or "": item for item in shelf.of("Medication")}
    scene = Scene(records=shelf.of(name), medications=medications, patient=patient, as_of=as_of)
    value = presence.look(feature, scene)
    missing = shortfall(shelf, name)
    if missing and not (isinstance(value, FeatureValue) and value.value is True):
        return missing
    return value


def _observation(feature: Feature, shelf: Shelf, patient: Resource, as_of: float) -> FeatureValue | str:  # fmt: skip
    name = f"Patient/{text(patient.get('id')) or ''}"
    missing = shortfall(shelf, "Observation")
    records = matching.speaking(feature.codes, shelf)
    value = pick(feature, records, patient=name, as_of=as_of)
    if isinstance(value, str) and feature.derive:
        value = _derived(feature, shelf, patient, as_of) or value
    if missing and isinstance(value, str):
        return missing if not records else f"{value}, and {missing}"
    if missing and isinstance(value, FeatureValue):
        return replace(value, caveats=(*value.caveats, f"{missing}, so a later value may exist"))
    return value


def _derived(feature: Feature, shelf: Shelf, patient: Resource, as_of: float) -> FeatureValue | None:  # fmt: skip
    derivation = DERIVATIONS.get(feature.derive or "")
    years, gender = age(patient, as_of), sex(patient)
    if derivation is None or isinstance(years, str) or isinstance(gender, str):
        return None
    wanted = replace(derivation.source, lookback=feature.lookback)
    name = f"Patient/{text(patient.get('id')) or ''}"
    records = matching.speaking(wanted.codes, shelf)
    source = pick(wanted, records, patient=name, as_of=as_of)
    if isinstance(source, str):
        return None
    code = next((item.code.code for item in records if versioned(item.resource) in source.sources), "")
    value = derive(derivation, source, age=int(years.value), sex=str(gender.value), code=code)
    if value is None or feature.limits is None or isinstance(value.value, str):
        return value
    return value if feature.limits[0] <= value.value <= feature.limits[1] else None


def pick(feature: Feature, records: Iterable[matching.Record], *, patient: str, as_of: float) -> FeatureValue | str:
    """The value of the record that the manifest's ``pick`` chooses, or why there is none."""
    usable = [record for record in records if matching.usable(record, feature, patient=patient, as_of=as_of)]
    if not usable:
        return NOTHING_FOUND + (" in the time that the model looks back" if feature.lookback else "")
    ranked = matching.ordered(usable, earliest=feature.pick == "earliest")
    readings = [reading.read(record, feature, as_of=as_of) for record in ranked]
    finals = [made for record, made in zip(ranked, readings, strict=True) if record.final]
    if feature.pick in ("lowest", "highest"):
        return _extreme(feature, finals) or _extreme(feature, readings) or _first_reason(readings)
    final = _first(finals)
    return final if isinstance(final, FeatureValue) or _blocked(finals) else _first(readings)


def _first(readings: Sequence[FeatureValue | Unusable]) -> FeatureValue | str:
    """The first value, unless a result that cannot be trusted stands before it."""
    passed: list[str] = []
    for made in readings:
        if isinstance(made, FeatureValue):
            extra = (f"a record before it in order was passed over: {passed[0]}",) if passed else ()
            return replace(made, caveats=(*made.caveats, *extra))
        if made.blocks:
            return made.reason
        passed.append(made.reason)
    return _first_reason(readings)


def _blocked(readings: Sequence[FeatureValue | Unusable]) -> bool:
    return any(isinstance(made, Unusable) and made.blocks for made in readings)


def _first_reason(readings: Sequence[FeatureValue | Unusable]) -> str:
    return next((made.reason for made in readings if isinstance(made, Unusable)), NOTHING_FOUND)


def _extreme(feature: Feature, readings: Sequence[FeatureValue | Unusable]) -> FeatureValue | None:
    values = [made for made in readings if isinstance(made, FeatureValue) and isinstance(made.value, float)]
    if not values:
        return None
    lowest = feature.pick == "lowest"
    best = min(values, key=lambda made: float(made.value) if lowest else -float(made.value))
    unusable = any(isinstance(made, Unusable) for made in readings)
    return replace(best, caveats=(*best.caveats, "another record could not be read")) if unusable else best
