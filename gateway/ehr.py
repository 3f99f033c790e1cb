"""A sandbox EHR as the routes of the EHR face see it: its addresses, its database, what is behind it."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from auth.rotation import IdTokenKeys
from gateway.auditing import Audit
from gateway.database import Database

if TYPE_CHECKING:
    from sandbox.upstream import Upstream


@dataclass(kw_only=True)
class SandboxEhr:
    """``base`` is the issuer, ``http://127.0.0.1:8700/ehr/spec``. ``upstream`` is None for the embedded store.
    ``keys`` sign id_tokens; a new ring takes the place of the old one when a key is added. ``new_id`` and ``new_secret``
    are the sources of ids and of unguessable strings. ``operator_secret``: when set, registration, the launcher and
    automatic sign-in want it as bearer. ``audit`` is the log of what was done here, made with the EHR in its database."""

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
    audit: Audit = field(init=False)

    def __post_init__(self) -> None:
        self.audit = Audit(self.database, fhir=self.fhir, clock=self.clock)

    @property
    def fhir(self) -> str:
        """The FHIR R4 base, which is also the ``aud`` and ``iss`` of a launch."""
        return f"{self.base}/fhir"
