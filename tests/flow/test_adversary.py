"""The gateway against an EHR that is not to be trusted, over a socket: for each misdeed the right message to the person, no
token sent elsewhere, nothing written, nothing in the log (smart-auth B08 to B12)."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.flow.adversarial_ehr import Answer, Ehr, endlessly, slowly, told
from tests.flow.adversary import Visit

Run = Callable[..., None]
STOPPED = "<h1>The launch stopped</h1>"
DISCOVERY = "/r4/.well-known/smart-configuration"


async def nothing_is_left(visit: Visit) -> None:
    assert await visit.session() is None
    assert visit.ehr.paths("POST", "PUT") in ([], ["/token"])
    assert not [path for path in visit.ehr.paths() if path.startswith(("/r4/Patient", "/r4/Observation"))]


async def nothing_is_written(visit: Visit) -> None:
    assert visit.ehr.paths("POST", "PUT") == ["/token"]


def test_an_honest_ehr_is_read_and_its_patient_s_output_is_written(run: Run) -> None:
    async def act(visit: Visit) -> None:
        assert (await visit.launch()).status_code == 303
        assert await visit.problems() == ()
        session = await visit.session()
        assert session is not None
        assert (session.patient, session.fhir_user) == ("p1", "Practitioner/d1")
        for _ in range(4):
            await visit.world.gateway.worker.turn(visit.name)
        assert [path.split("/")[2] for path in visit.ehr.paths("PUT")] == [
            "DocumentReference", "Device", "RiskAssessment", "Provenance"
        ]  # fmt: skip

    run(act)


CHANGED: list[tuple[dict[str, str | None], str]] = [
    ({"state": "x" * 43}, "This sign-in is unknown here"),
    ({"state": None}, "This sign-in is unknown here"),
    ({"iss": "https://evil.example"}, "did not come from the EHR that was asked"),
    ({"iss": None}, "did not come from the EHR that was asked"),
    ({"code": None, "error": "access_denied"}, "refused or cancelled at the EHR"),
    ({"code": None, "error": "access_denied", "iss": "https://evil.example"}, "did not come from the EHR"),
    ({"code": None, "error": "<script>"}, "ended the sign-in with an error"),
    ({"code": None}, "holds no authorization code"),
]


@pytest.mark.parametrize(("changed", "words"), CHANGED)
def test_b09_an_answer_that_does_not_add_up_stops_with_words_and_no_token_is_asked_for(
    run: Run, changed: dict[str, str | None], words: str
) -> None:
    async def act(visit: Visit) -> None:
        response = await visit.launch(**changed)
        assert (response.status_code, STOPPED in response.text, words in response.text) == (400, True, True)
        assert visit.ehr.paths("POST") == []
        await nothing_is_left(visit)

    run(act)


UNUSABLE: list[tuple[Callable[[Ehr], Answer], int, str]] = [
    (lambda ehr: Answer(302, {"location": f"{ehr.elsewhere}/x"}), 502, ""),
    (lambda ehr: Answer(307, {"location": f"{ehr.elsewhere}/x"}), 502, ""),
    (lambda ehr: Answer(200, {"content-type": "text/html"}, b"<html><script>alert(1)</script>"), 502, ""),
    (lambda ehr: Answer(200, {"content-encoding": "gzip"}, b"\x1f\x8b"), 502, "packed"),
    (lambda ehr: Answer(429), 503, ""),
    (lambda ehr: Answer(429, {"retry-after": "17"}), 503, ""),
    (lambda ehr: Answer(503), 503, ""),
    (lambda ehr: Answer(503, {"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}), 503, ""),
    (lambda ehr: Answer(parts=slowly), 503, "did not answer"),
    (lambda ehr: Answer(parts=endlessly), 502, "too long"),
    (lambda ehr: told({"keys": 1, "access_token": "secret-access"}), 502, ""),
]


@pytest.mark.parametrize(("answer", "status", "words"), UNUSABLE)
@pytest.mark.parametrize("path", [DISCOVERY, "/token"])
def test_b08_what_cannot_be_used_stops_the_launch_and_says_whose_fault_it_is(
    run: Run, path: str, answer: Callable[[Ehr], Answer], status: int, words: str
) -> None:
    async def act(visit: Visit) -> None:
        response = await visit.launch()
        assert (response.status_code, STOPPED in response.text) == (status, True)
        assert "The EHR" in response.text
        assert words in response.text
        assert "script" not in response.text
        assert ("retry-after" in response.headers) == (status == 503)
        if "17" in visit.ehr.answer("GET", path).headers.values():
            assert response.headers["retry-after"] == "17"
        await nothing_is_left(visit)

    run(act, answers={path: answer})


@pytest.mark.parametrize("answer", [UNUSABLE[number][0] for number in (0, 2, 6, 8, 9, 10)])
def test_b10_a_key_set_that_cannot_be_used_means_nobody_and_stops_no_launch(
    run: Run, answer: Callable[[Ehr], Answer]
) -> None:
    async def act(visit: Visit) -> None:
        assert (await visit.launch()).status_code == 303
        session = await visit.session()
        assert session is not None
        assert (session.patient, session.fhir_user, session.roles) == ("p1", None, frozenset())
        assert (await visit.problems())[0].startswith("The EHR's keys could not be read")

    run(act, answers={"/jwks": answer})


@pytest.mark.parametrize("member", ["authorization_endpoint", "token_endpoint", "jwks_uri"])
def test_b08_an_endpoint_elsewhere_is_not_asked_and_nobody_is_sent_there(run: Run, member: str) -> None:
    async def act(visit: Visit) -> None:
        visit.ehr.configuration[member] = f"{visit.ehr.elsewhere}/x"
        response = await visit.begin()
        assert (response.status_code, "location" in response.headers) == (502, False)
        assert member in response.text

    run(act)


REFUSED: list[tuple[dict[str, Any], int, str]] = [
    ({"scope": "openid fhirUser"}, 400, "granted no access to any record"),
    ({"scope": None}, 502, "scope is required"),
    ({"patient": None}, 400, "named no patient"),
    ({"patient": "../p2"}, 502, "patient must be"),
    ({"token_type": "mac"}, 502, "token_type must be"),
    ({"access_token": "a\r\nx: y"}, 502, "access_token must be"),
    ({"expires_in": "soon"}, 502, "expires_in must be"),
    ({"fhirContext": [{"role": "x"}]}, 502, "fhirContext must be"),
]


@pytest.mark.parametrize(("tokens", "status", "words"), REFUSED)
def test_a_token_response_that_cannot_be_used_stops_the_launch_by_name(
    run: Run, tokens: dict[str, Any], status: int, words: str
) -> None:
    async def act(visit: Visit) -> None:
        response = await visit.launch()
        assert (response.status_code, words in response.text) == (status, True)
        await nothing_is_left(visit)

    run(act, tokens=tokens)


def test_a_token_response_without_expires_in_is_taken_and_the_token_is_used(run: Run) -> None:
    async def act(visit: Visit) -> None:
        assert (await visit.launch()).status_code == 303
        assert await visit.problems() == ()

    run(act, tokens={"expires_in": None})


def test_narrowed_scopes_are_what_is_attempted(run: Run) -> None:
    """Only the patient was granted: no search is sent, and the person is told; nothing is written."""

    async def act(visit: Visit) -> None:
        assert (await visit.launch()).status_code == 303
        assert await visit.scopes() == "launch patient/Patient.r"
        assert not [path for path in visit.ehr.paths() if path.startswith("/r4/Observation")]
        await visit.world.gateway.worker.turn(visit.name)
        await nothing_is_written(visit)

    run(act, tokens={"scope": "launch patient/Patient.r"})


def test_what_was_not_granted_to_be_written_is_not_sent(run: Run) -> None:
    async def act(visit: Visit) -> None:
        assert (await visit.launch()).status_code == 303
        assert [path for path in visit.ehr.paths() if path.startswith("/r4/Observation")]
        await visit.world.gateway.worker.turn(visit.name)
        await nothing_is_written(visit)

    run(act, tokens={"scope": "launch patient/*.rs"})


READS: list[Callable[[Ehr], Answer]] = [
    lambda ehr: told({
        "resourceType": "Bundle", "type": "searchset", "entry": [],
        "link": [{"relation": "next", "url": f"{ehr.elsewhere}/r4/Observation?page=2"}],
    }),
    lambda ehr: told({
        "resourceType": "Bundle", "type": "searchset", "entry": [],
        "link": [{"relation": "next", "url": f"{ehr.fhir}/../../other?page=2"}],
    }),
    lambda ehr: Answer(302, {"location": f"{ehr.elsewhere}/r4/Observation"}),
    lambda ehr: Answer(200, {"content-type": "text/html"}, b"<html>secret-access</html>"),
    lambda ehr: Answer(429),
    lambda ehr: Answer(429, {"retry-after": "60"}),
    lambda ehr: Answer(503, {"retry-after": "60"}),
    lambda ehr: Answer(503),
    lambda ehr: Answer(401),
    lambda ehr: Answer(parts=endlessly),
]  # fmt: skip


@pytest.mark.parametrize("answer", READS)
def test_b11_a_chart_that_cannot_be_read_is_told_and_nothing_is_written_or_sent_elsewhere(
    run: Run, answer: Callable[[Ehr], Answer]
) -> None:
    async def act(visit: Visit) -> None:
        assert (await visit.launch()).status_code == 303
        told = await visit.problems()
        assert told
        assert any("EHR" in each for each in told)
        await visit.world.gateway.worker.turn(visit.name)
        assert not visit.ehr.paths("PUT")
        assert set(visit.ehr.paths("POST")) == {"/token"}

    run(act, answers={"/r4/Observation": answer})
