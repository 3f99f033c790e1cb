"""Who may call what: every address of the running application has a row, and every kind of caller is let in or kept out as it says.

An address without a row fails, and so does a row without an address. product.md §6, "Who may do what".
"""

import asyncio
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2
import pytest

from auth.client.ehr import RegisteredEhr
from auth.client.oidc import Provider
from gateway import app_face, health
from gateway.people import apikeys, sessions
from gateway.routes import operations
from tests.flow.delivery_world import World, opened

ENGINEER, INFORMATICS = frozenset({"engineer"}), frozenset({"informatics"})
STAFF = ENGINEER | INFORMATICS
CLINICIAN = frozenset({"clinician"})
"""Signed in with the role, without a launch: no patient."""
LAUNCH, STRANGER = frozenset({"launch"}), frozenset({"stranger"})
"""A practitioner's launch with the output's patient, and one with another patient."""
LAUNCHES = LAUNCH | STRANGER
ANONYMOUS = frozenset({"anonymous"})
PEOPLE = STAFF | CLINICIAN | LAUNCHES
ELSEWHERE = "https://elsewhere.example"


@dataclass(frozen=True, kw_only=True)
class Row:
    """``keys`` are the scopes of which one is enough; ``people`` those whose session is. ``hidden``: to whoever may not, it is
    as if it were not there. ``body`` is what is posted as JSON, ``form`` as a form. ``reads``: a post that changes nothing.
    ``bound`` says what staff that is bound to other EHRs gets: see ``BOUND``."""

    keys: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()
    anybody: bool = False
    hidden: bool = False
    body: Mapping[str, Any] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    reads: bool = False
    bound: str = ""

    @property
    def callers(self) -> frozenset[str]:
        return self.keys | self.people


def keys(*scopes: str, people: frozenset[str] = frozenset(), **more: Any) -> Row:
    return Row(keys=frozenset(scopes), people=people, **more)


