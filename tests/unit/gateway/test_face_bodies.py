"""The guard and what is below it: what is asked before a body is written, and what is let through of what is answered."""

from typing import Any

import pytest

from auth import scopes
from auth.access.decide import allowing
from auth.server.grants import Context, Grant
from gateway.face.bodies import check_body
from gateway.face.guarding import Means
from gateway.face.paging import Pages
from gateway.face.searching import recheck_search
from r4.interaction import Answer, Interaction

BASE = "http://127.0.0.1:8700/ehr/spec/fhir"
OWN = {"resourceType": "Encounter", "id": "e1", "subject": {"reference": "Patient/p1"}}


def granted() -> Grant:
    said = scopes.parse("patient/*.cruds")
    return Grant(id="g", client_id="c", scopes=said, context=Context(patient="p1"), expires=1e12)


def known(*, whole: bool = False) -> Means:
    return Means(base=BASE, new_id=lambda: "new", pages=Pages("spec", bytes(32)), now=0.0, whole=whole)


def looked_at(references: list[str]) -> list[str | None]:
    """The ids that are read before an Observation of p1 with these references is let through."""
    focus: list[Any] = [{"reference": each} for each in references]
    body = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": "t"},
        "subject": {"reference": "Patient/p1"},
        "focus": focus,
    }
    grant = Grant(
        id="g", client_id="c", scopes=scopes.parse("patient/*.cruds"), context=Context(patient="p1"), expires=1e12
    )
    means = Means(base=BASE, new_id=lambda: "new", pages=Pages("spec", bytes(32)), now=0.0)
    asked = check_body(
        Interaction(action="create", type="Observation", body=body),
        allowing(grant, "create", "Observation"),
        grant,
        means,
    )
    read: list[str | None] = []
    try:
        wanted = next(asked)
        while True:
            read.append(wanted.id)
            found = OWN if wanted.type == "Encounter" else {"resourceType": "Patient", "id": wanted.id}
            wanted = asked.send(Answer(status=200, resource=found))
    except StopIteration as end:
        kept = end.value
    assert not isinstance(kept, Answer)
    return read


@pytest.mark.parametrize(
    "references", [["Encounter/e1"] * 40, ["Encounter/e1", f"{BASE}/Encounter/e1", "Encounter/e1/_history/1"], ["Patient/p1"] * 40]
)  # fmt: skip
def test_what_is_referred_to_again_and_again_is_looked_at_once(references: list[str]) -> None:
    read = looked_at(references)
    assert len(read) == len(set(read)) <= 2


@pytest.mark.parametrize("whole", [False, True])
def test_what_our_own_store_says_of_a_search_is_handed_on_and_no_other_servers_words_are(whole: bool) -> None:
    said = {"resourceType": "OperationOutcome", "issue": [{"severity": "warning", "code": "incomplete"}]}
    entries = [
        {"resource": {"resourceType": "Patient", "id": id}, "search": {"mode": "match"}} for id in ("p1", "p2")
    ] + [{"resource": said, "search": {"mode": "outcome"}}]
    answer = Answer(status=200, resource={"resourceType": "Bundle", "type": "searchset", "entry": entries})
    asked = recheck_search(Interaction(action="search", type="Patient"), answer, granted(), known(whole=whole))
    with pytest.raises(StopIteration) as end:
        next(asked)
    assert [each["search"]["mode"] for each in end.value.value.resource["entry"]] == ["match"] + ["outcome"] * (
        not whole
    )
