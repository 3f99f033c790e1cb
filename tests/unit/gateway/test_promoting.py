"""A version's step at a site: one word of the file changes, and the file is left alone where more would."""

import tomllib
from dataclasses import replace

import pytest

from gateway.sites.declaration import Site
from gateway.sites.gates import CONFIRMED, DAY, GATES, STEPS, Colour, judged
from gateway.sites.promoting import NotPromoted, changed, edit, plan
from tests.unit.gateway.test_site_gates import GREEN, NOW

OWNERS = 'owners = { model = "a", engineering = "b", clinical_informatics = "c" }'
TEXT = f"""# Ours. policy = "automatic" is for the brave.
[site]
id = "north"
title = "North"

[[ehr]]
name = "one"
[[ehr]]
name = "two"

[[model]]   # the one that writes
id = "risk"
version = "1.0.0"
policy = "automatic"
{OWNERS}

[[model]]
policy = 'shadow'    # beside it, until the committee has met
id = "risk"
version = "2.0.0"
[model.owners]
model = "a"
engineering = "b"
clinical_informatics = "c"

[[model]]
id = "score"
version = "1.0.0"
policy = "shadow"
ehrs = ["one"]
{OWNERS}

[[model]]
id = "score"
version = "1.0.0"
policy = "confirm"
ehrs = ["two"]
{OWNERS}

[keep]
must_keep = ["Provenance"]
"""


def site(text: str = TEXT) -> Site:
    return Site.model_validate(tomllib.loads(text))


def lines(made: str) -> list[str]:
    """The lines of the new text that are not in the old one at their place."""
    return [new for old, new in zip(TEXT.splitlines(), made.splitlines(), strict=True) if old != new]


def test_a_step_changes_its_word_and_leaves_every_comment() -> None:
    step = plan(site(), id="risk", version="2.0.0", to="confirm", replacing="1.0.0")
    made = edit(TEXT, site(), step)
    assert lines(made) == ['policy = "shadow"', "policy = 'confirm'    # beside it, until the committee has met"]
    assert (step.before, step.after, step.up, step.ehrs) == ("shadow", "confirm", True, ("one", "two"))
    assert site(made) == changed(site(), step)


def test_line_ends_of_another_system_stay() -> None:
    text = TEXT.replace("\n", "\r\n")
    made = edit(text, site(), plan(site(), id="risk", version="1.0.0", to="shadow"))
    assert made.count("\r\n") == text.count("\r\n")
    assert not plan(site(), id="risk", version="1.0.0", to="shadow").up


def test_of_two_entries_the_ehr_says_which() -> None:
    with pytest.raises(NotPromoted, match="say which with --ehr"):
        plan(site(), id="score", version="1.0.0", to="automatic")
    step = plan(site(), id="score", version="1.0.0", to="confirm", ehr="one")
    assert step.ehrs == ("one",)
    assert [each.policy for each in changed(site(), step).model] == ["automatic", "shadow", "confirm", "confirm"]


@pytest.mark.parametrize(("asked", "told"), [
    ({"id": "risk", "version": "3", "to": "confirm"}, "it has risk@1.0.0, risk@2.0.0"),
    ({"id": "none", "version": "1", "to": "confirm"}, "no such model"),
    ({"id": "risk", "version": "1.0.0", "to": "automatic"}, "automatic there already"),
    ({"id": "risk", "version": "1.0.0", "to": "confirm", "replacing": "1.0.0"}, "does not replace itself"),
    ({"id": "risk", "version": "1.0.0", "to": "confirm", "ehr": "three"}, "at three"),
])  # fmt: skip
def test_what_is_not_there_is_said(asked: dict[str, str], told: str) -> None:
    with pytest.raises(NotPromoted, match=told):
        plan(site(), **asked)


def test_a_version_is_not_replaced_where_nothing_comes_in_its_place() -> None:
    text = TEXT.replace('version = "2.0.0"\n', 'version = "2.0.0"\nehrs = ["one"]\n')
    with pytest.raises(NotPromoted, match="in shadow at two with no version"):
        plan(site(text), id="risk", version="2.0.0", to="confirm", replacing="1.0.0")


@pytest.mark.parametrize("text", [
    TEXT.replace('policy = "automatic"\n', '"policy" = "automatic"\n'),
    TEXT.replace('policy = "automatic"\n', 'policy = """automatic"""\n'),
    TEXT.replace('name = "two"\n', 'name = "two"\nnote = """\n[[model]]\n"""\n'),
])  # fmt: skip
def test_a_file_that_is_written_otherwise_is_left_alone(text: str) -> None:
    with pytest.raises(NotPromoted, match="by hand"):
        edit(text, site(text), plan(site(text), id="risk", version="1.0.0", to="shadow"))


@pytest.mark.parametrize(("confirmed", "declined", "days", "colour"), [
    (50, 0, 14, "green"), (49, 0, 30, "red"), (500, 0, 13, "red"), (95, 5, 20, "green"), (94, 6, 20, "amber"),
    (89, 11, 20, "red"),
])  # fmt: skip
def test_automatic_wants_decisions_of_people_first(confirmed: int, declined: int, days: int, colour: Colour) -> None:
    facts = replace(GREEN, confirmed=confirmed, declined=declined, decided_since=NOW - days * DAY)
    assert judged(CONFIRMED, facts).colour == colour
    assert STEPS["confirm"] == GATES
    assert CONFIRMED in STEPS["automatic"]
