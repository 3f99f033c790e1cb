"""Instruments of time: when was it so (TIM)."""

from fidelity.elements import kind
from fidelity.instrument import PASS, SKIP, Outcome, Sighting, fail
from fidelity.periods import TIMES, after, future, points, time_of

EARLIEST = -2208988800.0
"""1900-01-01T00:00:00Z: nothing in a living patient's chart is older."""


def time_present(seen: Sighting) -> Outcome:
    """TIM-01: the clinically relevant time is there. A diagnosis may lack its onset, an observation not its time."""
    if kind(seen.resource) not in ("Observation", "MedicationRequest"):
        return SKIP
    return PASS if time_of(seen.resource) else fail("a record does not say when it was true")


def zone_present(seen: Sighting) -> Outcome:
    """TIM-03: a time of day has its zone. https://hl7.org/fhir/R4/datatypes.html#dateTime"""
    read = [interval for _, interval, _ in points(seen.resource) if interval]
    if not read:
        return SKIP
    return PASS if all(interval.zoned for interval in read) else fail("a time has no zone")


def time_possible(seen: Sighting) -> Outcome:
    """TIM-04: the time is neither in the future nor before 1900."""
    when = time_of(seen.resource)
    if when is None:
        return SKIP
    if future(when, seen.chart.as_of):
        return fail("a record is dated in the future and was not used")
    return fail("a record is dated before 1900") if when.end < EARLIEST else PASS


def time_order(seen: Sighting) -> Outcome:
    """TIM-06: issued is not before effective, end not before start, onset not after recording. Of partial dates
    only those that cannot be in order are a fault."""
    named = {name: interval for name, interval, _ in points(seen.resource) if interval}
    pairs = [(name, name.replace(".start", ".end")) for name in named if name.endswith(".start")]
    pairs += [(name, "issued") for name in TIMES["Observation"] if name in named]
    pairs += [("effectivePeriod.start", "issued"), ("onsetDateTime", "recordedDate")]
    pairs += [("onsetDateTime", "abatementDateTime")]
    judged = [(named[first], named[then]) for first, then in pairs if first in named and then in named]
    if not judged:
        return SKIP
    return fail("two times of a record contradict one another") if any(after(*pair) for pair in judged) else PASS
