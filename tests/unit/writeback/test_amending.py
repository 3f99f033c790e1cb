"""What may become of a resource after it was written: the tables are whole, an edit touches nothing else."""

from decimal import Decimal
from typing import Any

import pytest

from r4 import codec
from r4.validate import validate
from tests.unit.writeback.examples import NOW, PATIENT, capabilities, output, write
from writeback.afterwards.correcting import exchanged, replacement
from writeback.amending import (
    NOTED,
    STANDING,
    STEPS,
    WRITTEN,
    Amendment,
    Edit,
    done,
    edited,
    format_edit,
    ours,
    parse_edit,
    standing,
    unfit,
)
from writeback.rules import WriteRules
from writeback.speaking.answers import Answer, issue_codes

KEY = "a" * 64
CASES = [(type, to) for type, steps in WRITTEN.items() for to in steps]


def primary(kind: str) -> dict[str, Any]:
    return next(part.body for part in write(output(kind)).own if part.role == "primary")  # type: ignore[arg-type]


def edit(to: Amendment, **changes: Any) -> Edit:
    return Edit(
        **{"to": to, "key": KEY, "patient": PATIENT, "note": "Because.", "by": "Practitioner/d1", "at": NOW, **changes}
    )


@pytest.mark.parametrize(("type", "to"), CASES)
def test_every_step_that_a_type_knows_leads_somewhere_else_and_is_known_when_done(type: str, to: Amendment) -> None:
    resource = {"resourceType": type, "status": "preliminary", "docStatus": "preliminary"}
    assert to in STEPS
    assert not done(resource, edit(to))
    assert done(edited(resource, edit(to)), edit(to))


@pytest.mark.parametrize("by", ["Practitioner/d1", "PractitionerRole/r1"])
@pytest.mark.parametrize("kind", ["risk", "score", "text", "issue", "classification"])
@pytest.mark.parametrize("to", ["final", "amended", "corrected", "cancelled", "entered-in-error"])
def test_an_edited_resource_is_valid_r4_and_differs_in_status_and_note_only(kind: str, to: Amendment, by: str) -> None:
    before = codec.parse(codec.format(primary(kind)).replace(b"urn:chartgate:delivery:", b"Device/"))
    after = edited(before, edit(to, by=by))
    assert [
        issue for issue in validate(after, type=after["resourceType"]) if issue.severity in ("error", "fatal")
    ] == []
    changed = {name for name in {*before, *after} if before.get(name) != after.get(name)}
    told = {"description", "content", "conclusion", "detail"} if to == "final" else set()
    assert changed <= {"status", "docStatus", "note", *told}
    assert ("note" in changed) == (before["resourceType"] in NOTED)
    assert before == codec.parse(codec.format(primary(kind)).replace(b"urn:chartgate:delivery:", b"Device/"))


def test_what_is_withdrawn_stands_nowhere_and_nothing_leaves_it() -> None:
    for type, steps in WRITTEN.items():
        if "entered-in-error" in steps:
            gone = edited({"resourceType": type, "status": "current", "docStatus": "final"}, edit("entered-in-error"))
            assert standing(gone) == "entered-in-error"
    assert all("entered-in-error" not in step.after for step in STEPS.values())
    assert set(STANDING) <= set(WRITTEN)


def test_a_resource_is_ours_by_its_key_or_by_its_patient_where_no_key_is_kept() -> None:
    mine = {"resourceType": "Observation", "identifier": [{"system": "urn:x/delivery", "value": KEY}]}
    assert ours(mine, edit("final"))
    assert not ours({**mine, "identifier": [{"system": "urn:x/delivery", "value": "b" * 64}]}, edit("final"))
    bare = {"resourceType": "Observation", "subject": {"reference": f"https://ehr/{PATIENT}"}}
    assert ours(bare, edit("final"))
    assert not ours({**bare, "subject": {"reference": "Patient/other"}}, edit("final"))
    assert not ours({**bare, "identifier": [{"system": "urn:x/delivery", "value": "b" * 64}]}, edit("final"))
    assert not ours({"resourceType": "Device"}, edit("inactive", patient=None))


