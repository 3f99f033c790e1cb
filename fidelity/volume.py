"""Instruments of volume: was everything there is received (VOL)."""

from fidelity.instrument import PASS, SKIP, Outcome, Sighting, fail
from vocabulary.chart import FAILURES
from vocabulary.manifest import Feature


def type_of(feature: Feature) -> str:
    """The resource type that a feature is read from."""
    if feature.kind == "patient":
        return "Patient"
    return "Observation" if feature.kind == "observation" else feature.resource or ""


def read_to_the_end(seen: Sighting) -> Outcome:
    """VOL-03: no search that feeds the feature was cut short."""
    name = type_of(seen.feature)
    reads = [read for search, read in seen.chart.reads.items() if search.type == name]
    if not reads:
        return SKIP
    failed = next((read.failure for read in reads if read.failure), None)
    if failed:
        return fail(f"{name} could not be read ({FAILURES.get(failed, failed)}): nothing is known of what it holds")
    cut = any(not read.complete for read in reads)
    return fail(f"{name} was not read to the end, so a later value may exist") if cut else PASS
