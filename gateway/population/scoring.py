"""A bucket of patients scored: the same chart, verdict and answer as of a bundle (``offline.score_chart``), a line each."""

import os
import re
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any, NamedTuple

from fidelity import replay, subjects
from gateway.bodies import bodies
from gateway.feeds import bundles, offline
from gateway.model_folders import models
from gateway.model_folders.models import Model, ModelError
from gateway.population.asked import PATIENT
from gateway.population.sorting import Entry, Piece, read_piece
from r4 import codec
from vocabulary.chart import Resource

NOT_FHIR = "not FHIR JSON"
"""JSON, and refused where FHIR is read: a member given twice, nesting or digits without end."""
NO_WORDS = "the model answered something that is no number or text"
MEMBERS = ("model", "version", "kind", "as_of", "state", "output", "abstained", "refused", "verdict")
"""Of an answer: those that a line has, behind its patient and before its inputs."""
_NAMED = re.compile(rb"Medication\\?/([^\"\\/]+)")


class Bucket(NamedTuple):
    """Some of the patients: where their entries are, in the order of the source, and where is what belongs to nobody."""

    number: int
    pieces: tuple[Piece, ...]
    shared: tuple[Piece, ...]


@dataclass(kw_only=True, slots=True)
class Scored:
    """Where the lines are, patients by ``states`` and by ``verdicts``, records left out because they were not there yet, and
    those refused, by part and number."""

    name: str
    states: dict[str, int] = field(default_factory=dict)
    verdicts: dict[str, int] = field(default_factory=dict)
    withheld: int = 0
    wrong: list[tuple[int, int]] = field(default_factory=list)


def score_bucket(bucket: Bucket, *, model: Path, digest: str, as_of: float, folder: Path) -> Scored:
    """Writes a bucket's lines, by patient, into ``folder``. Memory: the bucket's entries and one patient's chart."""
    loaded = load(str(model), digest)
    found: dict[str, list[tuple[int, Entry]]] = {}
    for piece in bucket.pieces:
        for entry in read_piece(folder, piece):
            found.setdefault(entry.key, []).append((piece.part, entry))
    shared = _shared(bucket, found.values(), folder)
    made = Scored(name=f"{bucket.number:06d}.scored")
    lines = sorted(_line(loaded, key, found.pop(key), shared, as_of, made) for key in list(found))
    descriptor, written = tempfile.mkstemp(dir=folder)
    with os.fdopen(descriptor, "wb") as file:
        file.writelines(lines)
    os.replace(written, folder / made.name)
    return made


@lru_cache(maxsize=1)
def load(directory: str, digest: str) -> Model:
    """The model, once for each process. Raises ModelError where the folder is not the one that ``digest`` tells."""
    model = models.load(directory)
    if digest_of(Path(directory)) != digest:
        raise ModelError("a worker sees another model folder than the one that was asked for")
    return model


def digest_of(directory: Path) -> str:
    """A digest of the model folder: its files' names and bytes."""
    made = sha256()
    for path in sorted(each for each in directory.rglob("*") if each.is_file() and "__pycache__" not in each.parts):
        body = path.read_bytes()
        made.update(f"{path.relative_to(directory).as_posix()}\0{len(body)}\0".encode() + body)
    return made.hexdigest()


def _shared(bucket: Bucket, found: Iterable[Sequence[tuple[int, Entry]]], folder: Path) -> dict[str, bytes]:
    """The Medications that the bucket's orders name; of two with one id the later."""
    if not bucket.shared:
        return {}
    named = {id.decode() for entries in found for _, entry in entries for id in _NAMED.findall(entry.line)}
    pieces = (entry for piece in bucket.shared for entry in read_piece(folder, piece))
    return {entry.key: entry.line for entry in pieces if entry.key in named}


def _line(
    model: Model, key: str, entries: Sequence[tuple[int, Entry]], shared: Mapping[str, bytes], as_of: float, made: Scored
) -> bytes:  # fmt: skip
    """One patient: what ``models run`` says of a file with the same records."""
    known, whole = list[Resource](), True
    for part, entry in entries:
        resource = _parsed(entry.line)
        whole = whole and resource is not None
        if resource is None and entry.line:
            made.wrong.append((part, entry.number))
        elif resource is not None and _there(resource, as_of):
            known.append(resource)
        elif resource is not None:
            made.withheld += 1
    said = _score(model, key, [*known, *_medications(known, shared)], as_of, whole)
    made.states[said["state"]] = made.states.get(said["state"], 0) + 1
    fitness = said["verdict"]["fitness"]
    made.verdicts[fitness] = made.verdicts.get(fitness, 0) + 1
    return _formatted(said)


def _parsed(line: bytes) -> Resource | None:
    try:
        return dict(codec.parse(line)) if line else None
    except codec.CodecError:
        return None


def _there(resource: Resource, as_of: float) -> bool:
    """Whether a record was there to be read at that time. A Patient has only its present version."""
    here = replay.available(resource) if resource.get("resourceType") != PATIENT else None
    return here is None or here <= as_of


def _medications(known: Iterable[Resource], shared: Mapping[str, bytes]) -> list[Resource]:
    """Those that the records name."""
    named = {name[1] for each in known if (name := subjects.target(each.get("medicationReference"))) is not None}
    return [found for id in sorted(named & shared.keys()) if (found := _parsed(shared[id])) is not None]


def _score(model: Model, key: str, resources: Sequence[Resource], as_of: float, whole: bool) -> dict[str, Any]:
    """``whole`` is False where a record of the patient could not be read: then nothing was read to its end."""
    patients = [each for each in resources if each.get("resourceType") == PATIENT]
    reads = bundles.reads_of(resources, model.manifest.features)
    if not whole:
        reads = {search: replace(read, complete=False) for search, read in reads.items()}
    patient = patients[-1] if patients else {"resourceType": PATIENT, "id": key}
    said = offline.score_chart(model, patient=patient, reads=reads, as_of=as_of, known=bool(patients))
    inputs = sorted({source for feature in said["features"].values() for source in feature["sources"]})
    return {"patient": said["patient"], **{name: said[name] for name in MEMBERS}, "inputs": inputs}


def _formatted(said: dict[str, Any]) -> bytes:
    try:
        return codec.format(bodies.plain(said)) + b"\n"
    except codec.CodecError:
        return codec.format({**said, "state": "refused", "output": None, "refused": NO_WORDS}) + b"\n"
