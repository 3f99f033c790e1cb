"""Our own app face, whole and with a model that reads and writes, as the suite ``gateway`` meets it: launched by an EHR that
the suite plays on a socket."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import httpx2

from auth.client.registry import RegisteredEhr, save_ehr
from conformance import run
from conformance.run import Report
from conformance.suites.gateway import collect
from conformance.suites.gateway.cases import HONEST
from gateway import app_face
from gateway.app import Gateway, open_gateway
from gateway.ehrs.fetch import Reach
from gateway.installation import METADATA, Installation
from gateway.keyring import KeyFile, generate, parse
from gateway.storage.database import open_sqlite
from tests.flow.adversary import APP, MODEL, Clock
from tests.mutants.mutant import Mutant, Wrapped

AFTER = "honest after all"
KEYS = parse(generate())
CLIENT = {"client_id": "conformance-client", "jwks_uri": f"{APP}/app/jwks.json"}
SECONDS = 0.5
"""How long the gateway waits for an answer."""


def free_port() -> int:
    """A port of loopback that nobody listens on."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.asynccontextmanager
async def opened(folder: Path, issuer: str) -> AsyncIterator[Gateway]:
    """The gateway, registered with the EHR that the suite plays."""
    (folder / "models" / "echo").mkdir(parents=True)
    (folder / "models" / "echo" / "model.toml").write_text(MODEL)
    (folder / "models" / "echo" / "model.py").write_text("def predict(features):\n    return {'value': 0.1}\n")
    clock = Clock()
    installation = Installation(
        directory=folder, keys=KeyFile(None, KEYS), database=open_sqlite(":memory:", metadata=METADATA, clock=clock)
    )
    reach = Reach(clock=clock, seconds=SECONDS)
    ehr = RegisteredEhr(name="conformance", issuer=issuer, client_id=CLIENT["client_id"], networks=("127.0.0.0/8",))
    async with open_gateway(
        installation, models=[folder / "models"], base_url=APP, clock=clock, only="echo", reach=reach
    ) as gateway:
        gateway.pauses, gateway.patience = (), 0.0
        await gateway.run(lambda c, now: save_ehr(c, now, ehr=ehr, cipher=KEYS.cipher))
        await gateway.learn_ehrs()
        yield gateway
    installation.close()


async def _deliver(gateway: Gateway) -> None:
    """What the delivery worker does in a running gateway."""
    while True:
        await gateway.worker.turn("conformance")
        await asyncio.sleep(0.1)


async def _judged(mutant: Mutant | None, options: dict[str, Any]) -> Report:
    address = f"127.0.0.1:{free_port()}"
    with TemporaryDirectory() as folder:
        async with opened(Path(folder), f"http://{address}/fhir") as gateway:
            application: Any = app_face.application(gateway)
            wrapped = application if mutant is None else Wrapped(application, mutant)
            work = asyncio.ensure_future(_deliver(gateway))
            try:
                return await run(
                    f"{APP}/app/launch", suites=["gateway"], listen=address, client=CLIENT,
                    transport=httpx2.ASGITransport(app=wrapped), **options,
                )  # fmt: skip
            finally:
                work.cancel()


@contextlib.contextmanager
def quick(*names: str) -> Iterator[None]:
    """The suite waits for an app on the same machine, and plays these cases beside the honest ones; all when none is
    named."""
    kept = (collect.CALM, collect.BRIEF, collect.ORDER)
    order = tuple(case for case in collect.ORDER if not names or case in HONEST or case.name in (*names, AFTER))
    collect.CALM, collect.BRIEF, collect.ORDER = 0.12, 0.03, order
    try:
        yield
    finally:
        collect.CALM, collect.BRIEF, collect.ORDER = kept


def judged_app(mutant: Mutant | None = None, *names: str, **options: Any) -> Report:
    """The report on our app face, with the fault of a mutant."""
    with quick(*names):
        return asyncio.run(_judged(mutant, options))
