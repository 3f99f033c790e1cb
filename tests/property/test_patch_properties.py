"""A FHIRPath patch changes the one element that its path names, and never another (R4 fhirpatch)."""

import copy
from collections.abc import Callable
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from r4 import fhirpath_patch
from r4.json_patch import PatchError

WORDS = st.sampled_from(["a", "b", "it's", "x\\y", "and", "7", "true", "= 'a'", ") and ("])
IDENTIFIER = st.fixed_dictionaries(
    {}, optional={"system": WORDS, "value": WORDS, "period": st.fixed_dictionaries({"start": WORDS})}
)
PATIENT = st.fixed_dictionaries(
    {"resourceType": st.just("Patient"), "identifier": st.lists(IDENTIFIER, min_size=1, max_size=6)}
)
CONDITIONS: dict[str, Callable[[dict[str, Any]], Any]] = {
    "system": lambda each: each.get("system"), "value": lambda each: each.get("value"), "period.start": lambda each: each.get("period", {}).get("start"),
}  # fmt: skip
WANTED = st.lists(st.tuples(st.sampled_from(sorted(CONDITIONS)), WORDS), min_size=1, max_size=3)


def quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def changed(body: dict[str, Any], kind: str, path: str) -> dict[str, Any] | None:
    value = [{"name": "value", "valueIdentifier": {"value": "new"}}] if kind == "replace" else []
    said = [{"name": "type", "valueCode": kind}, {"name": "path", "valueString": path}, *value]
    try:
        return fhirpath_patch.apply(body, {"parameter": [{"name": "operation", "part": said}]})
    except PatchError:
        return None


@given(PATIENT, WANTED, st.sampled_from(["", "[0]", "[1]", ".first()", ".last()"]))
def test_what_a_path_does_not_name_is_never_changed(
    body: dict[str, Any], wanted: list[tuple[str, str]], picked: str
) -> None:
    before = copy.deepcopy(body)
    fits = [
        place
        for place, each in enumerate(body["identifier"])
        if all(CONDITIONS[name](each) == text for name, text in wanted)
    ]
    fits = {"": fits, "[0]": fits[:1], "[1]": fits[1:2], ".first()": fits[:1], ".last()": fits[-1:]}[picked]
    path = f"Patient.identifier.where({' and '.join(f'{name} = {quoted(text)}' for name, text in wanted)}){picked}"
    others = [each for place, each in enumerate(body["identifier"]) if place not in fits]
    deleted, replaced = changed(body, "delete", path), changed(body, "replace", path)
    assert body == before
    if len(fits) == 1:
        assert (deleted or {}).get("identifier", []) == others
        assert (replaced or {})["identifier"] == [
            {"value": "new"} if n in fits else each for n, each in enumerate(body["identifier"])
        ]
    else:
        assert (deleted, replaced) == (None if fits else before, None)


@given(st.text(alphabet="Patient.idf[]()'=\\ andwhere01$", max_size=200))
def test_a_path_of_any_text_is_understood_or_refused(text: str) -> None:
    body = {"resourceType": "Patient", "identifier": [{"value": "a"}]}
    assert changed(body, "delete", f"Patient{text}") in (
        None,
        body,
        {"resourceType": "Patient"},
        {**body, "identifier": [{}]},
    )
