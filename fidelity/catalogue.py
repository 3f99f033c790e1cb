"""The instruments of one chart, in the order of the catalogue (``fidelity.checks``), which has their titles, owners and
severities. The catalogue's other checks need a feed or a baseline and are run by a scan."""

from collections.abc import Callable

from fidelity import (
    checks,
    codes,
    duplicates,
    plausibility,
    references,
    structure,
    times,
    units,
    values,
    versions,
    volume,
)
from fidelity.instrument import Instrument, Outcome, Reach, Sighting


def _on(id: str, check: Callable[[Sighting], Outcome], reach: Reach = "record") -> Instrument:
    row = checks.BY_ID[id]
    return Instrument(
        id=id, title=row.title, kahn=row.kahn, severity=row.severity, owner=row.owner, check=check, reach=reach
    )  # fmt: skip


INSTRUMENTS: tuple[Instrument, ...] = (
    _on("STR-01", structure.mandatory, "background"),
    _on("STR-03", structure.absence_explained),
    _on("STR-04", structure.silent_absence),
    _on("STR-05", structure.feature_available, "feature"),
    _on("COD-01", codes.coded, "background"),
    _on("COD-02", codes.accepted_system, "background"),
    _on("COD-03", codes.recognised_system),
    _on("COD-04", codes.well_formed),
    _on("VER-01", versions.known),
    _on("VER-02", versions.active),
    _on("VER-03", versions.valid_then),
    _on("VAL-01", values.number_in_text),
    _on("VAL-02", values.comment_in_value),
    _on("VAL-03", values.censored),
    _on("UNI-01", units.unit_present),
    _on("UNI-02", units.unit_coded),
    _on("UNI-03", units.unit_known),
    _on("UNI-04", units.unit_dimension),
    _on("PLA-01", plausibility.hard_limit),
    _on("TIM-01", times.time_present),
    _on("TIM-03", times.zone_present),
    _on("TIM-04", times.time_possible),
    _on("TIM-06", times.time_order),
    _on("REF-01", references.subject_present, "background"),
    _on("REF-02", references.references_resolve),
    _on("REF-04", references.same_patient, "background"),
    _on("DUP-02", duplicates.said_once),
    _on("DUP-03", duplicates.settled),
    _on("VOL-03", volume.read_to_the_end, "feature"),
)

BY_ID = {instrument.id: instrument for instrument in INSTRUMENTS}
