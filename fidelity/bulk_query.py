"""The facts of ``fidelity.facts`` as one query over NDJSON with a declared schema, counted where they are read.

The schema is declared and never inferred: an inferred one turned times into other times and told 175,730 faults where there were
1,969 (reference/fidelity-monitoring.md §1.5). What does not fit it makes the query fail, and the file goes to the plain lane.
"""

from collections.abc import Iterable, Mapping

from fidelity import forms
from fidelity.facts import CONCEPTS, ELEMENTS
from fidelity.quantities import UCUM_NAMES

TEXT, ANY = "VARCHAR", "JSON"
CODED = f"STRUCT(code {TEXT})[]"
CONCEPT = f'STRUCT(coding STRUCT("system" {TEXT}, code {TEXT}, version {TEXT})[], "text" {TEXT})'
QUANTITY = f'STRUCT("value" {ANY}, unit {TEXT}, "system" {TEXT}, code {TEXT}, comparator {TEXT})'
SCHEMA: Mapping[str, str] = {
    **dict.fromkeys((*ELEMENTS, *forms.CHOICES), ANY),
    **dict.fromkeys(("resourceType", "id", "status", "issued", "recordedDate", "valueString"), TEXT),
    **{name: f"STRUCT(start {TEXT})" if name.lower().endswith("period") else TEXT for name in forms.TIMES},
    **dict.fromkeys(CONCEPTS, CONCEPT),
    **dict.fromkeys(("subject", "patient", "encounter"), f"STRUCT(reference {TEXT})"),
    "meta": f'STRUCT("source" {TEXT}, lastUpdated {TEXT})',
    "verificationStatus": f"STRUCT(coding {CODED})",
    "interpretation": f"STRUCT(coding {CODED})[]",
    "valueCodeableConcept": f"STRUCT(coding {CODED})",
    "valueQuantity": QUANTITY,
    "component": f"STRUCT(code {CONCEPT}, valueQuantity {QUANTITY})[]",
    "dosageInstruction": f"STRUCT(doseAndRate {ANY})[]",
}
"""The members that are read, and as what. What a member is in one type and not in another is read as JSON."""
LISTS = (
    "identifier", "name", "telecom", "address", "performer", "referenceRange", "hasMember", "note", "reasonCode", "content",
    "result", "reaction",
)  # fmt: skip
TABLES = ("specimen", "dataAbsentReason", "clinicalStatus", "severity", "requester", "medicationReference")
TYPED: Mapping[str, str] = {
    **SCHEMA,
    **dict.fromkeys(LISTS, f"STRUCT(id {TEXT})[]"),
    **dict.fromkeys(TABLES, f"STRUCT(id {TEXT})"),
    "category": f"STRUCT(coding {CODED})[]",
}
"""The same, faster, for files in which these members are what they are in an Observation: tried first."""
SCHEMAS = (TYPED, SCHEMA)
ROW = (
    "type", "setting", "source", "category", "interpretation", "status", "sys", "cod", "worded", "val", "uni", "tim", "subj",
    "enc",
)  # fmt: skip
"""The columns of ``facts.Row``, in its order."""
SETS: Mapping[str, tuple[str, ...]] = {
    "rows": ROW,
    "hours": ("type", "source", "hr", "mask"),
    "codes": ("type", "source", "sys", "cod", "ver", "month"),
    "delays": ("type", "sys", "cod", "del"),
    "values": ("sys", "cod", "unit", "uni", "bin"),
    "patients": ("type", "pat"),
}
"""What is grouped by what. Each has a column that no other has; ``bulk`` counts elements and months out of the second and
third: a set more costs more than a few groups more."""
COLUMNS = tuple(dict.fromkeys(column for columns in SETS.values() for column in columns))


def text(value: str) -> str:
    """A literal."""
    return "'" + value.replace("'", "''") + "'"


def _among(column: str, values: Iterable[str]) -> str:
    return f"{column} IN ({', '.join(map(text, values))})"


def _full(column: str, pattern: str) -> str:
    return f"regexp_full_match({column}, {text(pattern)})"


