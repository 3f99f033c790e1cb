"""The words of groundedness as values: a snapshot of a chart, a verdict on a claim, and counts of verdicts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Literal

from msgspec import Struct

Verdict = Literal["supported", "contradicted", "unsupported", "uncheckable"]
VERDICTS: tuple[Verdict, ...] = ("contradicted", "unsupported", "uncheckable", "supported")
"""The gravest first."""
Elsewhere = Literal["same_patient", "absent", "other_patient", "unknown"]
Resource = Mapping[str, Any]

RULES: Mapping[str, str] = {
    "G-CIT-01": "a cited resource is not among those that the model was given",
    "G-CIT-02": "a cited resource is another patient's, or of another concept than its sentence",
    "G-NUM-01": "a number beside a measurement matches none of its values",
    "G-UNI-01": "a number matches, its unit does not",
    "G-DAT-01": "a date matches no event of what it stands beside",
    "G-MED-01": "a drug is not in the chart",
    "G-MED-02": "dose, route, frequency or status of a drug differ",
    "G-CON-01": "a condition or an allergy is not in the chart",
    "G-NEG-01": "denied although the chart has it, or asserted although the chart refutes or ends it",
    "G-TMP-01": "not the latest, or against the direction of the series",
    "G-DEM-01": "age or sex",
    "G-OMI-01": "a critical result or an allergy is not mentioned",
}
"""Fidelity-monitoring catalogue §3.1."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Given:
    """A value that the gateway worked out for the model (a feature): LOINC codes, the number, its UCUM unit, the time it
    describes in Unix seconds, and the versioned references it came from."""

    codes: tuple[str, ...]
    value: float
    unit: str | None
    at: float | None
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """What a model was given. ``resources`` None: nobody knows, and every claim is uncheckable. ``complete`` are the types
    read to the end, where absence means "none"; ``elsewhere`` what the EHR says of cited ``Type/id`` that are not here."""

    patient: str
    as_of: float
    resources: tuple[Resource, ...] | None = None
    complete: frozenset[str] = frozenset()
    given: tuple[Given, ...] = ()
    elsewhere: Mapping[str, Elsewhere] = field(default_factory=dict)


class Evidence(Struct, frozen=True, kw_only=True):
    """Where a verdict comes from: ``reference`` is ``Type/id``."""

    reference: str
    version: str | None = None
    path: str = ""


class ClaimVerdict(Struct, frozen=True, kw_only=True):
    """``span`` is the claim's sentence, characters of the text; ``score`` 0 to 1, how sure the checker is."""

    span: tuple[int, int]
    claim_type: str
    verdict: Verdict
    rule: str = ""
    evidence: tuple[Evidence, ...] = ()
    score: float = 1.0
    checker: str = ""
    latency_ms: float = 0.0


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """Numbers of one text: its claims by verdict (``numbers``: of the contradicted, numbers, units and doses), its citations,
    those of what the model was not given (``missing``) and of another patient (``foreign``); ``must`` resources had to be
    mentioned and ``omitted`` were not. Never a patient datum."""

    claims: int = 0
    supported: int = 0
    contradicted: int = 0
    unsupported: int = 0
    uncheckable: int = 0
    citations: int = 0
    missing: int = 0
    foreign: int = 0
    numbers: int = 0
    must: int = 0
    omitted: int = 0

    @property
    def checkable(self) -> int:
        """Claims with a verdict."""
        return self.claims - self.uncheckable

    @property
    def coverage(self) -> float | None:
        """Share of the claims that could be checked; None without claims."""
        return self.checkable / self.claims if self.claims else None


def reference_of(resource: Resource) -> str:
    """``Type/id``."""
    return f"{resource.get('resourceType')}/{resource.get('id')}"


def version_of(resource: Resource) -> str | None:
    """``meta.versionId``, None where there is none."""
    meta = resource.get("meta")
    version = meta.get("versionId") if isinstance(meta, dict) else None
    return version if isinstance(version, str) else None


def snapshot_names(snapshot: Snapshot) -> list[str]:
    """Versioned references of a snapshot, sorted; a resource without a version is named by a digest of its content."""
    names = []
    for resource in snapshot.resources or ():
        version = version_of(resource)
        mark = f"/_history/{version}" if version else f"#{sha256(repr(resource).encode()).hexdigest()[:16]}"
        names.append(reference_of(resource) + mark)
    return sorted(names)


def snapshot_hash(names: Sequence[str]) -> str:
    """One name for a set of versioned references."""
    return sha256("\n".join(names).encode()).hexdigest()
