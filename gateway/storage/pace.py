"""When the event loop begins what waits for it, and whether it commits that itself: as long as the disk is quick."""

QUIET = 2
"""Turns of the event loop in which nobody comes, until those who wait are begun, where several came before: in the first what
has been sent is read, in the second it asks for its work."""
QUICK = 0.002
"""Seconds that a commit may hold up the event loop, in the mean."""
SLOWEST = 4 * QUICK
"""What one commit counts at most: a single slow one says nothing of the disk."""
LATELY = 8
"""Commits that the mean is mostly of."""
LATER = 1000
"""Groups until a disk that was slow is tried again."""


class Pace:
    """Of one file, from the event loop alone. ``quiet``: for how many turns nobody has to come until a group is begun."""

    def __init__(self) -> None:
        self.quiet = 0
        self._mean, self._others = 0.0, 0

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