def test_an_ehr_that_cannot_is_told_before_anything_is_sent() -> None:
    offered = capabilities("Observation")
    assert unfit("Observation", "final", offered) is None
    assert unfit("Observation", "final", capabilities("Observation", strategy="post")) == "no_update"
    assert unfit("RiskAssessment", "final", offered) == "no_update"
    assert unfit("Flag", "final", offered) == "no_such_status"
    assert unfit("Provenance", "entered-in-error", offered) == "no_such_status"
    assert unfit("Observation", "final", offered, WriteRules(versions=False)) == "no_version"
    narrow = WriteRules(updates={"Observation": frozenset({"amended"})})
    assert unfit("Observation", "entered-in-error", offered, narrow) == "status_not_taken"
    assert unfit("Observation", "amended", offered, narrow) is None


def test_a_new_value_of_what_nobody_accepted_stays_preliminary_and_an_old_narrative_goes() -> None:
    wanted = edit("corrected", replace={"valueQuantity": {"value": 2}, "interpretation": None})
    before = {"resourceType": "Observation", "status": "preliminary", "interpretation": [{}], "text": {"div": "1"}}
    after = edited(before, wanted)
    assert (after["status"], after["valueQuantity"]) == ("preliminary", {"value": 2})
    assert not {"interpretation", "text"} & set(after)
    assert edited({**before, "status": "final"}, wanted)["status"] == "corrected"
    assert parse_edit(codec.parse(codec.format(format_edit(wanted)))) == wanted


@pytest.mark.parametrize(
    ("body", "codes"),
    [
        (b"", ()), (b"<html>", ()), (b'{"resourceType":"OperationOutcome"}', ()),
        (b'{"resourceType":"OperationOutcome","issue":[{"code":"processing","diagnostics":"Mr Muster"}]}', ("processing",)),
        (b'{"resourceType":"OperationOutcome","issue":[{"code":"x","details":{"coding":[{"code":"59189"}],"text":"Mr"}}]}', ("x/59189",)),
        (b'{"resourceType":"OperationOutcome","issue":[{"code":"Mr Muster, born 1950"},7,{"code":7}]}', ()),
        (b'{"resourceType":"OperationOutcome","issue":[' + b'{"code":"a"},' * 50 + b'{"code":"b"}]}', ("a", "b")),
    ],
)  # fmt: skip
def test_of_an_outcome_only_codes_are_kept(body: bytes, codes: tuple[str, ...]) -> None:
    assert issue_codes(Answer(status=422, body=body)) == codes


def test_what_was_noted_of_the_earlier_saying_is_exchanged_and_what_others_noted_stays() -> None:
    before, after = (
        next(
            part.body
            for part in write(output("score", explanation=words, confidence=sure)).own
            if part.role == "primary"
        )
        for words, sure in (("Pulse 120.", Decimal("0.7")), ("Pulse 100.", Decimal("0.4")))
    )
    unsaid, newly = exchanged(after, before)
    wanted = edit("corrected", replace=replacement(after, before), unsaid=unsaid, newly=newly)
    kept = {**before, "note": [*before["note"], {"text": "Seen by the ward."}], "text": {"div": "1"}}
    assert not done(kept, wanted)
    changed = edited(kept, wanted)
    texts = [note["text"] for note in changed["note"]]
    assert {"Pulse 100.", "Confidence: 0.4.", "Seen by the ward.", "Because."} < set(texts)
    assert not {"Pulse 120.", "Confidence: 0.7."} & set(texts)
    assert texts[0].startswith("Machine-generated")
    assert (changed["status"], "text" in changed) == ("preliminary", False)
    assert done(changed, wanted)
    assert edited(changed, wanted)["note"][:-1] == changed["note"], "what is there is not said twice"
    assert parse_edit(codec.parse(codec.format(format_edit(wanted)))) == wanted
