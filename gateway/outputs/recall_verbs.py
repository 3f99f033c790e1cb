"""Edge: recalls as they are shown, and as the command line asks for them."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from gateway.model_folders import seen
from vocabulary.instant import format_instant
from writeback import recall
from writeback.recall import Item, Recall

Arguments = Mapping[str, Any]
MOST = 1000
LONGEST = {"model": 128, "version": 64, "reason": 4000}
MODEL_UNKNOWN = (
    "no model of this name was ever here, and nothing was recalled: look it up on the page /models, or with "
    "`chartgate outputs list`"
)
VERSION_UNKNOWN = "this version of the model was never here, and nothing was recalled: there is {}"


def shown_recall(found: Recall) -> dict[str, Any]:
    """A recall for people and programs. ``standing`` is how many resources still stand at an EHR, or may."""
    return {
        "id": found.id, "model": found.model, "version": found.version, "reason": found.reason, "by": found.by,
        "state": found.state, "since": format_instant(found.since), "counts": dict(sorted(found.counts.items())),
        "standing": found.standing, "ehrs": dict(sorted(found.ehrs.items())),
    }  # fmt: skip


def shown_item(item: Item) -> dict[str, Any]:
    """One resource of a recall: an address at an EHR, no patient datum."""
    return {
        "ehr": item.ehr, "resource_type": item.type, "location": item.location, "output": item.output,
        "delivery": item.edit, "source": item.source, "state": item.state, "cause": item.cause,
    }  # fmt: skip


class NeverHere(ValueError):
    """Nothing of that name can be recalled; ``element`` says whether it is the model or its version."""

    def __init__(self, element: str, text: str) -> None:
        super().__init__(text)
        self.element = element


def begin(
    connection: Connection, now: float, *, id: str, model: str, version: str, reason: str, by: str
) -> tuple[Recall, bool]:  # fmt: skip
    """``recall.start`` of a version that was here: installed once, with outputs, or recalled already. Raises NeverHere."""
    there = seen.find_versions(connection, now, model=model)
    known = version in there or recall.recalled(connection, model, version)
    if not known and not recall.spoke(connection, model, version):
        if there:
            raise NeverHere("version", VERSION_UNKNOWN.format(" and ".join(there)))
        raise NeverHere("model", MODEL_UNKNOWN)
    return recall.start(connection, now, id=id, model=model, version=version, reason=reason, by=by)


def read_said(arguments: Arguments) -> dict[str, str]:
    """What is recalled, and why. Raises ValueError for what is no model, version or reason."""
    said = {name: str(arguments[name]).strip() for name in LONGEST}
    for name, longest in LONGEST.items():
        if not said[name] or len(said[name]) > longest or any(ord(character) < 32 for character in said[name]):
            raise ValueError(f"the {name} must be text of at most {longest} characters")
    return said


def start_recall(connection: Connection, now: float, arguments: Arguments) -> dict[str, Any]:
    """Begins a recall, or takes up the one that stands. Raises ValueError for what is no model version or
    reason, or never was here."""
    said = read_said(arguments)
    begun, new = begin(connection, now, id=uuid4().hex, by="command line", **said)
    return {**shown_recall(begun), "new": new}


def show_recall(connection: Connection, now: float, arguments: Arguments) -> dict[str, Any]:
    """A recall with what still stands (at most a thousand items). Raises ValueError."""
    found = recall.find_recall(connection, now, str(arguments["id"]))
    if found is None:
        raise ValueError("no recall has that id")
    left = recall.list_items(connection, now, found.id, states=recall.STANDING, limit=MOST)
    return {**shown_recall(found), "items": [shown_item(item) for item in left]}


def list_recalls(connection: Connection, now: float, arguments: Arguments) -> list[dict[str, Any]]:
    """Every recall, the newest first."""
    return [shown_recall(found) for found in recall.list_recalls(connection, now)]
