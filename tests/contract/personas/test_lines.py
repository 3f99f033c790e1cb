"""Every line of every persona, on the embedded store and on HAPI: what it says is what the EHR does."""

from typing import Any

import pytest

from sandbox.personas import PERSONAS, forms, rules
from tests.contract.personas.behaviours import SHOWN
from tests.contract.personas.contents import MADE, content, immutable, visit
from tests.contract.personas.world import World

CASES = {**SHOWN, **dict.fromkeys(MADE, content), rules.Visit: visit, rules.Immutable: immutable}
LINES = [(name, rule) for name, persona in PERSONAS.items() for rule in persona.rules]


@pytest.mark.parametrize(("name", "rule"), LINES, ids=[f"{name}: {rule.about}" for name, rule in LINES])
def test_a_declared_line_is_what_the_ehr_does(world: World, name: str, rule: Any) -> None:
    window = PERSONAS[name].one(forms.Limit)
    world.ahead += window.seconds if window else 0
    CASES[type(rule)](world, name, rule)


def test_every_kind_of_line_that_is_declared_or_could_be_has_a_case() -> None:
    kinds = {each for module in (rules, forms) for each in vars(module).values() if isinstance(each, type)}
    lines = {each for each in kinds if issubclass(each, rules.Rule)} - {rules.Rule, rules.Content}
    assert set(CASES) == lines == {type(rule) for _, rule in LINES}
