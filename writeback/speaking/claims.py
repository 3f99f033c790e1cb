"""A delivery in the hands of a worker, and what came of it. Values only (structs: made four times as fast as dataclasses)."""

from collections.abc import Mapping

from msgspec import Struct

from vocabulary.write import Receipt, Strategy
from writeback.pacing import Bundled
from writeback.speaking.rendering import Need
from writeback.states import Event


class Cursor(Struct, frozen=True, kw_only=True, gc=False):
    """How far a worker has claimed at one EHR: up to which ids what was never tried is taken (``oldest``), the highest id taken
    (``newest``), and up to which time what was due is taken (``due``). A look begins there: PostgreSQL keeps rows that moved on
    in its indexes as long as anybody holds a snapshot, and to step over them again at each claim costs more each time."""

    oldest: int = 0
    newest: int = 0
    due: float = 0.0


START = Cursor()


class Claimed(Struct, frozen=True, kw_only=True, gc=False):
    """A leased row. ``body`` still has its placeholders; ``doubtful`` says that the EHR may have it already, ``late`` that
    it is too old to be sent (again), ``since`` when it was accepted; ``planned_losses`` is what the projection left out.
    ``owner`` and ``attempt`` fence what is recorded of it. ``united`` with the others claimed of its output: they refer to one
    another, and go as one transaction."""

    id: int
    key: str
    ehr: str
    type: str
    fhir_id: str
    body: bytes
    strategy: Strategy
    quarantine: float
    principal: str
    attempt: int
    owner: str
    doubtful: bool
    output: str | None
    model: str
    version: str
    valid_until: float | None
    planned_losses: tuple[str, ...]
    needs: Mapping[str, Need]
    late: bool = False
    united: bool = False
    since: float = 0.0
    told: int | None = None
    """The status of the last answer."""

    @property
    def uncertain(self) -> bool:
        """A create whose last try was answered with a delay or a failure (429, 503). By RFC 9110 such an answer says that it was
        not processed; some have said it after they had written, and look away from a condition. So it is looked for first."""
        return (
            self.strategy in ("post", "conditional")
            and not self.doubtful
            and self.told is not None
            and self.told >= 429
        )


TOO_MANY = "batch_429"
"""The cause where a whole batch came too often: who counts requests does so before anything is processed, and to look for each
of its entries would be a hundred more."""


class Ending(Struct, frozen=True, kw_only=True, gc=False):
    """What a conversation with the EHR came to. ``cause`` is a short stable word, never text from the EHR;
    ``retry_after`` the header as received; ``healthy`` None when it says nothing about the EHR; ``read_back`` False
    when the receipt's losses are not known."""

    event: Event
    receipt: Receipt | None = None
    status: int | None = None
    cause: str = ""
    retry_after: str | None = None
    healthy: bool | None = None
    read_back: bool = False
    duplicates: int = 0
    places: tuple[str, ...] = ()
    """Where it was found (``Type/id``)."""
    issues: tuple[str, ...] = ()
    """FHIR issue types and the EHR's own codes from its OperationOutcome; never its text."""


class Attempted(Struct, frozen=True, kw_only=True, gc=False):
    """One delivery's ending, with the jitter in [0, 1) for its next try, and the Bundle that it was part of."""

    delivery: Claimed
    ending: Ending
    jitter: float = 0.0
    bundle: Bundled | None = None
