"""Two sites in one installation: whatever one of them asks, nothing of the other's is shown, counted or changed.

The judge reads the raw database (``isolation_oracle``); the twins are callers whose bounds are taken away.
"""

import asyncio
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.installation import METADATA
from tests.flow.test_deliveries_api import minute_ago
from tests.flow.test_who_may import TABLE
from tests.property.isolation_oracle import BY_ADDRESS, OF_NOBODY, OWN_COLUMN, THROUGH, ids_in
from tests.property.isolation_world import READS, SITES, Sites, sites, trespasses

VICTIM, OTHER = SITES
ROWS = (
    "/", "/deliveries", "/alerts", "/alerts?show=all", "/monitors", "/fidelity", "/models", "/sites", "/conformance",
)  # fmt: skip
"""Pages of staff that list what is of several sites; the others tell of one thing."""
PAGES = (
    *ROWS, "/app", "/app/models/echo/1.0.0", f"/sites/{VICTIM}", f"/sites/{OTHER}?with={VICTIM}", "/outputs/{id}",
    "/deliveries/{id}", "/alerts/{id}", f"/monitors/echo/1.0.0/{VICTIM}", "/conformance/{id}", "/samples", "/models/echo/compare",
    f"/models/echo/compare?one=1.0.0&other=2.0.0&site={VICTIM}", "/models/echo/compare?one=1.0.0&other=2.0.0",
    f"/fidelity/codes?feed={VICTIM}", f"/fidelity?ehr={VICTIM}", f"/deliveries?ehr={VICTIM}",
    "/recalls", "/recalls/{id}",
)  # fmt: skip
READABLE = (
    *READS,
    "/api/outputs/{id}",
    "/api/deliveries/{id}",
    "/api/alerts/{id}",
    "/api/recalls",
    "/api/recalls/{id}",
)
CHANGES = (
    "/api/outputs", "/api/outputs/search", "/api/outputs/{id}/correct", "/api/outputs/{id}/resend", "/api/outputs/{id}/confirm",
    "/api/outputs/{id}/reject", "/api/outputs/{id}/amend", "/api/deliveries/{id}/resend", "/api/alerts/{id}/acknowledge",
    "/api/alerts/{id}/resolve", "/api/silences", "/api/actions", "/api/actions/{id}/lift", "/api/labels", "/api/recalls",
    "/app/outputs/{id}/confirm", "/app/outputs/{id}/reject",
)  # fmt: skip
FORMS: dict[str, dict[str, str]] = {
    "/alerts/{id}/acknowledge": {"note": "seen"}, "/alerts/{id}/resolve": {"note": "seen"}, "/deliveries/{id}/resend": {"x": "y"},
    "/alerts/{id}/silence": {"note": "seen", "hours": "8"}, "/samples/{id}": {"verdict": "supported"},
    "/app/outputs/{id}/confirm": {"reason": "because"}, "/app/outputs/{id}/amend": {"reason": "because", "status": "final"},
}  # fmt: skip
Request = tuple[str, str, dict[str, str], dict[str, Any]]


class Running:
    """The two sites in a loop that outlives one example."""

    def __init__(self, folder: Any) -> None:
        self.runner = asyncio.Runner()
        self.opening = sites(folder)
        self.sites: Sites = self.runner.run(self.opening.__aenter__())
        self.ids = self.runner.run(self.sites.ids())
        self.patients = [f"Patient/only-at-{site}" for site in SITES]

    def judge(self, requests: list[Request]) -> set[str]:
        return self.runner.run(trespasses(self.sites, VICTIM, requests))

    def close(self) -> None:
        self.runner.run(self.opening.__aexit__(None, None, None))
        self.runner.close()


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    made = Running(tmp_path_factory.mktemp("sites"))
    yield made
    made.close()


def requests(running: Running, *, apart: bool = True) -> st.SearchStrategy[Request]:
    """A request of the other site: by its key, its staff, its clinician, or by nobody. Not ``apart``: by a key of no bounds."""
    made = running.sites
    key = made.keys[OTHER] if apart else made.open
    staff, nobody = made.staff[OTHER], dict[str, str]()
    who = st.sampled_from([key, key, staff, staff, made.people[OTHER], nobody] if apart else [key])
    id, ehr = st.sampled_from(running.ids), st.sampled_from([*SITES, "nowhere"])
    reading = st.tuples(st.just("GET"), st.sampled_from((*READABLE, *PAGES)), who, queries(ehr))
    changing = st.tuples(st.just("POST"), st.sampled_from(CHANGES), who, bodies(running, ehr, id))
    form = st.sampled_from(sorted(FORMS)).map(lambda path: ("POST", path, staff, {"data": FORMS[path]}))
    placed = st.tuples(reading | changing | form, id)
    return placed.map(lambda given: (given[0][0], given[0][1].replace("{id}", given[1]), *given[0][2:]))


