"""Edge: recalls as they are shown, and as the command line asks for them."""

from collections.abc import Mapping
from typing import Any
from uuid import uuid4

from sqlalchemy import Connection

from vocabulary.instant import format_instant
from writeback import recall
from writeback.recall import Item, Recall

Arguments = Mapping[str, Any]
MOST = 1000
LONGEST = {"model": 128, "version": 64, "reason": 4000}


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


def start_recall(connection: Connection, now: float, arguments: Arguments) -> dict[str, Any]:
    """Begins a recall, or takes up the one that stands. Raises ValueError for what is no model version or reason."""
    said = {name: str(arguments[name]).strip() for name in LONGEST}
    for name, longest in LONGEST.items():
        if not said[name] or len(said[name]) > longest or any(ord(character) < 32 for character in said[name]):
            raise ValueError(f"the {name} must be text of at most {longest} characters")
    begun, new = recall.start(connection, now, id=uuid4().hex, by="command line", **said)
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
