"""``chartgate ehrs check`` of an EHR that misbehaves: the line that says so, nothing leaked, nothing asked elsewhere."""

import asyncio
from collections.abc import Callable
from dataclasses import asdict, replace
from email.utils import formatdate
from typing import Any

import httpx2
import pytest

from auth.client.flow import Means
from gateway.ehrs.check import check
from gateway.ehrs.facts import Line
from gateway.ehrs.fetch import BYTES, Reach
from gateway.model_folders.models import load_all
from tests.flow.conftest import EHR, KEYS, NOW, AdversarialEhr

CONFIGURATION, METADATA = "/r4/.well-known/smart-configuration", "/r4/metadata"
MODELS = tuple(model.manifest for model in load_all())
SECRET = "hush-hush"
STATEMENT: dict[str, Any] = {
    "resourceType": "CapabilityStatement", "fhirVersion": "4.0.1",
    "rest": [{"mode": "server", "resource": [{"type": "DocumentReference", "interaction": [{"code": "create"}]}]}],
}  # fmt: skip


def answers(status: int = 200, **given: Any) -> Callable[[httpx2.Request], httpx2.Response]:
    return lambda request: httpx2.Response(status, **given)


def dated(seconds: float, ehr: AdversarialEhr) -> Callable[[httpx2.Request], httpx2.Response]:
    return lambda request: httpx2.Response(
        200, json=ehr._configuration(), headers={"date": formatdate(NOW + seconds, usegmt=True)}
    )


async def slow(request: httpx2.Request) -> httpx2.Response:
    await asyncio.sleep(5.0)
    return httpx2.Response(200)


def run(ehr: AdversarialEhr, *, handle: Any = None, **members: Any) -> dict[str, Line]:
    """The lines by the name of the check."""
    ehr.answers.setdefault(METADATA, answers(json=STATEMENT))
    ehr.configuration = {"grant_types_supported": ["authorization_code", "client_credentials"], **ehr.configuration}

    async def story() -> dict[str, Line]:
        reach = Reach(clock=lambda: NOW, transport=lambda _: httpx2.MockTransport(handle or ehr.handle), seconds=0.3)
        means = Means(
            run=None, secrets=lambda: KEYS, clock=lambda: NOW, configuration=reach.configuration,  # type: ignore[arg-type]
            send=reach.send,
        )  # fmt: skip
        declared = replace(EHR, **{"method": "client_secret_basic", "secret": SECRET, **members})
        lines = await check(declared, reach=reach, means=means, models=MODELS)
        await reach.aclose()
        assert SECRET not in str([asdict(line) for line in lines])
        assert "secret-at" not in str(lines)
        assert all(line.next for line in lines if line.result in ("warn", "fail"))
        return {line.check: line for line in lines}

    return asyncio.run(story())


def test_an_honest_ehr_has_no_line_that_fails_but_what_it_does_not_take() -> None:
    lines = run(AdversarialEhr(configuration={"token_endpoint_auth_methods_supported": ["client_secret_basic"]}))
    assert {name for name, line in lines.items() if line.result == "fail"} == set()
    assert lines["write-summary"].result == "pass"
    assert lines["write-news2"].result == "warn"
    assert "patient/" not in lines["backend-token"].text
    assert lines["backend-token"].result == "warn"


