"""When the event loop begins what waits for it, and whether it commits that itself: as long as the disk is quick."""

import time

QUIET = 2
"""Turns of the event loop in which nobody comes, until those who wait are begun, where several came before: in the first what
was sent is read, in the second it asks for its work."""
LONGEST = 0.002
"""Seconds after which those who wait are begun though others still come."""
QUICK = 0.002
"""Seconds that a commit may hold up the event loop, in the mean."""
SLOWEST = 2 * QUICK
"""What one commit counts at most: a single slow one says little of the disk."""
LATELY = 8
"""Commits that the mean is mostly of."""
LATER = 1000
"""Groups until a disk that was slow is tried again."""


class Tempo:
    """Of one file. ``quiet``: for how many turns nobody has to come until a group is begun."""

    def __init__(self) -> None:
        self.quiet = 0
        self._since = 0.0
        self._mean, self._others = 0.0, 0

    def came(self, before: int) -> None:
        """Somebody came, and so many wait already."""
        if not before:
            self._since = time.monotonic()

    def late(self) -> bool:
        """Whether the first has waited long enough."""
        return time.monotonic() - self._since > LONGEST

    def here(self, works: int) -> bool:
        """Whether the event loop commits this group."""
        self.quiet = QUIET if works > 1 else 0
        self._others = max(0, self._others - 1)
        return not self._others

    def took(self, seconds: float) -> None:
        """How long the commit took that the event loop did."""
        self._mean += (min(seconds, SLOWEST) - self._mean) / LATELY
        if self._mean > QUICK:
            self._mean, self._others = 0.0, LATER
