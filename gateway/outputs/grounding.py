"""Edge: a text output against the exact chart that its model was given, before the gate decides (catalogue §3).

Of a launch the gateway knows what the model saw: what it read itself. Of an output that came with a key it knows the inputs
that the output names, in the versions it names; without inputs nobody knows, and everything is uncheckable
(docs/decisions/0009-groundedness.md).
"""

import asyncio
import contextlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

from msgspec import structs
from sqlalchemy import Connection

from auth.client.errors import ClientError
from gateway.ehrs.counted import bare, counted
from gateway.ehrs.senders import EhrUnknown
from gateway.launches.charts import LedAway, Reader, Unavailable, read_resource, together
from gateway.model_folders.models import Model
from gateway.outputs.evidence import PatientRead
from monitoring import journal, samples
from monitoring.alerting import marks
from monitoring.entries import COUNTS, TextChecked
from monitoring.events import Event
from monitoring.grounding import checker, merging
from monitoring.grounding.index import Index, build
from monitoring.grounding.merging import Answered, Sample
from monitoring.grounding.protocol import CheckRequest, SnapshotRef
from monitoring.grounding.tokens import sentences
from monitoring.grounding.values import VERDICTS, ClaimVerdict, Counts, Elsewhere, Given, Snapshot, snapshot_names
from vocabulary.chart import Chart, FeatureValue
from vocabulary.instant import format_instant
from vocabulary.manifest import Manifest
from vocabulary.output import Output
from writeback import ownership
from writeback.gate import TEXT_LIMIT, Evidence

if TYPE_CHECKING:
    from gateway.app import Gateway

logger = logging.getLogger("chartgate.grounding")

LOOKUPS = 20
"""Citations of what the model was not given that the EHR is asked about, for one text."""
BACKEND = "backend"
OWN = (checker.NAME, checker.VERSION)


@dataclass(frozen=True, kw_only=True, slots=True)
class Grounding:
    """What was found of one text. ``sentences`` are ``(start, end, verdict, rules)``; ``blocking`` contradictions keep it from
    being written."""

    snapshot: str
    counts: Counts
    sentences: tuple[tuple[int, int, str, tuple[str, ...]], ...]
    blocking: int
    answers: tuple[Answered, ...] = ()
    samples: tuple[Sample, ...] = ()

    def shown(self) -> dict[str, Any]:
        """What is kept with the output for its card: spans, verdicts and rules, no word of the text."""
        return {"snapshot": self.snapshot, "sentences": [list(each) for each in self.sentences]}


def given_of(manifest: Manifest, features: Mapping[str, FeatureValue]) -> tuple[Given, ...]:
    """The measured features as values that the model was given."""
    codes = {each.name: tuple(code.code for code in each.codes) for each in manifest.features}
    return tuple(
        Given(codes=codes[name], value=float(each.value), unit=each.unit, at=each.at, sources=each.sources)
        for name, each in features.items()
        if isinstance(each.value, int | float) and not isinstance(each.value, bool) and codes.get(name)
    )


def snapshot_of(
    output: Output, model: Model, *, chart: Chart, read: PatientRead, evidence: Evidence
) -> Snapshot:  # fmt: skip
    """What the model was given, as far as the gateway knows."""
    given = given_of(model.manifest, chart.features)
    if evidence.launch_patient is None:
        return _named(output, evidence, given)
    known = read.known
    if model.manifest.url is not None:  # a remote model is sent its features and nothing else
        sources = {ownership.unversioned(each) for value in chart.features.values() for each in value.sources}
        known = {name: each for name, each in known.items() if name in sources or name == output.patient}
        return Snapshot(patient=output.patient, as_of=output.as_of, resources=tuple(known.values()), given=given)
    types = {search.type for search in read.reads}
    part = {search.type for search, each in read.reads.items() if not each.complete or each.failure}
    return Snapshot(
        patient=output.patient, as_of=output.as_of, resources=tuple(known.values()), complete=frozenset(types - part),
        given=given,
    )  # fmt: skip


