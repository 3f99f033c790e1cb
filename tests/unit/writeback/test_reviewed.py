"""What a clinician has accepted no longer says that nobody has reviewed it; what others wrote stays."""

from base64 import b64decode, b64encode
from hashlib import sha1
from typing import Any

import pytest

from r4 import codec
from tests.unit.writeback.examples import NOW, PATIENT, output, write
from writeback.amending import Edit, edited
from writeback.lexicon.attachment import attachment, rich_text
from writeback.lexicon.reviewed import accepted, draft, machine_made

DAY = "2026-11-27"
UNREVIEWED = (f"{draft(None)}.", machine_made(None))
FINAL = Edit(to="final", key="a" * 64, patient=PATIENT, note="Because.", by="Practitioner/d1", at=NOW)


def told(resource: dict[str, Any]) -> str:
    """All that it says in words, attachments included."""
    contents = [entry["attachment"] for entry in resource.get("content", ())]
    return codec.format(resource).decode() + "".join(b64decode(each["data"]).decode() for each in contents)


@pytest.mark.parametrize("kind", ["risk", "score", "text", "issue", "classification"])
def test_no_own_resource_says_so_once_it_is_final(kind: str) -> None:
    for part in write(output(kind)).own:  # type: ignore[arg-type]
        if part.body["resourceType"] == "Provenance":
            continue
        assert any(words in told(part.body) for words in UNREVIEWED)
        after = told(edited(part.body, FINAL))
        assert not any(words in after for words in UNREVIEWED)
        assert "ccepted by a clinician on" in after


def test_a_text_keeps_its_other_words_and_its_attachment_agrees_with_itself() -> None:
    by_hand = f"{draft(None)}.\n\nSeen in the ward round; he said: not reviewed."
    document = {
        "description": f"{draft(None)}.",
        "content": [{"attachment": attachment(by_hand, content_type="text/plain", title="T")}],
    }
    after = accepted(document, DAY)
    given = after["content"][0]["attachment"]
    data = b64decode(given["data"])
    assert data.decode() == by_hand.replace(f"{draft(None)}.", f"{draft(DAY)}.")
    assert (given["size"], given["hash"]) == (len(data), b64encode(sha1(data).digest()).decode())
    assert after["description"] == f"{draft(DAY)}."


def test_rich_text_stays_rich_text() -> None:
    made = attachment(rich_text(f"{draft(None)}.\n\nFäll"), content_type="text/rtf", title="T")
    given = accepted({"content": [{"attachment": made}]}, DAY)["content"][0]["attachment"]
    assert b64decode(given["data"]).decode() == rich_text(f"{draft(DAY)}.\n\nFäll")


def test_a_note_of_somebody_else_and_a_checksum_that_the_ehr_dropped_are_not_made_up() -> None:
    bare = {"contentType": "text/plain", "data": b64encode(UNREVIEWED[0].encode()).decode()}
    after = accepted(
        {"note": [{"text": "Not reviewed."}, {"text": UNREVIEWED[1]}], "content": [{"attachment": bare}]}, DAY
    )
    assert after["note"] == [{"text": "Not reviewed."}, {"text": machine_made(DAY)}]
    assert set(after["content"][0]["attachment"]) == {"contentType", "data"}


@pytest.mark.parametrize(
    "kept",
    [{}, {"description": 3, "note": {}, "content": [None, {}, {"attachment": 1}, {"attachment": {"data": "%%%"}}]},
     {"note": [{"text": 4}, "x"], "conclusion": None}, {"content": [{"attachment": {"url": "Binary/b1"}}]}],
)  # fmt: skip
def test_what_an_ehr_keeps_in_another_form_is_left_as_it_is(kept: dict[str, Any]) -> None:
    assert accepted(kept, DAY) == {}
