"""What leaks of the server behind, and what it can make us do: addresses, its own words, redirects."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from gateway import ehr_face
from sandbox.upstream import opened
from tests.abuse import holes_of_requests
from tests.abuse.sign_in import FULL, backend, token
from tests.abuse.target import Target

WORDS = (
    b"HAPI",
    b"ca.uhn",
    b"Hibernate",
    b"Traceback",
    b"sqlalchemy",
    b"sqlite",
    b"SELECT ",
    b"INSERT ",
    b"org.h2",
    b".java",
    str(Path(__file__).resolve().parents[2]).encode(),
    b"/tmp/",
)


def addresses(target: Target) -> list[str]:
    chart = target.chart
    new = chart.new()
    requests: list[tuple[str, str, dict[str, Any]]] = [
        ("GET", "Observation?_count=1", {}), ("GET", chart.ref("Observation/o1"), {}), ("GET", f"{chart.ref('Observation/o1')}/_history", {}),
        ("GET", "Observation?_include=Observation:subject&_count=1", {}), ("GET", "metadata", {}), ("GET", "Observation/x", {}),
        ("GET", "Observation?date=nonsense", {}), ("GET", "Observation?value-quantity=x", {}), ("GET", "Observation?_sort=x", {}), ("GET", "Nope/1", {}),
        ("GET", "Observation?code=%22%27;drop", {}), ("GET", "Observation?_lastUpdated=x", {}), ("GET", "Observation?_id=" + "a" * 5000, {}),
        ("POST", "Observation", {"document": new}), ("POST", "Observation", {"document": {**new, "status": "bogus"}}), ("POST", "Observation", {"document": {**new, "x": 1}}),
        ("POST", "Observation", {"document": chart.new(encounter={"reference": "Encounter/none"})}), ("POST", "Observation", {"document": {**new, "subject": chart.to("Patient/p2")}}),
        ("PUT", chart.ref("Observation/o1"), {"document": {**new, "id": chart.id("o1")}, "headers": [("if-match", 'W/"99"')]}),
        ("PUT", "Observation/1", {"document": {**new, "id": "1"}}), ("DELETE", chart.ref("Observation/o1"), {"headers": [("if-match", 'W/"99"')]}),
        ("PATCH", chart.ref("Observation/o1"), {"document": [{"op": "x"}], "type": "application/json-patch+json"}), ("GET", "Observation?_cursor=x", {}),
        ("POST", "", {"document": {"resourceType": "Bundle", "type": "transaction", "entry": [
            {"resource": new, "request": {"method": "POST", "url": "Observation"}}]}}), ("GET", "$everything", {}), ("POST", "Observation/$validate", {"document": new}),
        ("POST", "", {"document": {"resourceType": "Bundle", "type": "batch", "entry": [{"request": {"method": "GET", "url": "Observation/x"}}]}}),
    ]  # fmt: skip
    for bearer in (token(target, FULL), backend(target, "system/*.cruds")):
        for method, path, sent in requests:
            reply = target.fhir(method, path, bearer, never=(), **sent)
            whole = reply.body + str(reply.headers).encode()
            shown = [word for word in WORDS if word in whole and not (path == "metadata" and word == b"HAPI")]
            target.expect(not shown, f"{method} {path[:60]} shows {shown}")
            for name in ("location", "content-location"):
                said = reply.header(name)
                target.expect(
                    not said or said.startswith(f"{target.ehr.fhir}/"), f"{method} {path[:60]} has another {name}"
                )
    return target.problems


def test_a39_nothing_of_the_server_behind_leaves(target: Target) -> None:
    assert addresses(target) == []


def test_a39_twin_that_repeats_what_the_server_behind_says(holed: Any) -> None:
    assert addresses(holed(holes_of_requests.errors_are_repeated)) != []


@asynccontextmanager
async def _redirecting(secret: str, seen: list[str]) -> AsyncIterator[str]:
    """Two servers: the first sends everybody on to the second, which has what nobody should see."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, status: str, *more: str) -> None:
        line = await reader.readline()
        while await reader.readline() not in (b"\r\n", b""):
            pass
        body = json.dumps({"resourceType": "Patient", "id": "p", "name": [{"family": secret}]})
        seen.extend(["second"] if status.startswith("200") else [])
        head = [
            f"HTTP/1.1 {status}",
            "content-type: application/fhir+json",
            f"content-length: {len(body)}",
            "connection: close",
            *more,
        ]
        writer.write(("\r\n".join(head) + "\r\n\r\n" + body).encode() if line else b"")
        await writer.drain()
        writer.close()

    second = await asyncio.start_server(lambda r, w: answer(r, w, "200 OK"), "127.0.0.1", 0)
    place = f"location: http://127.0.0.1:{second.sockets[0].getsockname()[1]}/fhir/Patient/p"
    first = await asyncio.start_server(lambda r, w: answer(r, w, "307 Temporary Redirect", place), "127.0.0.1", 0)
    async with first, second:
        yield f"http://127.0.0.1:{first.sockets[0].getsockname()[1]}/fhir"


def redirects(target: Target, *, following: bool = False) -> list[str]:
    bearer = token(target, FULL)

    async def attack() -> list[str]:
        seen: list[str] = []
        async with (
            _redirecting(target.chart.secret, seen) as base,
            opened(upstream=base, base=target.ehr.fhir, new_id=target.ehr.new_id) as upstream,
        ):
            if following:
                upstream.session = holes_of_requests.Following(upstream.session)
            behind = replace(target, app=ehr_face.application([replace(target.ehr, upstream=upstream)]))
            for method, path in (
                ("GET", "Patient/p"),
                ("GET", "Patient"),
                ("DELETE", "Observation/x"),
                ("GET", "Observation?_count=1"),
            ):
                await behind.send(method, f"/fhir/{path}", token=bearer)
        return [f"a redirect was followed to the {each} server" for each in seen]

    followed = target.run(attack())
    target.problems = [
        each for each in target.problems if "was answered 50" not in each
    ]  # a server that redirects is none
    return [*target.problems, *followed]


def test_a39_a_redirect_of_the_server_behind_is_not_followed(target: Target) -> None:
    assert redirects(target) == []


def test_a39_twin_that_follows_redirects(holed: Any) -> None:
    assert redirects(holed(), following=True) != []
