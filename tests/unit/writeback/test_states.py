"""The state tables: total, every state reached, every state left that should be."""

import pytest

from vocabulary.write import DeliveryState
from writeback.states import (
    CHANGES,
    EVENTS,
    FINAL,
    OUTPUT_CHANGES,
    OUTPUT_EVENTS,
    OUTPUT_STATES,
    SETTLED,
    STATES,
    Event,
    advance,
    derive,
)  # fmt: skip


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("event", EVENTS)
def test_every_state_has_an_answer_to_every_event(state: DeliveryState, event: Event) -> None:
    assert advance(state, event) in STATES


def test_every_state_of_a_delivery_is_reached_from_ready() -> None:
    reached, waiting = {"ready"}, ["ready"]
    while waiting:
        state = waiting.pop()
        for after in CHANGES[state].values():  # type: ignore[index]
            if after not in reached:
                reached.add(after)
                waiting.append(after)
    assert reached == set(STATES)


@pytest.mark.parametrize("state", STATES)
def test_a_state_is_left_unless_it_is_final(state: DeliveryState) -> None:
    assert bool(CHANGES[state]) == (state not in FINAL)


def test_every_event_matters_somewhere() -> None:
    assert {event for changes in CHANGES.values() for event in changes} == set(EVENTS)


def test_only_looking_leaves_doubt() -> None:
    assert set(CHANGES["in_doubt"]) == {"claimed"}


def test_a_late_answer_changes_nothing_that_is_settled() -> None:
    for state in SETTLED - {"delivered"}:
        assert advance(state, "kept") == state
    assert advance("leased", "kept") == "delivered"


def test_the_outputs_table_knows_every_state_and_event() -> None:
    assert set(OUTPUT_CHANGES) == set(OUTPUT_STATES)
    assert {event for changes in OUTPUT_CHANGES.values() for event in changes} == set(OUTPUT_EVENTS)


@pytest.mark.parametrize("state", STATES)
def test_an_output_ends_as_its_primary_resource_does(state: DeliveryState) -> None:
    ended = derive(state, [])
    assert (ended == "pending") == (state not in SETTLED)
    if ended != "pending":
        assert ended in OUTPUT_CHANGES["pending"]["settled"]


def test_an_output_is_on_its_way_while_any_of_its_resources_is() -> None:
    assert derive("delivered", ["in_doubt"]) == "pending"
    assert derive("delivered", ["rejected"]) == "delivered"
