"""Edge: how the interpreter of a process that serves looks for garbage.

What a server has made until it serves stays until it ends, so that the collector need not look through it again and again:
it took an eighth of the time of an accept, and now and then a tenth of a second at once.
"""

import gc

YOUNG = 10_000
"""New objects after which the collector looks at them: a few dozen requests under way have as many."""

OLDER = (10, 10)
"""Looks at new objects before one at those that outlived it, and so on: what a burst of requests leaves behind goes soon."""


def settle() -> None:
    """Begins the time of serving."""
    gc.collect()  # what is garbage by now would stay as well
    gc.freeze()
    gc.set_threshold(YOUNG, *OLDER)
