"""One suite, both databases: what an EHR keeps of what it is sent is told when it grows less, and when nobody can tell any more
that a machine said it."""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from gateway.outputs.changes import events_of
from gateway.storage.database import Database
from monitoring.rules import triggered
from tests.contract.outbox_world import Ehr, accept, said, settle, submission
from writeback.changes import Change, DeliveryChanged, KeptLess
from writeback.terms import Terms

Loses = Callable[[dict[str, Any]], dict[str, Any]]
TYPE = "RiskAssessment"


@dataclass
class Losing(Ehr):
    """``loses`` says what it keeps of a RiskAssessment."""

    loses: Loses = lambda resource: resource

    async def send(
        self, method: str, path: str, *, headers: Mapping[str, str] | None = None, body: bytes | None = None
    ) -> Any:
        answer = await super().send(method, path, headers=headers, body=body)
        self.kept = {
            name: self.loses(each) if each["resourceType"] == TYPE and method != "GET" else each
            for name, each in self.kept.items()
        }
        return answer


def without(*names: str) -> Loses:
    return lambda resource: {name: value for name, value in resource.items() if name not in names}


def deliver(database: Database, ehr: Ehr, name: str, terms: Terms) -> list[Change]:
    told: list[Change] = []

    def observe(changes: Sequence[Change]) -> None:
        told.extend(changes)

    asyncio.run(accept(database, submission(said(inference_id=name, patient=f"Patient/{name}"))))
    asyncio.run(settle(database, ehr, terms=terms, observe=observe))
    return told


def less(told: Sequence[Change]) -> list[str]:
    return [change.path for change in told if isinstance(change, KeptLess)]


def alerts(told: Sequence[Change]) -> list[str]:
    return [rule.monitor for rule, _ in triggered(events_of(told))]


BOTH = pytest.mark.parametrize("terms", [Terms(), Terms(batch=True)], ids=["singly", "in a batch"])


@BOTH
def test_what_was_kept_before_and_is_lost_now_is_told_once(database: Database, terms: Terms) -> None:
    ehr = Losing()
    assert alerts(deliver(database, ehr, "a", terms)) == []
    ehr.loses = without("method")
    told = deliver(database, ehr, "b", terms)
    assert less(told) == [f"{TYPE}.method"]
    assert alerts(told) == ["M-WB-KEPT"]
    assert alerts(deliver(database, ehr, "c", terms)) == []


def test_what_was_always_lost_is_no_news(database: Database) -> None:
    ehr = Losing(loses=without("method"))
    assert [alerts(deliver(database, ehr, name, Terms())) for name in ("a", "b")] == [[], []]
    ehr.loses = without("method", "code")
    assert less(deliver(database, ehr, "c", Terms())) == [f"{TYPE}.code"]


def test_what_was_not_read_back_proves_nothing(database: Database) -> None:
    ehr = Losing()
    deliver(database, ehr, "a", Terms(read_back=0.0))
    ehr.loses = without("method")
    assert less(deliver(database, ehr, "b", Terms())) == []


def unlabelled(resource: dict[str, Any]) -> dict[str, Any]:
    return without("note", "text")({**resource, "meta": {"versionId": "1"}})


def unmarked(resource: dict[str, Any]) -> dict[str, Any]:
    return {**resource, "meta": {"versionId": "1"}}


@BOTH
def test_what_stands_there_and_nobody_can_tell_that_a_machine_said_it_is_critical(
    database: Database, terms: Terms
) -> None:
    told = deliver(database, Losing(loses=unlabelled), "a", terms)
    (lost,) = [each for each in told if isinstance(each, DeliveryChanged) and each.cause == "label_lost"]
    assert (lost.resource_type, lost.state) == (TYPE, "delivered")
    ((rule, _),) = triggered(events_of(told))
    assert (rule.monitor, rule.severity) == ("M-WB-LABEL", "critical")
    assert rule.owners == ("engineering", "clinical_informatics")


def test_a_label_that_is_lost_with_words_in_its_place_is_a_loss_and_no_alert(database: Database) -> None:
    assert alerts(deliver(database, Losing(loses=unmarked), "a", Terms())) == []
