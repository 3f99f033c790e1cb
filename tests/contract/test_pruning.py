"""The monitors' journal is pruned, at any time and stopped anywhere: what is folded of it is, to the bit, what an unpruned one gives.

The oracle keeps every entry that was ever written, says by itself which are the first of their encounters, and folds all at once.
"""

import random
from collections.abc import Sequence
from functools import partial
from typing import Any

import pytest
from sqlalchemy import func, insert, select

from gateway.storage.database import Database
from monitoring import evaluations, labels, observations, pruning
from monitoring.entries import Entry, Labelled, Observed, SentenceRead, Telling, TextChecked, Ticked
from monitoring.evaluations import Folded, Lease
from monitoring.folding import fold
from monitoring.labels import Label
from monitoring.observations import AGAIN
from monitoring.packing import pack, unpack
from monitoring.pruning import Limits
from monitoring.tables import entries
from monitoring.watch import Watch
from tests.monitored import ABOUT, PLACE, plan, tellings

DAY = 86400.0
BEGIN = 1.7e9
KEPT, MATURE = 20 * DAY, 120 * DAY
LIMITS = Limits(
    kept=lambda model, version, ehr, now: now - KEPT, labelled=lambda model, version, ehr, now: now - KEPT - MATURE,
    newest=lambda now: now - KEPT,
)  # fmt: skip


class Stopped(Exception):
    """Where a process dies: its transaction is taken back."""


class World:
    """A journal over months, folded now and then, with everything that was ever written remembered aside."""

    def __init__(self, database: Database, seed: int) -> None:
        self.database, self.now, self.draw = database, BEGIN, random.Random(seed)
        self.written: list[tuple[float, int, Telling]] = []
        self.cursor = (0.0, 0)
        self.pending: dict[str, Label] = {}

    def do(self, work: Any, **named: Any) -> Any:
        return self.database.run_now(lambda connection, _: work(connection, self.now, **named))

    def tell(self, told: Sequence[Telling]) -> None:
        def work(connection: Any, now: float) -> None:
            for each in told:
                self.now += self.draw.uniform(1.0, 16 * HOURS)
                row = {**observations._row(self.now, each), "at": self.now}
                del row["now"]
                id = connection.execute(insert(entries).values(**row).returning(entries.c.id)).scalar_one()
                self.written.append((self.now, id, each))

        self.do(work)

    def label(self, label: Label) -> None:
        self.pending[label.output] = label
        self.do(labels.save_label, label=label)

    def tell_mature(self) -> None:
        """As the evaluator does, but at the test's time also where the database has a clock of its own. Nobody's label is lost
        because its output has gone."""
        limit = LIMITS.labelled("", "", "", self.now)
        known = {told.output: at for at, _, told in self.written if isinstance(told, Observed)}
        mature = {output for output, label in self.pending.items() if label.mature <= self.now}
        due = {output for output in mature if known.get(output, 0.0) >= limit}
        assert len(mature) < labels.MOST
        before = self.do(lambda c, now: c.scalar(select(func.max(entries.c.id))) or 0)
        self.do(labels.tell_mature, oldest=LIMITS.labelled)

        def work(connection: Any, now: float) -> set[str]:
            rows = connection.execute(select(entries).where(entries.c.id > before).order_by(entries.c.id)).all()
            for row in rows:
                self.now += 1.0
                connection.execute(entries.update().where(entries.c.id == row.id).values(at=self.now))
                about = {"output": row.output, "model": row.model, "version": row.version, "ehr": row.ehr}
                self.written.append((self.now, row.id, Labelled(**about, event=bool(row.value))))
            return {row.output for row in rows}

        assert self.do(work) == due
        self.pending = {output: label for output, label in self.pending.items() if output not in mature}

    def fold(self) -> None:
        self.now += 1.0
        lease = self.do(evaluations.take_lease, holder="test")
        assert isinstance(lease, Lease)
        self.do(lambda c, now: c.execute(evaluations.evaluator.update().values(horizon=now)))
        while page := self.do(observations.find_entries, after=self.cursor, before=self.now):
            watches = {PLACE: Watch.of(plan(), unpack(packed)) if (packed := self.state()) else Watch(plan())}
            changed = fold(watches, page)  # type: ignore[arg-type]
            self.cursor = (page[-1].at, page[-1].id)
            watch = watches[PLACE]
            folded = [Folded(place=PLACE, at=watch.last, state=pack(watch.state()), signals=watch.signals())]
            assert self.do(evaluations.save, lease=lease, cursor=self.cursor, folded=folded, changed=changed)

    def state(self) -> bytes | None:
        found: bytes | None = self.do(evaluations.find_state, place=PLACE)
        return found

    def prune(self) -> int:
        """One purge that may die in a page or between two; how many entries went."""
        total, after = 0, (-1.0, 0)  # type: int, Any
        while after is not None:
            dies = self.draw.random()
            try:
                gone, after = self.do(partial(_page, dies=dies < 0.15), after=after)
            except Stopped:
                return total
            total += gone
            if dies > 0.85:
                return total
        return total

    def count(self) -> int:
        return int(self.do(lambda c, now: c.scalar(select(func.count()).select_from(entries))))


HOURS = 3600.0


def _page(connection: Any, now: float, *, after: Any, dies: bool) -> Any:
    found = pruning.prune(connection, now, limits=LIMITS, after=after)
    if dies:
        raise Stopped
    return found


