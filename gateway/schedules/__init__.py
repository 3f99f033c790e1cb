"""Backend scoring by the clock: which ticks there are, who runs each, and what came of it (docs/decisions/0011)."""
