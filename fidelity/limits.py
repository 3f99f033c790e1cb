"""Hard limits: outside them a number is not measurable, or not compatible with what was measured (PLA-01).

They are few and wide on purpose. The plausibility ranges that circulate (DataQualityDashboard's) are not imported: they
give one and the same range to several units of one analyte, and serum creatinine up to 5 mg/dL only.

Nobody has signed the rows below: they are what the project proposes. A site signs its own in a file that
``parse_limits`` reads, who and when beside each row, and that file takes the place of these.
``usual`` is a wide band of what is seen in people of any age: it serves to recognise the value of another unit
(UNI-06), never to call a value wrong.

Total protein (2885-2) and globulin (10834-0) have no row: Synthea writes grams per litre under ``g/dL`` for the one and
grams per decilitre under ``g/L`` for the other, so that a row would call each of its results wrong, and rightly so.
"""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from io import StringIO


class LimitsError(ValueError):
    """The file of limits cannot be used; the text names the line and what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Limit:
    """``low`` and ``high`` are hard limits in ``unit``, ``usual`` the wide band. ``signed_by`` and ``signed_on`` are
    None while no clinician answers for the row."""

    code: str
    unit: str
    low: float
    high: float
    usual: tuple[float, float]
    signed_by: str | None = None
    signed_on: date | None = None


PROPOSED: tuple[Limit, ...] = (
    # Vital signs. Beyond these no cuff, probe or scale of a ward reads; survivals at the extremes are published cases.
    Limit("8480-6", "mm[Hg]", 20, 350, (40, 300)),
    Limit("8462-4", "mm[Hg]", 5, 250, (25, 200)),
    Limit("8478-0", "mm[Hg]", 10, 300, (30, 240)),
    Limit("8867-4", "/min", 0, 400, (15, 320)),
    Limit("9279-1", "/min", 0, 120, (2, 100)),
    Limit("8310-5", "Cel", 13, 46, (24, 44)),
    Limit("8331-1", "Cel", 13, 46, (24, 44)),
    Limit("8328-7", "Cel", 13, 46, (24, 44)),
    Limit("8332-9", "Cel", 13, 46, (24, 44)),
    Limit("29463-7", "kg", 0.2, 650, (0.4, 350)),
    Limit("3141-9", "kg", 0.2, 650, (0.4, 350)),
    Limit("8302-2", "cm", 20, 275, (25, 230)),
    Limit("3137-7", "cm", 20, 275, (25, 230)),
    Limit("8306-3", "cm", 20, 275, (25, 230)),
    Limit("9843-4", "cm", 10, 100, (15, 75)),
    Limit("39156-5", "kg/m2", 5, 200, (7, 100)),
    Limit("59408-5", "%", 0, 100, (30, 100)),
    Limit("2708-6", "%", 0, 100, (20, 100)),
    Limit("20564-1", "%", 0, 100, (20, 100)),
    Limit("2713-6", "%", 0, 100, (20, 100)),
    Limit("3150-0", "%", 15, 100, (20, 100)),
    Limit("3151-8", "L/min", 0, 100, (1, 80)),
    Limit("59576-9", "%", 0, 100, (0, 100)),
    Limit("77606-2", "%", 0, 100, (0, 100)),
    Limit("8289-1", "%", 0, 100, (0, 100)),
    # Chemistry.
    Limit("2345-7", "mg/dL", 1, 3000, (10, 1500)),
    Limit("2339-0", "mg/dL", 1, 3000, (10, 1500)),
    Limit("1558-6", "mg/dL", 1, 3000, (10, 1500)),
    Limit("4548-4", "%", 1, 25, (2.5, 20)),
    Limit("2951-2", "mmol/L", 80, 220, (95, 195)),
    Limit("2947-0", "mmol/L", 80, 220, (95, 195)),
    Limit("2823-3", "mmol/L", 0.5, 20, (1, 12)),
    Limit("6298-4", "mmol/L", 0.5, 20, (1, 12)),
    Limit("2075-0", "mmol/L", 40, 180, (55, 160)),
    Limit("2069-3", "mmol/L", 40, 180, (55, 160)),
    Limit("2028-9", "mmol/L", 1, 80, (3, 65)),
    Limit("20565-8", "mmol/L", 1, 80, (3, 65)),
    Limit("3094-0", "mg/dL", 0.3, 400, (1, 300)),
    Limit("6299-2", "mg/dL", 0.3, 400, (1, 300)),
    Limit("2160-0", "mg/dL", 0.05, 60, (0.1, 35)),
    Limit("38483-4", "mg/dL", 0.05, 60, (0.1, 35)),
    Limit("17861-6", "mg/dL", 1, 30, (3, 20)),
    Limit("49765-1", "mg/dL", 1, 30, (3, 20)),
    Limit("1751-7", "g/dL", 0.3, 10, (0.8, 7.5)),
    Limit("1975-2", "mg/dL", 0.01, 100, (0.05, 60)),
    Limit("1742-6", "U/L", 0, 50000, (0.5, 20000)),
    Limit("1920-8", "U/L", 0, 50000, (0.5, 30000)),
    Limit("6768-6", "U/L", 0, 20000, (1, 5000)),
    Limit("2093-3", "mg/dL", 5, 3000, (30, 1200)),
    Limit("2085-9", "mg/dL", 0.5, 300, (3, 250)),
    Limit("18262-6", "mg/dL", 0.5, 2500, (5, 1000)),
    Limit("13457-7", "mg/dL", -50, 2500, (5, 1000)),
    Limit("2571-8", "mg/dL", 1, 35000, (15, 10000)),
    Limit("33914-3", "mL/min", 0, 500, (0.5, 250)),
    Limit("62238-1", "mL/min", 0, 500, (0.5, 250)),
    Limit("98979-8", "mL/min", 0, 500, (0.5, 250)),
    Limit("2744-1", "[pH]", 6, 8.2, (6.5, 8)),
    Limit("2703-7", "mm[Hg]", 0, 2000, (5, 800)),
    Limit("2019-8", "mm[Hg]", 3, 350, (8, 250)),
    Limit("14749-6", "mmol/L", 0.05, 170, (0.5, 85)),
    Limit("14682-9", "umol/L", 4, 5300, (9, 3100)),
    Limit("14647-2", "mmol/L", 0.13, 78, (0.7, 31)),
    Limit("2000-8", "mmol/L", 0.25, 7.5, (0.75, 5)),
    Limit("2524-7", "mmol/L", 0, 60, (0, 40)),
    Limit("1988-5", "mg/L", 0, 2000, (0, 1000)),
    Limit("1963-8", "mmol/L", 1, 80, (3, 65)),
    Limit("19123-9", "mg/dL", 0.1, 30, (0.3, 20)),
    Limit("2777-1", "mg/dL", 0.1, 60, (0.3, 40)),
    Limit("1968-7", "mg/dL", 0, 100, (0, 50)),
    Limit("3084-1", "mg/dL", 0, 60, (0.1, 40)),
    Limit("2276-4", "ng/mL", 0, 1_000_000, (0, 500_000)),
    Limit("3016-3", "m[IU]/L", 0, 10_000, (0, 2000)),
    Limit("33762-6", "pg/mL", 0, 1_000_000, (0, 400_000)),
    Limit("33959-8", "ng/mL", 0, 5000, (0, 2000)),
    Limit("2157-6", "U/L", 0, 2_000_000, (0, 1_000_000)),
    Limit("6301-6", "{INR}", 0.3, 50, (0.5, 30)),
    # Haematology.
    Limit("6690-2", "10*3/uL", 0, 1500, (0, 800)),
    Limit("26464-8", "10*3/uL", 0, 1500, (0, 800)),
    Limit("789-8", "10*6/uL", 0.2, 12, (0.5, 10)),
    Limit("26453-1", "10*6/uL", 0.2, 12, (0.5, 10)),
    Limit("718-7", "g/dL", 0.5, 28, (1, 26)),
    Limit("4544-3", "%", 1, 85, (3, 80)),
    Limit("20570-8", "%", 1, 85, (3, 80)),
    Limit("787-2", "fL", 30, 180, (40, 165)),
    Limit("785-6", "pg", 5, 70, (8, 60)),
    Limit("786-4", "g/dL", 10, 60, (15, 50)),
    Limit("777-3", "10*3/uL", 0, 6000, (0, 4500)),
    Limit("26515-7", "10*3/uL", 0, 6000, (0, 4500)),
    Limit("32623-1", "fL", 2, 40, (3, 30)),
    Limit("32207-3", "fL", 3, 1000, (5, 700)),
    Limit("21000-5", "fL", 10, 200, (15, 160)),
    # Scores: what the instrument can give.
    Limit("72514-3", "{score}", 0, 10, (0, 10)),
    Limit("55758-7", "{score}", 0, 6, (0, 6)),
    Limit("44261-6", "{score}", 0, 27, (0, 27)),
    Limit("89204-2", "{score}", 0, 27, (0, 27)),
    Limit("70274-6", "{score}", 0, 21, (0, 21)),
    Limit("75626-2", "{score}", 0, 12, (0, 12)),
    Limit("82667-7", "{score}", 0, 10, (0, 10)),
    Limit("76504-0", "{score}", 0, 4, (0, 4)),
    Limit("59460-6", "{#}", 0, 125, (0, 125)),
    Limit("9269-2", "{score}", 3, 15, (3, 15)),
    Limit("63512-8", "{#}", 0, 50, (0, 30)),
)  # fmt: skip
BY_CODE: Mapping[str, Limit] = {limit.code: limit for limit in PROPOSED}

COLUMNS = ("code", "unit", "low", "high", "usual_low", "usual_high", "signed_by", "signed_on")


def parse_limits(text: str) -> tuple[Limit, ...]:
    """A site's file: CSV with the columns of ``COLUMNS``, every row signed. Raises LimitsError naming the line."""
    reader = csv.DictReader(StringIO(text))
    if tuple(reader.fieldnames or ()) != COLUMNS:
        raise LimitsError(f"the first line must be {','.join(COLUMNS)}")
    return tuple(_limit(place, row) for place, row in enumerate(reader, start=2))


def _limit(place: int, row: Mapping[str, str | None]) -> Limit:
    try:
        low, high = float(row["low"] or ""), float(row["high"] or "")
        usual = (float(row["usual_low"] or low), float(row["usual_high"] or high))
        signed_on = date.fromisoformat(row["signed_on"] or "")
    except ValueError as wrong:
        raise LimitsError(f"line {place}: limits must be numbers and signed_on a date") from wrong
    if not (low <= usual[0] <= usual[1] <= high) or not row["code"] or not row["unit"] or not row["signed_by"]:
        raise LimitsError(f"line {place}: code, unit and signed_by must be there, and the limits in order")
    return Limit(row["code"], row["unit"], low, high, usual, row["signed_by"], signed_on)


def by_code(limits: Iterable[Limit]) -> Mapping[str, Limit]:
    """Limits by LOINC code."""
    return {limit.code: limit for limit in limits}
