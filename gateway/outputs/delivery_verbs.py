"""Edge: outputs and deliveries as the command line asks for them."""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from gateway.bodies import query
from gateway.outputs.resending import WHY, resend_delivery
from r4.outcome import Issue
from writeback.afterwards import resending
from writeback.ledger import listing, outputs
from writeback.states import OUTPUT_STATES, STATES

if TYPE_CHECKING:
    from gateway.app import Gateway

Arguments = Mapping[str, Any]
PATIENT = re.compile(r"Patient/[A-Za-z0-9.-]{1,64}")


def read_asked(arguments: Arguments, names: tuple[str, ...], states: tuple[str, ...]) -> query.Asked:
    """The filters. Raises ValueError that names the option."""
    named = [name for name in names if name != "limit" and arguments.get(name) not in (None, "", [])]
    given = [(name, arguments[name]) for name in named]
    pairs = [(name, str(each)) for name, value in given for each in (value if isinstance(value, list) else [value])]
    patient = arguments.get("patient")
    if patient is not None and PATIENT.fullmatch(str(patient)) is None:
        raise ValueError("--patient must be Patient/ID")
    asked = query.read_filters(pairs, names, states, patient)
    if isinstance(asked, list):
        issue: Issue = asked[0]
        raise ValueError(f"--{issue.element} {issue.text}")
    return replace(asked, limit=int(arguments.get("limit", query.LIMIT)))


CHECKS: Mapping[str, Callable[[Arguments], query.Asked]] = {
    "outputs.list": lambda arguments: read_asked(arguments, query.OUTPUTS, OUTPUT_STATES),
    "deliveries.list": lambda arguments: read_asked(arguments, query.DELIVERIES, STATES),
}
"""The filters of each list, by verb: whoever asks may look first whether they are understood."""


def _gathered(
    look: Callable[[query.Asked, tuple[float, str] | None, int], listing.Page], asked: query.Asked
) -> list[dict[str, Any]]:
    """As many as asked for: pages may hold fewer than there are."""
    rows: list[dict[str, Any]] = []
    place = asked.before
    while len(rows) < asked.limit:
        page = look(asked, place, asked.limit - len(rows))
        rows += page.rows
        place = page.next
        if place is None:
            break
    return rows


def list_outputs(connection: Connection, now: float, arguments: Arguments) -> list[dict[str, Any]]:
    """The newest outputs, shaped as ``GET /api/outputs/{id}``. Raises ValueError."""
    asked = CHECKS["outputs.list"](arguments)
    return _gathered(
        lambda a, at, n: listing.page_outputs(connection, now, wanted=a.wanted, limit=n, before=at), asked
    )  # fmt: skip


def show_output(connection: Connection, now: float, arguments: Arguments) -> dict[str, Any]:
    """One output, shaped as ``GET /api/outputs/{id}``, and ``story``: each of its deliveries with its history.
    Raises ValueError."""
    found = outputs.show_output(connection, now, str(arguments["id"]))
    if found is None:
        raise ValueError("no output has that id: `chartgate outputs list` shows them")
    parts = [part["delivery"] for part in (*found["deliveries"], *found["edits"])]
    return {**found, "story": [listing.find_delivery(connection, now, key) for key in parts]}


def list_deliveries(connection: Connection, now: float, arguments: Arguments) -> list[dict[str, Any]]:
    """The newest deliveries, shaped as ``GET /api/deliveries``. Raises ValueError."""
    asked = CHECKS["deliveries.list"](arguments)
    return _gathered(
        lambda a, at, n: listing.page_deliveries(connection, now, wanted=a.wanted, limit=n, before=at), asked
    )  # fmt: skip


def show_delivery(connection: Connection, now: float, arguments: Arguments) -> dict[str, Any]:
    """One delivery with its history. Raises ValueError."""
    found = listing.find_delivery(connection, now, str(arguments["id"]))
    if found is None:
        raise ValueError("no delivery has that id: `chartgate deliveries list` shows them")
    return found


def resend(connection: Connection, now: float, arguments: Arguments) -> dict[str, Any]:
    """A dead letter is due again, as it was planned: to plan anew a gateway has to run. Raises ValueError."""
    done = resending.resend(connection, now, key=str(arguments["id"]))
    if isinstance(done, str):
        raise ValueError(WHY[done])
    return show_delivery(connection, now, arguments)


def acts(gateway: "Gateway") -> Mapping[str, Callable[[Arguments], Awaitable[Any]]]:
    """What a running gateway does otherwise than by a look into the database."""

    async def plan_and_resend(arguments: Arguments) -> dict[str, Any] | None:
        made = await resend_delivery(gateway, str(arguments["id"]), allowed=lambda found: True)
        if made.refusal is not None:
            raise ValueError(made.refusal)
        return made.shown

    return {"deliveries.resend": plan_and_resend}
