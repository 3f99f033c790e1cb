"""Every kind of output at every persona, end to end: what it becomes there, what is lost, and that no more is lost than was said."""

from collections.abc import Mapping
from dataclasses import replace

import pytest

from gateway.vendors import vendor_for, vendor_of
from sandbox.personas import PERSONAS
from sandbox.personas.athena import HDID
from tests.contract.personas.world import World
from tests.unit.writeback.examples import NAMES, manifest, output
from vocabulary.manifest import Code
from vocabulary.output import KINDS, Kind
from vocabulary.write import NotWritable, Planned, Write
from writeback.capabilities import parse_capabilities
from writeback.gate import Admitted
from writeback.labels import Confirmation
from writeback.ledger.keeping import plain
from writeback.outbox import said
from writeback.planning import plan
from writeback.site import NO_SITE, Mapped, Site
from writeback.speaking.answers import Answer
from writeback.speaking.claims import Claimed, Ending
from writeback.speaking.conversation import deliver
from writeback.speaking.rendering import Need
from writeback.terms import Terms

NOTE, BESIDE = "DocumentReference", frozenset({"Device", "Provenance"})
OWN: Mapping[Kind, str] = {
    "risk": "RiskAssessment",
    "score": "Observation",
    "classification": "Observation",
    "text": NOTE,
    "issue": "DetectedIssue",
}
INSTEAD: Mapping[Kind, frozenset[str]] = {
    "risk": frozenset({"RiskAssessment", "Observation"}), "score": frozenset({"Observation"}),
    "classification": frozenset({"Observation"}), "text": frozenset(), "issue": frozenset({"DetectedIssue"}),
}  # fmt: skip
"""The forms of each kind before the note."""
UNNAMED = frozenset({f"{NOTE}.author.reference", *BESIDE, NOTE})
"""A note whose author is nobody's record there; the card, a DocumentReference too, is not written."""
ORACLE = frozenset(f"{NOTE}.{name}" for name in ("author", "meta", "identifier", "description", "authenticator"))
NOTES: Mapping[str, frozenset[str]] = {
    "epic": UNNAMED, "eclinicalworks": UNNAMED, "athena": UNNAMED | {f"{NOTE}.context.encounter"},
    "oracle": ORACLE | BESIDE | {NOTE},
}  # fmt: skip
"""EHRs where each output is a note, and what is lost with every one. Sources: the vendors' declarations."""
VERSIONS = frozenset({"Provenance.target.reference"})
"""A server behind drops the version of what a Provenance is about (HAPI; docs/reference/write-back.md)."""
FLOWSHEET = Code(system="urn:oid:1.2.3", code="30401", display="Score")
SITES: Mapping[str, tuple[Code, frozenset[str]]] = {
    "epic": (FLOWSHEET, frozenset({"Observation.code.coding", "Observation.device.reference"})),
    "oracle": (
        FLOWSHEET,
        frozenset(f"Observation.{name}" for name in ("performer", "meta", "identifier", "device", "component")),
    ),
    "eclinicalworks": (Code(system="http://loinc.org", code="9269-2"), frozenset({"Observation.device.reference"})),
    "athena": (Code(system=HDID, code="1"), frozenset({"Observation.encounter", "Observation.device.reference"})),
}
"""Where a score stands in the flowsheet when the site maps it, under which code, and some of what is lost."""


def planned(world: World, persona: str, kind: Kind, site: Site) -> tuple[Write | NotWritable | None, Terms]:
    """An output of this kind, accepted by the world's doctor in an open encounter, as this EHR takes it."""
    rules = vendor_of(vendor_for(persona)).write
    made = output(
        kind, ehr=persona, patient=f"Patient/{world.id('p1')}", encounter=f"Encounter/{world.id('open')}", inputs=(),
        inference_id=f"{persona}-{kind}-{world.run}-{len(site.codes)}", as_of=world.now() - 60,
    )  # fmt: skip
    if made.implicated:
        made = replace(made, implicated=(f"Encounter/{world.id('open')}",))
    write = plan(
        made, manifest(kind), admitted=Admitted(encounter_open=True), names=replace(NAMES, ehr=persona), rules=rules,
        capabilities=parse_capabilities(world.ask(persona, "GET", "metadata").json()), now=world.now(),
        site=site, confirmed_by=Confirmation(by=f"Practitioner/{world.id('doctor')}", at=world.now()),
    )  # fmt: skip
    return write, Terms(already_there=rules.already_there, refusals=rules.refusals)


