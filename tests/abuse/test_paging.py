"""Pages: whose a page is, which query it continues, and what it is once its token may do less."""

import base64
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from tests.abuse import holes
from tests.abuse.chart import LAB
from tests.abuse.sign_in import FULL, backend, basic, client, code, redeem, token
from tests.abuse.target import Reply, Target


def following(reply: Reply, target: Target) -> str | None:
    """The address of the next page below the FHIR base."""
    links = {link["relation"]: link["url"] for link in reply.json.get("link", ())}
    return links["next"].removeprefix(f"{target.ehr.fhir}/") if "next" in links else None


def _altered(path: str) -> list[str]:
    """The address of a page with its cursor bent: shortened, another place, a place that was made up, nothing."""
    parts = urlsplit(path)
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    bent: list[str] = []
    for place, (name, value) in enumerate(pairs):
        others = [
            value[:-1],
            value + "A",
            value[::-1],
            "",
            "MA",
            "MQ",
            "0",
            "-1",
            value.swapcase(),
            "%00",
            "../" + value,
        ]
        others += [
            base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")
            for text in ("0", "1", "999999", "_getpages=x", "-5")
        ]
        for other in others if name.startswith("_") and name != "_count" else ():
            bent.append(f"{parts.path}?{urlencode([*pairs[:place], (name, other), *pairs[place + 1 :]])}")
    return bent


def pages(target: Target) -> list[str]:
    chart = target.chart
    both = backend(target, "system/*.cruds")
    second = token(target, FULL, patient="p2")
    wide, bearers = (
        token(target, FULL),
        (token(target, FULL), token(target, "patient/Observation.rs"), token(target, "patient/Patient.rs")),
    )
    whose = f"subject={chart.ref('Patient/p1')},{chart.ref('Patient/p2')}"
    for owner, query in (
        (both, f"Observation?{whose}&_count=2"),
        (second, "Observation?_count=1"),
        (both, "Observation?_count=2&_sort=-date"),
    ):
        reply = target.fhir("GET", query, owner, never=())
        page = following(reply, target)
        target.expect(page is not None, f"there is no second page of {query}")
        for bearer in bearers:
            for path in [page, *_altered(page)] if page else []:
                target.fhir("GET", path, bearer)
    page = following(target.fhir("GET", "Observation?_count=1", wide), target) or ""
    walked = 0
    while page and walked < 40:
        reply = target.fhir("GET", page, wide)
        target.expect(
            all(each["subject"]["reference"] == chart.ref("Patient/p1") for each in reply.resources),
            "a page leaves the patient",
        )
        page, walked = following(reply, target) or "", walked + 1
    target.expect(walked > 1, "one's own pages are not walked")
    return target.problems


def test_a11_a_page_is_for_whom_it_was_made(target: Target) -> None:
    assert pages(target) == []


def test_a11_twin_that_takes_whoever_has_the_link(holed: Any) -> None:
    assert any("showed" in each for each in pages(holed(holes.pages_are_anybodys)))


def narrower(target: Target) -> list[str]:
    """A page after its grant ended, and the page of a wide token in the hands of a narrow one."""
    page = (
        following(target.fhir("GET", "Observation?_count=1&_sort=_id", token(target, "patient/Observation.rs")), target)
        or ""
    )
    labs = token(target, f"patient/Observation.rs?category={LAB}")
    for bearer in (labs,):
        path, walked = page, 0
        while path and walked < 40:
            reply = target.fhir("GET", path, bearer, never=(target.chart.vital, *target.chart.secrets))
            path, walked = following(reply, target) or "", walked + 1
    for bearer in (
        token(target, "patient/Observation.r"),
        token(target, "patient/Condition.rs"),
        token(target, "openid"),
    ):
        target.refused(target.fhir("GET", page, bearer), "a page without the scope to search")
    said = redeem(target, code(target, "patient/Observation.rs", name="secret"), name="secret").json
    page = following(target.fhir("GET", "Observation?_count=1", said["access_token"]), target) or ""
    form, headers = {"token": said["access_token"]}, [basic(client(target, "secret"))]
    target.ask("POST", "/auth/revoke", form=form, headers=headers)
    target.refused(target.fhir("GET", page, said["access_token"]), "a page after revocation", 401)
    for path in GETPAGES:
        target.refused(target.fhir("GET", path, token(target, FULL)), path)
    return target.problems


GETPAGES = (
    "?_getpages=61ebe359-bfdc-4613-8bf2-c5e300945f0a", "?_getpages=61ebe359-bfdc-4613-8bf2-c5e300945f0a&_getpagesoffset=0&_count=500",
    "Observation?_getpages=61ebe359-bfdc-4613-8bf2-c5e300945f0a", "Observation?_getpagesoffset=5", "Observation?_offset=5",
    "Observation?_pageId=x", "Observation?page=2", "Observation?_getpages=%00", "Observation?_bundletype=searchset",
)  # fmt: skip


def test_a11_a_page_ends_with_its_token(target: Target) -> None:
    assert narrower(target) == []


def test_a11_twin_that_looks_at_the_query_and_not_at_the_token(holed: Any) -> None:
    assert narrower(holed(holes.pages_are_anybodys)) != []


def sessions(target: Target) -> list[str]:
    """HAPI's own page of somebody else's search, named as its link names it."""
    foreign = target.raw_page(f"Observation?subject={target.chart.ref('Patient/p2')}&_count=1")
    cursor = base64.urlsafe_b64encode(foreign.encode()).decode().rstrip("=")
    for path in (f"?{foreign}", f"Observation?{foreign}", f"Observation?_cursor={cursor}", f"Observation?_count=1&_cursor={cursor}",
                 f"Patient?_cursor={cursor}", f"Observation?_page={cursor}", f"Observation?page={cursor}"):  # fmt: skip
        for scope in (FULL, "patient/Observation.rs"):
            target.fhir("GET", path, token(target, scope))
    return target.problems


def test_a11_a_search_of_another_session_is_not_continued(target: Target) -> None:
    assert sessions(target) == []
