"""The write of a plain output, poured from a mould: planned and checked once for its shape, filled in for each output.

Outputs of one model version at one EHR differ in whom they are about, when, how they are called and their numbers; the rest of
their resources is the same every time. A mould is the plan of a stand-in, checked in full, cut at what differs. What is
filled in is held against the forms that R4 gives it (``id``, ``code``, ``instant``, ``decimal``) before it is. Whether a
shape can be moulded at all is tried, not believed: a second stand-in is planned in full and poured, and both have to
be the same to the byte. What is not plain is planned each time.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from operator import itemgetter
from typing import Any

from msgspec import structs

from r4 import codec
from vocabulary.instant import format_instant, shift
from vocabulary.manifest import Manifest
from vocabulary.output import Component, Output
from vocabulary.write import NotWritable, Planned, Write
from writeback import keys
from writeback.errors import PlanInvalid
from writeback.gate import Admitted
from writeback.labels import Names
from writeback.lexicon.numerals import percent, rounded_away, tidy

Plan = Callable[[Output, float], Write | NotWritable | None]
"""What plans an output in full, at a time (Unix seconds)."""
Shape = tuple[Any, ...]

KEPT = 256
PLAIN_ROLES = (keys.PRIMARY, keys.PROVENANCE)
"""What an output that is poured consists of."""
PARTS_LIMIT = 30
"""Components of an output that is poured, at most: their stand-ins are all probabilities."""
_PATIENT = re.compile(r"Patient/[A-Za-z0-9][A-Za-z0-9\-.]{0,63}", re.A)
_ENCOUNTER = re.compile(r"Encounter/[A-Za-z0-9][A-Za-z0-9\-.]{0,63}", re.A)
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9\-._:/|+=@]{0,127}", re.A)
"""An inference id that is a FHIR ``code`` and stands in JSON as it is."""
_NUMBER = re.compile(r"-?\d{1,12}(\.\d{1,6})?", re.A)
_EARLIEST, _LATEST = 0.0, 4e9
"""Times that are written with a year of four digits."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Part:
    """One resource: ``text`` has a ``%s`` for each of ``slots``; a number among ``needs`` is the place of a part."""

    planned: Planned
    text: str
    slots: Callable[[Sequence[str]], Any]
    needs: tuple[str | int, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class _Mould:
    """``parts`` are None where the shape cannot be moulded. ``held`` keeps what the key names by number."""

    held: tuple[object, ...]
    write: Write | None = None
    parts: tuple[_Part, ...] = ()


_MADE: dict[tuple[Any, ...], _Mould | None] = {}
"""None for a shape that came once: a mould is worth making for one that comes again."""


def pour(
    output: Output,
    manifest: Manifest,
    *,
    admitted: Admitted,
    names: Names,
    now: float,
    same: tuple[object, ...],
    plan: Plan,
) -> Write | None:
    """What ``plan`` would give, its parts with their bytes and an empty body; None for what has to be planned. ``same`` is all
    that the plan depends on besides: the very same objects, the same plan."""
    shape = _shape(output, manifest, admitted)
    if shape is None:
        return None
    values = _values(output, manifest, names.namespace, now)
    if values is None:
        return None
    key = (id(manifest), *map(id, same), names, shape)
    if key not in _MADE:
        if len(_MADE) >= KEPT:
            _MADE.clear()
        _MADE[key] = None
        return None
    mould = _MADE[key]
    if mould is None:
        _MADE[key] = mould = _make(output, manifest, namespace=names.namespace, plan=plan, held=(manifest, *same))
    return _poured(mould, values)


def _shape(output: Output, manifest: Manifest, admitted: Admitted) -> Shape | None:
    """All that decides how a plain output is said but for what is filled in; None for one that is not plain."""
    if output.kind not in ("risk", "score") or output.value is None or output.unit != manifest.output.unit:
        return None
    said = (output.abstained, output.interval, output.label, output.confidence, output.explanation, output.text)
    if said != (None,) * 6 or output.inputs or output.implicated or admitted.inputs or admitted.caveats:
        return None
    if output.tier is not None and output.tier not in {tier.name for tier in manifest.tiers}:
        return None
    if len(output.components) > PARTS_LIMIT or any(part.value is None or part.label for part in output.components):
        return None
    parts = tuple((part.code, part.unit) for part in output.components)
    return output.ehr, output.encounter is None, admitted.encounter_open, output.tier, parts


def _values(output: Output, manifest: Manifest, namespace: str, now: float) -> tuple[str, ...] | None:
    """What is filled in, in the order of the slots; None when something has another form than a mould is made for."""
    if not (_PATIENT.fullmatch(output.patient) and _NAME.fullmatch(output.inference_id)):
        return None
    if output.encounter is not None and not _ENCOUNTER.fullmatch(output.encounter):
        return None
    until = output.as_of if manifest.horizon is None else shift(output.as_of, manifest.horizon)
    if not all(_EARLIEST <= point <= _LATEST for point in (output.as_of, until, now)):
        return None
    code = manifest.output.codes[0].code if manifest.output.codes else ""
    named = [keys.delivery_key(output, code=code, role=role) for role in PLAIN_ROLES]
    said = [(output.value, output.unit), *((part.value, part.unit) for part in output.components)]
    numbers = [text for value, unit in said if (text := _number(output.kind, value, unit)) is not None]
    if len(numbers) < len(said):
        return None
    return (
        *named, *[keys.resource_id(namespace, key) for key in named], output.patient, output.encounter or "",
        output.inference_id, format_instant(output.as_of), format_instant(until), format_instant(now), *numbers,
    )  # fmt: skip


def _number(kind: str, value: Decimal | None, unit: str | None) -> str | None:
    """A number as the adapter of the kind writes it; None when it is longer than anybody's, is no probability, or hides
    what has to be said beside it."""
    if value is None or not value.is_finite():
        return None
    if kind == "score":
        text = codec.format_decimal(tidy(value))
    elif (
        unit in ("fraction", "percent")
        and 0 <= (chance := percent(value, unit)) <= 100
        and not rounded_away(value, unit)
    ):
        text = codec.format_decimal(chance)
    else:
        return None
    return text if _NUMBER.fullmatch(text) else None


def _poured(mould: _Mould, values: tuple[str, ...]) -> Write | None:
    if mould.write is None:
        return None
    own = []
    for part in mould.parts:
        place = PLAIN_ROLES.index(part.planned.role)
        own.append(
            Planned(
                key=values[place], type=part.planned.type, id=values[len(PLAIN_ROLES) + place], body={},
                needs=tuple([values[need] if isinstance(need, int) else need for need in part.needs]),
                losses=part.planned.losses, role=part.planned.role, strategy=part.planned.strategy,
                quarantine=part.planned.quarantine, site_coded=part.planned.site_coded,
                encoded=(part.text % part.slots(values)).encode(),
            )
        )  # fmt: skip
    return Write(ehr=mould.write.ehr, own=tuple(own), shared=mould.write.shared, losses=mould.write.losses)


def _make(output: Output, manifest: Manifest, *, namespace: str, plan: Plan, held: tuple[object, ...]) -> _Mould:
    """The mould of the output's shape, when pouring it says what planning does."""
    (first, at), (second, then) = (_stand_in(output, number) for number in (1, 2))
    values, others = _values(first, manifest, namespace, at), _values(second, manifest, namespace, then)
    try:
        write, other = plan(first, at), plan(second, then)
    except PlanInvalid:  # the stand-in is nobody's: whether the output itself can be said is for its own plan
        return _Mould(held=held)
    if values is None or others is None or not isinstance(write, Write) or not isinstance(other, Write):
        return _Mould(held=held)
    if any(part.role not in PLAIN_ROLES or part.encoded is None for part in write.own):
        return _Mould(held=held)
    mould = _Mould(held=held, write=write, parts=tuple(_part(each, values) for each in write.own))
    return mould if _poured(mould, others) == _bare(other) else _Mould(held=held)


def _bare(write: Write) -> Write:
    """The write as it is poured: the bytes say it all."""
    return replace(write, own=tuple(structs.replace(part, body={}) for part in write.own))


def _stand_in(output: Output, number: int) -> tuple[Output, float]:
    """An output of the same shape that is nobody's, and when it comes in."""

    def said(place: int, unit: str | None) -> Decimal:
        percents = Decimal(f"{13 * number + 2 * place + 0.01 * number + 0.37:.2f}")
        return percents / 100 if unit == "fraction" else percents

    name, at = f"mould-{number}-of-nobody", 1_500_000_000.125 + 1_000_001.5 * number
    made = replace(
        output, patient=f"Patient/{name}-patient", inference_id=f"{name}-inference", as_of=at,
        encounter=None if output.encounter is None else f"Encounter/{name}-encounter", value=said(0, output.unit),
        components=tuple(
            Component(code=part.code, value=said(place, part.unit), unit=part.unit)
            for place, part in enumerate(output.components, start=1)
        ),
    )  # fmt: skip
    return made, at + 77.25


def _part(planned: Planned, values: tuple[str, ...]) -> _Part:
    """The part cut at what differs."""
    assert planned.encoded is not None
    places = {value: index for index, value in reversed(list(enumerate(values))) if value}
    cut = re.compile("(" + "|".join(re.escape(each) for each in sorted(places, key=len, reverse=True)) + ")")
    pieces = cut.split(planned.encoded.decode())
    slots = [places[piece] for piece in pieces[1::2]]
    text = "%s".join(piece.replace("%", "%%") for piece in pieces[0::2])
    named = {values[index]: index for index in range(len(PLAIN_ROLES))}
    return _Part(
        planned=planned, text=text, slots=itemgetter(*slots) if len(slots) > 1 else lambda all: (all[slots[0]],),
        needs=tuple(named.get(need, need) for need in planned.needs),
    )  # fmt: skip
