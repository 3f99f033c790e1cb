"""An EHR behind the sender's seam that keeps every PUT at once, for proofs about the database alone."""

from collections.abc import Mapping

from writeback.answers import Answer
from writeback.errors import Unsent


class Swift:
    """``kept`` has the paths in the order in which they came; while ``down`` nobody reaches it."""

    def __init__(self, *, down: bool = False) -> None:
        self.kept: dict[str, bytes] = {}
        self.writes = 0
        self.down = down

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        if self.down:
            raise Unsent("down")
        if method == "GET":
            found = self.kept.get(path)
            return Answer(status=404) if found is None else Answer(status=200, body=found)
        self.writes += 1
        self.kept[path] = body or b""
        return Answer(status=201, headers={"location": f"{path}/_history/1", "etag": 'W/"1"'})
