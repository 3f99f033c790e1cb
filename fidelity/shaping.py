"""Edge: shapes files of clean resources like a feed: the same files with the same names, the labels of what was done, and a
manifest that says what they are. Every resource is tagged, touched or not, so that none can pass for clean.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

from fidelity import lines, profiling, replay
from fidelity.acceptance import gaps, told
from fidelity.facts import Row, facts
from fidelity.patterns import KINDS, pattern, stratum
from fidelity.reshaping import Done, Resource, reshape
from fidelity.shape import Shape, choose, parse_shape, share
from r4 import codec

TAG = {
    "system": "urn:chartgate:shaped",
    "code": "production-shaped",
    "display": "shaped like a live feed: not clean data",
}
TEST = {"system": "http://terminology.hl7.org/CodeSystem/v3-ActReason", "code": "HTEST", "display": "test health data"}
"""In ``meta.tag`` and ``meta.security``. https://terminology.hl7.org/CodeSystem-v3-ActReason.html"""
LABELS, MANIFEST = lines.LABELS[0], "manifest.json"
TRIES = 10
"""Draws that are tried until one is accepted, unless a draw is asked for."""
KIND_OF = {
    "valueQuantity": "quantity",
    "valueCodeableConcept": "coded",
    "component": "components",
    "hasMember": "members",
}


class NotShaped(ValueError):
    """It cannot be done; the text says what to change."""


@dataclass(kw_only=True, slots=True)
class Shaped:
    """What was done: ``counts`` by degradation, ``withheld`` records that were not there yet, ``unreadable`` lines."""

    counts: dict[str, int] = field(default_factory=dict)
    resources: int = 0
    touched: int = 0
    withheld: int = 0
    unreadable: int = 0


def shape_files(
    clean: Path, document: Any, out: Path, *, draw: int | None = None, as_of: float | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:  # fmt: skip
    """The manifest of what was written to ``out``. Without a ``draw`` the first of ``TRIES`` that is accepted. Raises NotShaped,
    NoLines, ProfileError."""
    live, found = parse_shape(document), lines.files(clean)
    if out.exists() and any(out.iterdir()):
        raise NotShaped("the folder of --out is not empty")
    out.mkdir(parents=True, exist_ok=True)
    root = clean if clean.is_dir() else clean.parent
    settings = profiling.settings(found)
    manifest: dict[str, Any] = {}
    for number in (draw,) if draw is not None else range(1, TRIES + 1):
        tell(f"draw {number}")
        made = _write(
            [(path, out / path.relative_to(root)) for path in found], live, settings, number, as_of, out / LABELS
        )
        accepted = told(gaps(profiling.survey(out).profile, live))
        manifest = _manifest(made, document, number, as_of, accepted)
        if accepted["holds"] is not False:
            break
    (out / MANIFEST).write_bytes(codec.format(manifest) + b"\n")
    return manifest


def _manifest(
    made: Shaped, document: Any, draw: int, as_of: float | None, accepted: Mapping[str, Any]
) -> dict[str, Any]:
    return {
        "shaped": True,
        "tag": TAG,
        "like": sha256(codec.format(document)).hexdigest(),
        "draw": draw,
        "as_of": as_of,
        "resources": made.resources,
        "touched": made.touched,
        "withheld": made.withheld,
        "unreadable": made.unreadable,
        "degradations": dict(sorted(made.counts.items())),
        "acceptance": dict(accepted),
        "residual": RESIDUAL,
    }


RESIDUAL = (
    "What depends on values that were never recorded (missing not at random beyond setting, source, interpretation and kind) "
    "is not reproduced; nor are duplicates, implausible values, slipped decimals and references to nothing."
)  # fmt: skip
"""Said in every manifest: reference/fidelity-monitoring.md §1.6 (1)."""


def _write(
    files: list[tuple[Path, Path]], live: Shape, settings: Mapping[str, str], draw: int, as_of: float | None, labels: Path
) -> Shaped:  # fmt: skip
    made = Shaped()
    with labels.open("wb") as label_file:
        for source, target in files:
            target.parent.mkdir(parents=True, exist_ok=True)
            with source.open("rb") as read, target.open("wb") as write:
                for resource in _clean(read, made):
                    made.resources += 1
                    name = f"{resource['resourceType']}/{resource.get('id') or sha256(codec.format(resource)).hexdigest()[:16]}"
                    done = tuple(shape_one(resource, live, settings, draw=draw, name=name))
                    here = replay.available(resource)
                    if as_of is not None and here is not None and here > as_of:
                        made.withheld += 1
                        done = (Done("not-there-yet", "TIM-09", resource["resourceType"], "a record"),)
                    else:
                        write.write(codec.format(resource) + b"\n")
                    _label(made, name, done, label_file.write)
    return made


def _label(made: Shaped, name: str, done: tuple[Done, ...], write: Callable[[bytes], object]) -> None:
    made.touched += bool(done)
    for each in done:
        made.counts[each.degradation] = made.counts.get(each.degradation, 0) + 1
        write(codec.format({"resource": name, **each._asdict()}) + b"\n")


def _clean(file: Any, made: Shaped) -> Iterator[Resource]:
    """Resources that are none of ours. Raises NotShaped for one that was shaped before."""
    for line, _ in lines.pieces(file, 0, None):
        if line is not None and (not line or line.isspace()):
            continue
        try:
            resource = codec.parse(line) if line is not None else None
        except codec.CodecError:
            resource = None
        if not isinstance(resource, dict) or lines.type_of(resource) is None:
            made.unreadable += 1
            continue
        if _tagged(resource):
            raise NotShaped("CLEAN holds resources that were shaped already (meta.tag urn:chartgate:shaped)")
        yield resource


def _tagged(resource: Resource) -> bool:
    meta = resource.get("meta")
    tags = meta.get("tag") if isinstance(meta, dict) else None
    return any(isinstance(tag, dict) and tag.get("system") == TAG["system"] for tag in tags or ())


def shape_one(
    resource: Resource, live: Shape, settings: Mapping[str, str], *, draw: int, name: str
) -> Iterator[Done]:  # fmt: skip
    """Changes one resource in place and tags it; a Done for each change. Hangs on the resource, the feed and the draw."""
    row = facts(resource, settings).row
    now = pattern(row)
    beside = live.spread(stratum(row, _usual(row, live)))
    if beside is not None:
        wanted = beside[1].draw(share(draw, name, "pattern"))
        yield from replay.edition(resource, live, draw, name)
        if now.unit == wanted.unit == "coded":
            yield from replay.units(resource, live, draw, name)
        yield from reshape(resource, now, wanted, share(draw, name, "words"))
        if wanted.time != "reversed":
            yield from replay.availability(resource, live, draw, name)
    meta = resource["meta"] if isinstance(resource.get("meta"), dict) else {}
    resource["meta"] = {
        **meta,
        "security": [*(meta.get("security") or ()), TEST],
        "tag": [*(meta.get("tag") or ()), TAG],
    }


def _usual(row: Row, live: Shape) -> dict[tuple[Any, ...], str]:
    """The kind of value that the feed's records of the row's code have."""
    use = live.codes.get((row.system, row.code))
    if use is None or row.value in KINDS:
        return {}
    choice = choose(use.choices, 0.5)
    return {(row.system, row.code): KIND_OF.get(choice or "", "")}