ANYBODY, READERS = Row(anybody=True, bound="nobody"), ("deliveries.manage", "outputs.read")
REASON = {"reason": "seen"}
SILENCE = {"ehr": "spec", "until": "2090-01-01T00:00:00Z", "why": "seen"}
ACTION = {"ehr": "spec", "model": "gone", "action": "shadow", "why": "seen"}
"""Well made, and refused of everybody: too long a silence, a model that is not here."""
TABLE: Mapping[tuple[str, str], Row] = {
    ("GET", "/health/live"): ANYBODY,
    ("GET", "/health/ready"): keys("monitors.read", "metrics.read", people=PEOPLE | ANONYMOUS, bound="key"),
    ("GET", "/metrics"): keys("metrics.read", bound="key"),
    ("GET", "/api/openapi.json"): ANYBODY,
    ("POST", "/api/outputs"): keys("outputs.write", bound="key"),
    ("GET", "/api/outputs"): keys("outputs.read", people=PEOPLE, bound="rows"),
    ("POST", "/api/outputs/search"): keys("outputs.read", people=PEOPLE, reads=True, bound="rows"),
    ("GET", "/api/outputs/{id}"): keys("outputs.read", people=STAFF | LAUNCH, hidden=True, bound="item"),
    ("POST", "/api/outputs/{id}/correct"): keys("outputs.write", bound="key"),
    ("POST", "/api/outputs/{id}/resend"): keys("deliveries.manage", people=ENGINEER, bound="item"),
    ("POST", "/api/outputs/{id}/confirm"): keys(people=LAUNCH, body=REASON, bound="item"),
    ("POST", "/api/outputs/{id}/reject"): keys(people=LAUNCH, body=REASON, bound="item"),
    ("POST", "/api/outputs/{id}/amend"): keys(people=LAUNCH, body={**REASON, "status": "final"}, bound="item"),
    ("GET", "/api/deliveries"): keys(*READERS, people=STAFF, bound="rows"),
    ("GET", "/api/deliveries/{id}"): keys(*READERS, people=STAFF, bound="item"),
    ("POST", "/api/deliveries/{id}/resend"): keys("deliveries.manage", people=ENGINEER, bound="item"),
    ("POST", "/api/recalls"): keys("recall", bound="every"),
    ("GET", "/api/recalls"): keys("recall", people=STAFF, bound="every"),
    ("GET", "/api/recalls/{id}"): keys("recall", people=STAFF, bound="every"),
    ("GET", "/api/alerts"): keys("monitors.read", people=STAFF, bound="rows"),
    ("GET", "/api/alerts/{id}"): keys("monitors.read", people=STAFF, bound="item"),
    ("POST", "/api/alerts/{id}/acknowledge"): keys("alerts.manage", people=STAFF, bound="item"),
    ("POST", "/api/alerts/{id}/resolve"): keys("alerts.manage", people=STAFF, bound="item"),
    ("GET", "/api/silences"): keys("monitors.read", people=STAFF, bound="rows"),
    ("POST", "/api/silences"): keys("alerts.manage", people=STAFF, body=SILENCE, bound="named"),
    ("GET", "/api/actions"): keys("monitors.read", people=STAFF, bound="rows"),
    ("POST", "/api/actions"): keys("alerts.manage", people=STAFF, body=ACTION, bound="named"),
    ("POST", "/api/actions/{id}/lift"): keys("alerts.manage", people=STAFF, bound="item"),
    ("GET", "/api/monitors"): keys("monitors.read", people=STAFF, bound="rows"),
    ("POST", "/api/labels"): keys("labels.write", bound="key"),
    ("GET", "/api/fidelity"): keys("monitors.read", people=STAFF, bound="rows"),
    ("GET", "/app/launch"): ANYBODY,
    ("GET", "/app/callback/{ehr}"): ANYBODY,
    ("GET", "/app/jwks.json"): ANYBODY,
    ("GET", "/sign-in"): ANYBODY,
    ("GET", "/sign-in/callback"): ANYBODY,
    ("GET", "/enter"): Row(bound="nobody"),
    ("POST", "/app/logout"): keys(people=PEOPLE, form={}, bound="nobody"),
    ("GET", "/app"): keys(people=LAUNCHES, bound="launch"),
    ("GET", "/app/pause"): Row(anybody=True, bound="launch"),
    ("GET", "/app/ended"): ANYBODY,
    ("GET", "/app/models/{id}/{version}"): keys(people=PEOPLE, bound="item"),
    ("GET", "/"): keys(people=PEOPLE, bound="rows"),
    ("GET", "/outputs/{id}"): keys(people=STAFF | LAUNCH, hidden=True, bound="item"),
    ("POST", "/app/outputs/{id}/amend"): keys(people=LAUNCH, form={**REASON, "status": "final"}, bound="item"),
    ("POST", "/app/outputs/{id}/{decision:str}"): keys(people=LAUNCH, form=REASON, bound="item"),
    ("GET", "/static/style.css"): ANYBODY,
    ("GET", "/deliveries"): keys(people=STAFF, bound="rows"),
    ("GET", "/deliveries/{id}"): keys(people=STAFF, bound="item"),
    ("POST", "/deliveries/{id}/resend"): keys(people=ENGINEER, form={}, bound="item"),
    ("GET", "/recalls"): keys(people=STAFF, bound="every"),
    ("GET", "/recalls/{id}"): keys(people=STAFF, bound="every"),
    ("GET", "/fidelity"): keys(people=STAFF, bound="rows"),
    ("GET", "/fidelity/codes"): keys(people=STAFF, bound="item"),
    ("GET", "/sites"): keys(people=STAFF, bound="rows"),
    ("GET", "/sites/{id}"): keys(people=STAFF, bound="item"),
    ("GET", "/alerts"): keys(people=STAFF, bound="rows"),
    ("GET", "/alerts/{id}"): keys(people=STAFF, bound="item"),
    ("POST", "/alerts/{id}/{what:str}"): keys(people=STAFF, form={}, bound="item"),
    ("GET", "/monitors"): keys(people=STAFF, bound="rows"),
    ("GET", "/monitors/{model}/{version}/{ehr}"): keys(people=STAFF, bound="item"),
    ("GET", "/models"): keys(people=STAFF, bound="rows"),
    ("GET", "/models/{id}/compare"): keys(people=STAFF, bound="item"),
    ("GET", "/conformance"): keys(people=STAFF, bound="rows"),
    ("GET", "/conformance/{id:int}"): keys(people=STAFF, bound="item"),
    ("GET", "/samples"): keys(people=INFORMATICS | CLINICIAN | LAUNCHES, bound="rows"),
    ("POST", "/samples/{id}"): keys(
        people=INFORMATICS | CLINICIAN | LAUNCHES, form={"verdict": "supported"}, bound="item"
    ),
}
BOUND: Mapping[str, frozenset[int]] = {
    "nobody": frozenset(),  # nothing of an EHR is there
    "launch": frozenset(),  # the launch's own patient, at its own EHR
    "key": frozenset(),  # for keys, each within its own bounds
    "rows": frozenset({200}),  # those of its EHRs: tests/property/test_isolation_properties.py looks at them
    "item": frozenset({404}),  # as if it were not there
    "named": frozenset({403}),  # the request names the EHR itself
    "every": frozenset({401, 403}),  # it concerns every EHR
}
"""What an address does about the bounds of staff, and with what it answers who is bound to an EHR that nothing is of."""
OF_OUTPUTS = ("/api/outputs/{id}", "/outputs/{id}", "/app/outputs/{id}")
"""Addresses that are called with an output that is there and waits for a decision; the others with none."""
PROVIDER = Provider(
    client=RegisteredEhr(name="staff-sign-in", issuer="https://127.0.0.1:9", client_id="c"),
    roles_claim="groups",
    roles={},
)