def _named(output: Output, evidence: Evidence, given: tuple[Given, ...]) -> Snapshot:
    """The inputs that an output names, where the gateway has the very versions; else nothing is known."""
    found = [(name, evidence.inputs.get(name)) for name in output.inputs]
    resources = [each for name, each in found if each is not None and not ownership.changed_since(name, each)]
    if not found or len(resources) < len(found) or evidence.patient is None:
        return Snapshot(patient=output.patient, as_of=output.as_of)
    held = {ownership.unversioned(name) for name in output.inputs}
    return Snapshot(
        patient=output.patient, as_of=output.as_of, resources=(evidence.patient, *resources),
        given=tuple(each for each in given if {ownership.unversioned(source) for source in each.sources} <= held),
    )  # fmt: skip


async def ground(
    gateway: "Gateway", reader: Reader, output: Output, model: Model, *, chart: Chart, read: PatientRead, evidence: Evidence
) -> Grounding | None:  # fmt: skip
    """What the chart says of a text; None for an output without one. Raises Unavailable where a citation could not be
    looked up: nothing is decided then."""
    if output.kind != "text" or not output.text or len(output.text) > TEXT_LIMIT:
        return None
    snapshot = snapshot_of(output, model, chart=chart, read=read, evidence=evidence)
    unseen = checker.unseen(output.text, snapshot)
    if unseen:
        snapshot = replace(snapshot, elsewhere=await _elsewhere(gateway, reader, output, unseen[:LOOKUPS]))
    index, claims, spans = await asyncio.to_thread(_check, output.text, snapshot)
    answers = await gateway.checkers.ask(_request(output.text, spans, index)) if gateway.checkers else []
    return await asyncio.to_thread(_found, output, index, claims, spans, answers)


Spans = tuple[tuple[int, int], ...]


def _found(
    output: Output, index: Index, claims: list[ClaimVerdict], spans: Spans, answers: list[Answered]
) -> Grounding:  # fmt: skip
    return Grounding(
        snapshot=index.hash, counts=checker.count(claims, index=index, text=output.text or ""),
        sentences=_sentences(claims, answers, spans), blocking=merging.blocking(claims, answers), answers=tuple(answers),
        samples=tuple(merging.samples(claims, answers, spans, salt=output.inference_id, own=OWN)),
    )  # fmt: skip


def weighed(evidence: Evidence, found: Grounding | None) -> Evidence:
    """The gate's evidence with what the chart says against a text."""
    if found is None:
        return evidence
    return replace(evidence, contradictions=found.blocking, foreign_citations=found.counts.foreign)


def _check(text: str, snapshot: Snapshot) -> tuple[Index, list[ClaimVerdict], Spans]:
    """A text that the checker fails on is one that nobody checked, and counted so: no fault of the text."""
    spans = tuple(sentences(text))
    try:
        index = build(snapshot)
        return index, checker.check(text, index), spans
    except Exception as failure:
        logger.error("the checker failed on a text: %s", type(failure).__name__)
        unchecked = [
            ClaimVerdict(span=span, claim_type="sentence", verdict="uncheckable", checker=checker.NAME)
            for span in spans
        ]
        return build(replace(snapshot, resources=None, given=())), unchecked, spans


def _request(text: str, spans: Spans, index: Index) -> CheckRequest:
    snapshot = index.snapshot
    reference = SnapshotRef(
        hash=index.hash, as_of=format_instant(snapshot.as_of), resources=tuple(snapshot_names(snapshot))
    )
    return CheckRequest(text=text, sentences=spans, chart_snapshot_ref=reference, chart=tuple(snapshot.resources or ()))


