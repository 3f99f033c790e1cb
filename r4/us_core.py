"""The search parameters that US Core defines itself (6.1.0 to 9.0.0, SearchParameter-us-core-*), beside those of R4 that it
only asks for. A server of plain R4 does not know them."""

from collections.abc import Mapping

GUIDE = "http://hl7.org/fhir/us/core/SearchParameter"
ASSERTED = "http://hl7.org/fhir/StructureDefinition/condition-assertedDate"

PARAMETERS: Mapping[str, Mapping[str, tuple[str, str, str, str]]] = {
    "CareTeam": {"role": ("token", "participant.role", "", f"{GUIDE}/us-core-careteam-role")},
    "Condition": {"asserted-date": ("date", "extension", f"url:{ASSERTED}", f"{GUIDE}/us-core-condition-asserted-date")},
    "Encounter": {
        "discharge-disposition": (
            "token", "hospitalization.dischargeDisposition", "", f"{GUIDE}/us-core-encounter-discharge-disposition",
        ),
    },
    "Goal": {"description": ("token", "description", "", f"{GUIDE}/us-core-goal-description")},
}  # fmt: skip
"""Type → name → kind, path and rule (``r4.paths``), and the canonical address of the definition."""
