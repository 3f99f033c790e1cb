"""Batches and transactions: every verb in them, references between entries, and one entry that spoils the rest."""

from random import Random
from typing import Any

from tests.contract.differential.erring import bundle
from tests.contract.differential.observing import Case, Step
from tests.contract.differential.writing import Writing, step

Entry = dict[str, Any]


class Bundling:
    """Draws bundles, each followed by reads of what it wrote."""

    def __init__(self, random: Random, records: list[dict[str, Any]], run: str) -> None:
        self.random, self.records, self.writing = random, records, Writing(random, records, run + "b")

    def drawn(self) -> Case:
        """One case out of many."""
        kind = self.random.choice(("batch", "transaction"))
        entries, reads = self._entries()
        wrong = self.random.random() < 0.4
        if wrong:
            entries.insert(self.random.randrange(len(entries) + 1), self._wrong())
        return Case(kind=f"wrong {kind}" if wrong else kind, steps=(bundle(kind, *entries), *reads))

    def _entries(self) -> tuple[list[Entry], list[Step]]:
        makers = [self._put, self._put, self._get, self._search, self._linked, self._conditional, self._missing]
        entries: list[Entry] = []
        reads: list[Step] = []
        for make in self.random.sample(makers, self.random.randrange(1, 5)):
            some, read = make()
            entries += some
            reads += read
        return entries, reads

    def _request(self, method: str, url: str, body: Any = None, **more: Any) -> Entry:
        request = {"method": method, "url": url, **more}
        return {**({"resource": body} if body is not None else {}), "request": request}

    def _put(self) -> tuple[list[Entry], list[Step]]:
        body = self.writing.resource()
        place = f"{body['resourceType']}/{body['id']}"
        return [self._request("PUT", place, body)], [step("GET", place), step("GET", f"{place}/_history")]

    def _get(self) -> tuple[list[Entry], list[Step]]:
        body = self.random.choice(self.records)
        return [self._request("GET", f"{body['resourceType']}/{body['id']}")], []

    def _search(self) -> tuple[list[Entry], list[Step]]:
        body = self.random.choice(self.records)
        return [self._request("GET", f"{body['resourceType']}?_id={body['id']}")], []

    def _missing(self) -> tuple[list[Entry], list[Step]]:
        return [self._request("DELETE", f"Basic/{self.writing.id()}")], []

    def _linked(self) -> tuple[list[Entry], list[Step]]:
        """A report and what it reports, under a temporary name."""
        observation, key = self.writing.keyed()
        observation = {**self.writing.resource("Observation"), "identifier": observation["identifier"]}
        report = {
            "resourceType": "DiagnosticReport", "id": self.writing.id(), "meta": self.writing.meta(), "status": "final", "code": {"text": "t"},
            "result": [{"reference": "urn:uuid:8f0c1c3e-0000-4000-8000-000000000001"}],
        }  # fmt: skip
        del observation["id"]
        first = {
            "fullUrl": "urn:uuid:8f0c1c3e-0000-4000-8000-000000000001",
            **self._request("POST", "Observation", observation),
        }
        place = f"DiagnosticReport/{report['id']}"
        entries = [first, self._request("PUT", place, report)]
        return entries, [
            step("GET", f"Observation?{key}&_elements=identifier"),
            step("GET", f"{place}?_elements=status"),
        ]

    def _conditional(self) -> tuple[list[Entry], list[Step]]:
        body, key = self.writing.keyed()
        type = body["resourceType"]
        created = {name: value for name, value in body.items() if name != "id"}
        return [self._request("POST", type, created, ifNoneExist=key)], [
            step("GET", f"{type}?{key}&_elements=identifier")
        ]

    def _wrong(self) -> Entry:
        body = self.writing.resource()
        type, place = body["resourceType"], f"{body['resourceType']}/{body['id']}"
        broken: dict[str, Any] = {"resourceType": "Observation", "id": body["id"], "meta": self.writing.meta()}
        lost = {**self.writing.resource("Observation"), "subject": {"reference": "Patient/nobody"}}
        return self.random.choice((
            self._request("PUT", place, body, ifMatch='W/"7"'), self._request("PUT", f"Observation/{body['id']}", broken),
            self._request("PUT", f"Observation/{lost['id']}", lost), self._request("GET", f"{type}/{body['id']}none"),
            self._request("PUT", f"{type}/other", body), self._request("FETCH", place), self._request("GET", f"{type}?unknown=1"),
            {"resource": body}, self._request("PUT", f"Nothing/{body['id']}", body), self._request("POST", type, {**body, "unknownElement": 1}),
        ))  # fmt: skip
