"""How slow this machine is just now: a bound on processor time stands for a bound on work, and is stretched by it."""

import json
import time

NOMINAL = 0.0009
"""Seconds of processor time that the piece takes on the machine of benchmarks/results."""
PIECE = json.dumps([{"name": str(number), "value": number / 7} for number in range(600)])


def slowness() -> float:
    """1.0 on that machine or a faster one, 3.0 on one three times slower."""
    return max(1.0, min(_piece() for _ in range(15)) / NOMINAL)


def _piece() -> float:
    began = time.thread_time()
    json.dumps(json.loads(PIECE))
    return time.thread_time() - began
