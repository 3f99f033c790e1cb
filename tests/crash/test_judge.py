"""The judge of the kill campaigns sees a planted loss and a planted duplicate, and nothing where nothing is wrong."""

from typing import Any

import pytest

from tests.crash.judge import Kept, find_kept, judge

NAMESPACE = "urn:uuid:7"


def output(id: str = "o1", *, state: str = "delivered", deliveries: tuple[str, ...] = ("RiskAssessment/r1",)) -> Any:
    made = [
        {"resource_type": name.split("/")[0], "id": name.split("/")[1], "state": "delivered"} for name in deliveries
    ]
    return {"id": id, "inference_id": f"i-{id}", "state": state, "deliveries": made}


def kept(name: str = "RiskAssessment/r1", *, delivery: str = "d1", inference: str | None = "i-o1") -> Kept:
    type, id = name.split("/")
    return Kept(type=type, id=id, delivery=delivery, inference=inference)


def test_what_was_accepted_delivered_and_kept_once_is_right() -> None:
    assert judge(accepted=["o1"], outputs=[output()], kept=[kept()]) == []


def test_a_refused_output_without_resources_is_right() -> None:
    assert judge(accepted=["o1"], outputs=[output(state="refused", deliveries=())], kept=[]) == []


def test_a_device_that_outputs_share_is_right() -> None:
    shared = kept("Device/v1", delivery="d9", inference=None)
    assert judge(accepted=["o1"], outputs=[output()], kept=[kept(), shared]) == []


@pytest.mark.parametrize(
    ("accepted", "outputs", "resources", "word"),
    [
        (["o1", "o2"], [output()], [kept()], "lost: output o2"),
        (["o1"], [output()], [], "lost: RiskAssessment/r1"),
        (["o1"], [output(deliveries=())], [], "lost: output o1 is said to be delivered by no delivery"),
        (["o1"], [output()], [kept(), kept("RiskAssessment/r2")], "doubled: 2 resources carry delivery d1"),
        (["o1"], [output()], [kept(), kept("RiskAssessment/r2", delivery="d2")], "unaccounted: RiskAssessment/r2"),
        (["o1"], [output(state="pending")], [kept()], "unsettled: output o1 is pending"),
        (["o1"], [output(state="failed", deliveries=())], [], "unsettled: output o1 is failed"),
    ],
)
def test_each_fault_is_seen(accepted: Any, outputs: Any, resources: Any, word: str) -> None:
    assert [problem for problem in judge(accepted=accepted, outputs=outputs, kept=resources) if word in problem]


def test_resources_are_found_by_identifier_and_a_provenance_by_its_tag() -> None:
    marks = [{"system": f"{NAMESPACE}/delivery", "value": "d1"}, {"system": f"{NAMESPACE}/inference", "value": "i1"}]
    tags = [{"system": f"{NAMESPACE}/delivery", "code": "d2"}]
    found = find_kept(
        [
            {"resourceType": "Observation", "id": "a", "identifier": marks},
            {"resourceType": "Provenance", "id": "b", "meta": {"tag": tags}},
            {"resourceType": "Observation", "id": "c"},
        ],
        namespace=NAMESPACE,
    )
    assert [(item.id, item.delivery, item.inference) for item in found] == [("a", "d1", "i1"), ("b", "d2", None)]


def test_resources_of_another_installation_are_not_ours() -> None:
    marks = [{"system": "urn:uuid:8/delivery", "value": "d1"}]
    assert find_kept([{"resourceType": "Observation", "id": "a", "identifier": marks}], namespace=NAMESPACE) == []
