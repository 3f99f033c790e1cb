"""Edge: who signs out takes the tokens of the launch along: dropped here at once, and revoked at the EHR where it says how.

RFC 7009. Best effort: an EHR without the address, away or slow keeps its tokens until they expire, and nobody waits for it.
What was accepted during the launch and is still to be written is written by the backend client (``OutlivingTokens``).
"""

import asyncio
import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import uuid4

from sqlalchemy import Connection

from auth.client.ehr import RegisteredEhr
from auth.client.encryption import Cipher
from auth.client.errors import ClientError
from auth.client.flow import Means
from auth.client.launch import own
from auth.client.registry import find_ehr
from auth.client.requests import authenticate, revocation_request
from auth.client.store import take_tokens
from auth.client.tokens import Tokens
from auth.discovery import SmartConfiguration

logger = logging.getLogger("chartgate.launches")

PATIENCE = 1.0
"""Seconds that the page of who signs out waits at most; what is not revoked by then goes on behind it."""
LONGEST = 15.0
"""Seconds that one launch's revocation may take in all."""
MOST = 64
"""Revocations under way; beyond them tokens are only dropped."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """The tokens of a launch that nobody needs any more."""

    ehr: RegisteredEhr
    tokens: Tokens = field(repr=False)


def end(connection: Connection, now: float, *, launches: Sequence[str], cipher: Cipher) -> list[Ended]:
    """Drops the tokens of these launches; what an EHR is to be told."""
    found = []
    for id in launches:
        taken = take_tokens(connection, now, id=id, cipher=cipher)
        ehr = find_ehr(connection, now, name=taken[0], cipher=cipher) if taken else None
        if taken is not None and taken[1] is not None and ehr is not None:
            found.append(Ended(ehr=ehr, tokens=taken[1]))
    return found


@dataclass
class Revocations:
    """Those under way in this process."""

    means: Means
    patience: float = PATIENCE
    _under_way: set["asyncio.Task[None]"] = field(default_factory=set)

    async def revoke(self, ended: Sequence[Ended]) -> None:
        """Begins to tell the EHRs, and returns when they know or after ``patience``, whichever is first."""
        room = max(MOST - len(self._under_way), 0)
        if room < len(ended):
            logger.warning("%d launches were not revoked at their EHRs: too many are under way", len(ended) - room)
        tasks = [asyncio.create_task(_revoke(self.means, each)) for each in ended[:room]]
        for task in tasks:
            self._under_way.add(task)
            task.add_done_callback(self._under_way.discard)
        if tasks:
            await asyncio.wait(tasks, timeout=self.patience)


async def _revoke(means: Means, ended: Ended) -> None:
    """Never raises: whoever signed out is gone."""
    try:
        async with asyncio.timeout(LONGEST):
            configuration = await means.configuration(ended.ehr)
            if configuration.revocation_endpoint is not None:
                await _tell(means, ended, configuration)
    except (ClientError, TimeoutError) as failure:
        logger.info("a launch was not revoked at %s: %s", ended.ehr.name, type(failure).__name__)
    except Exception as failure:
        logger.warning("a launch could not be revoked at %s: %s", ended.ehr.name, type(failure).__name__)


async def _tell(means: Means, ended: Ended, configuration: SmartConfiguration) -> None:
    """The refresh token first, for it renews the other; both, as an EHR need not end one with the other (RFC 7009 §2.1)."""
    endpoint = own(ended.ehr, configuration.revocation_endpoint, "revocation_endpoint")
    told: tuple[tuple[str | None, Literal["refresh_token", "access_token"]], ...] = (
        (ended.tokens.refresh, "refresh_token"), (ended.tokens.access, "access_token"),
    )  # fmt: skip
    for token, hint in told:
        if token is None:
            continue
        signed = authenticate(
            revocation_request(endpoint, token, hint), ended.ehr, keys=means.secrets().signing, now=means.clock(),
            jti=uuid4().hex, audience=configuration.token_endpoint,
        )  # fmt: skip
        reply = await means.send(ended.ehr, signed)
        if reply.status != 200:
            logger.info("%s answered %d to a revocation", ended.ehr.name, reply.status)
