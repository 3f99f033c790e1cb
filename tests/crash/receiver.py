"""A trivial EHR in a process of its own that fails in every way it can, and a file of what it kept.

    python -m tests.crash.receiver FILE KIND PORT SEED [--calm]

``KIND`` is how it takes a resource: ``conditional`` (If-None-Exist, racy: it looks, works for a while, and then keeps
it, so that two identical requests at once make two), ``put`` (by id), ``post`` (only a plain create, and a search by
identifier) or ``transaction`` (as ``post``, and transactions of them). Before keeping it may answer 503 or cut the line, while it works as well; after keeping it may answer 500, say
that it was too busy (429, 503 with ``Retry-After``), cut the line, or answer later than anybody waits. What was begun is finished although the client is gone. ``--calm`` does none of this.
Each line of FILE, written before the answer, says: type, id, delivery key. SIGKILL loses no line, and the next start
reads them again. Prints its port.
"""

import asyncio
import json
import os
import sys
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import unquote

LONGEST = 0.6
"""Seconds that it works on a request at most."""
LATE = 1.6
"""Seconds that it keeps an answer back when it is late: longer than a worker waits."""
Reply = tuple[int, dict[str, str], Any]


def kept_in(file: Path) -> list[tuple[str, str, str]]:
    """(type, id, delivery key) of everything that was kept, in the order in which it came."""
    lines = file.read_text().splitlines() if file.exists() else []
    return [(words[0], words[1], words[2]) for line in lines if len(words := line.split(" ")) == 3]


class Ehr:
    """What it keeps, and how it behaves."""

    def __init__(self, file: Path, kind: str, chance: Random, *, calm: bool) -> None:
        self.kind, self.chance, self.calm = kind, chance, calm
        self.by_id: dict[tuple[str, str], str] = {}
        self.by_key: dict[tuple[str, str], list[str]] = {}
        self.counts: Counter[str] = Counter()
        self.longest = 0.0
        self.unheard: set[asyncio.Future[Reply]] = set()
        for type, id, key in kept_in(file):
            self._remember(type, id, key)
        self._file = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply | None:
        """None cuts the line."""
        if path == "counts":
            return 200, {}, {**self.counts, "longest": round(self.longest, 3)}
        if method == "GET":
            return self._read(path)
        self.counts["writes"] += 1
        lot = 1.0 if self.calm else self.chance.random()
        if lot < 0.03:
            self.counts["faults before"] += 1
            return (503, {}, None) if lot < 0.02 else None
        if 0.09 <= lot < 0.13:
            self.counts["faults while working"] += 1
            self.unheard.add(asyncio.ensure_future(self._write(method, path, headers, json.loads(body), slow=True)))
            return None
        reply = await self._write(method, path, headers, json.loads(body), slow=self.chance.random() < 0.1)
        if lot < 0.09:
            self.counts["faults after"] += 1
            if lot < 0.05:
                return None
            if lot < 0.07:
                return (500, {}, None) if lot < 0.06 else (429 if lot < 0.065 else 503, {"retry-after": "0"}, None)
            await asyncio.sleep(LATE)
        return reply

    async def _write(
        self, method: str, path: str, headers: dict[str, str], body: dict[str, Any], *, slow: bool
    ) -> Reply:
        if path == "" and self.kind == "transaction":
            return await self._transact(body, slow=slow)
        type, _, id = path.partition("/")
        key = key_of(body)
        condition = headers.get("if-none-exist")
        if (method == "PUT") != (self.kind == "put") or (condition is not None) != (self.kind == "conditional"):
            return 405, {}, None
        if condition is not None and (found := self.by_key.get((type, condition.rpartition("|")[2]))):
            return _kept(412 if len(found) > 1 else 200, type, found[0])
        await self._work(slow)
        if method == "PUT":
            known = (type, id) in self.by_id
            if not known:
                self._keep(type, id, key)
            return _kept(200 if known else 201, type, id)
        id = f"{self.chance.getrandbits(64):016x}"
        self._keep(type, id, key)
        return _kept(201, type, id)

    async def _transact(self, bundle: dict[str, Any], *, slow: bool) -> Reply:
        """All of it, in one line's write, or nothing."""
        await self._work(slow)
        bodies = [entry["resource"] for entry in bundle["entry"]]
        made = [(each["resourceType"], f"{self.chance.getrandbits(64):016x}", key_of(each)) for each in bodies]
        os.write(self._file, "".join(f"{type} {id} {key}\n" for type, id, key in made).encode())
        for each in made:
            self._remember(*each)
        self.counts["transactions"] += 1
        entries = [{"response": {"status": "201 x", "location": f"{type}/{id}/_history/1"}} for type, id, _ in made]
        return 200, {}, {"resourceType": "Bundle", "type": "transaction-response", "entry": entries}

    async def _work(self, slow: bool) -> None:
        if self.calm:
            return
        clock = asyncio.get_running_loop().time
        began = clock()
        await asyncio.sleep(self.chance.random() * (LONGEST if slow else 0.03))
        self.longest = max(self.longest, clock() - began)

    def _keep(self, type: str, id: str, key: str) -> None:
        os.write(self._file, f"{type} {id} {key}\n".encode())
        self._remember(type, id, key)

    def _remember(self, type: str, id: str, key: str) -> None:
        self.by_id[type, id] = key
        self.by_key.setdefault((type, key), []).append(id)

    def _read(self, path: str) -> Reply:
        self.counts["reads"] += 1
        type, _, query = path.partition("?")
        if query:
            key = unquote(query).rpartition("|")[2]
            found = [{"resource": resource(type, id, key)} for id in self.by_key.get((type, key), ())]
            return 200, {}, {"resourceType": "Bundle", "type": "searchset", "entry": found}
        type, _, id = path.partition("/")
        known = self.by_id.get((type, id))
        return (404, {}, None) if known is None else (200, {}, resource(type, id, known))


