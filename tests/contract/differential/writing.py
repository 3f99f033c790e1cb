"""Writes: cases of a few requests on resources of their own, each judged again by what is read afterwards."""

from collections.abc import Callable, Mapping
from copy import deepcopy
from random import Random
from typing import Any

from r4 import codec
from tests.contract.differential.observing import Case, Step
from tests.contract.differential.records import ORDER, RUN, TAGS, WRITTEN, Known, made

FHIR = {"content-type": "application/fhir+json"}
PATCH = {"content-type": "application/json-patch+json"}
PREFERENCES: tuple[Mapping[str, str], ...] = (
    {}, {}, {"prefer": "return=minimal"}, {"prefer": "return=representation"}, {"prefer": "return=OperationOutcome"},
)  # fmt: skip
STALE = ('W/"7"', 'W/"0"', 'W/"abc"')
SYSTEM = "urn:chartgate:differential:key"
SIMPLE = tuple(type for type in ORDER if type not in ("Patient", "Binary", "Basic"))


def step(method: str, path: str, body: Any = None, *, bind: str = "", **headers: str) -> Step:
    """A request with a resource, or a JSON Patch."""
    said = PATCH if isinstance(body, list) else FHIR if body is not None else {}
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Step(
        method=method, path=path, headers={**said, **named}, bind=bind,
        body=codec.format(body) if body is not None else None,
    )  # fmt: skip


