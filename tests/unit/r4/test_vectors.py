"""The specification's own examples, and resources that are wrong in one way each."""

import json
import lzma
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from r4 import codec, house_rules, quick
from r4.validate import _resource, _Walk, validate

VECTORS = Path(__file__).parents[2] / "vectors" / "r4"

INVALID_BY_R4_ITSELF = {
    # example: the rule of R4 4.0.1 that it breaks
    "Questionnaire-qs1": "cardinality",
    "Observation-clinical-gender": "reference-target",
    "EventDefinition-example": "xhtml",
    "Bundle-ussg-fht": "dom-3",
    "DeviceUseStatement-example": "reference-target",
    "MedicationRequest-medrx0301": "reference-target",
    "PlanDefinition-example-cardiology-os": "dom-3",
}


def examples() -> Iterator[tuple[str, bytes]]:
    for line in lzma.decompress((VECTORS / "examples.xz").read_bytes()).splitlines():
        name, _, body = line.partition(b"\t")
        yield name.decode(), body.replace(b"\x1e", b"\n")


def mutations() -> list[dict[str, Any]]:
    return [json.loads(line) for line in (VECTORS / "mutations.jsonl").read_text().splitlines()]


def literal(value: Any) -> Any:
    """A document with every number as it was written."""
    return json.loads(value, parse_float=lambda text: f"number {text}", parse_int=lambda text: f"number {text}")


def test_every_example_is_read_and_written_with_no_change() -> None:
    changed = [name for name, body in examples() if literal(codec.format(codec.parse(body))) != literal(body)]
    assert changed == []
    assert sum(1 for _ in examples()) == 362


def test_a_changed_digit_would_be_seen() -> None:
    assert literal(b'{"a":1.00}') != literal(codec.format({"a": 1.0}))


def test_every_example_is_valid_but_those_that_r4_itself_calls_invalid() -> None:
    found = {name: issues for name, body in examples() if (issues := validate(codec.parse(body)))}
    assert {name: issues[0].rule for name, issues in found.items()} == INVALID_BY_R4_ITSELF


def test_the_fast_path_accepts_nothing_that_the_walker_refuses() -> None:
    bodies = [body for _, body in examples()] + [item["invalid"].encode() for item in mutations()]
    accepted = 0
    for body in bodies:
        resource = codec.parse(body)
        if isinstance(resource, dict) and quick.accepts(resource):
            accepted += 1
            walk = _Walk()
            _resource(walk, resource, "Resource", "", depth=0)
            assert walk.issues == []
    assert accepted > 40


def test_there_are_enough_mutations_of_both_classes() -> None:
    classes = [item["class"] for item in mutations()]
    assert classes.count("R4 forbids") >= 74
    assert classes.count("house rule") >= 5


@pytest.mark.parametrize("item", mutations(), ids=lambda item: item["name"])
def test_a_resource_that_is_wrong_in_one_way_is_refused_by_element_and_its_twin_is_not(item: dict[str, Any]) -> None:
    wrong, right = codec.parse(item["invalid"].encode()), codec.parse(item["valid"].encode())
    issues = validate(wrong) if item["class"] == "R4 forbids" else house_rules.check(wrong)
    assert any(issue.element.startswith(item["element"]) for issue in issues)
    assert not item["rule"] or item["rule"] in {issue.rule for issue in issues}
    assert validate(right) == []
    assert house_rules.check(right) == []
    if item["class"] == "house rule":
        assert validate(wrong) == []
