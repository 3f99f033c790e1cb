"""A run around its suites: reports without secrets, replay, time limits, interruption, cleaning up, servers without sign-in."""

import asyncio
import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx2
import pytest

from conformance import bundle, report, run
from conformance.evidence import Exchange
from conformance.report import FORMATS
from conformance.run import Report
from gateway import ehr_face
from gateway.sandbox_ehrs.ehr import SandboxEhr
from r4 import codec
from r4.validate import validate
from tests.mutants import tables
from tests.mutants.world import BASE, judged, open_ehr

OPENING = ("access_token", "refresh_token", "id_token", "client_assertion", "code_verifier", "client_secret",
           "registration_access_token", "launch")  # fmt: skip


@pytest.fixture(scope="module")
def ehr() -> Iterator[SandboxEhr]:
    with open_ehr() as made:
        yield made


@pytest.fixture(scope="module")
def found(ehr: SandboxEhr) -> Report:
    """A run with failures of several suites, so that reports show evidence in full."""
    return judged(ehr, tables()["takes any verifier"](), suites=("smart", "writeback"))


def secrets_seen(exchanges: tuple[Exchange, ...]) -> set[str]:
    """Everything that opens something, found otherwise than the reports do: by its name, wherever it stands."""
    seen: set[str] = set()
    for each in exchanges:
        texts = [each.body.decode("utf-8", "replace")]
        for name in OPENING:
            seen.update(match for text in texts for match in re.findall(rf'"{name}"\s*:\s*"([^"]+)"', text))
        pairs = [
            *parse_qsl(urlsplit(each.headers.get("location", "")).query),
            *parse_qsl(each.content.decode("latin-1")),
        ]
        seen.update(value for name, value in pairs if name in (*OPENING, "code") and len(value) > 12)
        seen.add(each.sent.get("authorization", "").partition(" ")[2])
    return {value for value in seen if len(value) > 12}


def people_seen(exchanges: tuple[Exchange, ...]) -> set[str]:
    """Names, identifiers, birth dates, addresses and ids of every Patient that was answered."""
    seen: set[str] = set()
    for each in exchanges:
        for text in re.findall(r'\{"resourceType":\s*"Patient".*', each.body.decode("utf-8", "replace")):
            for name in ("family", "birthDate", "city", "postalCode"):
                seen.update(re.findall(rf'"{name}"\s*:\s*"([^"]+)"', text))
            seen.update(re.findall(r'"id"\s*:\s*"([0-9a-f-]{36})"', text))
        if "patients" in each.table:
            seen.update(str(patient[name]) for patient in each.table["patients"] for name in ("id", "name"))
    return {value for value in seen if len(value) >= 4}


def test_no_report_holds_a_secret_or_a_value_of_a_patient_that_was_seen(found: Report, tmp_path: Path) -> None:
    report.write(found, tmp_path, FORMATS)
    secrets, people = secrets_seen(found.exchanges), people_seen(found.exchanges)
    assert len(secrets) > 50
    assert len(people) > 10
    for file in tmp_path.iterdir():
        text = file.read_text()
        assert {value for value in secrets if value in text} == set(), file.name
        assert {value for value in people if re.search(rf"\b{re.escape(value)}\b", text)} == set(), file.name


def test_the_search_for_secrets_finds_one_that_is_there(found: Report) -> None:
    """The failing twin: what a bundle holds is what a report must not."""
    assert any(value in str(found.exchanges) for value in secrets_seen(found.exchanges))


def test_the_fhir_report_is_a_valid_test_report(found: Report, tmp_path: Path) -> None:
    report.write(found, tmp_path, ("fhir",))
    document = codec.parse((tmp_path / "conformance.TestReport.json").read_bytes())
    assert [issue for issue in validate(document) if issue.severity in ("error", "fatal")] == []
    assert document["result"] == "fail"
    assert any(issue.severity == "error" for issue in validate({**document, "status": "done"}))


