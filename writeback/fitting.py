"""How one resource is cut to what one EHR takes of it: a table of steps, each with the losses that it causes.

A step is a function of the body, the rules for its type and the clinician who accepted the output.
"""

from base64 import b64decode
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from writeback.lexicon.attachment import attachment, rich_text
from writeback.lexicon.codes import LEGAL_AUTHENTICATOR, PERFORMER_FUNCTION
from writeback.rules import WriteRules

Body = dict[str, Any]
Cut = tuple[Body, tuple[str, ...]]
"""The body after a step, and the paths below the resource that are lost. A body is never changed in place."""


def fit(body: Body, rules: WriteRules, signer: str | None) -> Cut:
    """The body as this EHR takes it, and the FHIRPaths that are lost."""
    losses: list[str] = []
    for step in STEPS:
        body, lost = step(body, rules, signer)
        losses += [f"{body['resourceType']}.{path}" for path in lost]
    return body, tuple(losses)


def _left_out(body: Body, rules: WriteRules, signer: str | None) -> Cut:
    type = body["resourceType"]
    gone = [path for path in (*rules.drops.get(type, ()), *rules.refuses.get(type, ())) if has(body, path)]
    for path in gone:
        body = _mapped(body, path.split("."), lambda value: None)
    return body, tuple(gone)


def _single(body: Body, rules: WriteRules, signer: str | None) -> Cut:
    lost = []
    for path in rules.singles.get(body["resourceType"], ()):
        if any(isinstance(value, list) and len(value) > 1 for value in found(body, path)):
            body = _mapped(body, path.split("."), lambda value: value[:1] if isinstance(value, list) else value)
            lost.append(f"{path}[1]")
    return body, tuple(lost)


def _signed(body: Body, rules: WriteRules, signer: str | None) -> Cut:
    """The clinician who accepted it in the place of the model."""
    element = rules.signers.get(body["resourceType"])
    if element is None or signer is None:
        return body, ()
    person: Body = {"reference": signer}
    if body["resourceType"] == "Observation":
        function = {"url": PERFORMER_FUNCTION, "valueCodeableConcept": LEGAL_AUTHENTICATOR.concept}
        person = {"extension": [function], **person}
    return {**body, element: [person]}, (f"{element}[0]",) if element in body else ()


def _shortened(body: Body, rules: WriteRules, signer: str | None) -> Cut:
    lost = []
    for path, most in rules.longest.get(body["resourceType"], {}).items():
        if any(isinstance(value, str) and len(value) > most for value in found(body, path)):
            body = _mapped(body, path.split("."), partial(_cut, most=most))
            lost.append(path)
    return body, tuple(lost)


def _cut(value: Any, *, most: int) -> Any:
    return f"{value[: most - 1].rstrip()}…" if isinstance(value, str) and len(value) > most else value


def _worded(body: Body, rules: WriteRules, signer: str | None) -> Cut:
    """The text in a content type that is taken; one in plain text can be said in rich text."""
    if body["resourceType"] != "DocumentReference" or not rules.content_types:
        return body, ()
    wanted = rules.content_types[0]
    contents = [_content(entry, rules.content_types, wanted) for entry in body.get("content", ())]
    return {**body, "content": contents}, ()


def _content(entry: Body, taken: tuple[str, ...], wanted: str) -> Body:
    given = entry["attachment"]
    same = [name for name in taken if _media(name) == _media(given["contentType"])]
    if same:
        return {**entry, "attachment": {**given, "contentType": same[0]}}
    if wanted.startswith("text/rtf") and _media(given["contentType"]) == "text/plain":
        text = b64decode(given["data"]).decode()
        return {**entry, "attachment": attachment(rich_text(text), content_type=wanted, title=given["title"])}
    return entry


def _media(content_type: str) -> str:
    return content_type.partition(";")[0].strip().lower()


Step = Callable[[Body, WriteRules, str | None], Cut]
STEPS: tuple[Step, ...] = (_signed, _worded, _left_out, _single, _shortened)


def found(value: Any, path: str) -> Iterator[Any]:
    """Every value at the path; lists on the way are walked through, one at the end is given whole."""
    head, _, rest = path.partition(".")
    for item in value if isinstance(value, list) else [value]:
        if isinstance(item, dict) and head in item:
            if rest:
                yield from found(item[head], rest)
            else:
                yield item[head]


def has(body: Body, path: str) -> bool:
    """Whether anything stands at the path."""
    return any(True for _ in found(body, path))


def _mapped(value: Any, path: list[str], change: Callable[[Any], Any]) -> Any:
    """The value with what stands at the path changed; None and what becomes empty are left out."""
    if isinstance(value, list):
        kept = [_mapped(item, path, change) for item in value]
        return [item for item in kept if item not in ({}, None)]
    if not isinstance(value, dict) or path[0] not in value:
        return value
    inner = change(value[path[0]]) if len(path) == 1 else _mapped(value[path[0]], path[1:], change)
    rest = {name: inner if name == path[0] else member for name, member in value.items()}
    return {name: member for name, member in rest.items() if name != path[0] or member not in (None, {}, [])}