def _seconds(column: str) -> str:
    zone = f"CASE WHEN right({column}, 1) = 'Z' THEN 'Z' ELSE right({column}, 6) END"
    return f"epoch(TRY_CAST(left({column}, 19) || {zone} AS TIMESTAMPTZ))::BIGINT"


def _hour(column: str) -> str:
    """``forms.hour``."""
    hours, minutes = f"TRY_CAST({column}[12:13] AS INTEGER)", f"TRY_CAST({column}[15:16] AS INTEGER)"
    away = f"TRY_CAST(left(right({column}, 5), 2) AS INTEGER) * 60 + TRY_CAST(right({column}, 2) AS INTEGER)"
    signed = f"(CASE WHEN left(right({column}, 6), 1) = '-' THEN -1 ELSE 1 END) * ({away})"
    made = f"lpad((({hours} * 60 + {minutes} - {signed} + 2880) % 1440 // 60)::VARCHAR, 2, '0')"
    return f"CASE WHEN right({column}, 1) = 'Z' THEN {column}[12:13] ELSE {made} END"


def _form(column: str) -> str:
    """``forms.time_form``."""
    inside = f"left({column}, 4) >= '1900' AND left({column}, 4) < '2100'"
    return (
        f"CASE WHEN {_full(column, forms.EXACT)} THEN CASE WHEN {inside} THEN 'exact' ELSE 'impossible' END"
        f" WHEN {_full(column, forms.ZONELESS)} THEN CASE WHEN {inside} THEN 'zoneless' ELSE 'impossible' END"
        f" WHEN {_full(column, forms.DATE)} THEN CASE WHEN {inside} THEN 'date' ELSE 'impossible' END"
        f" WHEN {_full(column, forms.PARTIAL)} THEN CASE WHEN {inside} THEN 'partial' ELSE 'impossible' END"
        f" ELSE 'malformed' END"
    )


def _number(quantity: str) -> str:
    """``forms.measured``: a number as JSON gave it, or NULL. With one beyond a double, which the plain lane refuses, the query
    fails."""
    said = f"{quantity}.value::VARCHAR"
    number = f"CASE WHEN regexp_matches(left({said}, 1), '[-0-9]') THEN TRY_CAST({said} AS DOUBLE) END"
    return f"CASE WHEN isinf({number}) THEN error('beyond a double')::DOUBLE ELSE {number} END"


def _unit_form(quantity: str) -> str:
    coded = f"coalesce({quantity}.code, '') <> '' AND {_among(quantity + '.system', sorted(UCUM_NAMES))}"
    none = f"coalesce({quantity}.code, '') = '' AND coalesce({quantity}.unit, '') = ''"
    return f"CASE WHEN {coded} THEN 'coded' WHEN {none} THEN 'missing' ELSE 'text' END"


def _unit(quantity: str) -> str:
    return f"coalesce(nullif({quantity}.code, ''), {quantity}.unit, '')"


def _pick(concept: str) -> str:
    """The coding that stands for a concept."""
    known = f"list_filter({concept}.coding, lambda x: {_among('x.system', forms.PREFERRED)})[1]"
    first = f"{concept}.coding[1]"
    return f"CASE WHEN {_among(first + '.system', forms.PREFERRED)} THEN {first} ELSE coalesce({known}, {first}) END"


def _time() -> str:
    parts = (
        f"CASE WHEN {name} IS NOT NULL THEN coalesce({name}.start, '') END" if "STRUCT" in SCHEMA[name] else f'"{name}"'
        for name in forms.TIMES
    )
    return f"coalesce({', '.join(parts)}, '')"


