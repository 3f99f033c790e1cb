"""Random interactions under random grants of one patient, judged over the raw store by ``tests.property.oracle``.

And their failing twins: the same properties find a counterexample as soon as one function of the guard lets through.
"""

import asyncio
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection

from auth import scopes
from auth.access import decide
from auth.server import grants
from auth.server.grants import Context
from tests.fuzz.records import CANARY, records
from tests.fuzz.wire import Got, Sent, pass_through
from tests.fuzz.world import EHR, FHIR, World, build
from tests.property.oracle import Oracle, resources_in

RECORDS = records()
TYPES = sorted({each["resourceType"] for each in RECORDS})
NAMES = [f"{each['resourceType']}/{each['id']}" for each in RECORDS]
TOKEN = "property-token-" + "t" * 30
RELAXED = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@pytest.fixture(scope="module")
def world() -> Iterator[tuple[World, asyncio.Runner]]:
    with asyncio.Runner() as runner:
        made, _ = runner.run(build())
        yield made, runner
        made.close()


# --- what is drawn ---------------------------------------------------------------------------------------------------

scope = st.builds(
    lambda context, type, actions, query: f"{context}/{type}.{actions}{query if type == 'Observation' else ''}",
    st.sampled_from(["patient", "patient", "user"]), st.sampled_from(["*", "*", "Observation", "Patient", *TYPES]),
    st.sampled_from(["cruds", "cruds", "rs", "r", "s", "c", "u", "cud", "d"]), st.sampled_from(["", "", "?category=laboratory"]),
)  # fmt: skip
grant = st.lists(scope, min_size=1, max_size=3)
patient_reference = st.sampled_from([
    "Patient/p1", "Patient/p1", "Patient/p2", f"{FHIR}/Patient/p2", "Patient/p2/_history/1", "https://other.example/fhir/Patient/p2", "#p", "Patient/p3",
])  # fmt: skip
search_value = st.sampled_from([
    "p1", "p2", "Patient/p2", "Patient/p1,Patient/p2", f"{FHIR}/Patient/p2", "", "true", "canary", CANARY, "8867-4", "Observation:subject",
    "Observation:performer", "DiagnosticReport:result", "*", "ge2000", "-date", "Encounter/e2", "o20", "0", "100", "laboratory", "1",
])  # fmt: skip
search_name = st.sampled_from([
    "patient", "subject", "subject:Patient", "patient:missing", "patient:not", "performer", "_id", "code", "category", "date", "encounter", "_include",
    "_revinclude", "_include:iterate", "_count", "_sort", "_total", "_summary", "_has:Observation:patient:code", "subject.name", "name", "target",
    "_elements", "identifier", "beneficiary", "actor", "member", "_lastUpdated", "_cursor", "_type",
])  # fmt: skip
query = st.lists(st.tuples(search_name, search_value), max_size=3)


@st.composite
def body(draw: st.DrawFn, id: str | None = None) -> dict[str, Any]:
    """One of the records, of whoever it is, with some of its patients changed and some added."""
    text = json.dumps(draw(st.sampled_from(RECORDS))).replace(CANARY, "mine")
    made = json.loads(re.sub(r'"Patient/p[12]"', lambda match: json.dumps(draw(patient_reference)), text))
    extra = {"reference": draw(patient_reference)}
    place = draw(
        st.sampled_from(["", "", "performer", "author", "subject", "patient", "participant", "focus", "basedOn"])
    )
    if place:
        made[place] = {
            "participant": [{"member": extra, "actor": extra, "status": "accepted"}],
            "subject": extra,
            "patient": extra,
        }.get(place, [extra])
    if id is not None:
        made["id"] = draw(st.sampled_from([id, id, "p2", "o20"]))
    return dict(made)


