"""The receiver with a ward: it gives tokens, lists who is there, and takes its time over each chart.

    python -m tests.crash.ward_ehr FILE PATIENTS PORT

Each line of FILE.said, written before the answer, says of a RiskAssessment that is new: patient, inference. Prints its port.
"""

import asyncio
import os
import sys
from pathlib import Path
from random import Random
from typing import Any

from tests.crash.receiver import Ehr, Line, Reply

SLOW = 0.04
"""Seconds over each chart."""
WRITTEN = ("RiskAssessment", "Device", "Provenance")
INTERACTIONS = [{"code": each} for each in ("create", "update", "read", "search-type")]


def said_in(file: Path) -> list[tuple[str, str]]:
    """(patient, inference) of every RiskAssessment, in the order in which they came."""
    path = file.with_suffix(".said")
    lines = path.read_text().splitlines() if path.exists() else []
    return [(words[0], words[1]) for line in lines if len(words := line.split(" ")) == 2]


class Ward(Ehr):
    """``patients`` are as many, each with an encounter under way."""

    def __init__(self, file: Path, patients: int) -> None:
        super().__init__(file, "put", Random(0), calm=True)
        self._patients, self.base = patients, ""
        self._said = os.open(file.with_suffix(".said"), os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)

    async def answer(self, method: str, path: str, headers: dict[str, str], body: bytes) -> Reply | None:
        """None cuts the line."""
        path = path.removeprefix("fhir/")
        if method == "GET" and path.startswith(("Patient/", "Encounter/")):
            await asyncio.sleep(SLOW)
            return 200, {}, person(path)
        if (own := self._own(path)) is not None:
            return 200, {}, own
        return await super().answer(method, path, headers, body)

    def _own(self, path: str) -> dict[str, Any] | None:
        if path == ".well-known/smart-configuration":
            return {"token_endpoint": f"{self.base}/token", "grant_types_supported": ["client_credentials"]}
        if path == "fhir/token" or path == "token":
            return {"access_token": "t", "token_type": "bearer", "expires_in": 300, "scope": "system/*.cruds"}
        if path == "metadata":
            types = [{"type": each, "interaction": INTERACTIONS, "updateCreate": True} for each in WRITTEN]
            return {"resourceType": "CapabilityStatement", "rest": [{"mode": "server", "resource": types}]}
        if path.startswith("Encounter?"):
            found = [{"resource": person(f"Encounter/e{number}")} for number in range(self._patients)]
            return {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": found}
        return None

    async def _write(
        self, method: str, path: str, headers: dict[str, str], body: dict[str, Any], *, slow: bool
    ) -> Reply:
        new = tuple(path.split("/", 1)) not in self.by_id
        reply = await super()._write(method, path, headers, body, slow=slow)
        if new and path.startswith("RiskAssessment/"):
            named = next(each["value"] for each in body["identifier"] if each["system"].endswith("/inference"))
            os.write(self._said, f"{body['subject']['reference']} {named}\n".encode())
        return reply


def person(reference: str) -> dict[str, Any]:
    type, _, id = reference.partition("/")
    found: dict[str, Any] = {"resourceType": type, "id": id, "meta": {"versionId": "1"}}
    if type == "Encounter":
        found |= {"status": "in-progress", "class": {"code": "IMP"}, "subject": {"reference": f"Patient/p{id[1:]}"}}
    return found


async def main(file: str, patients: str, port: str) -> None:
    ward = Ward(Path(file), int(patients))
    server = await asyncio.get_running_loop().create_server(lambda: Line(ward), "127.0.0.1", int(port))
    port = str(server.sockets[0].getsockname()[1])
    ward.base = f"http://127.0.0.1:{port}/fhir"
    print(port, flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:4]))
