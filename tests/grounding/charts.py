"""The synthetic charts of the seed as snapshots: what a model would have been given of each patient."""

from collections import defaultdict
from functools import cache
from typing import Any

from monitoring.grounding.index import Index, build
from monitoring.grounding.values import Snapshot
from sandbox.seed import load
from vocabulary.instant import parse_instant

AS_OF = parse_instant("2026-11-24T00:00:00Z")
TYPES = ("Patient", "Condition", "Observation", "MedicationRequest", "AllergyIntolerance", "Procedure", "Encounter")


@cache
def charts() -> dict[str, list[dict[str, Any]]]:
    """Resources by ``Patient/id``, in the order of the patients' ids."""
    found: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for resource in load.resources():
        if resource["resourceType"] in TYPES:
            owner = (resource.get("subject") or resource.get("patient") or {}).get("reference")
            found[owner or f"Patient/{resource['id']}"].append(resource)
    return dict(sorted(found.items()))


def snapshot(patient: str, resources: list[dict[str, Any]], **more: Any) -> Snapshot:
    """Everything of one patient, every type read to the end."""
    return Snapshot(patient=patient, as_of=AS_OF, resources=tuple(resources), complete=frozenset(TYPES), **more)


@cache
def index_of(patient: str) -> Index:
    return build(snapshot(patient, charts()[patient]))
