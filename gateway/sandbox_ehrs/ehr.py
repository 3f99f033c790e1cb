"""A sandbox EHR as the routes of the EHR face see it: its addresses, its database, what is behind it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import TYPE_CHECKING, Literal

from auth.rotation import IdTokenKeys
from gateway.face.auditing import Audit
from gateway.face.paging import Pages
from gateway.sandbox_ehrs.faults import Faults
from gateway.storage.database import Database
from sandbox.personas import SPEC, Persona
from sandbox.personas.forms import Limit
from sandbox.personas.rate import Window

if TYPE_CHECKING:
    from sandbox.upstream import Upstream


@dataclass(kw_only=True)
class SandboxEhr:
    """``base`` is the issuer, ``http://127.0.0.1:8700/ehr/spec``. ``upstream`` is None for the embedded store.
    ``keys`` sign id_tokens; a new ring takes the place of the old one when a key is added. ``new_id`` and ``new_secret``
    are the sources of ids and of unguessable strings. ``operator_secret``: when set, registration, the launcher and
    automatic sign-in want it as bearer. ``page_key`` seals links to further pages: they end with the process. ``audit`` is
    the log of what was done here, made with the EHR in its database. ``persona`` is how it departs from R4, ``window`` the
    count of its rate limit. ``seeding`` loads the synthetic patients when the EHR is first used. ``faults`` are those that
    are switched on. ``behind`` counts what was written since its terms began to be put into their table
    (``sandbox.backlog``), and ``catching_up`` is at it."""

    name: str
    base: str
    database: Database
    keys: IdTokenKeys
    new_id: Callable[[], str]
    new_secret: Callable[[], str]
    clock: Callable[[], float]
    persona: Persona = SPEC
    upstream: "Upstream | None" = None
    seeding: Callable[[], Awaitable[None]] | None = None
    references: Literal["check", "free"] = "check"
    behind: int = 0
    catching_up: "asyncio.Task[None] | None" = None
    allow_loopback_jwks: bool = False
    operator_secret: str | None = None
    page_key: bytes = field(default_factory=lambda: token_bytes(32), repr=False)
    faults: Faults = field(default_factory=Faults)
    audit: Audit = field(init=False)
    window: Window = field(init=False)

    def __post_init__(self) -> None:
        self._first_use = asyncio.Lock()
        self.window = Window(self.persona.one(Limit))
        self.audit = Audit(self.database, fhir=self.fhir, clock=self.clock)

    async def ready(self) -> None:
        """Returns when the synthetic patients are there; the first to ask waits while they are loaded."""
        async with self._first_use:
            if self.seeding is not None:
                await self.seeding()
                self.seeding = None

    @property
    def fhir(self) -> str:
        """The FHIR R4 base, which is also the ``aud`` and ``iss`` of a launch."""
        return f"{self.base}/fhir"

    @property
    def pages(self) -> Pages:
        """What seals links to further pages."""
        return Pages(self.name, self.page_key)