def test_the_document_keeps_to_its_published_schema(found: Report) -> None:
    schema = json.loads((Path(report.__file__).parent / "schema.json").read_text())
    assert problems(schema, report.as_json(found)) == []
    broken = {**report.as_json(found), "summary": {"pass": "many"}}
    assert problems(schema, broken)


def problems(schema: Any, value: Any, place: str = "") -> list[str]:
    """What a value has against a schema: type, properties, required, items, enum, as far as the published one uses them."""
    kinds = {
        "object": dict,
        "array": list,
        "string": str,
        "number": (int, float),
        "integer": int,
        "boolean": bool,
        "null": type(None),
    }
    allowed = schema.get("type", list(kinds))
    allowed = [allowed] if isinstance(allowed, str) else allowed
    if not any(isinstance(value, kinds[each]) for each in allowed):
        return [f"{place} is no {allowed}"]
    found = [f"{place} is none of {schema['enum']}"] if "enum" in schema and value not in schema["enum"] else []
    if isinstance(value, dict):
        found += [f"{place}.{name} is missing" for name in schema.get("required", ()) if name not in value]
        for name, each in value.items():
            below = schema.get("properties", {}).get(name, schema.get("additionalProperties", True))
            if below is False:
                found.append(f"{place}.{name} is not in the schema")
            elif below is not True:
                found += problems(below, each, f"{place}.{name}")
    if isinstance(value, list) and "items" in schema:
        found += [
            problem for n, each in enumerate(value) for problem in problems(schema["items"], each, f"{place}[{n}]")
        ]
    return found


def test_a_bundle_is_judged_as_the_server_was(found: Report, tmp_path: Path) -> None:
    key = bundle.load_key(tmp_path / "lab.json", create=True)
    sealed = bundle.seal(found, key)
    again = bundle.open_bundle(sealed, key)
    assert [(each.id, each.result, each.problems) for each in again.checks] == [
        (each.id, each.result, each.problems) for each in found.checks
    ]
    assert report.as_json(again) == report.as_json(found)
    assert len(again.exchanges) >= len(found.exchanges)
    assert not any(value.encode() in sealed for value in secrets_seen(found.exchanges))


def test_what_a_run_made_is_taken_away_again(ehr: SandboxEhr) -> None:
    transport = httpx2.ASGITransport(app=ehr_face.application([ehr]))
    found = asyncio.run(run(BASE, writes=True, transport=transport))
    assert found.left == ()
    made = {
        each.headers.get("location", "")
        for each in found.exchanges
        if each.status == 201 and "/Observation/" in each.headers.get("location", "")
    }
    assert made
    gone = {each.url for each in found.exchanges if each.method == "DELETE"}
    assert {location.partition("/_history")[0] for location in made} <= gone
    assert any("/auth/manage" in url or "/register" in url for url in gone)


class Stubborn(httpx2.AsyncBaseTransport):
    """Our EHR, with one thing about it changed."""

    def __init__(self, ehr: SandboxEhr) -> None:
        self.inner = httpx2.ASGITransport(app=ehr_face.application([ehr]))
        self.asked = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.asked += 1
        return await self.inner.handle_async_request(request)


class KeepsAll(Stubborn):
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "DELETE":
            return httpx2.Response(403)
        return await super().handle_async_request(request)


class FallsSilent(Stubborn):
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if self.asked == 20:
            self.asked += 1
            await asyncio.sleep(60)
        return await super().handle_async_request(request)


def test_what_cannot_be_taken_away_is_said(ehr: SandboxEhr) -> None:
    found = asyncio.run(run(BASE, suites=["writeback"], writes=True, transport=KeepsAll(ehr)))
    assert any(line.endswith(" Observation") for line in found.left)
    assert "could not be taken away" in text_of(found)