def _value() -> str:
    """``facts._value``, its form."""
    choices = " ".join(f"WHEN {name} IS NOT NULL THEN '{name}'" for name in forms.CHOICES)
    answer = "coalesce(valueCodeableConcept.coding[1].code, '')"
    return (
        "CASE WHEN resourceType = 'MedicationRequest' THEN CASE WHEN len(coalesce(dosageInstruction, [])) = 0 THEN 'none'"
        " WHEN dosageInstruction[1].doseAndRate IS NOT NULL THEN 'dose' ELSE 'sig' END"
        " WHEN resourceType <> 'Observation' THEN ''"
        " WHEN valueQuantity IS NOT NULL THEN CASE WHEN number IS NULL OR isinf(number) THEN 'quantity-empty'"
        " WHEN valueQuantity.comparator IS NOT NULL THEN 'censored' ELSE 'quantity' END"
        f" WHEN valueCodeableConcept IS NOT NULL THEN CASE WHEN {_among(answer, forms.NULL_FLAVORS)} THEN 'null-flavour'"
        f" WHEN {answer} <> '' THEN 'coded' ELSE 'text-answer' END"
        f" WHEN valueString IS NOT NULL THEN CASE WHEN {_full('valueString', forms.NUMBER_TEXT)} THEN 'number-text'"
        f" ELSE 'comment' END {choices} WHEN len(coalesce(component, [])) > 0 THEN 'components'"
        " WHEN hasMember IS NOT NULL THEN 'members' WHEN dataAbsentReason IS NOT NULL THEN 'reason' ELSE 'none' END"
    )


def _category(schema: Mapping[str, str]) -> str:
    """``facts._category``."""
    if schema["category"] != ANY:
        return (
            "CASE WHEN category IS NULL THEN '' ELSE coalesce(nullif(category[1].coding[1].code, ''), '(uncoded)') END"
        )
    listed = "CASE WHEN json_type(category) = 'ARRAY' AND json_array_length(category) > 0 THEN category->'$[0]' ELSE category END"
    said = f"CASE json_type({listed}) WHEN 'VARCHAR' THEN ({listed})->>'$' ELSE ({listed})->>'$.coding[0].code' END"
    return f"CASE WHEN category IS NULL THEN '' ELSE coalesce(nullif({said}, ''), '(uncoded)') END"


def _delay(lag: str) -> str:
    bins = " ".join(f"WHEN {lag} <= {edge} THEN '{edge}'" for edge in forms.EDGES)
    return f"CASE WHEN {lag} IS NULL THEN '' {bins} ELSE 'inf' END"


def _source(path: str, largest: int, schema: Mapping[str, str]) -> str:
    columns = ", ".join(f"{text(name)}: {text(kind)}" for name, kind in schema.items())
    return f"read_json({text(path)}, format='newline_delimited', maximum_object_size={largest}, columns={{{columns}}})"


def _read(path: str, largest: int, schema: Mapping[str, str]) -> str:
    """The resources with what several columns are made of: ``c`` has concept, coding, value form, time, lag and visit."""
    timed = _among("resourceType", sorted(forms.TIMED))
    return f"""
WITH r AS (SELECT *, coalesce({", ".join(f'"{name}"' for name in CONCEPTS)}) AS concept, {_time()} AS tm,
 coalesce(nullif(issued, ''), recordedDate, '') AS told, coalesce(meta.lastUpdated, '') AS updated,
 coalesce(encounter.reference, '') AS visit, coalesce(nullif(subject.reference, ''), patient.reference, '') AS pat,
 {_number("valueQuantity")} AS number FROM {_source(path, largest, schema)}),
a AS (SELECT *, {_pick("concept")} AS pick, {_form("tm")} AS form,
 CASE WHEN told <> '' THEN told ELSE updated END AS here,
 CASE WHEN resourceType = 'Encounter' THEN coalesce(id, '') WHEN visit = '' THEN ''
 ELSE regexp_extract(visit, {text(forms.ENCOUNTER)}, 1) END AS vid, {_value()} AS val FROM r),
b AS (SELECT *, CASE WHEN form = 'exact' AND here <> '' AND {_form("here")} = 'exact'
 THEN {_seconds("here")} - {_seconds("tm")} END AS lag
 FROM a),
c AS (SELECT *, CASE WHEN tm = '' THEN CASE WHEN {timed} THEN 'missing' ELSE '' END
 WHEN told <> '' AND lag < 0 THEN 'reversed' ELSE form END AS tim FROM b)"""  # noqa: S608


