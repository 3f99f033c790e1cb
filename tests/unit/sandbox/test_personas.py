"""Declarations of personas: what they may not say, and what they say of themselves."""

import pytest

from r4.interaction import Answer, Interaction
from sandbox import capabilities
from sandbox.personas import PERSONAS, Persona, forms, rules
from sandbox.personas.answering import answer
from sandbox.personas.comparing import ABSENT, differing, shown
from sandbox.personas.elements import at, without
from sandbox.personas.rate import Window
from sandbox.personas.refusing import Facts, refuse
from sandbox.personas.reshaping import reshape
from sandbox.personas.stating import statement

WHOLE = rules.Whole(source="s")
NEEDS = rules.Needs(type="Observation", path="method", source="s")
CREATE = Interaction(action="create", type="Observation", body={"resourceType": "Observation"})
STATEMENT = capabilities.statement(base="http://127.0.0.1/ehr/x/fhir", date="2026-01-01T00:00:00Z")


@pytest.mark.parametrize(
    "said",
    [
        (WHOLE, WHOLE),
        (rules.Whole(source=" "),),
        (WHOLE, NEEDS, rules.Drops(type="Observation", paths=("method",), source="s")),
        (NEEDS,),
    ],
    ids=["twice", "without a source", "both loses and refuses", "transactions beside single writes"],
)
def test_a_wrong_declaration_cannot_be_made(said: tuple[rules.Rule, ...]) -> None:
    with pytest.raises(ValueError, match=r"^x "):
        Persona(name="x", title="x", rules=said)


def test_a_right_declaration_can_be_made() -> None:
    assert Persona(name="x", title="x", rules=(WHOLE, NEEDS)).narrow


@pytest.mark.parametrize("persona", PERSONAS.values(), ids=PERSONAS)
def test_every_line_says_its_source(persona: Persona) -> None:
    known = ("hapi.md", "Epic", "Oracle", "cerner/", "Veradigm", "athena", "eC", "MEDITECH", "US Core 9", "fhir-writeback.md",
             "FHIRBridge", "fhir.epic.com", "[I]")  # fmt: skip
    assert [rule.about for rule in persona.rules if not rule.source.startswith(known)] == []


def test_the_specification_changes_nothing() -> None:
    spec, given = PERSONAS["spec"], Answer(status=201)
    assert spec.rules == ()
    assert refuse(spec, CREATE, Facts()) is None
    assert reshape(spec, CREATE) is CREATE
    assert answer(spec, CREATE, given) is given
    assert statement(spec, STATEMENT) == STATEMENT
    assert Window(spec.one(forms.Limit)).refuse(0.0) is None


@pytest.mark.parametrize("persona", PERSONAS.values(), ids=PERSONAS)
def test_a_persona_shows_each_line_and_differs_from_itself_in_nothing(persona: Persona) -> None:
    assert len(shown(persona)) == len(persona.rules)
    assert differing(persona, persona) == []
    against = differing(persona, PERSONAS["spec"])
    assert [row[0] for row in against] == sorted(rule.about for rule in persona.rules)
    assert {row[2] for row in against} <= {ABSENT}


def test_a_statement_is_changed_only_where_the_persona_speaks() -> None:
    told = statement(PERSONAS["veradigm"], STATEMENT)
    types = {each["type"]: each for each in told["rest"][0]["resource"]}
    assert "Flag" not in types
    assert (types["Observation"]["versioning"], types["Observation"]["updateCreate"]) == ("no-version", False)
    assert "patchFormat" not in told
    assert "patchFormat" in statement(PERSONAS["oracle"], STATEMENT)
    assert STATEMENT["rest"][0]["resource"][0]["interaction"], "the statement given is left as it was"


def test_a_window_opens_again_when_the_clock_rolls_and_says_how_long_only_if_declared() -> None:
    for retry, header in ((False, {}), (True, {"retry-after": "20"})):
        window = Window(forms.Limit(requests=2, seconds=60, retry_after=retry, source="s"))
        assert [window.refuse(at) is None for at in (61.0, 100.0)] == [True, True]
        assert window.left(100.0) == 0
        refused = window.refuse(100.0)
        assert refused is not None
        assert (refused.status, dict(refused.headers)) == (429, header)
        assert window.left(120.0) == 2
        assert window.refuse(120.0) is None


def test_elements_are_found_and_taken_by_paths() -> None:
    body = {"a": [{"b": 1}, {"b": 2, "c": 3}], "valueString": "t", "meta": {"security": [1]}, "id": "x", "_id": {}}
    assert at(body, "a.b") == [1, 2]
    assert at(body, "value*|none") == ["t"]
    assert without(body, "a.b")["a"] == [{"c": 3}]
    assert "meta" not in without(body, "meta.security")
    assert "_id" not in without(body, "id")
    assert without(body, "a[1:]")["a"] == [{"b": 1}]
