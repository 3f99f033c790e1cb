"""Edge: the sentences that people are asked to judge, as the page shows them, and what comes of a verdict.

A verdict on a sentence of the random sample is told to the monitors, in the transaction that keeps it; one on a disagreement says
what a further checker is worth, and no rate.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from gateway.people import sessions
from gateway.people.sessions import Session
from monitoring import observations, samples
from monitoring.entries import SentenceRead
from monitoring.grounding import checker
from monitoring.samples import Waiting, Within, Worth
from writeback import tables
from writeback.ledger import outputs

PAGE = 10
"""Sentences on a page: no more patients' data than somebody reads in a few minutes."""
OWN = 200
"""Outputs of a launch's patient that are looked through."""
VERDICTS: Mapping[str, str] = {
    "supported": "The chart bears it out", "contradicted": "The chart says otherwise",
    "unsupported": "The chart says nothing of it", "uncheckable": "Nobody could tell from a chart",
}  # fmt: skip


@dataclass(frozen=True, kw_only=True, slots=True)
class Due:
    """A sentence in its text, with the output that it is of (``outputs.show_output``)."""

    sample: Waiting
    output: Mapping[str, Any]
    text: str

    @property
    def parts(self) -> tuple[str, str, str]:
        """What stands before the sentence, the sentence, and what comes after it."""
        start, stop = self.sample.span
        return self.text[:start], self.text[start:stop], self.text[stop:]


def find_due(connection: Connection, now: float, *, session: Session) -> list[Due]:
    """What this person may judge, the oldest first: staff of clinical informatics everything at its EHRs, a practitioner what was
    said of the patient of the launch."""
    own = within(session)
    if sessions.require("informatics")(session) is None:
        launched = [
            each for each in (session, *session.beside) if each.patient and sessions.is_practitioner(each.fhir_user)
        ]
        own = [
            shown["id"] for each in launched
            for shown in outputs.list_outputs(connection, now, limit=OWN, ehr=str(each.ehr), patient=f"Patient/{each.patient}")
        ]  # fmt: skip
    found = []
    for sample in samples.find_waiting(connection, now, most=PAGE, outputs=own):
        shown = outputs.show_output(connection, now, sample.output)
        body = outputs.find_bodies(connection, now, [sample.output]).get(sample.output, {})
        if shown is not None and may_judge(session, shown) and isinstance(body.get("text"), str):
            found.append(Due(sample=sample, output=shown, text=body["text"]))
    return found


def within(session: Session) -> Within:
    """The outputs whose sentences are clinical informatics' to judge; None is every one."""
    ehrs = sessions.bounds(session, "informatics") if sessions.require("informatics")(session) else frozenset()
    if not ehrs:
        return None
    o, own = tables.outputs.c, samples.samples
    return (
        select(o.id).where(o.id == own.c.output, o.ehr.in_(sorted(ehrs))).correlate(own)
    )  # one row by its key for each


def count_waiting(connection: Connection, now: float, *, session: Session) -> int:
    """How many sentences wait for clinical informatics."""
    return samples.count_waiting(connection, now, outputs=within(session))


def may_judge(session: Session, shown: Mapping[str, Any]) -> bool:
    """Whether this person may judge a sentence of an output."""
    bare = str(shown["patient"]).removeprefix("Patient/")
    return sessions.judges(ehr=shown["ehr"], patient=bare)(session) is not None


def judge(
    connection: Connection, now: float, *, id: str, verdict: str, by: str, session: Session
) -> bool | None:  # fmt: skip
    """Keeps a verdict and tells the monitors. None for a sentence that is not this person's to judge, False for one that
    somebody has judged before."""
    sample = samples.find_sample(connection, now, id)
    shown = None if sample is None else outputs.show_output(connection, now, sample.output)
    if sample is None or shown is None or not may_judge(session, shown):
        return None
    if not samples.save_judgement(connection, now, id=id, verdict=verdict, by=by):
        return False
    if sample.checker == checker.NAME:
        place = {name: shown[name] for name in ("model", "version", "ehr")}
        observations.append(connection, now, [SentenceRead(output=sample.output, verdict=verdict, **place)])
    return True


def find_worths(connection: Connection, now: float, *, session: Session) -> list[tuple[str, str, Worth]]:
    """What people's verdicts say of each checker, within the session's bounds: name, version, worth."""
    own = within(session)
    named = samples.find_checkers(connection, now, outputs=own)
    return [
        (*each, samples.find_worth(connection, now, checker=each[0], version=each[1], outputs=own)) for each in named
    ]  # fmt: skip