def _sentences(
    claims: list[ClaimVerdict], answers: list[Answered], spans: Spans
) -> tuple[tuple[int, int, str, tuple[str, ...]], ...]:
    """One verdict for each sentence that claims anything, with the rules that it breaks."""
    own = merging.by_sentence(claims, spans)
    others = [merging.by_sentence(each.claims, spans) for each in answers]
    said = {each.span for each in claims}
    broken: dict[tuple[int, int], dict[str, None]] = {}
    for each in claims:
        if each.rule:
            broken.setdefault(each.span, {})[each.rule] = None
    return tuple(
        (*span, merging.combined(own[span], [each[span] for each in others]), tuple(broken.get(span, ())))
        for span in spans
        if span in said
    )


async def _elsewhere(gateway: "Gateway", reader: Reader, output: Output, names: list[str]) -> dict[str, Elsewhere]:
    """What the EHR says of citations that the model was not given: by whoever reads for the output, and, since a launch's
    token cannot tell another patient's from nothing, by the gateway's own client. Nothing of them is kept."""
    readers: list[Reader] = [reader]
    with contextlib.suppress(EhrUnknown):
        backend = gateway.senders.sender(output.ehr, BACKEND)
        readers += [] if backend is bare(reader) else [counted(gateway.run, gateway.senders, output.ehr, backend)]
    found = await together(*(_whose(readers, output, name) for name in names))
    return dict(zip(names, found, strict=True))


async def _whose(readers: list[Reader], output: Output, name: str) -> Elsewhere:
    found: Elsewhere = "unknown"
    for at, reader in enumerate(readers):
        try:
            resource, failure = await read_resource(reader, name)
        except (Unavailable, ClientError, LedAway):
            if at == 0:
                raise
            continue
        if resource is not None:
            return _owner(resource, output.patient, reader.base)
        found = "absent" if failure == "absent" else found
    return found


def _owner(resource: dict[str, Any], patient: str, base: str | None) -> Elsewhere:
    """Whose a resource is; one that names no patient is nobody's, and no harm."""
    if ownership.belongs(resource, patient, base=base):
        return "same_patient"
    owners = [resource.get(name) for name in ownership.OWNER_ELEMENTS]
    named = [str(each.get("reference")) for each in owners if isinstance(each, dict)]
    people = resource.get("resourceType") == "Patient" or any("Patient/" in each for each in named)
    return "other_patient" if people else "unknown"


def told(id: str, output: Output, found: Grounding) -> TextChecked:
    """The counts of a text, as the monitors are told them."""
    numbers = {name: getattr(found.counts, name) for name in COUNTS}
    return TextChecked(output=id, model=output.model, version=output.version, ehr=output.ehr, **numbers)


def events_of(output: Output, found: Grounding) -> list[Event]:
    """What further checkers said of a text, as events of the journal, by the checker in ``state``: their rates are corrected
    before anybody is alarmed."""
    about = Event(what="checker", ehr=output.ehr, model=output.model, version=output.version, kind=output.kind)
    made = []
    for answer in found.answers:
        for verdict in VERDICTS:
            number = sum(each.verdict == verdict for each in answer.claims)
            made.append(structs.replace(about, state=answer.name[:32], reason=verdict, value=float(number)))
    return made


def save_grounding(
    connection: Connection, now: float, *, id: str, output: Output, found: Grounding, new_id: Any
) -> None:  # fmt: skip
    """Events into the journal and samples into people's queue, in the transaction that records the output."""
    journal.record(connection, now, events_of(output, found), new_id=new_id)
    samples.save_samples(connection, now, output=id, found=found.samples, new_id=new_id)


async def note_versions(gateway: "Gateway", found: Grounding | None) -> None:
    """A checker that speaks in a version that was not heard before is a change marker beside every series."""
    if found is None:
        return
    spoke = {checker.NAME: checker.VERSION} | {each.name: each.version for each in found.answers if not each.failure}
    for name, version in spoke.items():
        if gateway.checkers.heard.get(name) != version:
            subject = f"claim checker {name}: version"
            await gateway.run(partial(marks.mark_version, subject=subject, version=version))
            gateway.checkers.heard[name] = version