patch = st.lists(
    st.one_of(
        st.builds(lambda op, path, value: {"op": op, "path": path, "value": value}, st.sampled_from(["replace", "add", "test"]),
                  st.sampled_from(["/subject/reference", "/subject", "/patient", "/status", "/performer", "/note/0/text", "", "/id", "/beneficiary"]),
                  st.sampled_from(["Patient/p2", {"reference": "Patient/p2"}, "amended", [{"reference": "Patient/p2"}], {"reference": "Patient/p1"}])),
        st.builds(lambda op, source, path: {"op": op, "from": source, "path": path}, st.sampled_from(["move", "copy"]),
                  st.sampled_from(["/subject", "/note", "/code"]), st.sampled_from(["/focus", "/subject", "/performer/0"])),
    ), min_size=1, max_size=2,
)  # fmt: skip


@dataclass(frozen=True)
class Ask:
    """One interaction, before it is written as a request or as an entry."""

    method: str
    url: str
    body: Any = None
    kind: str = "application/fhir+json"

    def sent(self, token: str = TOKEN) -> Sent:
        path, _, said = self.url.partition("?")
        headers = (
            (b"authorization", f"Bearer {token}".encode()),
            (b"content-type", self.kind.encode()),
            (b"prefer", b"return=representation"),
        )
        content = (
            self.body
            if isinstance(self.body, bytes)
            else json.dumps(self.body).encode()
            if self.body is not None
            else b""
        )
        return Sent(
            method=self.method,
            path=f"{EHR}/fhir/{path}".rstrip("/"),
            query=said.encode(),
            headers=headers,
            body=content,
        )


@st.composite
def simple(draw: st.DrawFn) -> Ask:
    """An interaction with one resource or type."""
    name, asked = draw(st.sampled_from(NAMES)), urlencode(draw(query))
    kind = name.split("/")[0]
    what = draw(
        st.sampled_from(
            [
                "read",
                "vread",
                "history",
                "search",
                "search",
                "compartment",
                "everything",
                "create",
                "update",
                "upsert",
                "patch",
                "delete",
                "conditional",
            ]
        )
    )
    if what == "create":
        made = draw(body())
        return Ask("POST", made["resourceType"], made)
    if what in ("update", "upsert"):
        id = name.split("/")[1] if what == "update" else draw(st.sampled_from(["new-one", "new-two"]))
        made = draw(body(id))
        return Ask("PUT", f"{kind if what == 'update' else made['resourceType']}/{id}", made)
    if what == "conditional":
        method = draw(st.sampled_from(["PUT", "DELETE", "PATCH"]))
        return Ask(method, f"{kind}?{asked}", draw(body()) if method == "PUT" else draw(patch) if method == "PATCH" else None,
                   "application/json-patch+json" if method == "PATCH" else "application/fhir+json")  # fmt: skip
    return {
        "read": Ask("GET", name), "vread": Ask("GET", f"{name}/_history/1"), "history": Ask("GET", draw(st.sampled_from([f"{name}/_history", f"{kind}/_history", "_history"]))),
        "search": Ask("GET", f"{kind}?{asked}"), "compartment": Ask("GET", f"Patient/{draw(st.sampled_from(['p1', 'p2']))}/{kind}?{asked}"),
        "everything": Ask("GET", f"Patient/{draw(st.sampled_from(['p1', 'p2']))}/$everything"), "delete": Ask("DELETE", name),
        "patch": Ask("PATCH", name, draw(patch), "application/json-patch+json"),
    }[what]  # fmt: skip


@st.composite
def bundle(draw: st.DrawFn) -> Ask:
    asks = [each for each in draw(st.lists(simple(), min_size=1, max_size=3)) if each.method != "PATCH"]
    entries = [
        {"request": {"method": each.method, "url": each.url}, **({"resource": each.body} if each.body else {})}
        for each in asks
    ]
    return Ask(
        "POST",
        "",
        {"resourceType": "Bundle", "type": draw(st.sampled_from(["batch", "transaction"])), "entry": entries},
    )


@st.composite
def form_search(draw: st.DrawFn) -> Ask:
    return Ask(
        "POST",
        f"{draw(st.sampled_from(TYPES))}/_search",
        urlencode(draw(query)).encode(),
        "application/x-www-form-urlencoded",
    )