def addresses(routes: Iterable[Any]) -> Iterator[tuple[str, str]]:
    """Method and path of everything that is served; whatever is no route of either kind fails."""
    for route in routes:
        if (inner := getattr(route, "original_router", None)) is not None:
            yield from addresses(inner.routes)
        else:
            yield from ((method, route.path) for method in route.methods - {"HEAD"})


@dataclass
class Asked:
    """The application with its callers, in a loop that outlives one request."""

    runner: asyncio.Runner
    world: World
    clients: Mapping[str, httpx2.AsyncClient]
    served: frozenset[tuple[str, str]]
    callers: Mapping[str, Mapping[str, str]]
    unbound: Mapping[str, str]
    elsewhere: Mapping[str, str]

    def output(self) -> str:
        return str(self.runner.run(self.world.submit(dict(self.callers["outputs.write"])))["id"])

    def status(self, method: str, path: str, row: Row, headers: Mapping[str, str], id: str) -> int:
        client = self.clients["operations" if path.startswith(("/health", "/metrics")) else "app"]
        address = (
            path.replace("{decision:str}", "reject")
            .replace("{what:str}", "resolve")
            .replace("{id:int}", "0")
            .replace("{id}", id)
        )
        options: dict[str, Any] = {"headers": dict(headers)}
        if method == "POST":
            options |= {"json": dict(row.body)} if row.form is None else {"data": dict(row.form) or {"x": "y"}}
        answer = self.runner.run(client.request(method, address, **options))
        return 401 if answer.headers.get("location") == "/sign-in" else answer.status_code


async def callers(world: World) -> dict[str, Mapping[str, str]]:
    """The headers of a key of each scope and of each person."""
    staff = {
        role: await world.session(sessions.of_staff(now=world.gateway.clock(), person="u", roles=frozenset({role})))
        for role in ("engineer", "informatics", "clinician")
    }
    launched = {"launch": await world.clinician(), "stranger": await world.clinician(launch_id="l2", patient="p2")}
    return {**{scope: await world.key(scope) for scope in apikeys.SCOPES}, **staff, **launched}


async def bounded(world: World, *ehrs: str) -> Mapping[str, str]:
    """The headers of who has every role of staff, bound to these EHRs."""
    made = sessions.of_staff(now=world.gateway.clock(), person="b", roles=sessions.STAFF, ehrs=frozenset(ehrs))
    return await world.session(made)


