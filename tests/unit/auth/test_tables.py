"""The tables of scopes and levels have the rows of the specifications, counted from there and not from the tables."""

from auth.access import levels
from auth.discovery import SCOPES
from auth.server import words

CONTEXT = {
    "launch",
    "launch/patient",
    "launch/encounter",
    "openid",
    "fhirUser",
    "profile",
    "offline_access",
    "online_access",
}
"""https://hl7.org/fhir/smart-app-launch/STU2.2/scopes-and-launch-context.html: scopes that are of no record."""
OF_R4 = {
    "$everything", "$validate", "$export", "$graphql", "$match", "$apply", "$meta", "$meta-add", "$meta-delete", "$lastn", "$stats",
    "$graph", "$process-message",
}  # fmt: skip
"""https://hl7.org/fhir/R4/operationslist.html and Bulk Data Access, as far as they reach records."""
ELSEWHERE = {"$expunge", "$reindex", "$member-match", "$diff", "$merge", "$summary", "$docref", "$import"}
"""Operations of servers and other guides that would reach records past a scope (reference: smart-auth.md §3.2)."""


def test_discovery_lists_every_scope_of_the_specification_and_one_wildcard_for_each_level() -> None:
    assert set(SCOPES) == {*CONTEXT, "patient/*.cruds", "user/*.cruds", "system/*.cruds", "introspect"}


def test_every_scope_of_no_record_has_words_for_the_person_who_is_asked() -> None:
    assert set(words.WORDS) == CONTEXT
    assert all(len(text.split()) > 3 for text in words.WORDS.values())


def test_every_level_and_every_letter_has_a_word() -> None:
    assert words.WHOSE == {"patient": "of this patient", "user": "that you may see", "system": "of everybody"}
    assert words.VERBS == {"r": "read", "s": "search", "c": "add", "u": "change", "d": "delete"}
    assert "".join(words.VERBS) == "rscud"


def test_every_operation_that_could_reach_a_record_past_a_scope_has_its_row() -> None:
    assert set(levels.OPERATIONS) == OF_R4 | ELSEWHERE
    assert {name for name, row in levels.OPERATIONS.items() if row.served} == {"$everything", "$validate", "$export"}


def test_every_way_around_a_scope_has_its_row() -> None:
    """Chains, includes, histories, compartments and what is everybody's (smart-auth.md A08 to A12, §3.2)."""
    assert set(levels.FEATURES) == {
        "chain", "_has", "_source", "_include", "_revinclude", "history-instance", "history-type", "history-system", "compartment",
        "write-shared", "create-patient", "delete-patient",
    }  # fmt: skip


def test_the_types_that_are_closed_to_a_patients_scope() -> None:
    assert {"Group", "AuditEvent", "Subscription", "MessageHeader", "Binary"} == levels.CLOSED
