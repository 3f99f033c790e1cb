"""``serve`` as real processes, registered with the sandbox of another installation as with any EHR."""

import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from tests import programs
from tests.command import chartgate
from tests.flow.outputs_world import Running

EHR = "hospital"
SCOPES = "system/*.cruds"


@dataclass
class Serve:
    """A ``serve`` process; ``base`` is where it listens."""

    process: programs.Program
    base: str
    data: Path
    client: httpx2.Client
    key: str = ""

    def get(self, path: str, *, key: str | None = None, method: str = "GET", **headers: str) -> httpx2.Response:
        said = {**headers, **({"authorization": f"Bearer {key}"} if key else {})}
        return self.client.request(method, f"{self.base}{path}", headers=said)

    def post(self, body: Any, *, key: str | None = None) -> httpx2.Response:
        headers = {"authorization": f"Bearer {key or self.key}", "idempotency-key": body["inference_id"]}
        return self.client.post(f"{self.base}/api/outputs", json=body, headers=headers)

    def end(self, how: signal.Signals = signal.SIGTERM) -> float:
        """Seconds until it was gone."""
        began = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(120)
        return time.monotonic() - began


@contextmanager
def serving(
    data: Path, *arguments: str, environment: Mapping[str, str] | None = None, verify: Any = False
) -> Iterator[Serve]:
    """``serve`` while the block runs, unless it is ended before."""
    words = ["serve", "--data", str(data), "--port", "0", "--json", *arguments]
    told = {name: value for name, value in os.environ.items() if not name.startswith("CHARTGATE_")}
    with (
        (data.parent / f"{data.name}.log").open("ab") as log,
        httpx2.Client(trust_env=False, verify=verify, timeout=20) as client,
        programs.cli(*words, stdout=subprocess.PIPE, stderr=log, env={**told, **(environment or {})}) as process,
    ):
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, (data.parent / f"{data.name}.log").read_text()[-2000:]
        started = json.loads(line)
        scheme = "https" if "--tls-cert" in arguments else "http"
        port = started["listening"].rpartition(":")[2]
        try:
            yield Serve(process=process, base=f"{scheme}://127.0.0.1:{port}", data=data, client=client)
        finally:
            if process.poll() is None:
                process.terminate()
                process.wait(120)


def made_key(data: Path, *scopes: str) -> str:
    words = [word for scope in scopes for word in ("--scope", scope)]
    made = chartgate("keys", "add", "test", "--data", str(data), *words, "--json")
    assert made.returncode == 0, made.stderr
    return str(json.loads(made.stdout)["key"])


def register(up: Running, sandbox: Path, served: Serve, *, name: str = EHR) -> None:
    """The gateway as a backend client of the sandbox, and the sandbox as an EHR of the gateway."""
    keys = served.data.parent / f"{uuid4().hex}.json"
    keys.write_text(served.get("/app/jwks.json").text)
    made = chartgate(
        "clients", "add", "gateway", "--data", str(sandbox), "--method", "private_key_jwt", "--grant-type",
        "client_credentials", "--scope", SCOPES, "--jwks", str(keys), "--json",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    added = chartgate(
        "ehrs", "add", name, "--issuer", up.fhir, "--client-id", json.loads(made.stdout)["client_id"], "--network",
        "127.0.0.0/8", "--backend-scope", SCOPES, "--data", str(served.data), "--json",
    )  # fmt: skip
    assert added.returncode == 0, added.stderr


def output(up: Running, *, patient: int = 0, ehr: str = EHR) -> dict[str, Any]:
    return up.body(ehr=ehr, patient=f"Patient/{up.patients[patient % len(up.patients)]}")


def until(true: Any, *, seconds: float = 120.0) -> bool:
    """Whether it became true in time; asked less and less often."""
    end, pause = time.monotonic() + seconds, 0.05
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(pause)
        pause = min(pause * 1.4, 0.5)
    return bool(true())
