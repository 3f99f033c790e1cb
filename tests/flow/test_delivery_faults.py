"""What the gateway writes is in the EHR once in effect, whatever goes wrong there on the way (product.md §1)."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest

from tests import web
from tests.flow.outputs_world import Running, running, settled

WRITTEN = (
    "answer-lost*2", "committed-500*2", "committed-502*1", "committed-503*1", "committed-504*1", "error-500@write*2",
    "error-502@write*1", "error-503@write*1", "error-504@write*1", "throttled@write*1", "throttled-seconds:1@write*1",
    "throttled-date:1@write*1", "html-error@write*1", "wrong-content-type@write*2", "slow-headers:1@write*1",
    "slow-body:1@write*1", "truncated-json@write*2", "reset-at-byte:0@write*1", "version-skew*2", "clock-skew@write*2",
)  # fmt: skip
"""Faults that strike what the gateway writes, so often."""
ASKED = (
    "error-503@read*2", "throttled@read*2", "empty-406@read*2", "wrong-content-type*4", "truncated-json*4",
    "reset-at-byte:10*4", "stale-reads:1*4", "token-dies:1", "error-500/3*2",
)  # fmt: skip
"""Faults that strike what it reads on the way, too."""


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("cg")) as made:
        assert settled(made, accepted(made))["state"] == "delivered"  # the model's Device is there now
        yield made


def switch(up: Running, *names: str) -> None:
    answer = web.put(f"{up.fhir.removesuffix('/fhir')}/faults", json={"active": list(names)})
    assert answer.status_code == 200


def struck(up: Running) -> int:
    """How often the one fault that is active has struck."""
    told = web.get(f"{up.fhir.removesuffix('/fhir')}/faults").json()["struck"]
    return int(next(iter(told.values())))


def judge(up: Running) -> str:
    """A token of a backend service that has nothing to do with the gateway."""
    issuer = up.fhir.removesuffix("/fhir")
    asked = {
        "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "client_secret_basic",
        "scope": "system/*.rs",
    }
    made = web.post(f"{issuer}/auth/register", json=asked).json()
    form = {"grant_type": "client_credentials", "scope": "system/*.rs"}
    answer = web.post(f"{issuer}/auth/token", data=form, auth=(made["client_id"], made["client_secret"]))
    return str(answer.json()["access_token"])


def kept(up: Running, shown: dict[str, Any]) -> dict[str, int]:
    """How many of each type the EHR has of this output, found by the gateway's own word for each delivery."""
    found, headers = {}, {"authorization": f"Bearer {judge(up)}"}
    for part in shown["deliveries"]:
        parameter = "_tag" if part["resource_type"] == "Provenance" else "identifier"
        address = f"{up.fhir}/{part['resource_type']}?{parameter}={part['delivery']}"
        bundle = web.get(address, headers=headers).json()
        found[part["resource_type"]] = len(bundle.get("entry", ()))
    return found


def accepted(up: Running) -> str:
    """The address of a new output. While the patient cannot be read, the answer is 503 and nothing is stored."""
    body = up.body(inference_id=uuid4().hex)
    for _ in range(100):
        answer = up.post(body)
        if answer.status_code == 202:
            return str(answer.headers["location"])
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
        time.sleep(0.05)
    raise AssertionError("it was never accepted")


@pytest.mark.parametrize("fault", [*WRITTEN, *ASKED])
def test_an_output_is_in_the_ehr_once_in_spite_of(up: Running, fault: str) -> None:
    switch(up, fault)
    shown = settled(up, accepted(up))
    often = struck(up)
    switch(up)
    assert shown["state"] == "delivered"
    assert kept(up, shown) == {"RiskAssessment": 1, "Provenance": 1}
    assert often == int(fault.rpartition("*")[2]) if fault in WRITTEN else often > 0


def test_what_the_ehr_refuses_to_take_is_not_there_and_is_said_to_have_failed(up: Running) -> None:
    switch(up, "empty-403@write*1")
    shown = settled(up, accepted(up))
    switch(up)
    assert (shown["state"], kept(up, shown)["RiskAssessment"]) == ("failed", 0)