asks = st.lists(st.one_of(simple(), simple(), simple(), bundle(), form_search()), min_size=1, max_size=5)

# --- how it is judged ------------------------------------------------------------------------------------------------


def _granted(connection: Connection, now: float, words: list[str]) -> None:
    said = " ".join(words)
    context = Context(patient="p1", user="Patient/p1")
    grants.save_grant(connection, now, id="g-property", client_id="public", scopes=scopes.parse(said), context=context)
    grants.save_access(connection, now, token=TOKEN, grant="g-property", scopes=said, life=1e6)


def _types(words: list[str], letters: str) -> set[str]:
    """The types that the written scopes open for one of the letters; ``*`` for all."""
    found = set()
    for each in words:
        match = re.fullmatch(r"\w+/([\w*]+)\.(\w+)(\?.*)?", each)
        assert match is not None
        found |= {match[1]} if set(match[2]) & set(letters) else set()
    return found


def _wrong(oracle: Oracle, got: Got, words: list[str], before: dict[Any, Any], after: dict[Any, Any]) -> list[str]:
    """What one answer shows that it may not, by the rows before and after it."""
    found = ["the other patient's mark is in the answer"] if CANARY.encode() in got.body else []
    found += [f"answered {got.status}"] if got.status >= 500 and got.status != 501 else []
    open_types = _types(words, "rs")
    rows = {**before, **after}
    for resource in resources_in(json.loads(got.body)) if got.body else ():
        kind = str(resource.get("resourceType"))
        if kind in ("OperationOutcome", "CapabilityStatement", "Bundle"):
            continue
        if not {"*", kind} & open_types:
            found.append(f"shows a {kind} without a scope for it")
        if not (oracle.may_see(resource, "p1", before) or oracle.may_see(resource, "p1", rows)):
            found.append(f"shows {kind}/{resource.get('id')}")
    return found


def play(world: World, runner: asyncio.Runner, words: list[str], said: list[Ask]) -> list[str]:
    """A sequence of interactions in a world that forgets them afterwards; what was wrong with any."""
    oracle, found = Oracle(world.database.raw), list[str]()

    async def go() -> None:
        await world.database.run(lambda connection, now: _granted(connection, now, words))
        first, olden = oracle.rows(), oracle.versions()
        for ask in said:
            before = oracle.rows()
            got = await pass_through(world.app, ask.sent())
            after = oracle.rows()
            found.extend(f"{ask.method} {ask.url}: {wrong}" for wrong in _wrong(oracle, got, words, before, after))
            found.extend(oracle.changes("p1", before, after))
            written = {key[0] for key in before.keys() | after.keys() if before.get(key) != after.get(key)}
            found.extend(f"wrote {kind} without a scope" for kind in written if not {"*", kind} & _types(words, "cud"))
        if {key: row for key, row in oracle.versions().items() if key in olden} != olden or (
            first and not oracle.rows()
        ):
            found.append("an earlier version was changed")

    with world.database.one_request():
        runner.run(go())
    return found


Place = tuple[World, asyncio.Runner]


@RELAXED
@given(words=grant, said=asks)
def test_nothing_of_another_patient_is_returned_or_stored(world: Place, words: list[str], said: list[Ask]) -> None:
    assert play(*world, words, said) == []


HOLES: dict[str, Any] = {
    "_reaches": lambda *_: True,
    "fhir_scopes": lambda grant: scopes.parse("patient/*.cruds"),
}
"""Functions of ``auth.access.decide``, and what lets everything through instead."""


@pytest.mark.parametrize("hole", HOLES)
def test_a_guard_that_lets_through_is_found_out(world: Place, hole: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decide, hole, HOLES[hole])

    @settings(RELAXED, max_examples=1500, database=None, phases=[Phase.generate])
    @given(words=grant, said=asks)
    def property(words: list[str], said: list[Ask]) -> None:
        assert play(*world, words, said) == []

    with pytest.raises(AssertionError):
        property()