@pytest.mark.parametrize(
    ("path", "answer", "failing", "word"),
    [
        (CONFIGURATION, answers(302, headers={"location": "https://evil.example/"}), "discovery", "redirect"),
        (CONFIGURATION, answers(text="<html>sign in</html>"), "discovery", "not JSON"),
        (CONFIGURATION, answers(404), "discovery", "404"), (CONFIGURATION, answers(json=["x"]), "discovery", "not an object"),
        (METADATA, answers(text="<html>"), "metadata", "CapabilityStatement"),
        (METADATA, answers(json={**STATEMENT, "fhirVersion": "5.0.0"}), "fhir-version", "R4"),
        (METADATA, answers(json={**STATEMENT, "rest": []}), "write-summary", "nothing can be created"),
        ("/jwks", answers(json={"keys": []}), "keys", "no key"), ("/jwks", answers(content=b"x" * (BYTES + 1)), "keys", "long"),
        ("/token", answers(400, json={"error": "invalid_client"}), "backend-token", "invalid_client"),
        ("/token", answers(text="<html>"), "backend-token", "not a token response"),
        ("/token", answers(503), "backend-token", "at the moment"),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_used_fails_its_own_line(path: str, answer: Any, failing: str, word: str) -> None:
    lines = run(AdversarialEhr(answers={path: answer}))
    assert lines[failing].result == "fail"
    assert word in lines[failing].text
    assert lines["reachable"].result == "pass"


@pytest.mark.parametrize(
    ("configuration", "line", "result", "word"),
    [
        ({"code_challenge_methods_supported": ["plain"]}, "pkce", "fail", "S256"),
        ({"token_endpoint": "https://evil.example/token"}, "endpoints", "fail", "https://evil.example:443"),
        ({"token_endpoint": "http://ehr.example/token"}, "endpoints", "fail", "without TLS"),
        ({"token_endpoint_auth_methods_supported": ["private_key_jwt"]}, "authentication", "fail", "private_key_jwt"),
        ({"scopes_supported": ["launch", "patient/Observation.rs"]}, "scopes", "warn", "patient/*.rs"),
        ({"capabilities": ["launch-standalone"]}, "launch-ehr", "warn", "within the EHR"),
        ({"capabilities": ["launch-ehr"]}, "identity", "warn", "confirm"),
        ({"grant_types_supported": ["authorization_code"]}, "backend", "warn", "client_credentials"),
    ],
)  # fmt: skip
def test_a_configuration_that_will_not_do_says_what_and_why(
    configuration: dict[str, Any], line: str, result: str, word: str
) -> None:
    ehr = AdversarialEhr(configuration=configuration)
    lines = run(ehr)
    assert lines[line].result == result
    assert word in lines[line].text
    assert {request.url.host for request in ehr.seen} == {"ehr.example"}


def test_a_clock_that_is_wrong_is_a_warning_from_a_minute_on() -> None:
    for seconds, result in ((30.0, "pass"), (-90.0, "warn"), (3600.0, "warn")):
        ehr = AdversarialEhr()
        ehr.answers[CONFIGURATION] = dated(seconds, ehr)
        assert run(ehr)["clock"].result == result


def test_another_address_of_itself_and_another_issuer_are_told() -> None:
    ehr = AdversarialEhr(
        answers={METADATA: answers(json={**STATEMENT, "implementation": {"url": "https://ehr.example/r4/"}})}
    )
    ehr.answers["/.well-known/openid-configuration"] = answers(json={"issuer": "https://other.example"})
    lines = run(ehr)
    assert (lines["issuer"].result, lines["openid-issuer"].result) == ("warn", "fail")


def test_an_ehr_that_never_answers_fails_once_and_the_rest_is_skipped() -> None:
    lines = run(AdversarialEhr(), handle=slow)
    assert "seconds" in lines["reachable"].text
    assert lines["clock"].result == lines["discovery"].result == lines["backend-token"].result == "skip"
    assert lines["pkce"].result == lines["launch-ehr"].result == lines["scopes"].result == "skip"


def test_a_vendor_s_known_departures_are_told_with_where_they_are_known_from() -> None:
    lines = run(AdversarialEhr(), vendor="epic")
    assert "[P]" in lines["vendor-encounters"].text
    assert "vendor-encounters" not in run(AdversarialEhr())


def test_an_ehr_whose_keys_only_its_issuer_names_is_told_as_one_that_says_who_signs_in() -> None:
    openid = {"issuer": "https://ehr.example", "jwks_uri": "https://ehr.example/jwks"}
    for document, result in ((openid, "pass"), ({**openid, "issuer": "https://evil.example"}, "skip")):
        ehr = AdversarialEhr(
            configuration={"jwks_uri": None}, answers={"/.well-known/openid-configuration": answers(json=document)}
        )
        assert run(ehr)["keys"].result == result
