"""An EHR behind the sender's seam that keeps everything at once, for proofs about the database and the clock alone."""

from collections.abc import Mapping
from urllib.parse import unquote

from r4 import codec
from tests.crash.receiver import key_of, resource
from writeback.errors import Unsent
from writeback.speaking.answers import Answer


class Swift:
    """``kept`` is (type, id, delivery key) in the order in which they came; while ``down`` nobody reaches it."""

    def __init__(self, *, down: bool = False) -> None:
        self.kept: list[tuple[str, str, str]] = []
        self._by_id: dict[str, str] = {}
        self._by_key: dict[str, list[str]] = {}
        self.down = down

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Answer:
        if self.down:
            raise Unsent("down")
        if method == "GET":
            return self._read(path)
        type, _, id = path.partition("/")
        id = id or f"n{len(self.kept)}"
        if f"{type}/{id}" not in self._by_id:
            key = key_of(codec.parse(body or b""))
            self.kept.append((type, id, key))
            self._by_id[f"{type}/{id}"] = key
            self._by_key.setdefault(key, []).append(id)
        return Answer(status=201, headers={"location": f"{type}/{id}/_history/1", "etag": 'W/"1"'})

    def has(self, key: str) -> bool:
        """Whether something with this delivery key was kept."""
        return key in self._by_key

    def _read(self, path: str) -> Answer:
        type, _, query = path.partition("?")
        if query:
            key = unquote(query).rpartition("|")[2]
            found = [{"resource": resource(type, id, key)} for id in self._by_key.get(key, ())]
            return Answer(
                status=200, body=codec.format({"resourceType": "Bundle", "type": "searchset", "entry": found})
            )
        known = self._by_id.get(path)
        if known is None:
            return Answer(status=404)
        return Answer(status=200, body=codec.format(resource(*path.split("/"), known)))
