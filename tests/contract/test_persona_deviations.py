"""Each persona, judged as a stranger would: what fails or is not seen is what one of its lines declares, and nothing else; what
is not offered is what its statement leaves out.

The table is tests/vectors/conformance/personas.csv. Rate limits are left out: against such an EHR the suite is run with
``--rate``.
"""

import csv
from dataclasses import replace
from pathlib import Path

import pytest

from conformance.check import Outcome
from sandbox.personas import PERSONAS, Persona
from sandbox.personas.forms import Limit
from sandbox.personas.rules import Offers, OwnIds, Unconditional, Versionless, Whole
from tests.mutants.world import judged, open_ehr

TABLE = Path(__file__).parents[1] / "vectors" / "conformance" / "personas.csv"
ROWS = list(csv.DictReader(TABLE.read_text().splitlines()))
SUITES = ("access", "writeback", "bulk", "api")
SHORT = ("epic", "oracle", "uscore9")
"""Those that depart in most ways; the others are judged in the campaign."""
OTHERS = [
    name if name in SHORT else pytest.param(name, marks=pytest.mark.campaign) for name in PERSONAS if name != "spec"
]


def unhurried(persona: Persona) -> Persona:
    """The same without its rate limit."""
    return replace(persona, rules=tuple(rule for rule in persona.rules if not isinstance(rule, Limit)))


def declared(persona: Persona, missing: str) -> bool:
    """Whether a line says that it has not this: ``batch``, ``conditional-create of Observation``, ``search-type of Task``."""
    if missing in ("batch", "transaction", "history-system"):
        return persona.one(Whole) is not None
    if missing == "versions of Observation":
        return persona.one(Versionless) is not None
    if missing.startswith("conditional-"):
        return persona.one(Unconditional) is not None
    if missing.startswith("update-create"):
        return persona.one(OwnIds) is not None or persona.one(Offers, "Observation") is not None
    return persona.one(Offers, missing.rpartition(" ")[2]) is not None


def kind(item: Outcome) -> str:
    return item.result if item.result != "skip" else item.why


@pytest.mark.parametrize("name", OTHERS)
def test_a_persona_deviates_where_its_lines_say_so_and_nowhere_else(name: str) -> None:
    persona = unhurried(PERSONAS[name])
    with open_ehr(persona) as ehr:
        found = judged(ehr, suites=SUITES)
    other = {item.id: kind(item) for item in found.checks if item.result != "pass"}
    unoffered = {item.id: item.problems[0].partition(": ")[2] for item in found.checks if item.why == "not offered"}
    assert {id: result for id, result in other.items() if id not in unoffered} == {
        row["check"]: row["result"] for row in ROWS if row["persona"] == name
    }
    assert [missing for missing in set(unoffered.values()) if not declared(persona, missing)] == []


def test_every_row_of_the_table_names_a_line_of_its_persona() -> None:
    lines = {name: {rule.about for rule in persona.rules} for name, persona in PERSONAS.items()}
    assert [row for row in ROWS if row["line"] not in lines[row["persona"]]] == []


def test_what_no_line_declares_is_noticed() -> None:
    """The failing twin: the specification leaves nothing out."""
    assert not any(
        declared(PERSONAS["spec"], missing)
        for missing in ("batch", "conditional-create of Observation", "patch of Task")
    )
