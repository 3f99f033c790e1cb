"""A sandbox EHR as the routes of the EHR face see it: its addresses, its database, what is behind it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from secrets import token_bytes
from typing import TYPE_CHECKING, Literal

from auth.rotation import IdTokenKeys
from gateway.auditing import Audit
from gateway.database import Database
from gateway.faults import Faults
from gateway.paging import Pages

if TYPE_CHECKING:
    from sandbox.upstream import Upstream


@dataclass(kw_only=True)
class SandboxEhr:
    """``base`` is the issuer, ``http://127.0.0.1:8700/ehr/spec``. ``upstream`` is None for the embedded store.
    ``keys`` sign id_tokens; a new ring takes the place of the old one when a key is added. ``new_id`` and ``new_secret``
    are the sources of ids and of unguessable strings. ``operator_secret``: when set, registration, the launcher and
    automatic sign-in want it as bearer. ``page_key`` seals links to further pages: they end with the process. ``audit`` is
    the log of what was done here, made with the EHR in its database. ``faults`` are those that are switched on."""

    name: str
    base: str
    database: Database
    keys: IdTokenKeys
    new_id: Callable[[], str]
    new_secret: Callable[[], str]
    clock: Callable[[], float]
    upstream: "Upstream | None" = None
    references: Literal["check", "free"] = "check"
    allow_loopback_jwks: bool = False
    operator_secret: str | None = None
    page_key: bytes = field(default_factory=lambda: token_bytes(32), repr=False)
    faults: Faults = field(default_factory=Faults)
    audit: Audit = field(init=False)

    def __post_init__(self) -> None:
        self.audit = Audit(self.database, fhir=self.fhir, clock=self.clock)

    @property
    def fhir(self) -> str:
        """The FHIR R4 base, which is also the ``aud`` and ``iss`` of a launch."""
        return f"{self.base}/fhir"

    @property
    def pages(self) -> Pages:
        """What seals links to further pages."""
        return Pages(self.name, self.page_key)
