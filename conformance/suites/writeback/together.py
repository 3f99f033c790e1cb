"""Several at once: parallel writers, an answer that was lost, bundles that are all or nothing (FHIR R4 §3.1.0.11, §3.1.0.5)."""

from conformance import capability
from conformance.check import Check, Problems, check, marked
from conformance.evidence import Evidence
from conformance.reading import entries, id_of, names, resources, statuses, version_of
from conformance.suites.writeback.writes import versioned

WRITERS = 8


@check("chartgate#parallel-creates")
def parallel_creates_make_one(evidence: Evidence) -> Problems:
    """Eight conditional creates of one key at the same time make one resource: one 201, and who else was answered is told the
    same.

    Decide and write in one transaction, with a unique constraint on the condition's key."""
    capability.require(evidence, "Observation", "conditional-create")
    answers, found = evidence["parallel creates"], resources(evidence.seen("parallel creates found"))
    said = [answer.status for answer in answers]
    if said.count(201) != 1 or set(said) - {200, 201, 409, 412, 429, 503}:
        yield f"answered {sorted(said)}"
    if len(found) != 1:
        yield f"made {len(found)} resources"
    if len({id_of(answer) for answer in answers if answer.status in (200, 201)}) > 1:
        yield "named different resources"


@check("chartgate#parallel-updates")
def parallel_updates_let_one_win(evidence: Evidence) -> Problems:
    """Of eight updates of one version at the same time exactly one is done; the others are 412 (409), and none is lost."""
    capability.require(evidence, "Observation", "update")
    versioned(evidence)
    said = [answer.status for answer in evidence["parallel updates"]]
    if said.count(200) != 1 or set(said) - {200, 409, 412, 429, 503}:
        yield f"answered {sorted(said)}"
    winner = [answer for answer in evidence["parallel updates"] if answer.status == 200]
    after = evidence.seen("parallel updates read")
    if (
        len(winner) == 1
        and after.table.get("note") != evidence["parallel notes"][evidence["parallel updates"].index(winner[0])]
    ):
        yield "what is read is not what the winner wrote"


@check("chartgate#lost-answer")
def a_lost_answer_is_made_good(evidence: Evidence) -> Problems:
    """A conditional create whose answer was lost, sent again, leaves one resource."""
    capability.require(evidence, "Observation", "conditional-create")
    again, found = evidence.seen("sent again"), resources(evidence.seen("sent again found"))
    if again.status not in (200, 201):
        yield f"the second time was answered {again.status}"
    if len(found) != 1:
        yield f"there are {len(found)} resources"


@check("chartgate#lost-answer")
def a_lost_update_is_made_good(evidence: Evidence) -> Problems:
    """An update by id whose answer was lost, sent again, leaves what it says, once."""
    capability.require(evidence, "Observation", "update")
    again, after = evidence.seen("updated again"), evidence.seen("updated again read")
    if again.status not in (200, 201):
        yield f"the second time was answered {again.status}"
    if after.table.get("status") != "amended":
        yield "the update is not there"


@check("fhir-r4#transaction")
def a_transaction_is_done_whole(evidence: Evidence) -> Problems:
    """A transaction makes every resource, answers in the order of its entries and resolves what they call one another."""
    capability.require_whole(evidence, "transaction")
    answer = evidence.seen("transaction")
    if answer.status != 200 or answer.table.get("type") != "transaction-response":
        yield f"answered {answer.status}, or no transaction-response"
    if statuses(answer) != [201, 201]:
        yield f"its entries were answered {statuses(answer)}"
    found = resources(evidence.seen("transaction found"))
    if len(found) != 2:
        yield f"made {len(found)} of 2 resources"
    places = [str((each.get("response") or {}).get("location")) for each in entries(answer)]
    first = next((each for each in found if f"Observation/{each.get('id')}" in (places or [""])[0]), None)
    if first is None or not any(names(each.get("derivedFrom"), f"Observation/{first['id']}") for each in found):
        yield "the reference between its entries does not lead to what was made"