def delivered(world: World, persona: str, part: Planned, needs: Mapping[str, Need], terms: Terms) -> Ending:
    """What a conversation over HTTP comes to."""
    claimed = Claimed(
        id=1, key=part.key, ehr=persona, type=part.type, fhir_id=part.id, body=said(part), strategy=part.strategy,
        quarantine=0.0, principal="backend", attempt=1, owner="o", doubtful=False, output="x", model="m", version="1",
        valid_until=None, planned_losses=part.losses, needs={key: needs[key] for key in part.needs},
    )  # fmt: skip
    conversation = deliver(claimed, namespace=NAMES.namespace, terms=terms)
    answer: Answer | None = None
    while True:
        try:
            asked = next(conversation) if answer is None else conversation.send(answer)
        except StopIteration as end:
            ending: Ending = end.value
            return ending
        reply = world.send(persona, asked.method, asked.path, asked.headers, asked.body)
        answer = Answer(status=reply.status_code, headers=dict(reply.headers), body=reply.content)


def landed(
    world: World, persona: str, kind: Kind, site: Site = NO_SITE
) -> tuple[str | None, frozenset[str], frozenset[str]]:
    """The type of the output's own resource (None: it is not written), what was said to be lost, and what was lost besides."""
    write, terms = planned(world, persona, kind, site)
    if not isinstance(write, Write):
        return None, frozenset(), frozenset()
    needs: dict[str, Need] = {}
    lost: set[str] = set()
    for part in (*write.shared, *write.own):
        ending = delivered(world, persona, part, needs, terms)
        assert ending.event == "kept", (part.type, ending)
        assert ending.receipt is not None
        needs[part.key] = Need(state="delivered", location=ending.receipt.location, version=ending.receipt.version)
        lost |= {plain(path) for path in ending.receipt.losses}
    if world.behind:  # HAPI has one display for a code of labels: that of whoever sent it first
        lost = {path for path in lost if not path.endswith(".meta.security.display")}
    primary = next(part for part in write.own if part.role == "primary")
    foreseen = frozenset(plain(path) for path in write.losses)
    return primary.type, foreseen, frozenset(lost) - foreseen


def expected(persona: str, kind: Kind) -> tuple[str | None, frozenset[str]]:
    """Where it lands, and what is lost on the way."""
    if persona == "meditech":
        return None, frozenset()
    if persona in NOTES:
        return NOTE, NOTES[persona] | INSTEAD[kind]
    if persona != "veradigm":
        return OWN[kind], frozenset()
    if kind in ("text", "issue"):
        return NOTE, BESIDE | {f"{NOTE}.author.reference"} | INSTEAD[kind]
    by_the_model = {f"Observation.{name}.reference" for name in ("device", "performer.extension.valueReference")}
    return "Observation", BESIDE | by_the_model | (INSTEAD[kind] - {"Observation"})


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("persona", PERSONAS)
def test_an_output_lands_in_its_form_with_the_losses_that_were_said_and_no_others(
    world: World, persona: str, kind: Kind
) -> None:
    type, foreseen, besides = landed(world, persona, kind)
    assert (type, foreseen) == expected(persona, kind)
    assert besides == (VERSIONS if world.behind and type is not None and "Provenance" not in foreseen else frozenset())


@pytest.mark.parametrize("persona", SITES)
def test_a_score_that_the_site_maps_stands_in_the_flowsheet(world: World, persona: str) -> None:
    code, some = SITES[persona]
    site = Site(codes={("urn:chartgate:assessment", "main-score"): Mapped(code=code, category="vital-signs")})
    type, foreseen, besides = landed(world, persona, "score", site)
    assert (type, besides) == ("Observation", frozenset())
    assert some <= foreseen
