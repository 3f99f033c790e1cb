"""Edge: evidence for the matrix of scopes: every cell asked with a target of its own, every refused write read back."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from conformance import ground
from conformance.evidence import Evidence, Exchange, Missing
from conformance.ground import new_mark
from conformance.reading import resources, version_of
from conformance.samples import Resource, bundle, by_mark, entry, vital
from conformance.session import Session
from conformance.suites.access.scopes import ACTS, LETTERS, LEVELS, MAKES, WORDS, asked, demanded, offered


@dataclass(kw_only=True)
class Cell:
    """One token and its targets: ``here`` is ``Observation/id``, ``mark`` finds it; ``strong`` reads back."""

    session: Session
    evidence: Evidence
    token: str | None
    strong: str | None
    patient: str
    shape: Resource
    here: str = ""
    mark: str = ""
    version: str = ""

    async def send(self, method: str, path: str, **options: Any) -> Exchange:
        return await self.session.probe.send(method, path, token=self.token, **options)

    def body(self, mark: str, **changes: Any) -> Resource:
        return vital(self.patient, mark, self.shape, **changes)

    def changed(self) -> Resource:
        return self.body(self.mark, status="amended", id=self.here.partition("/")[2])

    async def prepare(self) -> None:
        """A target of its own. Raises Missing."""
        self.mark = new_mark()
        self.here, _ = await ground.place(self.session, self.strong, self.body(self.mark))
        await self.look()

    async def found(self) -> bool:
        """A target of its own; where none can be written, one that is there, and False. Raises Missing."""
        try:
            await self.prepare()
            return True
        except Missing:
            answer = await self.session.probe.send(
                "GET", f"Observation?patient={self.patient}&_count=1", token=self.strong
            )
            there = [str(each["id"]) for each in resources(answer) if "id" in each]
            if not there:
                raise
            self.here = f"Observation/{there[0]}"
            await self.look()
            return False

    async def find(self, mark: str) -> Exchange:
        """What holds the mark, seen with the stronger token."""
        return await self.session.probe.send("GET", f"Observation?{by_mark(mark)}", token=self.strong)

    async def look(self) -> Exchange:
        """The target as it is now, seen with the stronger token."""
        answer = await self.session.probe.send("GET", self.here, token=self.strong)
        self.version = version_of(answer) or ""
        return answer


Send = Callable[[Cell, str], Awaitable[Exchange]]
FORM = {"accept": "application/fhir+json"}
PATCH = {"content-type": "application/json-patch+json"}
CHANGE = [{"op": "replace", "path": "/status", "value": "amended"}]

SENDS: Mapping[str, Send] = {
    "read": lambda c, mark: c.send("GET", c.here),
    "vread": lambda c, mark: c.send("GET", f"{c.here}/_history/{c.version}"),
    "history": lambda c, mark: c.send("GET", f"{c.here}/_history"),
    "search": lambda c, mark: c.send("GET", f"Observation?patient={c.patient}&_count=1"),
    "search_by_post": lambda c, mark: c.send(
        "POST", "Observation/_search", headers=FORM, form={"patient": c.patient, "_count": "1"}
    ),
    "batch_read": lambda c, mark: c.send("POST", "", json=bundle("batch", entry("GET", c.here))),
    "create": lambda c, mark: c.send("POST", "Observation", json=c.body(mark)),
    "conditional_create": lambda c, mark: c.send(
        "POST", "Observation", json=c.body(mark), headers={"if-none-exist": by_mark(mark)}
    ),
    "update_that_creates": lambda c, mark: c.send("PUT", f"Observation/c-{mark}", json=c.body(mark, id=f"c-{mark}")),
    "batch_create": lambda c, mark: c.send("POST", "", json=bundle("batch", entry("POST", "Observation", c.body(mark)))),
    "transaction_create": lambda c, mark: c.send(
        "POST", "", json=bundle("transaction", entry("POST", "Observation", c.body(mark)))
    ),
    "update": lambda c, mark: c.send("PUT", c.here, json=c.changed()),
    "conditional_update": lambda c, mark: c.send("PUT", f"Observation?{by_mark(c.mark)}", json=c.changed()),
    "patch": lambda c, mark: c.send("PATCH", c.here, json=CHANGE, headers=PATCH),
    "conditional_delete": lambda c, mark: c.send("DELETE", f"Observation?{by_mark(c.mark)}"),
    "delete": lambda c, mark: c.send("DELETE", c.here),
}  # fmt: skip


async def scopes(session: Session, evidence: Evidence) -> None:
    """Every letter at every level, and the words of ``WORDS``. Raises Missing."""
    own = evidence["patients"][0]
    if session.open:
        raise Missing("a token: this server wants none")
    strong = await strongest(session, own)
    shape = await _shape(session, evidence, strong, own)
    for level in LEVELS:
        for letter in LETTERS:
            word = f"{level}/Observation.{letter}"
            token = await _token(session, evidence, level, word)
            if token is not None:
                await _row(session, evidence, word, token, letter, strong, shape, asked(level))
    for name, (word, letters) in WORDS.items():
        token = await _token(session, evidence, "patient", word)
        if token is not None:
            await _row(session, evidence, name, token, letters, strong, shape, list(ACTS))


async def _shape(session: Session, evidence: Evidence, strong: str | None, patient: str) -> Resource:
    try:
        return await ground.shape_of(session, evidence, strong, patient)
    except Missing:
        return {}


async def strongest(session: Session, patient: str) -> str | None:
    """A backend token of everything, else one of everything of the patient. Raises Missing."""
    try:
        return await session.system_access("system/*.cruds")
    except Missing:
        return await session.access("patient/*.cruds", patient=patient)


async def _token(session: Session, evidence: Evidence, level: str, word: str) -> str | None:
    """A token of the words, or None when this server gives none: its cells stay unseen."""
    try:
        if level == "system":
            return await session.system_access(word)
        if level == "user":
            return await session.access(
                f"openid fhirUser {word}", patient=evidence["patients"][0], user=evidence["user"]
            )
        return await session.access(word, patient=evidence["patients"][0])
    except Missing:
        return None


async def _row(
    session: Session, evidence: Evidence, name: str, token: str, letters: str, strong: str | None, shape: Resource,
    acts: list[str],
) -> None:  # fmt: skip
    """Every interaction that the server says it has, with this token."""
    patient = evidence["patients"][0]
    cell = Cell(session=session, evidence=evidence, token=token, strong=strong, patient=patient, shape=shape)
    if not await cell.found():
        acts = [act for act in acts if not ACTS[act].writes]
    for act in acts:
        if offered(evidence, act):
            await _ask(cell, f"{name}: {act}", act, letters)


async def _ask(cell: Cell, name: str, act: str, letters: str) -> None:
    mark, before = new_mark(), cell.version
    cell.evidence[name] = await SENDS[act](cell, mark)
    if not ACTS[act].writes:
        return
    if demanded(act, letters) is False:
        cell.evidence[f"{name}, before"] = before
        cell.evidence[f"{name}, read back"] = await (cell.find(mark) if act in MAKES else cell.look())
    elif act == "conditional_delete":
        await cell.prepare()
    elif act not in MAKES:
        await cell.look()
