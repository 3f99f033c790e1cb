"""Edge: one bulk export from its kick-off to its last part. Every page is a search of the client's own grant through the
face, so that an export shows nothing that a search would not, on the embedded store and before a server behind alike."""

import contextlib
import logging
from collections.abc import AsyncIterator, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from auth.access.compartment import narrowing
from auth.access.decide import operating
from auth.server.grants import Grant
from gateway.exports import export_jobs
from gateway.exports.export_pages import Unfinished, deletions, pages
from gateway.face import serving
from gateway.sandbox_ehrs.ehr import SandboxEhr
from gateway.storage.failures import DatabaseFailed
from r4 import codec
from r4.interaction import Answer, Interaction
from r4.references import parse, walk
from r4.requests import Pairs
from r4.served import SERVED
from r4.shapes import shaped
from sandbox.bulk import ASSOCIATED, Export

COUNT, COUNT_BEHIND = 20, 200
"""Resources of one page: few of the embedded store, which does nothing else meanwhile, more of a server behind."""
SIZE = 512 * 1024
"""Bytes of one file of the export, about: it is kept, and sent, as one."""
NAMED = 50
"""Ids in one search for what records refer to."""
logger = logging.getLogger("chartgate.export")


def allowed(grant: Grant, export: Export) -> tuple[str, ...]:
    """The types that this grant may export, of those that are asked for or of all."""
    wanted = list(SERVED if export.types is None else export.types)
    if export.level != "system":
        wanted = [type for type in wanted if type == "Patient" or narrowing(type, "x") or type in ASSOCIATED]
    return tuple(sorted(type for type in wanted if operating(grant, "$export", type)))


@dataclass
class Run:
    """One export under way. ``refers`` are the associated resources that the records named."""

    ehr: SandboxEhr
    grant: Grant
    export: Export
    types: tuple[str, ...]
    job: str
    number: int = 0
    refers: dict[str, set[str]] = field(default_factory=dict)

    async def finish(self) -> None:
        """Writes every part, and how it ended."""
        try:
            for place, type in enumerate(self._order()):
                await self._tell(f"{place} of {len(self.types)} types")
                await self._write("output", type, self._lines(type))
                if self.export.since is not None:
                    await self._write("deleted", type, self._deleted(type))
            state = "done"
        except Unfinished:
            state = "failed"
        except Exception as failure:
            logger.error("an export failed with %s", type_of(failure))
            state = "failed"
        with contextlib.suppress(DatabaseFailed):  # neither alive nor ended: that is told as failed
            await self.ehr.database.run(lambda c, now: export_jobs.end(c, now, id=self.job, state=state))

    def _order(self) -> list[str]:
        """What is associated comes after what refers to it."""
        last = ASSOCIATED if self.export.level != "system" else frozenset()
        return sorted(self.types, key=lambda type: (type in last, type))

    async def _tell(self, progress: str) -> None:
        await self.ehr.database.run(lambda c, now: export_jobs.tell(c, now, id=self.job, progress=progress))

    async def _lines(self, type: str) -> AsyncIterator[bytes]:
        seen: set[str] = set()
        async for resource in self._resources(type):
            if resource["id"] not in seen:
                seen.add(resource["id"])
                self._refer(resource)
                shown = resource if self.export.shape is None else shaped(resource, self.export.shape)
                yield codec.format(shown) + b"\n"

    def _deleted(self, type: str) -> AsyncIterator[bytes]:
        return deletions(self._ask, self.export, type, base=self.ehr.fhir, count=self._count)

    def _refer(self, resource: dict[str, Any]) -> None:
        if self.export.level == "system":
            return
        for _, reference in walk(resource):
            local = parse(reference["reference"], base=self.ehr.fhir)
            if local is not None and local.type in ASSOCIATED:
                self.refers.setdefault(local.type, set()).add(local.id)

    async def _write(self, kind: str, type: str, lines: AsyncIterator[bytes]) -> None:
        """Keeps the lines in files of about ``SIZE``. Raises Unfinished."""
        held, size = [], 0
        async for line in lines:
            held.append(line)
            size += len(line)
            if size >= SIZE:
                await self._keep(kind, type, held)
                held, size = [], 0
        if held:
            await self._keep(kind, type, held)

    async def _keep(self, kind: str, type: str, lines: Sequence[bytes]) -> None:
        self.number += 1
        part, body = export_jobs.Part(self.number, kind, type, len(lines)), b"".join(lines)
        if not await self.ehr.database.run(lambda c, now: export_jobs.add(c, now, job=self.job, part=part, body=body)):
            raise Unfinished

    async def _resources(self, type: str) -> AsyncIterator[dict[str, Any]]:
        for narrowed in self._narrowed(type):
            for query in self.export.filters.get(type, ((),)):
                async for resource in self._search(type, (*narrowed, *query)):
                    yield resource

    def _narrowed(self, type: str) -> Iterable[Pairs]:
        """What a search of the type is narrowed by, one search for each."""
        level, patients = self.export.level, self.export.patients
        if level != "system" and type in ASSOCIATED:
            ids = sorted(self.refers.get(type, ()))
            return [(("_id", ",".join(ids[at : at + NAMED])),) for at in range(0, len(ids), NAMED)]
        if level == "system" or patients is None:
            return [()]
        if type == "Patient":
            return [(("_id", ",".join(patients[at : at + NAMED])),) for at in range(0, len(patients), NAMED)]
        return [narrowing(type, patient) or () for patient in patients]

    async def _search(self, type: str, query: Pairs) -> AsyncIterator[dict[str, Any]]:
        """Every match, page by page. Raises Unfinished."""
        since = (("_lastUpdated", f"gt{self.export.since}"),) if self.export.since is not None else ()
        found = Interaction(action="search", type=type, query=(*query, *since))
        async for entry in pages(self._ask, found, count=self._count):
            if entry.get("search", {}).get("mode", "match") == "match" and entry["resource"].get("id"):
                yield entry["resource"]

    async def _ask(self, interaction: Interaction) -> Answer:
        return await serving.granted(self.ehr, interaction, self.grant)

    @property
    def _count(self) -> int:
        return COUNT if self.ehr.upstream is None else COUNT_BEHIND


def type_of(failure: Exception) -> str:
    """The name of the failure's class: its text may hold data."""
    return type(failure).__name__
