"""Edge: what the first output after a start would wait for is made before it: forms, checks and statements.

Outputs that are nobody's are planned and recorded as any other, and their transaction is taken back: nothing of them stays.
"""

import logging
from collections.abc import Sequence
from decimal import Decimal
from typing import TYPE_CHECKING, Literal

from sqlalchemy import Connection

from gateway.monitors import observing
from gateway.outputs.submission import Note, record
from gateway.people import apikeys
from monitoring.reference import Reference
from vocabulary.chart import Chart
from vocabulary.instant import Span
from vocabulary.manifest import Code, Manifest, Prediction
from vocabulary.output import Output
from writeback.capabilities import Capabilities, TypeCapability
from writeback.gate import Admitted
from writeback.labels import Names
from writeback.ledger.outputs import Idempotency, Submission
from writeback.planning import plan_bytes

if TYPE_CHECKING:
    from gateway.app import Gateway

logger = logging.getLogger("chartgate.gateway")

TIMES = 3
"""A statement is noted when it comes the second time, and runs as it was noted the third."""
TYPES = ("RiskAssessment", "Observation", "Provenance", "Device", "DocumentReference")
OFFERED = Capabilities(types=dict.fromkeys(TYPES, TypeCapability(interactions=frozenset({"create", "read"}))))
NOBODY = "rehearsal"
_KEY = apikeys.format_key("0" * 16, "-" * 43)


class _TakenBack(Exception):
    """The end of the transaction: what it wrote is not kept."""


async def rehearse(gateway: "Gateway") -> None:
    """Records outputs of the plain kinds for nothing. Where that fails the first one takes longer, and that is all."""
    now, names = gateway.clock(), Names(ehr=NOBODY, namespace=gateway.keyring.namespace)
    try:
        made = [
            _submission(kind, id=gateway.new_id(), now=now, names=names)
            for kind in ("risk", "score")
            for _ in range(TIMES)
        ]  # fmt: skip
        await gateway.run(lambda connection, now: _record(gateway, connection, now, made))
    except _TakenBack:
        return
    except Exception as failure:
        logger.warning("what outputs need was not made beforehand: %s", type(failure).__name__)


def _record(gateway: "Gateway", connection: Connection, now: float, made: Sequence[Submission]) -> None:
    """Raises _TakenBack."""
    for submission in made:
        apikeys.find_key(connection, now, _KEY)
        claim = Idempotency(caller=NOBODY, key=submission.id, fingerprint=submission.id)
        output, manifest = submission.output, submission.manifest
        observed = observing.observe(
            output, manifest, Chart(patient=output.patient, as_of=now), known=Reference(), patient=None, key=b""
        )  # fmt: skip
        note = Note(given=None, observed=observed, found=None, fence=None)
        record(connection, now, submission, claim, note, new_id=gateway.new_id)
    raise _TakenBack


def _submission(kind: Literal["risk", "score"], *, id: str, now: float, names: Names) -> Submission:
    """Of a name that nothing else has: whoever rehearses on the same database at the same time does not wait."""
    unit = "fraction" if kind == "risk" else "1"
    manifest = Manifest(
        id=id, version="0", title=NOBODY, entry=None, url=None, kind=kind, policy="automatic", horizon=Span(months=12),
        output=Prediction(name="value", codes=(Code(system="urn:chartgate:assessment", code=NOBODY),), unit=unit),
        valid_for=Span(seconds=3600), valid_for_text="PT1H",
    )  # fmt: skip
    output = Output(
        model=id, version="0", ehr=NOBODY, patient=f"Patient/{id}", kind=kind, as_of=now, inference_id=id,
        value=Decimal("0.25"), unit=unit,
    )  # fmt: skip
    write = plan_bytes(output, manifest, admitted=Admitted(), names=names, capabilities=OFFERED, now=now)
    return Submission(
        id=id, output=output, manifest=manifest, judged=Admitted(), verdict=None, principal="backend", submitter=NOBODY,
        write=write,
    )  # fmt: skip
