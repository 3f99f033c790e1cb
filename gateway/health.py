"""Edge: how an installation is, asked of what it stands on: the database, the deliverer, the keys, the EHRs, the certificates.

An EHR that is down leaves the gateway ready: it accepts, and delivers later. What cannot be done without is ``vital``.
"""

import asyncio
import logging
import shutil
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cryptography import x509
from sqlalchemy import Connection, select, text

from auth.client.ehr import RegisteredEhr
from auth.client.errors import ClientError, SealBroken
from auth.client.registry import list_ehrs
from gateway.ehrs.fetch import well_known
from writeback.tables import targets

if TYPE_CHECKING:
    from gateway.app import Gateway

State = Literal["ok", "warning", "failing"]
BEAT, GOOD, BAD = 5.0, 30.0, 10.0
"""Seconds between two looks at which EHRs there are, at one that answered, at one that did not."""
DAYS = 86400.0
NEAR = 30 * DAYS
"""How long before its end a certificate is spoken of."""
ROOM = 256 * 2**20
"""Bytes that the disk of an SQLite installation should have free."""
logger = logging.getLogger("chartgate.health")


@dataclass(frozen=True, kw_only=True, slots=True)
class Check:
    """``about`` names one of several of a kind: an EHR, a certificate. ``text`` says what is so, ``next`` what to do."""

    name: str
    state: State
    about: str | None = None
    text: str = ""
    next: str = ""
    vital: bool = False


def certificate_checks(pem: str, *, about: str, now: float) -> list[Check]:
    """Whether the first certificate of a PEM text is in force and stays so for a while."""
    try:
        ends = x509.load_pem_x509_certificates(pem.encode())[0].not_valid_after_utc.timestamp()
    except (ValueError, IndexError):
        return [Check(name="certificates", about=about, state="failing", text="cannot be read", next="Give it anew.")]
    left = ends - now
    days = f"{left / DAYS:.0f} days"
    if left <= 0:
        return [Check(name="certificates", about=about, state="failing", text="has ended", next="Renew it.")]
    if left < NEAR:
        return [Check(name="certificates", about=about, state="warning", text=f"ends in {days}", next="Renew it.")]
    return [Check(name="certificates", about=about, state="ok", text=f"ends in {days}")]


def worst(checks: Iterable[Check]) -> State:
    """The worst of their states."""
    states = {check.state for check in checks}
    return "failing" if "failing" in states else "warning" if "warning" in states else "ok"


def summary(checks: Sequence[Check]) -> dict[str, object]:
    """``status`` (ready, degraded, unready) and the worst state of each kind, with no name in it."""
    kinds = {check.name: worst(each for each in checks if each.name == check.name) for check in checks}
    vital = any(check.vital and check.state == "failing" for check in checks)
    status = "unready" if vital else "ready" if worst(checks) == "ok" else "degraded"
    return {"status": status, "checks": kinds}