def _facts(schema: Mapping[str, str]) -> str:
    """``f`` with the columns of ``SETS``. The visits are joined last, when few and narrow columns have to be carried along."""
    bits = (f'(CASE WHEN "{name}" IS NULL THEN 0 ELSE {1 << place} END)' for place, name in enumerate(ELEMENTS))
    mask = " | ".join(bits)
    quantity = "resourceType = 'Observation' AND val = 'quantity'"
    dated = "tim IN ('exact', 'reversed', 'zoneless', 'date', 'partial')"
    return f"""
d AS (SELECT resourceType AS type, vid,
 split_part(coalesce(meta.source, ''), '#', 1) AS source, {_category(schema)} AS category,
 coalesce(interpretation[1].coding[1].code, '') AS interpretation,
 coalesce(nullif(status, ''), verificationStatus.coding[1].code, '') AS status,
 coalesce(pick.system, '') AS sys, coalesce(pick.code, '') AS cod, coalesce(pick.version, '') AS ver,
 coalesce(concept.text, '') <> '' AS worded, val,
 CASE WHEN resourceType <> 'Observation' THEN '' WHEN valueQuantity IS NOT NULL THEN {_unit_form("valueQuantity")}
 WHEN val = 'components' AND component[1].valueQuantity IS NOT NULL
 THEN {_unit_form("component[1].valueQuantity")} ELSE '' END AS uni,
 tim, pat <> '' AS subj, visit <> '' AS enc, {mask} AS mask,
 CASE WHEN {dated} AND length(tm) > 4 THEN left(tm, 7) ELSE '' END AS month,
 CASE WHEN tim IN ('exact', 'reversed') THEN {_hour("tm")} ELSE '' END AS hr, {_delay("lag")} AS del,
 CASE WHEN {quantity} THEN {_unit("valueQuantity")} ELSE '' END AS unit,
 CASE WHEN {quantity} THEN printf('%.2e', number + 0.0) ELSE '' END AS bin, pat
 FROM c),
f AS (SELECT d.*, CASE WHEN vid = '' THEN '' ELSE coalesce(visits.place, '(unknown)') END AS setting
 FROM d LEFT JOIN visits ON visits.visited = vid)"""  # noqa: S608


def facts_query(path: str, largest: int, schema: Mapping[str, str] = SCHEMA) -> str:
    """Every set of ``SETS`` counted in one reading of the file: columns, then the number."""
    sets = ", ".join(f"({', '.join(columns)})" for columns in SETS.values())
    named = f"{_read(path, largest, schema)}, {_facts(schema)}"
    return f"{named} SELECT {', '.join(COLUMNS)}, count(*) FROM f GROUP BY GROUPING SETS ({sets})"  # noqa: S608


_PARTS = ("resourceType", "valueQuantity", "valueCodeableConcept", "valueString", "component", *forms.CHOICES)


def components_query(path: str, largest: int) -> str:
    """What components measure: ``SETS["values"]`` and the number."""
    return f"""
WITH p AS (SELECT unnest(component) AS part FROM {_source(path, largest, {name: SCHEMA[name] for name in _PARTS})}
 WHERE resourceType = 'Observation' AND valueQuantity IS NULL AND valueCodeableConcept IS NULL AND valueString IS NULL
 AND {" AND ".join(f"{name} IS NULL" for name in forms.CHOICES)} AND len(coalesce(component, [])) > 0),
q AS (SELECT {_pick("part.code")} AS pick, part.valueQuantity AS quantity, {_number("part.valueQuantity")} AS number FROM p
 WHERE part.valueQuantity IS NOT NULL)
SELECT coalesce(pick.system, ''), coalesce(pick.code, ''), {_unit("quantity")}, {_unit_form("quantity")},
 printf('%.2e', number + 0.0), count(*)
FROM q WHERE number IS NOT NULL AND NOT isinf(number) AND quantity.comparator IS NULL GROUP BY ALL"""  # noqa: S608