def queries(ehr: st.SearchStrategy[str]) -> st.SearchStrategy[dict[str, Any]]:
    return st.just({}) | ehr.map(lambda name: {"params": {"ehr": name}}) | st.just({"params": {"limit": "1"}})


def bodies(
    running: Running, ehr: st.SearchStrategy[str], id: st.SearchStrategy[str]
) -> st.SearchStrategy[dict[str, Any]]:
    """The body of any of the changes, as well made as the caller can: what it names may be the other site's."""
    said = {
        "ehr": ehr, "patient": st.sampled_from(running.patients), "output": id, "note": st.just("seen"),
        "reason": st.just("because"), "why": st.just("because"), "label": st.booleans(), "status": st.just("entered-in-error"),
        "inference_id": st.sampled_from([f"inference-{site}" for site in SITES]), "action": st.just("shadow"),
        "monitor": st.just("M-WB-DEAD"),
    }  # fmt: skip
    members = {
        "outputs": ("ehr", "patient", "inference_id"), "search": ("ehr", "patient"), "note": ("note",), "reason": ("reason",),
        "silence": ("ehr", "why"), "quiet": ("monitor", "why"), "action": ("ehr", "why", "action"), "label": ("output", "label"),
        "named": ("inference_id", "label", "ehr"), "amend": ("status", "reason"), "nothing": (),
    }  # fmt: skip
    fixed: dict[str, dict[str, Any]] = {
        "outputs": {"model": "echo", "version": "1.0.0", "kind": "risk", "value": 0.2, "unit": "fraction"},
        "silence": {"until": "2090-01-01T00:00:00Z"}, "quiet": {"until": "2090-01-01T00:00:00Z"}, "action": {"model": "echo"},
    }  # fmt: skip

    def complete(kind: str, body: dict[str, Any]) -> dict[str, Any]:
        late = {"outputs": "as_of", "label": "observed_at", "named": "observed_at"}.get(kind)
        return {"json": {**fixed.get(kind, {}), **body, **({late: minute_ago()} if late else {})}}

    return st.sampled_from(sorted(members)).flatmap(
        lambda kind: st.fixed_dictionaries({name: said[name] for name in members[kind]}).map(
            lambda body: complete(kind, body)
        )
    )


