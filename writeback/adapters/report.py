"""A score and its sub-scores, each an Observation, grouped → DiagnosticReport (R4 §10.3), where the manifest declares one.

R4 lets a DiagnosticReport be performed by people and organizations only: the model is named by its results' device.
"""

from typing import Any

from vocabulary.instant import format_instant
from writeback.labels import Occasion, concept, filled, made_by_a_machine, part_head, subject, to


def adapt(occasion: Occasion, key: str, results: dict[str, str]) -> dict[str, Any]:
    """One DiagnosticReport; ``key`` is its delivery key, ``results`` the titles of its Observations by theirs."""
    output, report = occasion.output, occasion.manifest.report
    assert report is not None
    said = [made_by_a_machine(occasion), *(words.strip() for words in (output.tier, output.explanation) if words)]
    return filled(
        {
            **part_head("DiagnosticReport", occasion, key),
            "status": occasion.status,
            "code": concept(occasion, report.codes, report.title),
            **subject(occasion),
            "effectiveDateTime": occasion.as_of,
            "issued": format_instant(occasion.now),
            "result": [to(each, title) for each, title in results.items()],
            "conclusion": " ".join(said),
        }
    )
