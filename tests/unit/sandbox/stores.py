"""A store in memory and a client of it, for the tests of the store's parts."""

import itertools
import json
from collections.abc import Callable, Iterator
from typing import Any

from gateway.storage.database import Sqlite, open_sqlite
from r4.interaction import Answer, parse
from sandbox import finding, store, tables
from sandbox.planning import FEW

BASE = "http://127.0.0.1:8700/ehr/spec/fhir"
NAMES = itertools.count()
RULES = store.Rules(base=BASE, new_id=lambda: f"made-{next(NAMES)}", references="free")
JSON = (("content-type", "application/fhir+json"),)
CLOCK = itertools.count(1_700_000_000)


class Store:
    """Asked as a stranger would, but without a guard. Its clock goes on by a second with everything that is done. ``few``
    is that of ``planning``: 0 makes every search walk the index as it does in a large store."""

    def __init__(self, *, few: int = FEW, clock: Callable[[], float] = lambda: float(next(CLOCK))) -> None:
        self.few = few
        self.database: Sqlite = open_sqlite(":memory:", metadata=[tables.metadata], clock=clock)

    def ask(self, method: str, path: str, body: Any = None, *headers: tuple[str, str]) -> Answer:
        """One request; ``body`` a resource."""
        where, _, query = path.partition("?")
        data = json.dumps(body).encode() if body is not None else b""
        interaction = parse(method, where, query, (*headers, *JSON), data)
        if interaction.action == "search":
            return self.database.run_now(lambda c, now: finding.search(c, now, interaction, base=BASE, few=self.few))
        return self.database.run_now(lambda connection, now: store.perform(connection, now, interaction, RULES))

    def put(self, type: str, id: str, **members: Any) -> Answer:
        """A resource at its id."""
        answer = self.ask("PUT", f"{type}/{id}", {"resourceType": type, "id": id, **members})
        assert answer.status in (200, 201), answer.resource
        return answer

    def ids(self, path: str) -> list[str]:
        """The ids of a search's first page, in order."""
        return ids(self.ask("GET", path))

    def pages(self, path: str) -> Iterator[list[str]]:
        """The ids of page after page."""
        onward: str | None = path
        while onward:
            answer = self.ask("GET", onward)
            yield ids(answer)
            links = {link["relation"]: link["url"] for link in (answer.resource or {}).get("link", ())}
            onward = str(links.get("next", "")).removeprefix(f"{BASE}/") or None


def ids(answer: Answer) -> list[str]:
    """The ids of a Bundle's entries, in order."""
    assert answer.status == 200, answer.resource
    return [str(entry["resource"]["id"]) for entry in (answer.resource or {}).get("entry", ())]


def quantity(value: float, unit: str, *, code: str | None = None) -> dict[str, Any]:
    """A Quantity in a unit of UCUM."""
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": code or unit}
