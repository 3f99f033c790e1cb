"""What a model asks of a bulk export, and the little of each line that tells whether it is that."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import msgspec

from fidelity import matching, subjects
from fidelity.chart import plan, wanted_codes
from fidelity.coding import ICD10CM
from vocabulary.manifest import Feature

OBSERVATION, PATIENT, MEDICATION = "Observation", "Patient", "Medication"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """``types`` are read, of Observations those with one of ``codes`` (all when it is None). ``shared`` are Medications, which
    belong to no patient."""

    types: frozenset[str]
    codes: frozenset[str] | None
    shared: bool


def asked(features: Sequence[Feature]) -> Asked:
    """What the chart reader would ask of an EHR for these features, as far as a line says it."""
    planned = {search.type for search in plan(features)}
    shared = any(name.startswith(MEDICATION) for name in planned)
    wanted = [code for feature in features if feature.kind == "observation" for code in wanted_codes(feature)]
    hierarchical = any(code.system == ICD10CM for code in wanted)  # a category stands for its subdivisions
    codes = None if hierarchical else frozenset(code.code for code in matching.search_codes(wanted))
    types = planned | {PATIENT} | ({MEDICATION} if shared else set())
    return Asked(types=frozenset(types), codes=codes, shared=shared)


class _Reference(msgspec.Struct, gc=False):
    reference: str | None = None


class _Coding(msgspec.Struct, gc=False):
    code: str | None = None


class _Concept(msgspec.Struct, gc=False):
    coding: list[_Coding] | None = None


class _Part(msgspec.Struct, gc=False):
    code: _Concept | None = None


class Head(msgspec.Struct, gc=False):
    """The members of a resource that say what it is, whose, and of what. The rest is skipped, its form checked."""

    resourceType: str
    id: str | None = None
    subject: _Reference | None = None
    patient: _Reference | None = None
    code: _Concept | None = None
    component: list[_Part] | None = None


read_head = msgspec.json.Decoder(Head).decode
"""Of bytes in UTF-8. Raises msgspec.MsgspecError, RecursionError for what is not JSON or not so built: such a line is looked at
as a whole, whatever it is."""


def speaks(head: Head, codes: frozenset[str]) -> bool:
    """Whether a code of the resource or of a component is one of these, whatever its system: too much does no harm."""
    concept = head.code
    if concept is not None and concept.coding is not None:
        for coding in concept.coding:  # plain loops: this is done for every Observation that there is
            if coding.code in codes:
                return True
    if head.component is None:
        return False
    concepts = (part.code for part in head.component if part.code is not None)
    return any(coding.code in codes for each in concepts for coding in each.coding or ())


def whose(head: Head) -> str:
    """The id of the patient (of a Patient or Medication: its own), or an empty string for nobody's."""
    kind = head.resourceType
    if kind in (PATIENT, MEDICATION):
        return head.id if head.id and head.id.strip() else ""
    reference = head.patient if subjects.SUBJECTS.get(kind) == "patient" else head.subject
    return patient_of(reference.reference) if reference is not None and reference.reference else ""


@lru_cache(maxsize=65536)
def patient_of(reference: str) -> str:
    """The id in a reference to a Patient, relative or absolute; empty for any other."""
    found = subjects.target({"reference": reference})
    return found[1] if found is not None and found[0] == PATIENT else ""


def head_of(resource: dict[str, object]) -> Head:
    """The same of a whole resource, whatever stands in it. It does not tell codes."""

    def reference(name: str) -> _Reference:
        held = resource.get(name)
        said = held.get("reference") if isinstance(held, dict) else None
        return _Reference(said if isinstance(said, str) else None)

    id = resource.get("id")
    return Head(
        str(resource["resourceType"]), id if isinstance(id, str) else None, reference("subject"), reference("patient")
    )
