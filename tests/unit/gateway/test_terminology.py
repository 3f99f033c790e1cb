"""A terminology server is asked for what the editions cannot decide, once a code; what it does not say is not judged."""

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import ClassVar
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest

from fidelity.editions.edition import NOT_JUDGED, Library, Standing
from fidelity.editions.shipped import shipped
from gateway.feeds.scanning import asker
from gateway.feeds.terminology import PATIENCE, Server, parse_answer
from r4 import codec

SCT, ICD = "http://snomed.info/sct", "http://hl7.org/fhir/sid/icd-10-cm"


def parameters(**said: object) -> dict:
    made = [
        {"name": name.replace("_", "-"), f"value{'Boolean' if isinstance(value, bool) else 'String'}": value}
        for name, value in said.items()
    ]
    return {"resourceType": "Parameters", "parameter": made}


class Answers(BaseHTTPRequestHandler):
    """44054006 is right, 1 is inactive, 2 is wrong, 3 is of a system that is not here; everything else breaks."""

    asked: ClassVar[list[dict]] = []

    def do_GET(self) -> None:
        query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        self.asked.append({"path": urlsplit(self.path).path, **query})
        said = {
            "44054006": parameters(result=True, display="Diabetes", version="2026"),
            "1": parameters(result=True, inactive=True), "2": parameters(result=False, message="unknown"),
            "3": parameters(result=False, x_caused_by_unknown_system=query["url"]),
        }.get(query["code"])  # fmt: skip
        self.send_response(200 if said else 500)
        self.end_headers()
        self.wfile.write(codec.format(said) if said else b"broken")

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Server]:
    Answers.asked.clear()
    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as listening:
        thread = threading.Thread(target=listening.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        with httpx2.Client(trust_env=False, timeout=5) as client:
            yield Server(ask=asker(client, f"http://127.0.0.1:{listening.server_port}/fhir/"), before=shipped())
        listening.shutdown()
        thread.join()


def test_a_code_is_asked_for_once_and_only_where_the_editions_are_silent(server: Server) -> None:
    for _ in range(3):
        assert server.standing(SCT, "44054006", None) == Standing(True, True, None, "2026", "Diabetes")
    assert server.standing(ICD, "I10", None).known is True
    assert Answers.asked == [{"path": "/fhir/CodeSystem/$validate-code", "url": SCT, "code": "44054006"}]


def test_what_the_server_says_is_the_standing_of_the_code(server: Server) -> None:
    assert server.standing(SCT, "1", "v1")[:2] == (True, False)
    assert server.standing(SCT, "2", None)[:2] == (False, None)
    assert Answers.asked[0]["version"] == "v1"


def test_a_system_that_the_server_does_not_have_is_not_judged(server: Server) -> None:
    assert server.standing(SCT, "3", None) == NOT_JUDGED
    assert server.standing(SCT, "3", None) == NOT_JUDGED
    assert len(Answers.asked) == 1


def test_a_server_that_breaks_leaves_codes_not_judged_and_is_left_alone_in_the_end(server: Server) -> None:
    for number in range(10):
        assert server.standing(SCT, f"9{number}", None) == NOT_JUDGED
    assert len(Answers.asked) == PATIENCE


def test_one_that_recovers_is_asked_on(server: Server) -> None:
    assert [server.standing(SCT, code, None).known for code in ("91", "92", "44054006", "93", "94", "2")] == [
        None, None, True, None, None, False,
    ]  # fmt: skip


def test_a_server_that_is_not_there_judges_nothing() -> None:
    with httpx2.Client(trust_env=False, timeout=5) as client:
        alone = Server(ask=asker(client, "http://127.0.0.1:9"), before=Library())
        assert alone.standing(SCT, "1", None) == NOT_JUDGED


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        {},
        {"resourceType": "OperationOutcome"},
        parameters(result="true"),
        {"resourceType": "Parameters", "parameter": 3},
    ],
)
def test_an_answer_that_is_none_is_no_standing(document: object) -> None:
    assert parse_answer(document, None) is None


def test_an_issue_that_names_a_missing_system_leaves_the_code_not_judged() -> None:
    issues = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "not-found"}]}
    document = {
        "resourceType": "Parameters",
        "parameter": [{"name": "result", "valueBoolean": False}, {"name": "issues", "resource": issues}],
    }
    assert parse_answer(document, None) == NOT_JUDGED
    issues["issue"][0]["code"] = "code-invalid"
    assert parse_answer(document, None) == Standing(False, None)


def test_an_answer_that_does_not_end_is_none() -> None:
    sent = [0]

    def endless() -> Iterator[bytes]:
        while sent[0] < 64:
            sent[0] += 1
            yield b" " * 1_000_000

    transport = httpx2.MockTransport(lambda request: httpx2.Response(200, content=endless()))
    with httpx2.Client(transport=transport) as client, pytest.raises(OSError, match="end"):
        asker(client, "https://terminology.example/r4")("CodeSystem/$validate-code")
    assert sent[0] < 4
