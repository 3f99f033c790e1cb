"""Edge: evidence of key sets that are registered by their address: the suite serves them, and notes how they are fetched."""

import json
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from conformance.client import enroll, metadata
from conformance.evidence import Evidence, Exchange
from conformance.listener import Reply, Request, listening
from conformance.probe import CannotRun
from conformance.session import Session
from conformance.signing import Signer, new_signer

LIVES: Mapping[str, str] = {"kept": "max-age=600", "fleeting": "no-store"}
"""The key sets that are served, with how long each may be kept (RFC 9111 §5.2.2)."""
TOKEN = {"grant_type": "client_credentials", "scope": "system/*.rs"}


@dataclass
class Served:
    """A key set at each ``/name/jwks``. ``asked`` are the requests for it, in their order."""

    signers: Mapping[str, Signer] = field(default_factory=lambda: {name: new_signer() for name in LIVES})
    asked: dict[str, list[Exchange]] = field(default_factory=lambda: {name: [] for name in LIVES})

    def respond(self, request: Request) -> Reply:
        """The key set of the path, or 404."""
        name = request.path.removeprefix("/").removesuffix("/jwks")
        if name not in self.signers:
            return Reply(status=404)
        headers = {"content-type": "application/json", "cache-control": LIVES[name]}
        reply = Reply(headers=headers, body=json.dumps(self.signers[name].jwks).encode())
        self.asked[name].append(
            Exchange(
                method=request.method, url=request.path, status=200, headers=headers, body=reply.body,
                sent=dict(request.headers), content=request.body, at=time.time(), incoming=True,
            )
        )  # fmt: skip
        return reply


async def by_address(session: Session, evidence: Evidence) -> None:
    """Two clients whose keys are at an address of ours, and two tokens for each. Without ``--listen`` there is no such
    address. Raises CannotRun."""
    if session.listen is None:
        return
    host, _, port = session.listen.rpartition(":")
    served = Served()
    try:
        async with listening(host or "127.0.0.1", int(port), served.respond) as here:
            await _ask(session, evidence, served, (session.public_url or here).rstrip("/"))
    except (OSError, ValueError) as failure:
        raise CannotRun("--listen HOST:PORT must be an address of this machine that is free") from failure


async def _ask(session: Session, evidence: Evidence, served: Served, url: str) -> None:
    for name, signer in served.signers.items():
        body = metadata(jwks_uri=f"{url}/{name}/jwks", scope=session.client().asked)
        evidence[f"{name} key set by --listen: registration"], app = await enroll(
            session.probe, session.endpoints, body, signer
        )
        if app is not None:
            evidence[f"{name} key set by --listen: tokens"] = [await app.post(TOKEN) for _ in range(2)]
            evidence[f"{name} key set by --listen: fetched"] = served.asked[name]
