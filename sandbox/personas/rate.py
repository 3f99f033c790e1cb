"""The windows of a rate limit: how many requests came since the clock's last round window began. In memory."""

from dataclasses import dataclass
from math import ceil, inf

from r4.interaction import Answer
from sandbox.answering import refusal
from sandbox.personas.forms import Limit


@dataclass(slots=True)
class Window:
    """One EHR's count. ``limit`` None admits everything."""

    limit: Limit | None
    began: float = 0.0
    count: int = 0

    def refuse(self, now: float) -> Answer | None:
        """Counts a request at ``now`` (Unix seconds); its refusal when the window is full, None otherwise."""
        if self.limit is None:
            return None
        began = now - now % self.limit.seconds
        if began != self.began:
            self.began, self.count = began, 0
        self.count += 1
        if self.count <= self.limit.requests:
            return None
        wait = {"retry-after": str(ceil(began + self.limit.seconds - now))} if self.limit.retry_after else {}
        return refusal(429, "throttled", "Too many requests in this window.", headers=wait)

    def left(self, now: float) -> float:
        """How many requests the window of ``now`` still admits."""
        if self.limit is None:
            return inf
        return self.limit.requests - (self.count if now - now % self.limit.seconds == self.began else 0)