def test_at_the_deadline_the_report_says_that_it_is_not_whole(ehr: SandboxEhr) -> None:
    found = asyncio.run(run(BASE, deadline=3.0, transport=FallsSilent(ehr)))
    assert (found.complete, found.failed) == (False, True)
    assert "the deadline passed" in found.stopped
    assert found.summary["pass"] > 0
    assert found.seconds < 50


def test_an_interrupted_run_leaves_what_it_has(ehr: SandboxEhr) -> None:
    async def interrupted() -> Report:
        task = asyncio.create_task(run(BASE, transport=FallsSilent(ehr)))
        await asyncio.sleep(2)
        task.cancel()
        return await task

    found = asyncio.run(interrupted())
    assert "interrupted" in found.stopped
    assert not found.complete
    assert found.summary["pass"] > 0


def text_of(found: Report) -> str:
    from rich.console import Console

    console = Console(record=True, width=100, file=io.StringIO())
    report.print_table(found, console)
    return console.export_text()


def test_requests_keep_to_the_rate(ehr: SandboxEhr) -> None:
    from conformance.probe import Probe, Wire, open_client

    async def asked() -> float:
        wire = Wire(rate=20)
        async with open_client(wire, Stubborn(ehr)) as client:
            probe = Probe(BASE, client=client, wire=wire)
            await asyncio.gather(*(probe.send("GET", "metadata") for _ in range(6)))
        return probe.exchanges[-1].at - probe.exchanges[0].at

    assert asyncio.run(asked()) >= 0.24


class NobodyLaunches(Stubborn):
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.url.path.endswith("/launch"):
            return httpx2.Response(500, json=["not", "what", "was", "asked"])
        return await super().handle_async_request(request)


class Babbles(Stubborn):
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer = await super().handle_async_request(request)
        return httpx2.Response(200, json=[[]]) if request.url.path.endswith("/Patient") else answer


class HangsUp(Stubborn):
    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        if request.method == "PUT":
            raise httpx2.ReadError("reset")
        return await super().handle_async_request(request)


@pytest.mark.parametrize(("kind", "suite"), [(NobodyLaunches, "access"), (HangsUp, "writeback")])
def test_a_run_that_could_not_see_what_it_came_for_is_no_success(
    ehr: SandboxEhr, kind: type[Stubborn], suite: str
) -> None:
    found = asyncio.run(run(BASE, suites=[suite], writes=True, transport=kind(ehr)))
    assert found.stopped
    assert (found.complete, found.failed) == (False, True)


def test_answers_that_nobody_can_read_end_a_part_and_not_the_run(ehr: SandboxEhr) -> None:
    found = asyncio.run(run(BASE, suites=["access", "bulk"], transport=Babbles(ehr)))
    assert any(item.suite == "bulk" and item.result == "pass" for item in found.checks)
    assert found.failed


PLAIN = {
    "/fhir/metadata": {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1", "format": ["json"], "rest": [{}]},
    "/fhir/Patient": {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": {"resourceType": "Patient", "id": id}} for id in "ab"]},
    "/fhir/Patient/a": {"resourceType": "Patient", "id": "a"}, "/fhir/Patient/b": {"resourceType": "Patient", "id": "b"},
}  # fmt: skip


def plain(request: httpx2.Request) -> httpx2.Response:
    """A FHIR server that asks nobody who they are."""
    body = PLAIN.get(request.url.path)
    return httpx2.Response(200, json=body) if body else httpx2.Response(404, json={"resourceType": "OperationOutcome"})


def test_a_plain_fhir_server_is_read_without_a_token_and_told_what_it_lacks() -> None:
    found = asyncio.run(
        run("http://plain.example/fhir", suites=["smart", "access"], transport=httpx2.MockTransport(plain))
    )
    results = {item.id: item.result for item in found.checks}
    assert results["metadata_is_r4"] == "pass"
    assert results["discovery_is_complete"] == "fail"
    assert "error" not in results.values()
    assert any("without a token" in line for line in found.stopped)
