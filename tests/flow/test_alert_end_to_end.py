"""A wrong unit in the feed, all the way: the input monitor, both teams told by webhook, Task and page, in hand, settled."""

import asyncio
import base64
import hashlib
import hmac
import http.server
import json
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest

from gateway.model_folders.models import SHIPPED, load
from gateway.people import sessions
from gateway.processes import process
from gateway.processes.process import Options, Running
from monitoring import observations
from monitoring.alerting import handling, marks
from monitoring.alerting.routing import Route, Table
from monitoring.entries import UNUSABLE, Observed, pack_cells
from tests import web
from vocabulary.alert import Alert

SECRET = b"end to end: thirty-two bytes ok!"
EVERY = ("info", "warning", "critical")
FEATURES = len(load(SHIPPED / "news2").manifest.features)


class Receiver(http.server.BaseHTTPRequestHandler):
    """A pager of another house: it takes what is signed with the secret that both know, and nothing else."""

    taken: list[dict[str, Any]] = []  # noqa: RUF012 -- one receiver a test module

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        signed = f"{self.headers['webhook-id']}.{self.headers['webhook-timestamp']}.".encode() + body
        expected = base64.b64encode(hmac.new(SECRET, signed, hashlib.sha256).digest()).decode()
        fresh = abs(time.time() - int(self.headers["webhook-timestamp"])) < 300
        good = fresh and f"v1,{expected}" in self.headers["webhook-signature"].split(" ")
        if good:
            self.taken.append(json.loads(body))
        self.send_response(204 if good else 401)
        self.end_headers()

    def log_message(self, *args: Any) -> None: ...


@pytest.fixture
def pager() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Receiver)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/hook"
    server.shutdown()
    server.server_close()


def ward_day(count: int, *, wrong: float, begin: int) -> list[Observed]:
    """Outputs of so many encounters; in this share the first feature came in a unit that cannot be converted."""
    every = int(1 / wrong) if wrong else 0
    return [
        Observed(
            output=f"{begin + n:064x}", model="news2", version="1.0.0", ehr="spec", encounter=f"{begin + n:032x}",
            features=pack_cells([
                UNUSABLE if every and n % every == 0 else 14.0 + n % 7,
                *[float(60 + (n * 7 + k) % 30) for k in range(FEATURES - 1)],
            ]),
            value=float(n % 6), score=float(n % 6),
        )
        for n in range(count)
    ]  # fmt: skip


async def fold(running: Running, told: list[Observed]) -> None:
    """The monitors are told, and the evaluator has folded it."""
    run = running.gateway.run
    for start in range(0, len(told), 500):
        await run(lambda c, now, part=told[start : start + 500]: observations.append(c, now, part))
    for _ in range(600):
        await asyncio.sleep(0.1)
        if not await run(lambda c, now: observations.find_entries(c, now, after=_cursor(c, now), before=now)):
            return


def _cursor(connection: Any, now: float) -> tuple[float, int]:
    from sqlalchemy import select

    from monitoring.tables import evaluator

    row = connection.execute(select(evaluator.c.at, evaluator.c.entry)).first()
    return (row.at, row.entry) if row else (0.0, 0)


async def until(found: Any, patience: float = 20.0) -> Any:
    """What a coroutine gives once it gives something."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        if value := await found():
            return value
        await asyncio.sleep(0.1)
    raise AssertionError("it did not come in time")


def test_a_wrong_unit_reaches_both_teams_and_is_settled(tmp_path: Path, pager: str) -> None:
    (tmp_path / "pager.secret").write_text("whsec_" + base64.b64encode(SECRET).decode())
    table = Table(everywhere=(
        Route(owner="engineering", severities=EVERY, sink="webhook", to=pager, secret=str(tmp_path / "pager.secret"),
              networks=("127.0.0.0/8",)),
        Route(owner="clinical_informatics", severities=EVERY, sink="task", to="spec"),
        Route(owner="engineering", severities=EVERY, sink="task", to="spec"),
    ))  # fmt: skip

    async def run() -> None:
        async with process.running(tmp_path / "data", Options(port=0), lambda text: None) as running:
            gateway = running.gateway
            gateway.alerts.table = table
            await fold(running, ward_day(2100, wrong=0.0, begin=1))
            await fold(running, ward_day(600, wrong=0.1, begin=10_000))

            async def raised() -> list[Alert]:
                standing = await gateway.run(lambda c, now: handling.find_alerts(c, now, standing=True))
                return [each for each in standing if each.monitor == "M-IN-03" and each.source == "respiration_rate"]

            (alert,) = await until(raised)
            assert "engineering" in alert.owners

            async def told() -> list[dict[str, Any]]:
                return [each for each in Receiver.taken if each["subject"] == alert.id]

            assert (await until(told))[0]["type"] == "org.chartgate.alert.raised"
            reader = gateway.senders.sender("spec", "backend")

            async def task() -> Any:
                answer = await reader.send("GET", f"Task?identifier={gateway.keyring.namespace}/alert|{alert.id}")
                return json.loads(answer.body).get("entry") if answer.status == 200 else None

            assert (await until(task))[0]["resource"]["status"] == "requested"
            await gateway.alerts.marking.look()  # what a round does once a minute
            context = await gateway.run(lambda c, now: marks.find_markers(c, now, since=0.0, model="news2", ehr="spec"))
            whats = {each.what for each in context}
            assert {"version 1.0.0: first output", "thresholds: version 0"} <= whats
            await _settled_by_a_person(running, alert.id)
            await until(lambda: _ended(told))
            done = await until(lambda: _completed(task))
            assert done["output"][0]["type"]["text"] == "Resolution"
            await until(lambda: _audited(reader, f"{gateway.keyring.namespace}/alert", alert.id))

    asyncio.run(run())


async def _ended(told: Any) -> Any:
    return [each for each in await told() if each["type"].endswith("resolved")]


async def _audited(reader: Any, system: str, alert: str) -> bool:
    """The EHR holds an AuditEvent of each line of the story."""
    answer = await reader.send("GET", "AuditEvent?subtype=urn:chartgate:alert-event%7C&_count=200")
    entries = json.loads(answer.body).get("entry", [])
    about = {"system": system, "value": alert}
    found = {
        each["resource"]["subtype"][0]["code"]
        for each in entries
        if each["resource"]["entity"][0]["what"].get("identifier") == about
    }
    return found >= {"raised", "acknowledged", "resolved"}


async def _completed(task: Any) -> Any:
    resource = (await task())[0]["resource"]
    return resource if resource["status"] == "completed" else None


async def _settled_by_a_person(running: Running, id: str) -> None:
    """By the pages, signed in with the one-time link of another session."""
    secret = "a-session-of-the-staff"
    made = sessions.of_link(now=time.time())
    await running.gateway.run(lambda c, now: sessions.save_session(c, now, session=made, secret=secret))
    headers = {"cookie": f"{sessions.COOKIE}={secret}", "origin": running.app}
    async with httpx2.AsyncClient(base_url=running.app, headers=headers, **web.HOW) as browser:
        page = await browser.get(f"/alerts/{id}")
        assert "Missing values, unseen codes, unusable units" in page.text
        assert (
            await browser.post(f"/alerts/{id}/acknowledge", data={"note": "asking the laboratory"})
        ).status_code == 303
        assert (await browser.post(f"/alerts/{id}/resolve", data={"note": "the mapping was mended"})).status_code == 303
