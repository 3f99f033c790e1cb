"""How deliveries are paced: leases, batches, the breaker of an EHR that is down. Values, no behaviour."""

from dataclasses import dataclass, field

from writeback.retry import RetryPolicy

LONGEST_LEASE = 15.0
"""Seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Pace:
    """Seconds unless said. ``conversation`` is the longest that one delivery may speak with the EHR and has to be
    shorter than ``lease``: who holds a lease that ran out must have fallen silent before."""

    lease: float = 15.0
    conversation: float = 12.0
    in_flight: int = 32
    """Deliveries under way at one EHR at a time, in one process."""
    bundles: int = 4
    """Bundles under way at one EHR at a time, in one process."""
    poll: float = 0.5
    """How often an idle worker looks for rows whose time has come."""
    sweep: float = 5.0
    """How often leases of the dead and outputs that waited too long are looked for."""
    resends: int = 3
    """How often a plain create is sent again whose answer was lost and of which the EHR shows nothing. Each may have made a
    copy that it does not show; then a person looks (reference/fhir-writeback.md §5.4)."""
    trip: int = 8
    """Failures in a row after which an EHR is left in peace for a while."""
    shortest_pause: float = 1.0
    longest_pause: float = 60.0
    retry: RetryPolicy = field(default_factory=RetryPolicy)

    def __post_init__(self) -> None:
        if not 0 < self.conversation < self.lease <= LONGEST_LEASE:
            raise ValueError("a conversation is shorter than a lease, and a lease has at most 15 seconds")


PACE = Pace()


def pause(failures: int, pace: Pace) -> float:
    """Seconds to leave an EHR in peace after so many failures in a row; 0 below ``trip``."""
    over = failures - pace.trip
    return 0.0 if over < 0 else min(pace.shortest_pause * 2.0 ** min(over, 20), pace.longest_pause)