@settings(max_examples=20, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_whatever_one_site_asks_nothing_of_the_other_is_shown_counted_or_changed(
    running: Running, data: st.DataObject
) -> None:
    assert running.judge(data.draw(st.lists(requests(running), min_size=1, max_size=5))) == set()


@pytest.mark.campaign
@settings(max_examples=400, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_of_many_requests_none_crosses(running: Running, data: st.DataObject) -> None:
    assert running.judge(data.draw(st.lists(requests(running), min_size=1, max_size=5))) == set()


def test_what_one_site_does_by_itself_leaves_the_others_numbers_as_they_were(running: Running) -> None:
    made = running.sites
    body = made.world.body(ehr=OTHER, as_of=minute_ago(), patient=f"Patient/only-at-{OTHER}", inference_id=uuid4().hex)
    assert running.judge([("POST", "/api/outputs", made.keys[OTHER], {"json": body})]) == set()
    assert running.runner.run(made.ask("GET", "/api/outputs", made.keys[OTHER])).text.count(OTHER) > 2


def test_without_bounds_every_reading_address_is_found_out(running: Running) -> None:
    """The twin: the same judge, and a key that is bound to nothing. Recalls have nothing of a site before there is one."""
    told = [path for path in READABLE if not path.startswith("/api/recalls")]
    asked = [("GET", path.replace("{id}", id), running.sites.open, {}) for path in told for id in running.ids]
    asked = [*dict.fromkeys((method, path) for method, path, _, _ in asked)]  # type: ignore[misc]
    found = running.judge([(method, path, running.sites.open, {}) for method, path in asked])  # type: ignore[misc]
    showing = {each.split(" ")[1] for each in found if " shows " in each}
    for path in told:
        assert any(each == path or each.startswith(path.replace("{id}", "")) for each in showing), path


def test_a_recall_is_only_for_who_is_bound_to_no_site(running: Running) -> None:
    made = running.sites
    asked = [running.runner.run(made.ask("GET", "/api/recalls/none", who)) for who in (made.open, made.keys[OTHER])]
    assert [answer.status_code for answer in asked] == [404, 403]


def test_without_bounds_a_change_is_found_out(running: Running) -> None:
    made = running.sites
    alert = next(
        id for id in running.ids if running.runner.run(made.ask("GET", f"/api/alerts/{id}", made.open)).is_success
    )
    found = running.judge([("POST", f"/api/alerts/{alert}/acknowledge", made.open, {"json": {"note": "seen"}})])
    assert {"monitoring_raised has changed", "/api/alerts says otherwise"} <= found


def read(running: Running, staff: dict[str, str]) -> set[str]:
    """What is found where these people open every page and read every address, of everything that has one."""
    asked = [
        ("GET", path.replace("{id}", id), staff, dict[str, Any]()) for path in (*PAGES, *READABLE) for id in running.ids
    ]
    return running.judge([each for place, each in enumerate(asked) if each[1] not in {one[1] for one in asked[:place]}])


def test_staff_of_one_site_sees_nothing_of_the_other_on_any_page(running: Running) -> None:
    assert read(running, running.sites.staff[OTHER]) == set()


def test_staff_that_is_bound_to_nothing_sees_both_sites_on_every_page(running: Running) -> None:
    """The twin: the same judge, and who runs the installation. What names the other site itself is not counted as shown."""
    found = {each.split(" ")[1] for each in read(running, running.sites.operator)}
    for path in (*ROWS, f"/sites/{VICTIM}"):
        assert path in found, path
    for beginning in ("/outputs/", "/deliveries/", "/alerts/", "/conformance/"):
        assert any(each.startswith(beginning) for each in found), beginning


def shape(path: str) -> str:
    """An address as one among its like: what names something is no part of it."""
    named = re.sub(rf"\{{[^}}]*\}}|(?<=/){VICTIM}|(?<=/){OTHER}|echo|1\.0\.0", "*", path.partition("?")[0])
    return re.sub(r"(?<=^/alerts/\*/).+|(?<=^/app/outputs/\*/)(confirm|reject)", "*", named)


def test_every_address_that_says_how_it_is_bound_is_asked() -> None:
    asked = {shape(path) for path in (*READABLE, *PAGES, *CHANGES, *FORMS)}
    said = {shape(path) for (_, path), row in TABLE.items() if row.bound not in ("nobody", "launch")}
    assert said - asked == set()


ITEMS = [each for each in (*PAGES, *FORMS, *CHANGES) if "{id}" in each]
GOOD = {
    "amend": {"reason": "because", "status": "final"},
    "confirm": {"reason": "because"},
    "reject": {"reason": "because"},
}


def asked_of(path: str) -> tuple[str, dict[str, Any]]:
    """A good request of an address with an id."""
    if path in PAGES:
        return "GET", {}
    return "POST", {"data": FORMS[path]} if path in FORMS else {"json": GOOD.get(path.rpartition("/")[2], {})}


@pytest.mark.parametrize("path", ITEMS)
def test_what_is_of_the_other_site_is_answered_as_what_is_not_there(running: Running, path: str) -> None:
    made, run = running.sites, running.runner.run
    method, options = asked_of(path)
    for id in ids_in(run(made.rows(VICTIM))):
        nothing = "99999" if id.isdigit() else "f" * len(id)
        theirs, none = (
            run(made.ask(method, path.replace("{id}", each), made.staff[OTHER], **options)) for each in (id, nothing)
        )
        assert (theirs.status_code, theirs.text) == (none.status_code, none.text)


NAMING = [each for each in PAGES if VICTIM in each]


def without_names(answer: Any) -> tuple[int, str]:
    """An answer, but for what the asker said."""
    return answer.status_code, answer.text.replace(VICTIM, "*").replace("nowhere", "*")


@pytest.mark.parametrize("path", NAMING)
def test_who_names_the_other_site_is_answered_as_who_names_one_that_is_not_there(running: Running, path: str) -> None:
    made, run = running.sites, running.runner.run
    paths = (path, path.replace(VICTIM, "nowhere"))
    theirs, none = (without_names(run(made.ask("GET", each, made.staff[OTHER]))) for each in paths)
    assert theirs == none
    seen, unseen = (without_names(run(made.ask("GET", each, made.operator))) for each in paths)
    assert seen != unseen, "the twin: who is bound to nothing is told"


def test_every_table_is_judged() -> None:
    """A table that is new belongs to a site, to a row of a site, or to nobody: say which."""
    names = [table.name for metadata in METADATA for table in metadata.sorted_tables]
    assert sorted(names) == sorted([*OWN_COLUMN, *THROUGH, *BY_ADDRESS, *OF_NOBODY])