def oracle(written: list[tuple[float, int, Telling]]) -> bytes:
    """The state of everything that was ever written."""
    written = sorted(written, key=lambda each: each[:2])
    outputs = [(at, id, told) for at, id, told in written if isinstance(told, Observed)]
    by_encounter: dict[str, list[tuple[float, int, Observed]]] = {}
    for each in outputs:
        by_encounter.setdefault(each[2].encounter, []).append(each)
    by_output = {told.output: (at, id, told) for at, id, told in outputs}

    def first(at: float, id: int, told: Observed, *, scored: bool) -> bool:
        return not any(
            (when, number) < (at, id) and when >= at - AGAIN and (not scored or each.score is not None)
            for when, number, each in by_encounter[told.encounter]
        )

    found = []
    for at, id, told in written:
        if isinstance(told, Observed):
            found.append(Entry(id=id, at=at, told=told, first=first(at, id, told, scored=False)))
        elif isinstance(told, Labelled):
            when, number, output = by_output[told.output]
            counts = output.score is not None and first(when, number, output, scored=True)
            found.append(Entry(id=id, at=at, told=told, first=counts, score=output.score, strata=output.strata))
        else:
            found.append(Entry(id=id, at=at, told=told))
    watch = Watch(plan())
    watch.fold(found)
    return pack(watch.state())


def month(world: World, number: int) -> None:
    """Outputs of encounters that come again, some without a score; texts, verdicts of people, ticks; labels that come later."""
    draw = world.draw
    told: list[Telling] = []
    for each in tellings(60, seed=100 + number, replica=f"m{number}-"):
        if isinstance(each, Observed):
            again = draw.random()
            encounter = (
                f"m{draw.randint(max(0, number - 4), number)}-{draw.randint(0, 9)}" if again < 0.3 else each.encounter
            )
            value = None if draw.random() < 0.1 else each.value
            told.append(Observed(**{**_members(each), "encounter": encounter, "value": value, "score": value}))
            if draw.random() < 0.7:
                observed = world.now + draw.uniform(0, 1) * MATURE
                mature = observed + draw.uniform(0, 0.5) * MATURE
                label = Label(
                    output=each.output, event=draw.random() < 0.1, observed=observed, source="api", mature=mature
                )
                world.label(label)
        elif isinstance(each, Ticked):
            told.append(each)
        if draw.random() < 0.1:
            about = {**ABOUT, "output": "t"}
            told += [
                TextChecked(**about, supported=5, unsupported=1, must=1),
                SentenceRead(**about, verdict="supported"),
            ]
    world.tell(told)


def _members(each: Observed) -> dict[str, Any]:
    return {name: getattr(each, name) for name in each.__struct_fields__}


@pytest.mark.parametrize("seed", [1, 2])
def test_what_is_folded_of_a_pruned_journal_is_what_is_folded_of_all_of_it(database: Database, seed: int) -> None:
    world, gone = World(database, seed), 0
    for number in range(14):
        month(world, number)
        for step in world.draw.sample((world.tell_mature, world.fold, world.prune, world.fold, world.prune), 5):
            gone += step() or 0
    world.tell_mature()
    world.fold()
    state = world.state()
    assert state == oracle(world.written)
    assert gone > 100
    outputs = sum(isinstance(told, Observed) for *_, told in world.written)
    left = world.do(lambda c, now: c.scalar(select(func.count()).where(entries.c.what == "output")))
    assert 0 < left < 0.9 * outputs, "outputs went as well"
    assert world.count() == len(world.written) - gone


def test_nothing_goes_that_is_not_folded_or_whose_encounter_or_label_may_still_come(database: Database) -> None:
    world = World(database, 3)
    about = {**ABOUT, "features": b"\0" * 16}
    outputs = [Observed(**about, output=f"o{n}", encounter=f"e{n // 2}", value=0.1, score=0.1) for n in range(6)]
    world.tell([*outputs, Ticked()])
    for output in ("o0", "o1"):
        mature = world.now + 45 * DAY
        world.label(Label(output=output, event=True, observed=world.now, source="api", mature=mature))
    world.now += KEPT + DAY
    sizes = [world.count()]
    for step in (world.fold, world.tell_mature, world.fold):
        world.do(partial(_page, dies=False), after=(-1.0, 0))
        sizes.append(world.count())
        step()
    assert sizes == [7, 7, 6, 6], "the tick alone: encounters are known again for ninety days"
    world.now = BEGIN + 48 * DAY
    world.tell_mature()
    for days, left in (
        (AGAIN / DAY - 1, 6),
        (AGAIN / DAY + 7, 4),
        ((KEPT + MATURE) / DAY - 1, 4),
        ((KEPT + MATURE) / DAY + 7, 0),
    ):
        world.now = BEGIN + days * DAY
        world.tell([Ticked()])
        world.fold()
        world.do(partial(_page, dies=False), after=(-1.0, 0))
        assert world.do(lambda c, now: c.scalar(select(func.count()).where(entries.c.what == "output"))) == left
    assert world.state() == oracle(world.written)


def test_the_label_of_an_output_that_may_have_gone_comes_too_late(database: Database) -> None:
    world = World(database, 4)
    world.tell([Observed(**ABOUT, features=b"\0" * 16, output="o", encounter="e", value=0.1, score=0.1)])
    world.do(labels.save_label, label=Label(output="o", event=True, observed=BEGIN, source="api", mature=BEGIN))
    world.now += KEPT + MATURE + DAY
    world.tell_mature()
    assert [type(told) for *_, told in world.written] == [Observed]
    late = Label(output="o", event=False, observed=BEGIN, source="api", mature=BEGIN)
    assert world.do(labels.save_label, label=late) == "settled"
