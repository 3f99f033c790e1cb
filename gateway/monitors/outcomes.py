"""Edge: outcomes that an EHR knows: when an output is mature, its model's declared search says whether the event came.

The search is made with the gateway's own backend client; of its answer one truth value is kept, nothing else.
"""

import logging
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import quote

from sqlalchemy import Connection, select, tuple_

from auth.client.errors import ClientError
from gateway.ehrs.senders import EhrUnknown
from gateway.launches.charts import Unavailable
from gateway.outputs.recalling import pages
from gateway.processes.rounds import Rounds
from monitoring import labels as kept
from monitoring.labels import Label, Source
from monitoring.tables import entries, labels
from vocabulary.instant import format_instant, shift
from vocabulary.outcome import Outcome, parse_outcome
from writeback.ledger.outputs import Stored, find_output

if TYPE_CHECKING:
    from gateway.app import Gateway
    from gateway.model_folders.models import Model

logger = logging.getLogger("chartgate.outcomes")
PAUSE = 60.0
MOST, PAGE = 50, 50
"""Searches of one round, for an EHR has other things to do; entries that are looked at in one work."""


def outcome_of(model: "Model") -> Outcome | None:
    """What the model's manifest declares; a declaration that cannot be meant is none (``models check`` says so)."""
    return parse_outcome(model.manifest.monitoring)[0]


def label_of(stored: Stored, outcome: Outcome | None, *, event: bool, observed: float, source: Source) -> Label:
    """A label that is mature when its model says so: without a declaration at once."""
    mature = observed if outcome is None else max(observed, shift(stored.output.as_of, outcome.mature_after))
    return Label(output=stored.id, event=event, observed=observed, source=source, mature=mature)


class Outcomes(Rounds):
    """Searches for the outcomes of mature outputs, a few at a time."""

    pause, name = PAUSE, "outcomes"

    def __init__(self, gateway: "Gateway") -> None:
        super().__init__()
        self._gateway = gateway
        self._done: dict[tuple[str, str], tuple[float, int]] = {}

    async def round(self) -> int:
        """Asks for what is mature and has no label; how many were found out."""
        found = 0
        for model in list(self._gateway.models.values()):
            outcome = outcome_of(model)
            if outcome is not None and outcome.query is not None:
                found += await self._one(model, outcome)
        return found

    async def _one(self, model: "Model", outcome: Outcome) -> int:
        """Page by page through what has matured since; what an EHR did not answer is asked again in the next round."""
        found = 0
        while found < MOST and not self.stopping.is_set():
            page = await self._gateway.run(
                partial(_page, model=model.key, after=self._done.get(model.key, (-1.0, 0)), outcome=outcome)
            )
            for place, stored in page:
                if stored is not None and not await self._ask(stored, outcome):
                    return found
                found += stored is not None
                self._done[model.key] = place
            if len(page) < PAGE:
                break
        return found

    async def _ask(self, stored: Stored, outcome: Outcome) -> bool:
        output = stored.output
        until = shift(output.as_of, outcome.mature_after)
        path = (
            f"{outcome.query}&patient={quote(output.patient)}"
            f"&{outcome.since}=ge{quote(format_instant(output.as_of))}&{outcome.since}=le{quote(format_instant(until))}&_count=1"
        )
        try:
            event = await _any(self._gateway, output.ehr, path)
        except (Unavailable, ClientError, EhrUnknown, OSError) as failure:
            logger.info("an outcome could not be asked for: %s", type(failure).__name__)
            return False
        label = Label(output=stored.id, event=event, observed=until, source="query", mature=until)
        await self._gateway.run(partial(kept.save_label, label=label))
        return True


async def _any(gateway: "Gateway", ehr: str, path: str) -> bool:
    """Whether the search finds anything. Raises Unavailable."""
    async for found in pages(gateway, ehr, path):
        if any(each["resourceType"] == path.partition("?")[0] for each in found):
            return True
    return False


def _page(
    connection: Connection, now: float, *, model: tuple[str, str], after: tuple[float, int], outcome: Outcome
) -> list[tuple[tuple[float, int], Stored | None]]:
    """The next entries that are mature, in order; with the output of those that are scored and have no label."""
    place = tuple_(entries.c.at, entries.c.id)
    rows = connection.execute(
        select(entries, labels.c.output.label("known"))
        .outerjoin(labels, labels.c.output == entries.c.output)
        .where(place > tuple_(*after), entries.c.at <= shift(now, outcome.mature_after, sign=-1))
        .order_by(entries.c.at, entries.c.id)
        .limit(PAGE)
    )  # fmt: skip
    return [
        (
            (row.at, row.id),
            find_output(connection, now, row.output)
            if row.what == "output"
            and (row.model, row.version) == model
            and row.score is not None
            and row.known is None
            else None,
        )
        for row in rows
    ]
