"""EHRs that keep no identifier of ours: a lost answer is looked for by what was said, and nothing is sent blindly."""

import asyncio
import time
from dataclasses import replace
from typing import Any

import pytest

from gateway.storage.database import Database
from r4 import codec
from tests.contract.outbox_world import BY_POST, Ehr, accept, said, settle, state, states, submission
from tests.unit.writeback.examples import NAMES, manifest, output
from vocabulary.output import Output
from vocabulary.write import Write
from writeback.errors import AnswerLost
from writeback.gate import Admitted
from writeback.planning import plan
from writeback.rules import WriteRules
from writeback.speaking import likeness
from writeback.speaking.answers import Answer
from writeback.terms import Terms

UNSAID = WriteRules(drops=dict.fromkeys(("Observation", "DocumentReference"), ("identifier",)))
"""It is known that the EHR loses the identifier, so that it is left out."""
TYPES = {"score": "Observation", "text": "DocumentReference"}


class Nameless(Ehr):
    """Keeps no identifier, answers a search by patient, and loses the first answer about a type; ``lost`` are the types
    that it did not even keep."""

    def __init__(self, type: str, *, keeps: bool = True, searches: bool = True) -> None:
        super().__init__()
        self.type, self.keeps, self.searches, self.cut = type, keeps, searches, False

    async def send(self, method: str, path: str, **given: Any) -> Answer:
        first = method == "POST" and path == self.type and not self.cut and b'"subject"' in (given.get("body") or b"")
        self.cut = self.cut or first
        if first and not self.keeps:
            raise AnswerLost("cut")
        answer = await super().send(method, path, **given)
        for name, kept in self.kept.items():
            self.kept[name] = {member: value for member, value in kept.items() if member != "identifier"}
        if first:
            raise AnswerLost("cut")
        return answer

    def _read(self, path: str) -> Answer:
        if "?patient=" not in path:
            return super()._read(path)
        if not self.searches:
            return Answer(status=400)
        found = [
            each for each in self.kept.values() if each["resourceType"] == path.partition("?")[0] and "subject" in each
        ]
        bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in found]}
        return Answer(status=200, body=codec.format(bundle))


def planned(kind: str, rules: WriteRules) -> Any:
    """A submission of that kind, as an EHR with these rules takes it by plain creates."""
    out: Output = output(kind, as_of=time.time() - 1)  # type: ignore[arg-type]
    made = submission(out, capabilities=BY_POST)
    write = plan(
        out, manifest(out.kind), admitted=Admitted(inputs=out.inputs), names=NAMES, capabilities=BY_POST,
        now=time.time(), rules=rules,
    )  # fmt: skip
    return replace(made, write=write)


def patients(ehr: Ehr, type: str) -> list[dict[str, Any]]:
    return [each for each in ehr.kept.values() if each["resourceType"] == type and "subject" in each]


@pytest.mark.parametrize("rules", [WriteRules(), UNSAID], ids=["dropped in silence", "known to be dropped"])
@pytest.mark.parametrize("kind", TYPES)
def test_what_the_ehr_kept_without_our_name_is_found_by_what_it_says(
    database: Database, kind: str, rules: WriteRules
) -> None:
    made = planned(kind, rules)
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr := Nameless(TYPES[kind])))
    assert state(database, made.id) == "delivered"
    assert len(patients(ehr, TYPES[kind])) == 1


def test_a_provenance_without_its_tag_is_found_by_what_it_is_about(database: Database) -> None:
    class Tagless(Ehr):
        cut = False

        async def send(self, method: str, path: str, **given: Any) -> Answer:
            answer = await super().send(method, path, **given)
            if method == "POST" and path == "Provenance":
                self.kept = {name: {**kept, "meta": {"versionId": "1"}} if name == answer.headers["location"].partition("/_")[0]
                             else kept for name, kept in self.kept.items()}  # fmt: skip
                first, self.cut = not self.cut, True
                if first:
                    raise AnswerLost("cut")
            return answer

        def _read(self, path: str) -> Answer:
            if not path.startswith("Provenance?target="):
                return super()._read(path)
            found = [each for each in self.kept.values() if each["resourceType"] == "Provenance"]
            bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in found]}
            return Answer(status=200, body=codec.format(bundle))

    made = submission(said(), capabilities=BY_POST)
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr := Tagless()))
    assert (state(database, made.id), ehr.writes.count("POST Provenance")) == ("delivered", 1)
    assert states(database)["Provenance provenance"] == "delivered"