def key_of(body: dict[str, Any]) -> str:
    """The delivery key that a resource carries as an identifier, or a Provenance as a tag; ``-`` for none."""
    identifiers = body.get("identifier", [])
    marks = [(each.get("system", ""), each.get("value")) for each in _list(identifiers)]
    marks += [(each.get("system", ""), each.get("code")) for each in _list(body.get("meta", {}).get("tag", []))]
    return next((str(value) for system, value in marks if system.endswith("/delivery")), "-")


def _list(value: Any) -> Iterable[dict[str, Any]]:
    return value if isinstance(value, list) else [value]


def resource(type: str, id: str, key: str) -> dict[str, Any]:
    """As much of the resource as tells whose it is."""
    mark = {"system": "urn:kept/delivery"}
    carried = (
        {"meta": {"tag": [{**mark, "code": key}]}} if type == "Provenance" else {"identifier": [{**mark, "value": key}]}
    )
    return {"resourceType": type, "id": id, **carried}


def _kept(status: int, type: str, id: str) -> Reply:
    return status, {"location": f"{type}/{id}/_history/1", "etag": 'W/"1"'}, None


class Line(asyncio.Protocol):
    """One connection. HTTP/1.1 as far as a client of one request at a time needs it."""

    tasks: set["asyncio.Task[None]"] = set()  # noqa: RUF012

    def __init__(self, ehr: Ehr) -> None:
        self._ehr, self._buffer = ehr, b""

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        while (end := self._buffer.find(b"\r\n\r\n")) >= 0:
            first, *rest = self._buffer[:end].decode("latin-1").split("\r\n")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in rest)}
            length = int(headers.get("content-length", 0))
            if len(self._buffer) < end + 4 + length:
                return
            body, self._buffer = self._buffer[end + 4 : end + 4 + length], self._buffer[end + 4 + length :]
            method, path, _ = first.split(" ")
            task = asyncio.ensure_future(self._serve(method, path.lstrip("/"), headers, body))
            self.tasks.add(task)  # it goes on when the client has gone
            task.add_done_callback(self.tasks.discard)

    async def _serve(self, method: str, path: str, headers: dict[str, str], body: bytes) -> None:
        reply = await self._ehr.answer(method, path, headers, body)
        if reply is None:
            self._transport.abort()
            return
        status, said, document = reply
        content = b"" if document is None else json.dumps(document).encode()
        lines = [f"HTTP/1.1 {status} x", "content-type: application/fhir+json", f"content-length: {len(content)}"]
        lines += [f"{name}: {value}" for name, value in said.items()]
        self._transport.write("\r\n".join(lines).encode() + b"\r\n\r\n" + content)


async def main(file: str, kind: str, port: str, seed: str, *, calm: bool) -> None:
    ehr = Ehr(Path(file), kind, Random(int(seed)), calm=calm)
    server = await asyncio.get_running_loop().create_server(lambda: Line(ehr), "127.0.0.1", int(port))
    print(server.sockets[0].getsockname()[1], flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:5], calm="--calm" in sys.argv))
