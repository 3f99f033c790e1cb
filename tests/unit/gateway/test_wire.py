"""What is written in one turn of the loop leaves at once, and in order."""

import asyncio
from typing import Any

from gateway.processes.wire import Gathered


class Line:
    """A transport that keeps what it is told."""

    def __init__(self) -> None:
        self.said: list[bytes | str] = []

    def write(self, data: bytes) -> None:
        self.said.append(data)

    def close(self) -> None:
        self.said.append("closed")

    def is_closing(self) -> bool:
        return "closed" in self.said


def told(act: Any) -> list[bytes | str]:
    line = Line()

    async def run() -> None:
        await act(Gathered(line, asyncio.get_running_loop()))  # type: ignore[arg-type]

    asyncio.run(run())
    return line.said


def test_a_head_and_its_body_leave_together() -> None:
    async def act(gathered: Gathered) -> None:
        gathered.write(b"head ")
        gathered.write(b"body")
        await asyncio.sleep(0)
        gathered.write(b"next")
        await asyncio.sleep(0)

    assert told(act) == [b"head body", b"next"]


def test_what_was_written_leaves_before_the_end() -> None:
    async def act(gathered: Gathered) -> None:
        gathered.write(b"all")
        gathered.close()
        assert gathered.is_closing()
        await asyncio.sleep(0)

    assert told(act) == [b"all", "closed"]
