"""What was exported is loaded as it was, through the socket of a running server; and what a file may not do to a load."""

import asyncio
import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from gateway.cli.load import Loading
from gateway.processes.server import SOCKET_NAME
from gateway.routes import control
from gateway.sandbox_ehrs.load_files import LONGEST, sources
from gateway.storage.database import Sqlite, open_sqlite
from r4 import codec
from sandbox import tables
from tests.command import chartgate
from tests.flow.bulk_world import RECORDS, World, drive

PATIENT = {"resourceType": "Patient", "id": "one", "gender": "female"}


def empty(path: Path) -> Sqlite:
    """The store of an EHR that has been used and holds nothing."""
    database = open_sqlite(path, metadata=[tables.metadata])
    database.run_now(lambda c, now: c.exec_driver_sql("INSERT INTO fhir_settings (name, value) VALUES ('seeded', '0')"))
    return database


@contextmanager
def served(data: Path, ehr: Sqlite) -> Iterator[None]:
    """The control socket of an installation whose server holds the EHR's database."""
    app = control.app(ehr, {"spec": ehr}, {})
    server = uvicorn.Server(uvicorn.Config(app, uds=str(data / SOCKET_NAME), log_level="error", lifespan="off"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield
    finally:
        server.should_exit = True
        thread.join()


def stored(database: Sqlite) -> dict[str, Any]:
    rows = database.run_now(lambda c, now: c.exec_driver_sql("SELECT type, id, body FROM fhir_resources").all())
    return {f"{type}/{id}": {k: v for k, v in codec.parse(body).items() if k != "meta"} for type, id, body in rows}


def load(data: Path, *files: Path) -> tuple[list[dict[str, Any]], list[str]]:
    loading = Loading(data, "spec")
    return [loading.file(source, quiet=True) for source in sources(list(files))], loading.dangling()


def test_an_export_is_loaded_into_another_ehr_as_it_was(tmp_path: Path) -> None:
    files = tmp_path / "files"
    files.mkdir()

    async def act(world: World) -> None:
        for part in (await world.ended(await world.begin("$export")))["output"]:
            name = part["url"].rpartition("/")[2]
            await asyncio.to_thread((files / name).write_bytes, (await world.send("GET", part["url"])).content)

    drive(act)
    database = empty(tmp_path / "ehr-spec.db")
    with served(tmp_path, database):
        reports, dangling = load(tmp_path, files)
        again, _ = load(tmp_path, files)
    assert dangling == []
    assert sum(each["created"] for each in reports) == len(RECORDS)
    assert sum(each["unchanged"] for each in again) == len(RECORDS)
    assert stored(database) == {f"{each['resourceType']}/{each['id']}": each for each in RECORDS}
    database.close()


def test_a_line_that_is_too_long_or_not_utf_8_is_refused_and_the_next_is_loaded(tmp_path: Path) -> None:
    empty(tmp_path / "ehr-spec.db").close()
    file = tmp_path / "a.ndjson"
    family = b'{"resourceType": "Patient", "id": "two", "name": [{"family": "M\xfcller"}]}\n'
    file.write_bytes(b'{"x": "' + b"x" * (2 * LONGEST) + b'"}\n' + family + json.dumps(PATIENT).encode())
    report = load(tmp_path, file)[0][0]
    assert (report["created"], report["refused_total"]) == (1, 2)
    assert [(each["line"], each["text"]) for each in report["refused"]] == [
        (1, f"has more than {LONGEST} bytes"), (2, "The body is not UTF-8."),
    ]  # fmt: skip


def test_entries_without_id_have_that_of_their_name_and_names_of_nothing_are_told(tmp_path: Path) -> None:
    empty(tmp_path / "ehr-spec.db").close()
    uuid = "7f2c1b9e-6a54-4c1b-9a55-0d2f3d6f1a10"
    nobody = "urn:uuid:00000000-0000-4000-8000-000000000000"

    def observation(subject: str) -> dict[str, Any]:
        return {"resourceType": "Observation", "status": "final", "code": {"text": "t"},
                "subject": {"reference": subject}}  # fmt: skip

    entries: list[dict[str, Any]] = [
        {"fullUrl": f"urn:uuid:{uuid}", "resource": {"resourceType": "Patient"}},
        {"resource": {**observation(f"urn:uuid:{uuid}"), "id": "o1"}},
        {"resource": {**observation(nobody), "id": "o2"}},
        {"request": {"method": "DELETE", "url": "Patient/one"}},
    ]
    file = tmp_path / "b.json"
    file.write_text(json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}))
    reports, dangling = load(tmp_path, file)
    assert (reports[0]["created"], [each["line"] for each in reports[0]["refused"]]) == (3, [4])
    assert dangling == [nobody]
    assert load(tmp_path, file)[0][0]["unchanged"] == 3


def test_a_full_disk_ends_the_load_with_a_sentence(tmp_path: Path) -> None:
    database = empty(tmp_path / "ehr-spec.db")
    file = tmp_path / "a.ndjson"
    file.write_text(json.dumps({**PATIENT, "address": [{"text": "x" * 400_000}]}))
    with served(tmp_path, database):
        database.run_now(lambda c, now: c.exec_driver_sql("PRAGMA max_page_count = 60"))
        done = chartgate("load", str(file), "--data", str(tmp_path))
        assert (done.returncode, "there is no room" in done.stderr) == (3, True)
        assert stored(database) == {}
        database.run_now(lambda c, now: c.exec_driver_sql("PRAGMA max_page_count = 100000"))
        assert load(tmp_path, file)[0][0]["created"] == 1
    database.close()