@pytest.mark.parametrize("kind", TYPES)
def test_what_the_ehr_does_not_have_is_sent_again(database: Database, kind: str) -> None:
    made = planned(kind, UNSAID)
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr := Nameless(TYPES[kind], keeps=False)))
    assert state(database, made.id) == "delivered"
    assert len(patients(ehr, TYPES[kind])) == 1


def test_where_the_ehr_cannot_be_asked_what_it_has_nothing_is_sent_again(database: Database) -> None:
    made = planned("score", UNSAID)
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr := Nameless("Observation", searches=False), rounds=12))
    assert states(database)["Observation primary"] == "in_doubt"
    assert ehr.writes.count("POST Observation") == 1


def test_another_value_another_time_and_another_of_ours_are_not_alike() -> None:
    made = planned("score", WriteRules())
    assert isinstance(made.write, Write)
    sent = next(part.body for part in made.write.own if part.role == "primary")
    kept = {name: value for name, value in sent.items() if name != "identifier"}
    stored = codec.parse(codec.format(kept).replace(b'"value":7,', b'"value":7.0,'))
    assert likeness.alike(sent, stored)
    assert not likeness.alike(sent, sent), "it carries a name of ours, which was searched for"
    for other in (
        {"valueQuantity": {**kept["valueQuantity"], "value": 8}}, {"effectiveDateTime": "2020-01-02T03:04:05Z"},
        {"subject": {"reference": "Patient/other"}}, {"code": {"text": "another"}}, {"status": "entered-in-error"},
    ):  # fmt: skip
        assert not likeness.alike(sent, {**kept, **other})


@pytest.mark.parametrize("keeps", [True, False], ids=["there", "elsewhere"])
def test_a_code_that_says_it_is_there_already_is_not_a_refusal_of_what_was_in_doubt(
    database: Database, keeps: bool
) -> None:
    """The search lags behind the store: what is in doubt is not found, sent again, and told to be a duplicate."""
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "duplicate",
               "details": {"coding": [{"system": "urn:oid:1", "code": "59189"}]}}]}  # fmt: skip
    asked: list[str] = []

    class Lagging(Ehr):
        async def send(self, method: str, path: str, **given: Any) -> Answer:
            if method == "POST" and path == "RiskAssessment":
                asked.append(path)
                if len(asked) > 1:
                    return Answer(status=400, body=codec.format(outcome))
                await super().send(method, path, **given)
                raise AnswerLost("cut")
            return await super().send(method, path, **given)

        def _read(self, path: str) -> Answer:
            if path.startswith("RiskAssessment?") and (len(asked) < 2 or not keeps):
                empty = {"resourceType": "Bundle", "type": "searchset"}
                return Answer(status=200, body=codec.format(empty))
            return super()._read(path)

    made = submission(said(), capabilities=BY_POST)
    asyncio.run(accept(database, made))
    terms = Terms(already_there=frozenset({"59189"}))
    asyncio.run(settle(database, Lagging(), terms=terms, rounds=12))
    assert states(database)["RiskAssessment primary"] == ("delivered" if keeps else "in_doubt")


class Choosy(Ehr):
    """Keeps our identifier, does not search by it, and loses the first answer about an Observation, or the request."""

    def __init__(self, *, keeps: bool, status: int) -> None:
        super().__init__()
        self.keeps, self.status, self.cut = keeps, status, False

    async def send(self, method: str, path: str, **given: Any) -> Answer:
        first, self.cut = method == "POST" and path == "Observation" and not self.cut, self.cut or path == "Observation"
        answer = await super().send(method, path, **given) if self.keeps or not first else None
        if first or answer is None:
            raise AnswerLost("cut")
        return answer

    def _read(self, path: str) -> Answer:
        if "?identifier=" in path:
            return Answer(status=self.status)
        if "?patient=" not in path:
            return super()._read(path)
        found = [each for each in self.kept.values() if each["resourceType"] == "Observation"]
        bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": each} for each in found]}
        return Answer(status=200, body=codec.format(bundle))


@pytest.mark.parametrize("status", [400, 403, 404])
@pytest.mark.parametrize("keeps", [True, False], ids=["there", "never came"])
def test_where_our_name_is_not_searched_for_it_is_found_by_what_it_says(
    database: Database, keeps: bool, status: int
) -> None:
    made = planned("score", WriteRules())
    asyncio.run(accept(database, made))
    asyncio.run(settle(database, ehr := Choosy(keeps=keeps, status=status)))
    assert state(database, made.id) == "delivered"
    assert len(patients(ehr, "Observation")) == 1
