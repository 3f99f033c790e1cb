"""Edge: how the interpreter of a process that serves divides its time.

What a server has made until it serves stays until it ends, so that the collector of garbage need not look through it again and
again: unfrozen it takes an eighth of the time of an accept, and now and then a tenth of a second at once.
"""

import gc
import sys

YOUNG = 10_000
"""New objects after which the collector looks at them: a few dozen requests under way have as many."""
SWITCH = 0.001
"""Seconds that a thread waits for another that computes: one that has committed is not kept from saying so."""


def settle() -> None:
    """Begins the time of serving."""
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
    sys.setswitchinterval(SWITCH)
