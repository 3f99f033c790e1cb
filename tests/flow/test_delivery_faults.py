"""What the gateway writes is in the EHR once in effect, whatever goes wrong there on the way (product.md §1)."""

import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx2
import pytest

from tests.flow.outputs_world import Running, running, settled

FAULTS = (
    "answer-lost*2", "committed-500*2", "committed-503*2", "error-502*2", "error-503*2", "throttled*2",
    "throttled-seconds:1*2", "throttled-date:1*2", "html-error*2", "empty-406*1", "wrong-content-type*4",
    "truncated-json*4", "reset-at-byte:10*4", "version-skew*2", "stale-reads:1*4", "search-truncated:0*2",
)  # fmt: skip


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(tmp_path_factory.mktemp("cg")) as made:
        yield made


def switch(up: Running, *names: str) -> None:
    answer = httpx2.put(f"{up.fhir.removesuffix('/fhir')}/faults", json={"active": list(names)}, trust_env=False)
    assert answer.status_code == 200


def judge(up: Running) -> str:
    """A token of a backend service that has nothing to do with the gateway."""
    issuer = up.fhir.removesuffix("/fhir")
    asked = {
        "grant_types": ["client_credentials"],
        "token_endpoint_auth_method": "client_secret_basic",
        "scope": "system/*.rs",
    }
    made = httpx2.post(f"{issuer}/auth/register", json=asked, trust_env=False).json()
    form = {"grant_type": "client_credentials", "scope": "system/*.rs"}
    answer = httpx2.post(
        f"{issuer}/auth/token", data=form, auth=(made["client_id"], made["client_secret"]), trust_env=False
    )
    return str(answer.json()["access_token"])


def kept(up: Running, shown: dict[str, Any]) -> dict[str, int]:
    """How many of each type the EHR has of this output, found by the gateway's own word for each delivery."""
    found, headers = {}, {"authorization": f"Bearer {judge(up)}"}
    for part in shown["deliveries"]:
        parameter = "_tag" if part["resource_type"] == "Provenance" else "identifier"
        address = f"{up.fhir}/{part['resource_type']}?{parameter}={part['delivery']}"
        bundle = httpx2.get(address, headers=headers, trust_env=False).json()
        found[part["resource_type"]] = len(bundle.get("entry", ()))
    return found


def accepted(up: Running) -> str:
    """The address of a new output. While the patient cannot be read, the answer is 503 and nothing is stored."""
    body = up.body(inference_id=uuid4().hex)
    for _ in range(20):
        answer = up.post(body)
        if answer.status_code == 202:
            return str(answer.headers["location"])
        assert (answer.status_code, "retry-after" in answer.headers) == (503, True)
        time.sleep(0.05)
    raise AssertionError("it was never accepted")


@pytest.mark.parametrize("fault", FAULTS)
def test_an_output_is_in_the_ehr_once_in_spite_of(up: Running, fault: str) -> None:
    switch(up, fault)
    shown = settled(up, accepted(up))
    switch(up)
    assert shown["state"] == "delivered"
    assert kept(up, shown) == {"RiskAssessment": 1, "Provenance": 1}