def client(application: Any) -> httpx2.AsyncClient:
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(application), base_url="http://localhost:8700")


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    place: Path = tmp_path_factory.mktemp("asked")
    with asyncio.Runner() as runner:
        opening = opened(place, policy="confirm")
        world = runner.run(opening.__aenter__())
        face = app_face.application(world.gateway, provider=PROVIDER)
        around = operations.app(world.gateway, health.Watch(world.gateway, served=lambda: None))
        served = frozenset(addresses([*face.router.routes, *around.routes]))
        clients = {"app": client(face), "operations": client(around)}
        known, signed_in = (
            runner.run(callers(world)),
            [runner.run(bounded(world, *ehrs)) for ehrs in ((), ("nowhere",))],
        )
        yield Asked(runner, world, clients, served, known, *signed_in)
        runner.run(opening.__aexit__(None, None, None))


def test_every_address_has_a_row_and_every_row_an_address(asked: Asked) -> None:
    assert asked.served == TABLE.keys()


@pytest.mark.parametrize(("method", "path"), TABLE, ids=lambda value: value)
def test_only_who_the_row_names_is_let_in(asked: Asked, method: str, path: str) -> None:
    row = TABLE[method, path]
    id = asked.output() if path.startswith(OF_OUTPUTS) else "none"
    refusals = {401, 403, 404} if row.hidden else {401, 403}
    order = sorted(asked.callers, key=lambda name: name in row.callers)  # who may decides last
    for name, headers in (
        ("anonymous", {"origin": "http://localhost:8700"}),
        *((each, asked.callers[each]) for each in order),
    ):
        if path == "/app/logout":
            continue  # would end the sessions of the others; whose it is not, it ends nothing
        status = asked.status(method, path, row, headers, id)
        allowed = row.anybody or name in row.callers
        assert status < 500 or path in ("/sign-in", "/health/ready"), (
            name,
            status,
        )  # 503: nobody is there, nothing works
        assert (status in refusals) != allowed, f"{name}: {status}"


@pytest.mark.parametrize(("method", "path"), TABLE, ids=lambda value: value)
def test_staff_that_is_bound_to_another_ehr_is_answered_as_the_row_says(asked: Asked, method: str, path: str) -> None:
    row = TABLE[method, path]
    expected = BOUND[row.bound]
    ids = ["none", asked.output()] if path.startswith(OF_OUTPUTS) else ["none"]
    for id in ids if expected else ():
        assert asked.status(method, path, row, asked.elsewhere, id) in expected


@pytest.mark.parametrize(
    ("method", "path"),
    [each for each, row in TABLE.items() if row.bound in ("rows", "named", "every") and row.people & STAFF]
    + [("GET", "/outputs/{id}"), ("GET", "/api/outputs/{id}"), ("POST", "/api/outputs/{id}/resend")],
    ids=lambda value: value,
)
def test_without_bounds_the_same_request_is_let_in(asked: Asked, method: str, path: str) -> None:
    """The twin: the very same person, bound to nothing."""
    id = asked.output() if path.startswith(OF_OUTPUTS) else "none"
    status = asked.status(method, path, TABLE[method, path], asked.unbound, id)
    assert status not in (401, 403)
    assert id == "none" or status != 404


@pytest.mark.parametrize(
    "path", sorted(path for method, path in TABLE if method == "POST" and TABLE[method, path].people)
)
def test_a_post_of_another_sites_page_changes_nothing_for_anybody(asked: Asked, path: str) -> None:
    row = TABLE["POST", path]
    id = asked.output() if path.startswith(OF_OUTPUTS) else "none"
    for name in sorted(row.people):
        for origin in (
            {"origin": ELSEWHERE},
            {"origin": "null"},
            {},
            {"sec-fetch-site": "cross-site", "origin": "http://localhost:8700"},
        ):
            headers = {"cookie": asked.callers[name]["cookie"], **origin}
            status = asked.status("POST", path, row, headers, id)
            assert status == 403 or row.reads, f"{name} {origin}: {status}"
    if path.startswith(OF_OUTPUTS):
        assert asked.runner.run(asked.world.state(id)) == "awaiting_confirmation"
