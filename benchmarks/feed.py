"""A feed of any length, made line by line: observations of many codes with the dirt of an ordinary interface. The same number
always gives the same line, so that parts can be made anywhere, in any order."""

from collections.abc import Iterator
from functools import lru_cache

from fidelity import profiling
from fidelity.lines import parsed

CODES = 120
UNITS = ("mg/dL", "mmol/L", "g/dL", "U/L", "10*3/uL", "/min", "mm[Hg]", "Cel", "kg", "%")
PLACES = ("AMB", "AMB", "AMB", "IMP", "EMER")
LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
CATEGORY = "http://terminology.hl7.org/CodeSystem/observation-category"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"
ACT = "http://terminology.hl7.org/CodeSystem/v3-ActCode"
ENCOUNTERS = 1_000
CHART = 40

_SHELL = (
    '{"resourceType":"Observation","id":"o-%d","meta":{"versionId":"1","lastUpdated":"%s","source":"urn:lab:%d","profile":["http://hl7.org/fhir/us/core/StructureDefinition/us-core-observation-lab"]},'
    '"status":"%s","category":[{"coding":[{"system":"' + CATEGORY + '","code":"laboratory","display":"Laboratory"}]}],'
    '"code":%s,"subject":{"reference":"Patient/p-%d","display":"Patient %d"},"encounter":{"reference":"Encounter/e-%d"},%s"issued":"%s",'
    '"performer":[{"reference":"Organization/lab","display":"Central laboratory of the hospital"}],'
    '%s%s"referenceRange":[{"low":{"value":%d,"unit":"%s","system":"'
    + UCUM
    + '","code":"%s"},"high":{"value":%d,"unit":"%s","system":"'
    + UCUM
    + '","code":"%s"},"text":"usual"}]}'
)


def lines(first: int, last: int, *, chart: int = CHART) -> Iterator[bytes]:
    """The resources numbered ``first`` to ``last`` (not included), about 1.1 kB each, ``chart`` of them to a patient."""
    for number in range(first, last):
        yield line(number, chart)


def line(number: int, chart: int = CHART) -> bytes:
    """One Observation; what is wrong with it hangs on its number."""
    draw = (number * 2_654_435_761) % 4_294_967_296
    code, dirt = draw % CODES, (draw >> 8) % 100
    unit = UNITS[code % len(UNITS)]
    day, hour = (draw >> 3) % 28 + 1, (draw >> 5) % 24
    month, value = (draw >> 7) % 12 + 1, (draw >> 4) % 900 / 10 + 5
    when = f"2025-{month:02d}-{day:02d}T{hour:02d}:{draw % 60:02d}:00"
    issued = f"2025-{month:02d}-{day:02d}T23:59:59+00:00" if dirt != 7 else "2024-12-31T00:00:00+00:00"
    text = _SHELL % (
        number, issued, draw % 3, "preliminary" if dirt == 1 else "final", _concept(code, dirt),
        number // chart, number // chart, number % ENCOUNTERS, _time(when, dirt), issued,
        _value(value, unit, dirt), _interpretation(value), 10, unit, unit, 90, unit, unit,
    )  # fmt: skip
    return text.encode()


def encounters() -> Iterator[bytes]:
    """The visits that the observations belong to."""
    for number in range(ENCOUNTERS):
        place = PLACES[number % len(PLACES)]
        yield (
            f'{{"resourceType":"Encounter","id":"e-{number}","status":"finished","class":{{"system":"{ACT}","code":"{place}"}},'
            f'"subject":{{"reference":"Patient/p-{number}"}},"period":{{"start":"2025-01-01T00:00:00Z","end":"2025-01-02T00:00:00Z"}}}}'
        ).encode()


def patients(last: int) -> Iterator[bytes]:
    """The people that the observations belong to."""
    for number in range(last):
        yield (
            f'{{"resourceType":"Patient","id":"p-{number}","gender":"{("female", "male")[number % 2]}",'
            f'"birthDate":"{1930 + number % 75}-{number % 12 + 1:02d}-15"}}'
        ).encode()


def code_of(code: int) -> str:
    """The LOINC number of one of ``CODES``."""
    return f"{1000 + code}-{_check(1000 + code)}"


@lru_cache(20_000)
def _concept(code: int, dirt: int) -> str:
    name = code_of(code)
    if dirt < 4:
        return f'{{"text":"Measure {code}"}}'
    system = "urn:lab:local" if dirt < 10 else LOINC
    return f'{{"coding":[{{"system":"{system}","code":"{name}","display":"Measure {code}"}}],"text":"Measure {code}"}}'


def _check(digits: int) -> int:
    """The mod-10 check digit of a LOINC number."""
    text = str(digits)[::-1]
    odd = "".join(str(2 * int(digit)) for digit in text[::2])
    return -sum(int(digit) for digit in odd + text[1::2]) % 10


def _time(when: str, dirt: int) -> str:
    if dirt == 20:
        return ""
    if dirt in (21, 22):
        return f'"effectiveDateTime":"{when[:10]}",'
    return f'"effectiveDateTime":"{when}+00:00",'


def _value(value: float, unit: str, dirt: int) -> str:
    if 30 <= dirt < 35:
        return f'"valueString":"{value} {unit}",'
    if dirt == 35:
        return '"valueString":"SEE COMMENT",'
    if dirt == 36:
        return ""
    if dirt == 37:
        return '"dataAbsentReason":{"coding":[{"code":"unknown"}]},'
    if 40 <= dirt < 52:
        return f'"valueQuantity":{{"value":{value},"unit":"{unit.lower()}"}},'
    if dirt == 52:
        return f'"valueQuantity":{{"value":{value}}},'
    return f'"valueQuantity":{{"value":{value},"unit":"{unit}","system":"{UCUM}","code":"{unit}"}},'


def _interpretation(value: float) -> str:
    code = "H" if value > 90 else "N"
    return f'"interpretation":[{{"coding":[{{"system":"{INTERPRETATION}","code":"{code}"}}]}}],'


def settings() -> dict[str, str]:
    """The care setting of each visit."""
    return {f"e-{number}": PLACES[number % len(PLACES)] for number in range(ENCOUNTERS)}


def count(part: tuple[int, int]) -> profiling.Counted:
    """Makes a part of the feed and counts it, as a part of a file is counted."""
    made = (parsed(place, 0, each) for place, each in enumerate(lines(*part), start=1))
    return profiling.count_lines(made, settings=settings())
