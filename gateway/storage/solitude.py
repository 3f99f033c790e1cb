"""Whether somebody writes alone, one short work after the other, and how long a commit holds him up."""

ALONE = 4
"""Groups of one after which the next is taken for one as well."""
QUICK = 0.002
"""Seconds that a commit may hold up the event loop."""
LATER = 1000
"""Groups of one until a disk that was slow is tried again."""


class Solitude:
    """Counts groups of short works, from the event loop alone."""

    def __init__(self) -> None:
        self._alone = 0

    def again(self, works: int) -> bool:
        """Whether this group is one of one after several of one."""
        self._alone = self._alone + 1 if works == 1 else min(self._alone, 0)
        return self._alone > ALONE

    def took(self, seconds: float) -> None:
        """How long the commit of one took that the event loop waited for."""
        if seconds > QUICK:
            self._alone = -LATER