@check("fhir-r4#transaction-order")
def a_transaction_reads_last(evidence: Evidence) -> Problems:
    """A transaction whose first entry searches for what its second creates finds it: reads come last, whatever their place.

    Do deletes, creates, updates and reads in this order, and answer in the order of the entries."""
    capability.require_whole(evidence, "transaction")
    answer = evidence.seen("transaction that reads first")
    if answer.status != 200 or statuses(answer) != [200, 201]:
        yield f"answered {answer.status}, its entries {statuses(answer)}"
    found = [each for each in resources(answer) if each.get("resourceType") == "Bundle"]
    if len(found) != 1 or not isinstance(found[0].get("entry"), list) or len(found[0]["entry"]) != 1:
        yield "the search did not find the one that the same transaction made"


def _rolled_back(name: str, title: str) -> Check:
    def find(evidence: Evidence) -> Problems:
        capability.require_whole(evidence, "transaction")
        answer = evidence.seen(name)
        if not 400 <= answer.status < 500:
            yield f"answered {answer.status}"
        if answer.table.get("resourceType") != "OperationOutcome":
            yield "is no OperationOutcome"
        if found := resources(evidence.seen(f"{name} found")):
            yield f"{len(found)} of its resources are there"

    find.__doc__, find.__name__ = title, f"{name.replace(' ', '_')}_leaves_nothing"
    return check("fhir-r4#transaction")(find)


@check("fhir-r4#transaction")
def a_refused_transaction_changes_nothing(evidence: Evidence) -> Problems:
    """A transaction that is refused has changed no resource that was there before."""
    capability.require_whole(evidence, "transaction")
    before, after = evidence.seen("before refused transaction"), evidence.seen("after refused transaction")
    if not 400 <= evidence.seen("transaction with an update").status < 500:
        yield f"answered {evidence.seen('transaction with an update').status}"
    if version_of(before) != version_of(after) or before.table.get("status") != after.table.get("status"):
        yield "the resource is another than before"


@check("fhir-r4#transaction")
def a_condition_in_a_transaction_is_once(evidence: Evidence) -> Problems:
    """A transaction whose entry has ifNoneExist, sent twice, makes one resource."""
    capability.require_whole(evidence, "transaction")
    capability.require(evidence, "Observation", "conditional-create")
    first, again = evidence.seen("conditional transaction"), evidence.seen("conditional transaction again")
    if statuses(first) != [201] or statuses(again) != [200]:
        yield f"its entry was answered {statuses(first)} and {statuses(again)} instead of 201 and 200"
    if len(resources(evidence.seen("conditional transaction found"))) != 1:
        yield f"made {len(resources(evidence.seen('conditional transaction found')))} resources"


@check("fhir-r4#batch")
def a_batch_is_done_entry_by_entry(evidence: Evidence) -> Problems:
    """In a batch a bad entry is refused and a good one done, each with its own status, in the order of the entries."""
    capability.require_whole(evidence, "batch")
    answer, said = evidence.seen("mixed batch"), statuses(evidence.seen("mixed batch"))
    if answer.status != 200 or answer.table.get("type") != "batch-response":
        yield f"answered {answer.status}, or no batch-response"
    if len(said) != 2 or said[0] != 201 or not 400 <= said[1] < 500:
        yield f"its entries were answered {said}"
    if len(resources(evidence.seen("mixed batch found"))) != 1:
        yield "not exactly the good entry is there"


CHECKS: tuple[Check, ...] = marked(
    (
        parallel_creates_make_one, parallel_updates_let_one_win, a_lost_answer_is_made_good, a_lost_update_is_made_good,
        a_transaction_is_done_whole,
        _rolled_back("transaction with a bad end", "A transaction whose last entry is invalid leaves nothing of the first."),
        _rolled_back("transaction with a bad reference", "A transaction with a reference to nothing leaves nothing."),
        a_refused_transaction_changes_nothing, a_condition_in_a_transaction_is_once, a_batch_is_done_entry_by_entry,
        a_transaction_reads_last,
    ),
    writes=True,
)  # fmt: skip
