"""The data of the store's figures: patients with a year of observations each, the same for every server; and an embedded
installation filled with them."""

import json
import sys
import time
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, insert

from auth import scopes
from auth.server import grants
from auth.server import tables as auth_tables
from gateway.storage.database import open_sqlite
from sandbox import loading, tables
from sandbox.store import Rules

LOINC, UCUM = "http://loinc.org", "http://unitsofmeasure.org"
CODES = tuple(f"{8300 + number}-{number % 10}" for number in range(20))
CATEGORY = {"system": "http://terminology.hl7.org/CodeSystem/observation-category", "code": "vital-signs"}
EACH = 1000
"""Observations of one patient where a store is large."""
YEAR = 365 * 24 * 60
BASE = "http://127.0.0.1/ehr/spec/fhir"
WORDS = "patient/*.cruds"


def patient(number: int) -> dict[str, Any]:
    """A patient by number."""
    name = [{"family": f"Family{number % 997}", "given": [f"Given{number}"]}]
    mrn = {"system": "urn:bench:mrn", "value": f"mrn-{number}"}
    return {"resourceType": "Patient", "id": f"p{number}", "identifier": [mrn], "name": name, "gender": "female"}


def observation(of: int, each: int, *, named: str = "") -> dict[str, Any]:
    """An observation of 0.9 kB: the patient's number, and which of that patient's it is; ``named`` is its id."""
    minute = (each * 7919 + of * 31) % YEAR
    day, rest = divmod(minute, 24 * 60)
    moment = time.strftime("%Y-%m-%d", time.gmtime(1735689600 + day * 86400))
    code = {"system": LOINC, "code": CODES[each % len(CODES)], "display": "A vital sign of this patient"}
    unit = {"value": 60 + (each * 13 + of) % 400 / 10, "unit": "/min", "system": UCUM, "code": "/min"}
    return {
        "resourceType": "Observation", **({"id": named} if named else {}), "status": "final",
        "identifier": [{"system": "urn:bench", "value": f"{of}-{each}"}], "category": [{"coding": [CATEGORY]}],
        "code": {"coding": [code], "text": "A vital sign"}, "subject": {"reference": f"Patient/p{of}"},
        "effectiveDateTime": f"{moment}T{rest // 60:02}:{rest % 60:02}:00Z", "valueQuantity": unit,
        "note": [{"text": "The measured value is within what was expected for this patient at this time of day."}],
    }  # fmt: skip


_MARK = "\0"


@cache
def _shape(of: int, kind: int) -> tuple[bytes, bytes]:
    """One of ``KINDS`` observations of a patient as it is sent, before and after its number."""
    body = observation(of, kind)
    body["identifier"][0]["value"] = f"{of}-{_MARK}"
    before, _, after = json.dumps(body).partition(json.dumps(_MARK)[1:-1])
    return before.encode(), after.encode()


KINDS = 200
"""Observations of a patient that a client has at hand, as a load generator has: to make one takes as long as to send it."""


def posted(of: int, each: int) -> bytes:
    """What a client posts: an observation whose identifier no other has."""
    return (b"%d" % each).join(_shape(of, each % KINDS))


def resources(patients: int, each: int) -> Iterator[dict[str, Any]]:
    """Every patient, with the observations ``o{patient}-{number}``."""
    for of in range(patients):
        yield patient(of)
        for number in range(each):
            yield observation(of, number, named=f"o{of}-{number}")


def token(of: int) -> str:
    """The bearer that may do everything to one patient's record."""
    return f"bench-{of}".ljust(43, "b")


def fill(directory: Path, patients: int, each: int, *, bearers: int = 16) -> None:
    """An installation's ``spec`` EHR with these resources, seeded with nothing else, and tokens of the first patients."""
    directory.mkdir(mode=0o700, exist_ok=True)
    database = open_sqlite(directory / "ehr-spec.db", metadata=[auth_tables.metadata, tables.metadata])
    database.run_now(lambda connection, now: _prepare(connection, now, bearers))
    database.run_now(lambda connection, now: [index.drop(connection) for index in tables.terms.indexes])
    waiting, size, began = resources(patients, each), patients * (each + 1), time.monotonic()
    rules = Rules(base=BASE, new_id=lambda: "", references="free")
    done = 0
    while count := database.run_now(lambda c, now: loading.load(c, now, _some(waiting), rules)):
        done += count
        if sys.stderr.isatty() or done % 200_000 < count:
            print(f"  {done:,} of {size:,} resources loaded, {time.monotonic() - began:.0f} s", file=sys.stderr)
    print("  indexing", file=sys.stderr)
    database.run_now(lambda connection, now: [index.create(connection) for index in tables.terms.indexes])
    database.close()


def _some(waiting: Iterator[dict[str, Any]], count: int = 20_000) -> Iterator[dict[str, Any]]:
    for _ in range(count):
        if (one := next(waiting, None)) is None:
            return
        yield one


def _prepare(connection: Connection, now: float, bearers: int) -> None:
    connection.execute(insert(tables.settings).values(name="seeded", value=str(int(now))))
    for of in range(bearers):
        context = grants.Context(patient=f"p{of}")
        grants.save_grant(connection, now, id=f"g{of}", client_id="bench", scopes=scopes.parse(WORDS), context=context)
        grants.save_access(connection, now, token=token(of), grant=f"g{of}", scopes=WORDS, life=86400)


def transaction(of: int, first: int, size: int) -> bytes:
    """A transaction that creates so many observations of a patient."""
    entries = [
        {"resource": observation(of, first + each), "request": {"method": "POST", "url": "Observation"}}
        for each in range(size)
    ]
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()


def loading_batch(bodies: list[dict[str, Any]]) -> bytes:
    """A transaction that puts resources at their ids, for a server that is filled over HTTP."""
    entries = [
        {"resource": body, "request": {"method": "PUT", "url": f"{body['resourceType']}/{body['id']}"}}
        for body in bodies
    ]
    return json.dumps({"resourceType": "Bundle", "type": "transaction", "entry": entries}).encode()


def size_of(directory: Path) -> float:
    """Megabytes of the store's file."""
    return sum(path.stat().st_size for path in directory.glob("ehr-spec.db*")) / 1e6
