"""Entries of many models: what a watch is of does not depend on which of them were read together."""

import pytest

from monitoring.entries import Entry, Observed, Ticked
from monitoring.folding import Watches, fold
from monitoring.packing import pack
from monitoring.watch import Watch
from tests.monitored import plan, tellings
from tests.unit.monitoring.test_watch import journal


def entries() -> list[Entry]:
    """Two ticks before a model's first entry, and what it says on the same day."""
    told = [each for each in tellings(60, seed=4) if isinstance(each, Observed)]
    return journal([Ticked(), Ticked(), *told], step=60.0)


@pytest.mark.parametrize("first", [1, 2, 3, 4])
@pytest.mark.parametrize("there", [True, False], ids=["begun before it is read", "begun when it comes"])
def test_a_tick_before_the_first_entry_is_none_of_a_watchs_own_however_they_are_read(first: int, there: bool) -> None:
    all_of_them = entries()
    place = next(
        (each.told.model, each.told.version, each.told.ehr) for each in all_of_them if isinstance(each.told, Observed)
    )
    alone: Watches = {}
    changes = fold(alone, all_of_them, lambda key: Watch(plan()))
    read: Watches = {place: Watch(plan())} if there else {}
    seen = [
        *fold(read, all_of_them[:first], lambda key: Watch(plan())),
        *fold(read, all_of_them[first:], lambda key: Watch(plan())),
    ]
    whole, parts = alone[place], read[place]
    assert whole is not None
    assert parts is not None
    assert pack(parts.state()) == pack(whole.state())
    assert seen == changes
