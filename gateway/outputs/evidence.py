"""Edge: what the gateway itself reads of a patient before it lets an output through: patient, encounter, inputs, chart.

Nothing that the caller says about the chart is taken (product.md §6).
"""

import asyncio
from collections.abc import Iterable, Mapping, Sequence

from msgspec import Struct, field

from fidelity.chart import assemble, plan
from fidelity.editions.edition import Terminology
from fidelity.verdict import judge
from gateway.launches.charts import AT_ONCE, Reader, Reading, Unavailable, read_chart, read_resource, together
from vocabulary.chart import Chart, Read, Resource, Search
from vocabulary.finding import Verdict
from vocabulary.manifest import Feature, Manifest
from vocabulary.output import Output
from writeback.gate import Evidence


class PatientRead(Struct, frozen=True, kw_only=True):
    """One patient as read: the resource (None when the EHR has none) and the searches of the models' features."""

    patient: Resource | None
    reads: Mapping[Search, Read] = field(default_factory=dict)

    @property
    def known(self) -> Mapping[str, Resource]:
        """Every resource that was read, by ``Type/id``."""
        found = [
            *([self.patient] if self.patient else []),
            *(each for read in self.reads.values() for each in read.resources),
        ]
        return {f"{each.get('resourceType')}/{each.get('id')}": each for each in found}

    def chart(self, features: Sequence[Feature], *, as_of: float) -> Chart:
        """What these features found in it."""
        return assemble(patient=self.patient or {}, reads=self.reads, features=features, as_of=as_of)

    def verdict(
        self, manifest: Manifest, *, as_of: float, salt: bytes, terminology: Terminology | None = None
    ) -> tuple[Chart, Verdict]:
        """The chart for one model, and whether it is fit for it, codes judged by ``terminology``."""
        chart = self.chart(manifest.features, as_of=as_of)
        return chart, judge(chart, manifest, patient_resource=self.patient, salt=salt, terminology=terminology)


async def read_patient(
    reader: Reader, patient: str, features: Iterable[Feature], how: Reading = AT_ONCE
) -> PatientRead:  # fmt: skip
    """Patient and planned searches at once. Raises Unavailable when the EHR does not answer as one."""
    planned = plan(tuple(features))
    if not planned:  # nothing to do beside it: no task is needed
        return PatientRead(patient=await _present(reader, patient, how))
    chart = asyncio.create_task(read_chart(reader, patient, planned, how))
    try:
        resource, reads = await _present(reader, patient, how), await chart
    finally:
        chart.cancel()
    if any(read.failure == "unreadable" for read in reads.values()):
        raise Unavailable("the chart could not be read")
    return PatientRead(patient=resource, reads=reads)


async def read_evidence(
    reader: Reader, output: Output, *, patient: Resource | None, verdict: Verdict | None, launch_patient: str | None,
    launch_encounter: str | None, known: Mapping[str, Resource] | None = None,
) -> Evidence:  # fmt: skip
    """Encounter and inputs, read again but for those ``known`` by ``Type/id``: read by the gateway itself, a moment ago.
    Raises Unavailable."""
    named = (*output.inputs, *output.implicated)
    names = tuple(dict.fromkeys((*named, *([output.encounter] if output.encounter else []))))
    found: dict[str, Resource | None] = {name: had for name in names if (had := (known or {}).get(_current(name)))}
    asked = tuple(name for name in names if name not in found)
    reads = await together(*(_present(reader, _current(name)) for name in asked)) if asked else ()
    found |= dict(zip(asked, reads, strict=True))
    return Evidence(
        patient=patient,
        encounter=found.get(output.encounter or ""),
        inputs={name: found[name] for name in named},
        verdict=verdict,
        launch_patient=launch_patient,
        launch_encounter=launch_encounter,
        base=reader.base,
    )


def _current(reference: str) -> str:
    return reference.partition("/_history/")[0]


async def _present(reader: Reader, reference: str, how: Reading = AT_ONCE) -> Resource | None:
    """The resource, or None when the EHR has none that may be read here. Raises Unavailable."""
    resource, failure = await read_resource(reader, reference, how)
    if failure == "unreadable":
        raise Unavailable("a resource could not be read")
    return resource