class Writing:
    """Draws writes; ``known`` are the ids of the run's records, which new resources refer to."""

    def __init__(self, random: Random, records: list[dict[str, Any]], run: str) -> None:
        self.random, self._run, self._count = random, run, 0
        self.known: Known = {}
        for body in records:
            self.known.setdefault(body["resourceType"], []).append(body["id"])

    def drawn(self) -> Case:
        """One case out of many."""
        kinds: tuple[Callable[[], Case], ...] = (
            self._created, self._updated, self._guarded, self._deleted, self._patched, self._conditionally_created,
            self._conditionally_updated, self._conditionally_deleted, self._recreated,
        )  # fmt: skip
        return self.random.choice(kinds)()

    def referred(self) -> Case:
        """The deletion of what something else refers to."""
        target = {"resourceType": "Location", "id": self.id(), "meta": self.meta(), "name": "A ward"}
        part = {"reference": f"Location/{target['id']}"}
        source = {"resourceType": "Location", "id": self.id(), "meta": self.meta(), "name": "A bed", "partOf": part}
        puts = [step("PUT", f"Location/{body['id']}", body) for body in (target, source)]
        return self._case("referred", *puts, step("DELETE", f"Location/{target['id']}"))

    def id(self) -> str:
        """An id of this run that nothing has yet."""
        self._count += 1
        return f"{self._run}w{self._count:05d}"

    def resource(self, type: str = "") -> dict[str, Any]:
        """A new resource of a type, or of any, with the tag of what is written in this run."""
        body = made(self.random, type or self.random.choice(SIMPLE), self.id(), self.known)
        return {**body, "meta": self.meta()}

    def meta(self) -> dict[str, Any]:
        return {"tag": [{"system": TAGS, "code": WRITTEN + self._run[:RUN]}]}

    def keyed(self, key: str = "") -> tuple[dict[str, Any], str]:
        """A resource with an identifier of its own, and the search for it."""
        key = key or f"{self._run}-{self._count}"
        body = self.resource(self.random.choice(("Observation", "Condition", "ServiceRequest", "Device", "Task")))
        return {**body, "identifier": [{"system": SYSTEM, "value": key}]}, f"identifier={SYSTEM}|{key}"

    def changed(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """The same with another language, which every resource may have."""
        return {**deepcopy(dict(body)), "language": self.random.choice(("en", "de", "fr"))}

    def prefer(self) -> Mapping[str, str]:
        return self.random.choice(PREFERENCES)

    def _case(self, kind: str, *steps: Step) -> Case:
        return Case(kind=kind, steps=steps)

    def _created(self) -> Case:
        body = self.resource()
        type = body["resourceType"]
        return self._case(
            "create", step("POST", type, body, bind="a", **self.prefer()), step("GET", f"{type}/{{a}}"),
            step("GET", f"{type}/{{a}}/_history/1"), step("GET", f"{type}/{{a}}/_history/2"),
            step("HEAD", f"{type}/{{a}}"), step("GET", f"{type}/{{a}}", if_none_match='W/"1"'),
        )  # fmt: skip

    def _updated(self) -> Case:
        body = self.resource()
        place = f"{body['resourceType']}/{body['id']}"
        return self._case(
            "update", step("PUT", place, body, **self.prefer()), step("PUT", place, body),
            step("PUT", place, self.changed(body), **self.prefer()), step("GET", place), step("GET", f"{place}/_history"),
            step("GET", f"{place}/_history/1"), step("GET", f"{place}/_history?_count=1"),
        )  # fmt: skip

    def _guarded(self) -> Case:
        body = self.resource()
        place, other = f"{body['resourceType']}/{body['id']}", self.changed(body)
        stale = self.random.choice(STALE)
        return self._case(
            "guarded", step("PUT", place, body, if_match=self.random.choice((stale, "*"))), step("PUT", place, body),
            step("PUT", place, other, if_match=stale), step("PUT", place, other, if_match='W/"1"'),
            step("DELETE", place, if_match='W/"7"'), step("GET", place),
            step("PUT", place, body, if_match=self.random.choice(('"2"', "*", 'W/"3"', "2"))), step("DELETE", place, if_match="*"),
        )  # fmt: skip

    def _deleted(self) -> Case:
        body = self.resource()
        place = f"{body['resourceType']}/{body['id']}"
        return self._case(
            "delete", step("DELETE", place), step("PUT", place, body), step("DELETE", place), step("DELETE", place),
            step("GET", place), step("GET", f"{place}/_history/1"), step("GET", f"{place}/_history/2"),
            step("GET", f"{place}/_history"), step("GET", f"{body['resourceType']}?_id={body['id']}"),
            step("PUT", place, self.changed(body), if_match='W/"1"'),
        )  # fmt: skip

    def _recreated(self) -> Case:
        body = self.resource()
        place = f"{body['resourceType']}/{body['id']}"
        return self._case(
            "recreate", step("PUT", place, body), step("DELETE", place), step("PUT", place, self.changed(body)),
            step("GET", place), step("GET", f"{place}/_history"),
        )  # fmt: skip

    def _patched(self) -> Case:
        body = self.resource()
        place = f"{body['resourceType']}/{body['id']}"
        add = [{"op": "add", "path": "/language", "value": "en"}]
        bad = self.random.choice((
            [{"op": "replace", "path": "/nothing", "value": "x"}], [{"op": "test", "path": "/language", "value": "de"}],
            [{"op": "add", "path": "/unknownElement", "value": 1}], [{"op": "replace", "path": "/id", "value": "other"}],
            [{"op": "frobnicate", "path": "/language"}], [{"op": "add", "path": "/language", "value": {"a": 1}}],
        ))  # fmt: skip
        return self._case(
            "patch", step("PATCH", place, add), step("PUT", place, body), step("PATCH", place, add, **self.prefer()),
            step("PATCH", place, bad), step("PATCH", place, [{"op": "remove", "path": "/language"}], if_match='W/"7"'),
            step("PATCH", place, [{"op": "remove", "path": "/language"}], if_match='W/"2"'), step("GET", place),
        )  # fmt: skip

    def _conditionally_created(self) -> Case:
        body, query = self.keyed()
        type = body["resourceType"]
        return self._case(
            "conditional create", step("POST", type, body, bind="a", if_none_exist=query),
            step("POST", type, body, if_none_exist=query, **self.prefer()), step("POST", type, body, bind="b"),
            step("POST", type, body, if_none_exist=query), step("GET", f"{type}?{query}"),
            step("POST", type, body, if_none_exist=self.random.choice(("unknown=1", "identifier=", "_sort=date"))),
        )  # fmt: skip

    def _conditionally_updated(self) -> Case:
        body, query = self.keyed()
        type, new = body["resourceType"], {name: value for name, value in body.items() if name != "id"}
        return self._case(
            "conditional update", step("PUT", f"{type}?{query}", new, bind="a"),
            step("PUT", f"{type}?{query}", self.changed(new)), step("PUT", f"{type}?{query}", body),
            step("PUT", f"{type}?{query}", new, if_match='W/"9"'), step("POST", type, new, bind="b"),
            step("PUT", f"{type}?{query}", new), step("GET", f"{type}?{query}"), step("PUT", f"{type}?unknown=1", new),
        )  # fmt: skip

    def _conditionally_deleted(self) -> Case:
        body, query = self.keyed()
        type = body["resourceType"]
        return self._case(
            "conditional delete", step("DELETE", f"{type}?{query}"), step("POST", type, body, bind="a"),
            step("DELETE", f"{type}?{query}"), step("GET", f"{type}/{{a}}"), step("POST", type, body, bind="b"),
            step("POST", type, body, bind="c"), step("DELETE", f"{type}?{query}"), step("GET", f"{type}?{query}"),
            step("DELETE", f"{type}?_count=1"),
        )  # fmt: skip
