"""A trivial EHR with a limit of requests in any sixty seconds, in a process of its own: the judge of the shared rate limit.

    python -m tests.crash.limited_ehr FILE SEED LIMIT

Prints its port. It takes PUT by id, works on each request for up to ``LATENCY`` seconds, answers 429 to what is beyond the limit
(a sliding window, which is stricter than any fixed one), and ``GET /times`` gives the arrival of every request in its seconds.
"""

import asyncio
import sys
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from random import Random
from time import monotonic

from tests.crash.receiver import Ehr, Line, Reply

LATENCY = 0.3
WINDOW = 60.0


class Limited(Ehr):
    """``times`` are arrivals; ``taken`` those of the last window that were let through."""

    def __init__(self, file: Path, chance: Random, limit: int) -> None:
        super().__init__(file, "put", chance, calm=True)
        self.limit, self.times = limit, list[float]()
        self.taken: deque[float] = deque()

    async def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply | None:
        if path == "times":
            return 200, {}, {"times": self.times, "refused": self.counts["refused"]}
        now = monotonic()
        self.times.append(now)
        while self.taken and self.taken[0] <= now - WINDOW:
            self.taken.popleft()
        if len(self.taken) >= self.limit:
            self.counts["refused"] += 1
            return 429, {"retry-after": "5"}, None
        self.taken.append(now)
        await asyncio.sleep(self.chance.random() * LATENCY)
        return await super().answer(method, path, headers, body)


def most(times: Sequence[float], seconds: float) -> int:
    """The most requests that any window of so many seconds has."""
    first, found = 0, 0
    for last, at in enumerate(times):
        while times[first] <= at - seconds:
            first += 1
        found = max(found, last - first + 1)
    return found


def used(times: Sequence[float], *, since: float, until: float, per_minute: int) -> float:
    """The share of the limit that was used between two instants."""
    return sum(since <= at < until for at in times) / ((until - since) * per_minute / 60.0)


async def main(file: str, seed: str, limit: str) -> None:
    ehr = Limited(Path(file), Random(int(seed)), int(limit))
    server = await asyncio.get_running_loop().create_server(lambda: Line(ehr), "127.0.0.1", 0)
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