class Watch:
    """Looks at a gateway's surroundings, now and then at the EHRs. ``served`` gives the PEM of the certificate that it serves
    with."""

    def __init__(self, gateway: "Gateway", *, served: Callable[[], str | None]) -> None:
        self._gateway, self._served = gateway, served
        self._ehrs: dict[str, tuple[float, Check]] = {}
        self._registered: tuple[RegisteredEhr, ...] = ()
        self._foreign = False

    async def serve(self) -> None:
        """Asks every EHR now and then, until it is cancelled."""
        while True:
            try:
                await self.look(time.monotonic())
            except Exception as failure:
                logger.warning("the EHRs could not be looked at: %s", type(failure).__name__)
            await asyncio.sleep(BEAT)

    async def look(self, now: float) -> None:
        """Asks the EHRs whose turn it is for their SMART configuration; ``now`` is monotonic."""
        cipher = self._gateway.keyring.cipher
        try:
            self._registered = await self._gateway.run(lambda c, now: list_ehrs(c, now, cipher=cipher))
            self._foreign = False
        except SealBroken:
            self._foreign = True
        due = [ehr for ehr in self._registered if self._due(ehr.name, now)]
        found = await asyncio.gather(*map(self._ask, due))
        names = {ehr.name for ehr in self._registered}
        seen = {**self._ehrs, **{check.about or "": (now, check) for check in found}}
        self._ehrs = {name: entry for name, entry in seen.items() if name in names}

    def _due(self, name: str, now: float) -> bool:
        seen = self._ehrs.get(name)
        return seen is None or now - seen[0] >= (GOOD if seen[1].state == "ok" else BAD)

    async def checks(self) -> list[Check]:
        """Everything, as it is now; of the EHRs as it was at the last look, and of deliveries to them as it is now."""
        database, paused = await self._database()
        found = [*database, self._delivery(), self._keys()]
        for name, (_, check) in sorted(self._ehrs.items()):
            worse = check.state == "ok" and name in paused
            found.append(_paused(name) if worse else check)
        return [*found, *self._certificates(time.time())]

    async def _database(self) -> tuple[list[Check], set[str]]:
        try:
            paused = await self._gateway.run(find_paused)
        except Exception as failure:
            logger.warning("not ready: %s", type(failure).__name__)
            away = Check(
                name="database",
                state="failing",
                vital=True,
                text="does not answer",
                next="Start it, or look at its log.",
            )
            return [away], set()
        return [self._room()], paused

    def _room(self) -> Check:
        installation = self._gateway.installation
        if installation.room is not None and installation.room.short():
            text = "its disk is full: new outputs are refused, what was accepted is delivered"
            return Check(name="database", state="failing", text=text, next="Make room.")
        if not self._gateway.shared and _free(installation.directory) < ROOM:
            return Check(name="database", state="warning", text="its disk is nearly full", next="Make room.")
        return Check(name="database", state="ok")

    def _delivery(self) -> Check:
        state: State = "ok" if self._gateway.at_work else "failing"
        return Check(
            name="delivery", state=state, vital=True, text="" if state == "ok" else "does not run, or is stopping"
        )

    def _keys(self) -> Check:
        self._gateway.keyring  # noqa: B018 -- reads the file again when it has changed
        if self._foreign:
            return Check(
                name="keys", state="failing", text="what is stored was sealed by other keys",
                next="Give the key file that this database was filled with.",
            )  # fmt: skip
        if self._gateway.installation.keys.broken:
            return Check(
                name="keys", state="warning", text="the key file was changed to one that cannot be used",
                next="Restore it: the keys before it are used until this process ends.",
            )  # fmt: skip
        return Check(name="keys", state="ok")

    def _certificates(self, now: float) -> list[Check]:
        served = self._served()
        found = [] if served is None else certificate_checks(served, about="served", now=now)
        for ehr in self._registered:
            if ehr.certificate is not None:
                found += certificate_checks(ehr.certificate, about=f"shown to {ehr.name}", now=now)
        return found

    async def _ask(self, ehr: RegisteredEhr) -> Check:
        try:
            answer = await self._gateway.reach.look(ehr, well_known(ehr.issuer, "smart-configuration"))
        except ClientError:
            return _failing(ehr.name, "does not answer")
        if answer.status != 200:
            return _failing(ehr.name, f"answers {answer.status} for its SMART configuration")
        return Check(name="ehrs", about=ehr.name, state="ok")


def _failing(name: str, words: str) -> Check:
    return Check(name="ehrs", about=name, state="failing", text=words, next=f"chartgate ehrs check {name}")


def _paused(name: str) -> Check:
    return Check(
        name="ehrs", about=name, state="failing", text="deliveries to it fail, and are paused",
        next="chartgate deliveries list --state ready",
    )  # fmt: skip


def find_paused(connection: Connection, now: float) -> set[str]:
    """The EHRs that are left in peace because deliveries to them failed again and again. Raises when the database is away."""
    connection.execute(text("SELECT 1"))
    rows = connection.execute(select(targets.c.ehr).where(targets.c.failures > 0, targets.c.paused_until > now))
    return {row.ehr for row in rows}


def _free(directory: Path) -> int:
    try:
        return shutil.disk_usage(directory).free
    except OSError:
        return 0
