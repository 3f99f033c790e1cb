"""What mutants of the data side are made of: which requests they turn, and how bodies are changed on their way."""

import json
import sys
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.mutants.mutant import Answered, Asked, Mutant

When = Callable[[Asked], bool]
Before = Callable[[Mutant, Asked], Answered | None]
After = Callable[[Mutant, Asked, Answered], None]


def fhir(asked: Asked) -> str:
    """The path below the FHIR base; nothing for what is not below it."""
    return asked.path.partition("/fhir/")[2]


def on(method: str, path: str = "", *, query: str | None = None, ends: str | None = None) -> When:
    """Requests of the method whose path below the base begins so (and ends so), with ``query`` in the query."""

    def fits(asked: Asked) -> bool:
        place = fhir(asked)
        return (
            asked.method == method and "/fhir" in asked.path and place.startswith(path)
            and (ends is None or place.endswith(ends)) and (query is None or query in asked.query)
        )  # fmt: skip

    return fits


def whole(kind: str) -> When:
    """A batch, or a transaction."""
    return lambda asked: asked.method == "POST" and fhir(asked) == "" and f'"type":"{kind}"'.encode() in squeezed(asked)


def squeezed(asked: Asked) -> bytes:
    return asked.body.replace(b'": "', b'":"') if "/fhir" in asked.path else b""


def unguarded(when: When) -> Before:
    """What is asked is done for everybody who has a token."""

    def before(mutant: Mutant, asked: Asked) -> None:
        if when(asked) and "authorization" in asked.headers and "garbage" not in asked.headers["authorization"]:
            asked.headers["authorization"] = f"Bearer {mutant.token}"

    return before


def without_header(when: When, name: str) -> Before:
    """A header is not looked at."""

    def before(mutant: Mutant, asked: Asked) -> None:
        if when(asked):
            asked.headers.pop(name, None)

    return before


def without_parameter(when: When, *names: str) -> Before:
    """A parameter of the query is not looked at."""

    def before(mutant: Mutant, asked: Asked) -> None:
        if when(asked):
            kept = [pair for pair in parse_qsl(asked.query, keep_blank_values=True) if pair[0] not in names]
            asked.query = urlencode(kept)

    return before


def sent(when: When, change: Callable[[Any], Any]) -> Before:
    """The body of a request is changed before it is looked at: a resource, or the list of a patch."""

    def before(mutant: Mutant, asked: Asked) -> None:
        if when(asked) and asked.body:
            try:
                body = json.loads(asked.body)
            except (ValueError, RecursionError):
                return
            if isinstance(body, dict) is (asked.method == "PATCH"):
                return
            asked.body = json.dumps(change(body)).encode()
            asked.headers["content-length"] = str(len(asked.body))

    return before


def told(when: When, change: Callable[[Any], Any], *, status: int = 200) -> After:
    """The body of an answer with the status is changed on its way out; digits stay as they are."""

    def after(mutant: Mutant, asked: Asked, answered: Answered) -> None:
        if when(asked) and answered.status == status and answered.body:
            document = json.loads(answered.body, parse_float=Digits)
            answered.body = json.dumps(change(document) or document).encode()

    return after


class Digits(float):
    """A number that is written again as it was read."""

    def __new__(cls, text: str) -> "Digits":
        made = super().__new__(cls, text)
        made.text = text  # type: ignore[attr-defined]
        return made

    def __repr__(self) -> str:
        return str(self.text)  # type: ignore[attr-defined]


def answered(when: When, status: int) -> Before:
    """Answered at once, and nothing done."""
    return lambda mutant, asked: (
        Answered(status, {"content-type": "application/fhir+json"}, b"") if when(asked) else None
    )


def everywhere(name: str, value: Any, *, below: str = "gateway.face") -> tuple[tuple[Any, str, Any], ...]:
    """The overrides of a name in every module of the product that has it."""
    found = [
        module for place, module in sorted(sys.modules.items()) if place.startswith(below) and hasattr(module, name)
    ]
    assert found, f"nothing below {below} has {name}"
    return tuple((module, name, value) for module in found)


def resources(document: Any) -> list[Any]:
    """The resources of an answer: itself, or those of its entries."""
    if isinstance(document, dict) and document.get("resourceType") == "Bundle":
        return [entry["resource"] for entry in document.get("entry", ()) if "resource" in entry]
    return [document]
