"""Edge: how the interpreter of a process that serves looks for garbage.

What a server has made until it serves stays until it ends, so that the collector need not look through it again and again:
it took an eighth of the time of an accept, and now and then a tenth of a second at once.
"""

import gc

YOUNG = 10_000
"""New objects after which the collector looks at them: a few dozen requests under way have as many."""


def settle() -> None:
    """Begins the time of serving."""
    gc.freeze()
    gc.set_threshold(YOUNG, *gc.get_threshold()[1:])
