"""A running sandbox with a model that needs nothing of a chart, and who posts outputs to it."""

import json
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2

from tests import programs, web
from tests.command import chartgate
from tests.furnished import furnish

MODEL = """
[model]
id = "echo"
version = "1.0.0"
title = "A model without features"
entry = "model:predict"
[output]
kind = "risk"
codes = [{ system = "urn:chartgate:assessment", code = "echo" }]
range = [0.0, 0.5]
unit = "fraction"
horizon = "P1Y"
[writeback]
policy = "automatic"
valid_for = "P1D"
"""


@dataclass
class Running:
    app: str
    fhir: str
    key: str
    reader: str
    patients: list[str]
    encounters: list[dict[str, str]]
    place: Path
    """Where its installation (``data``) and its model (``models``) are."""

    def post(self, body: Any, *, key: str | None = None, idempotency: str | None = None, content: bytes | None = None,
             kind: str = "application/json") -> httpx2.Response:  # fmt: skip
        headers = {"authorization": f"Bearer {key or self.key}", "content-type": kind}
        if idempotency:
            headers["idempotency-key"] = idempotency
        data = content if content is not None else json.dumps(body).encode()
        return web.post(f"{self.app}/api/outputs", content=data, headers=headers)

    def get(self, path: str, *, key: str | None = None) -> httpx2.Response:
        headers = {"authorization": f"Bearer {key or self.key}"}
        return web.get(f"{self.app}{path}", headers=headers)

    def body(self, **changes: Any) -> dict[str, Any]:
        stamp = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        return {
            "model": "echo", "version": "1.0.0", "ehr": "spec", "patient": f"Patient/{self.patients[0]}", "kind": "risk",
            "value": 0.25, "unit": "fraction", "as_of": stamp, "inference_id": uuid4().hex, **changes,
        }  # fmt: skip


@contextmanager
def running(place: Path) -> Iterator[Running]:
    """`up` with a model that has no features, while the block runs."""
    folder = place / "models" / "echo"
    folder.mkdir(parents=True)
    (folder / "model.toml").write_text(MODEL)
    (folder / "model.py").write_text("def predict(features):\n    return {'value': 0.1}\n")
    furnish(place / "data")
    data = ["--data", str(place / "data")]
    words = ["up", *data, "--persona", "spec", "--port", "0", "--models", str(folder.parent), "--json"]
    with programs.cli(*words, stdout=subprocess.PIPE) as process:
        try:
            assert process.stdout is not None
            started = json.loads(process.stdout.readline())
            listed = web.get(started["ehr"]["spec"].removesuffix("/fhir") + "/launch").json()
            yield Running(
                app=started["app"], fhir=started["ehr"]["spec"],
                key=made_key(data, "outputs.write", "outputs.read", "monitors.read"),
                reader=made_key(data, "outputs.read"),
                patients=[each["id"] for each in listed["patients"]], encounters=listed["encounters"], place=place,
            )  # fmt: skip
        finally:
            process.terminate()
            process.wait(120)


def made_key(data: list[str], *scopes: str) -> str:
    words = [word for scope in scopes for word in ("--scope", scope)]
    done = chartgate("keys", "add", "test", *data, *words, "--json")
    assert done.returncode == 0, done.stderr
    return str(json.loads(done.stdout)["key"])


def settled(up: Running, location: str) -> dict[str, Any]:
    for _ in range(1200):
        shown: dict[str, Any] = up.get(location).json()
        if shown["state"] != "pending":
            return shown
        time.sleep(0.05)
    raise AssertionError("the output did not settle")
