"""The explicit table of the instruments of one chart. Ids, owners and Kahn categories are stable; the catalogue's other
checks (editions, baselines, feeds) need more than one chart and are not here."""

from fidelity import codes, duplicates, plausibility, references, structure, times, units, values, volume
from fidelity.instrument import Instrument

INSTRUMENTS: tuple[Instrument, ...] = (
    Instrument(
        id="STR-01", title="mandatory element present", kahn="conformance", severity="warning", owner="engineering",
        check=structure.mandatory, reach="background",
    ),
    Instrument(
        id="STR-03", title="value present, absence explained", kahn="completeness", severity="info",
        owner="clinical_informatics", check=structure.absence_explained,
    ),
    Instrument(
        id="STR-04", title="no silent absence", kahn="completeness", severity="warning", owner="engineering",
        check=structure.silent_absence,
    ),
    Instrument(
        id="STR-05", title="feature available", kahn="completeness", severity="critical", owner="both",
        check=structure.feature_available, reach="feature",
    ),
    Instrument(
        id="COD-01", title="coded, not only written", kahn="conformance", severity="warning",
        owner="clinical_informatics", check=codes.coded, reach="background",
    ),
    Instrument(
        id="COD-02", title="coded in an accepted system", kahn="conformance", severity="warning",
        owner="clinical_informatics", check=codes.accepted_system, reach="background",
    ),
    Instrument(
        id="COD-03", title="code system recognised", kahn="conformance", severity="warning", owner="engineering",
        check=codes.recognised_system,
    ),
    Instrument(
        id="COD-04", title="code well formed", kahn="conformance", severity="warning", owner="clinical_informatics",
        check=codes.well_formed,
    ),
    Instrument(
        id="VAL-01", title="no number in text", kahn="conformance", severity="warning", owner="clinical_informatics",
        check=values.number_in_text,
    ),
    Instrument(
        id="VAL-02", title="no comment in value", kahn="conformance", severity="warning",
        owner="clinical_informatics", check=values.comment_in_value,
    ),
    Instrument(
        id="VAL-03", title="value not censored", kahn="completeness", severity="warning",
        owner="clinical_informatics", check=values.censored,
    ),
    Instrument(
        id="UNI-01", title="unit present", kahn="completeness", severity="warning", owner="clinical_informatics",
        check=units.unit_present,
    ),
    Instrument(
        id="UNI-02", title="unit coded in UCUM", kahn="conformance", severity="warning", owner="engineering",
        check=units.unit_coded,
    ),
    Instrument(
        id="UNI-04", title="unit of the right dimension", kahn="plausibility", severity="warning",
        owner="clinical_informatics", check=units.unit_dimension,
    ),
    Instrument(
        id="PLA-01", title="within hard limits", kahn="plausibility", severity="warning",
        owner="clinical_informatics", check=plausibility.hard_limit,
    ),
    Instrument(
        id="TIM-01", title="time present", kahn="completeness", severity="warning", owner="engineering",
        check=times.time_present,
    ),
    Instrument(
        id="TIM-03", title="time with its zone", kahn="conformance", severity="warning", owner="engineering",
        check=times.zone_present,
    ),
    Instrument(
        id="TIM-04", title="time possible", kahn="plausibility", severity="warning", owner="engineering",
        check=times.time_possible,
    ),
    Instrument(
        id="TIM-06", title="times in order", kahn="plausibility", severity="warning", owner="engineering",
        check=times.time_order,
    ),
    Instrument(
        id="REF-01", title="subject present", kahn="conformance", severity="warning", owner="engineering",
        check=references.subject_present, reach="background",
    ),
    Instrument(
        id="REF-02", title="references resolve", kahn="completeness", severity="warning", owner="engineering",
        check=references.references_resolve,
    ),
    Instrument(
        id="REF-04", title="no other patient's record", kahn="plausibility", severity="critical", owner="engineering",
        check=references.same_patient, reach="background",
    ),
    Instrument(
        id="DUP-02", title="said once", kahn="plausibility", severity="info", owner="engineering",
        check=duplicates.said_once,
    ),
    Instrument(
        id="DUP-03", title="settled, not preliminary", kahn="conformance", severity="warning", owner="engineering",
        check=duplicates.settled,
    ),
    Instrument(
        id="VOL-03", title="read to the end", kahn="completeness", severity="warning", owner="engineering",
        check=volume.read_to_the_end, reach="feature",
    ),
)  # fmt: skip

BY_ID = {instrument.id: instrument for instrument in INSTRUMENTS}
