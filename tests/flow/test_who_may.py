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
    as if it were not there. ``body`` is what is posted as JSON, ``form`` as a form. ``reads``: a post that changes nothing."""

    keys: frozenset[str] = frozenset()
    people: frozenset[str] = frozenset()
    anybody: bool = False
    hidden: bool = False
    body: Mapping[str, Any] = field(default_factory=dict)
    form: Mapping[str, str] | None = None
    reads: bool = False

    @property
    def callers(self) -> frozenset[str]:
        return self.keys | self.people


def keys(*scopes: str, people: frozenset[str] = frozenset(), **more: Any) -> Row:
    return Row(keys=frozenset(scopes), people=people, **more)


ANYBODY, READERS = Row(anybody=True), ("deliveries.manage", "outputs.read")
REASON = {"reason": "seen"}
TABLE: Mapping[tuple[str, str], Row] = {
    ("GET", "/health/live"): ANYBODY,
    ("GET", "/health/ready"): keys("monitors.read", "metrics.read", people=PEOPLE | ANONYMOUS),
    ("GET", "/metrics"): keys("metrics.read"),
    ("GET", "/api/openapi.json"): ANYBODY,
    ("POST", "/api/outputs"): keys("outputs.write"),
    ("GET", "/api/outputs"): keys("outputs.read", people=PEOPLE),
    ("POST", "/api/outputs/search"): keys("outputs.read", people=PEOPLE, reads=True),
    ("GET", "/api/outputs/{id}"): keys("outputs.read", people=STAFF | LAUNCH, hidden=True),
    ("POST", "/api/outputs/{id}/correct"): keys("outputs.write"),
    ("POST", "/api/outputs/{id}/resend"): keys("deliveries.manage", people=ENGINEER),
    ("POST", "/api/outputs/{id}/confirm"): keys(people=LAUNCH, body=REASON),
    ("POST", "/api/outputs/{id}/reject"): keys(people=LAUNCH, body=REASON),
    ("POST", "/api/outputs/{id}/amend"): keys(people=LAUNCH, body={**REASON, "status": "final"}),
    ("GET", "/api/deliveries"): keys(*READERS, people=STAFF),
    ("GET", "/api/deliveries/{id}"): keys(*READERS, people=STAFF),
    ("POST", "/api/deliveries/{id}/resend"): keys("deliveries.manage", people=ENGINEER),
    ("POST", "/api/recalls"): keys("recall"),
    ("GET", "/api/recalls"): keys("recall", people=STAFF),
    ("GET", "/api/recalls/{id}"): keys("recall", people=STAFF),
    ("GET", "/api/alerts"): keys("monitors.read", people=STAFF),
    ("GET", "/api/alerts/{id}"): keys("monitors.read", people=STAFF),
    ("POST", "/api/alerts/{id}/acknowledge"): keys("alerts.manage", people=STAFF),
    ("POST", "/api/alerts/{id}/resolve"): keys("alerts.manage", people=STAFF),
    ("GET", "/api/silences"): keys("monitors.read", people=STAFF),
    ("POST", "/api/silences"): keys("alerts.manage", people=STAFF),
    ("GET", "/api/actions"): keys("monitors.read", people=STAFF),
    ("POST", "/api/actions"): keys("alerts.manage", people=STAFF),
    ("POST", "/api/actions/{id}/lift"): keys("alerts.manage", people=STAFF),
    ("GET", "/api/monitors"): keys("monitors.read", people=STAFF),
    ("POST", "/api/labels"): keys("labels.write"),
    ("GET", "/api/fidelity"): keys("monitors.read", people=STAFF),
    ("GET", "/app/launch"): ANYBODY,
    ("GET", "/app/callback/{ehr}"): ANYBODY,
    ("GET", "/app/jwks.json"): ANYBODY,
    ("GET", "/sign-in"): ANYBODY,
    ("GET", "/sign-in/callback"): ANYBODY,
    ("GET", "/enter"): Row(),
    ("POST", "/app/logout"): keys(people=PEOPLE, form={}),
    ("GET", "/app"): keys(people=LAUNCHES),
    ("GET", "/app/pause"): ANYBODY,
    ("GET", "/app/ended"): ANYBODY,
    ("GET", "/app/models/{id}/{version}"): keys(people=PEOPLE),
    ("GET", "/"): keys(people=PEOPLE),
    ("GET", "/outputs/{id}"): keys(people=STAFF | LAUNCH, hidden=True),
    ("POST", "/app/outputs/{id}/amend"): keys(people=LAUNCH, form={**REASON, "status": "final"}),
    ("POST", "/app/outputs/{id}/{decision:str}"): keys(people=LAUNCH, form=REASON),
    ("GET", "/static/style.css"): ANYBODY,
    ("GET", "/deliveries"): keys(people=STAFF),
    ("GET", "/deliveries/{id}"): keys(people=STAFF),
    ("POST", "/deliveries/{id}/resend"): keys(people=ENGINEER, form={}),
    ("GET", "/fidelity"): keys(people=STAFF),
    ("GET", "/fidelity/codes"): keys(people=STAFF),
    ("GET", "/sites"): keys(people=STAFF),
    ("GET", "/sites/{id}"): keys(people=STAFF),
    ("GET", "/alerts"): keys(people=STAFF),
    ("GET", "/alerts/{id}"): keys(people=STAFF),
    ("POST", "/alerts/{id}/{what:str}"): keys(people=STAFF, form={}),
    ("GET", "/monitors"): keys(people=STAFF),
    ("GET", "/monitors/{model}/{version}/{ehr}"): keys(people=STAFF),
    ("GET", "/models"): keys(people=STAFF),
    ("GET", "/models/{id}/compare"): keys(people=STAFF),
    ("GET", "/conformance"): keys(people=STAFF),
    ("GET", "/conformance/{id:int}"): keys(people=STAFF),
    ("GET", "/samples"): keys(people=INFORMATICS | CLINICIAN | LAUNCHES),
    ("POST", "/samples/{id}"): keys(people=INFORMATICS | CLINICIAN | LAUNCHES, form={"verdict": "supported"}),
}
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
        yield Asked(runner, world, clients, served, runner.run(callers(world)))
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
