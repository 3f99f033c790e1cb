"""Every address of the OpenAPI document, driven by requests made from the document itself: each answer is one that the
document names, in the shape that it gives; nothing is a server's fault and nothing that was sent comes back."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from gateway.alerting import shapes as alert_shapes
from gateway.bodies import shapes
from tests.flow.delivery_world import World, opened
from tests.flow.test_deliveries_api import minute_ago, refusing

MARK = "Zzyzx-1943"
"""Stands for what a caller must not see again in a refusal."""
ANSWERS: dict[str, type[BaseModel]] = {
    name: shape
    for name, shape in {**vars(shapes), **vars(alert_shapes)}.items()
    if isinstance(shape, type) and issubclass(shape, BaseModel)
}
ANYTHING = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.just(MARK) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def valid(schema: dict[str, Any]) -> st.SearchStrategy[Any]:
    """Values of a JSON schema, as far as the document uses them."""
    if "anyOf" in schema:
        return st.one_of([valid(each) for each in schema["anyOf"]])
    if "enum" in schema or "const" in schema:
        return st.sampled_from(schema.get("enum") or [schema["const"]])
    kind = schema.get("type")
    if kind == "string":
        most = schema.get("maxLength", 40)
        if "pattern" in schema:
            return st.from_regex(schema["pattern"], fullmatch=True).map(lambda text: text[:most])
        return st.text(min_size=schema.get("minLength", 0), max_size=min(most, 40))
    if kind == "array":
        return st.lists(valid(schema.get("items") or {"type": "null"}), max_size=3)
    if kind == "object":
        required = set(schema.get("required", ()))
        members = {name: valid(each) for name, each in schema["properties"].items()}
        return st.fixed_dictionaries(
            {name: made for name, made in members.items() if name in required},
            optional={name: made for name, made in members.items() if name not in required},
        )
    return {"integer": st.integers(schema.get("minimum", 0), schema.get("maximum", 9)), "null": st.none()}.get(
        str(kind), st.floats(allow_nan=False, allow_infinity=False)
    )


class Served:
    """The app face in a loop that outlives one example."""

    def __init__(self, folder: Path) -> None:
        self.runner = asyncio.Runner()
        self.opening = opened(folder)
        self.world: World = self.runner.run(self.opening.__aenter__())
        self.key = self.runner.run(self._fill())
        self.document = self.runner.run(self.world.client.get("/api/openapi.json")).json()

    async def _fill(self) -> dict[str, str]:
        scopes = ("outputs.write", "outputs.read", "deliveries.manage", "recall", "monitors.read")
        key = await self.world.key(*scopes)
        self.world.ehr.fault = refusing
        self.ids = [(await self.world.submit(key, as_of=minute_ago()))["id"]]
        await self.world.settle()
        answer = await self.world.client.get("/api/deliveries", headers=key)
        self.ids += [each["delivery"] for each in answer.json()["deliveries"]]
        return key

    def send(self, method: str, path: str, **options: Any) -> httpx2.Response:
        return self.runner.run(self.world.client.request(method, path, **options))

    def close(self) -> None:
        self.runner.run(self.opening.__aexit__(None, None, None))
        self.runner.close()


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    made = Served(tmp_path_factory.mktemp("api"))
    yield made
    made.close()


OPERATIONS = [
    ("post", "/api/outputs"), ("get", "/api/outputs"), ("post", "/api/outputs/search"), ("get", "/api/outputs/{id}"),
    ("post", "/api/outputs/{id}/confirm"), ("post", "/api/outputs/{id}/reject"), ("post", "/api/outputs/{id}/amend"),
    ("post", "/api/outputs/{id}/correct"), ("post", "/api/outputs/{id}/resend"), ("get", "/api/deliveries"), ("get", "/api/deliveries/{id}"),
    ("post", "/api/deliveries/{id}/resend"), ("post", "/api/recalls"), ("get", "/api/recalls"),
    ("get", "/api/recalls/{id}"), ("get", "/api/alerts"), ("get", "/api/fidelity"),
    ("get", "/api/alerts/{id}"), ("post", "/api/alerts/{id}/acknowledge"), ("post", "/api/alerts/{id}/resolve"),
    ("get", "/api/silences"), ("post", "/api/silences"), ("get", "/api/actions"), ("post", "/api/actions"),
    ("post", "/api/actions/{id}/lift"), ("get", "/api/monitors"), ("post", "/api/labels"),
]  # fmt: skip


def test_the_document_has_every_address_with_everything_said(served: Served) -> None:
    said = {(method, path) for path, methods in served.document["paths"].items() for method in methods}
    assert said == set(OPERATIONS)
    for method, path in OPERATIONS:
        operation = served.document["paths"][path][method]
        assert operation["summary"]
        assert operation["security"]
        assert ("requestBody" in operation) == (method == "post" and not path.endswith(("/resend", "/lift")))
        named = {each["name"] for each in operation.get("parameters", ()) if each["in"] == "path"}
        assert named == ({"id"} if "{id}" in path else set())
        assert all(each["content"] for each in operation["responses"].values())
    assert "$defs" not in json.dumps(served.document)


@pytest.mark.parametrize(("method", "path"), OPERATIONS, ids=[f"{method} {path}" for method, path in OPERATIONS])
@settings(max_examples=10, deadline=None, derandomize=True, database=None, suppress_health_check=list(HealthCheck))
@given(data=st.data())
def test_every_answer_is_one_that_the_document_names(
    served: Served, method: str, path: str, data: st.DataObject
) -> None:
    operation = served.document["paths"][path][method]
    query = {
        each["name"]: data.draw(valid(each["schema"]) | st.just(MARK))
        for each in operation.get("parameters", ())
        if each["in"] == "query" and data.draw(st.booleans())
    }
    person = data.draw(st.booleans()) and operation["security"] == [{"session": []}]
    headers = served.runner.run(served.world.clinician()) if person else served.key
    options: dict[str, Any] = {"params": query, "headers": headers}
    if "requestBody" in operation:
        schema = operation["requestBody"]["content"]["application/json"]["schema"]
        body = json.dumps(data.draw(valid(schema) | ANYTHING))
        options |= {"content": body.encode(), "headers": {**headers, "content-type": "application/json"}}
    id = data.draw(st.sampled_from([*served.ids, MARK, "%00", "."]))
    answer = served.send(method.upper(), path.replace("{id}", id), **options)
    if id == ".":  # another address
        assert answer.status_code < 500
        return
    said = operation["responses"].get(str(answer.status_code))
    assert said is not None, answer.status_code
    kind = answer.headers["content-type"].partition(";")[0]
    shape = said["content"][kind]["schema"]["$ref"].rpartition("/")[2]
    ANSWERS[shape].model_validate_json(answer.content)
    assert answer.status_code < 400 or MARK not in answer.text


def test_a_wrong_shape_is_noticed() -> None:
    """The failing twin: an answer with a member too many, or one too few, is no such answer."""
    for body in ({"recalls": [], "more": 1}, {}):
        with pytest.raises(ValueError, match="RecallsShown"):
            shapes.RecallsShown.model_validate(body)
