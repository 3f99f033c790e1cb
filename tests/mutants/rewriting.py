"""How a mutant changes one line of the wire: a member of an answer, a header, a parameter of a request."""

import json
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

from tests.mutants.mutant import Answered, Asked, Mutant

After = Callable[[Mutant, Asked, Answered], None]
Before = Callable[[Mutant, Asked], Answered | None]
TOKEN, AUTHORIZE, REGISTER = "/auth/token", "/auth/authorize", "/auth/register"
SMART = "/smart-configuration"


def table(answered: Answered) -> dict[str, Any] | None:
    """The body as a JSON object, or None."""
    try:
        found = json.loads(answered.body)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def says(
    path: str, *, when: Callable[[Asked, dict[str, Any]], bool] = lambda asked, said: True, **members: Any
) -> After:
    """Members of a JSON answer are replaced; None leaves one out. A function is given what stood there."""

    def after(mutant: Mutant, asked: Asked, answered: Answered) -> None:
        said = table(answered) if asked.path.endswith(path) and answered.status < 300 else None
        if said is None or not when(asked, said):
            return
        for name, value in members.items():
            made = value(said.get(name)) if callable(value) else value
            said.pop(name, None)
            if made is not None:
                said[name] = made
        answered.body = json.dumps(said).encode()

    return after


def heads(path: str, **headers: str | None) -> After:
    """Headers of an answer are replaced; None leaves one out. ``_`` stands for a hyphen."""

    def after(mutant: Mutant, asked: Asked, answered: Answered) -> None:
        if path in asked.path:
            for name, value in headers.items():
                answered.headers.pop(name.replace("_", "-"), None)
                if value is not None:
                    answered.headers[name.replace("_", "-")] = value

    return after


def redirects(change: Callable[[dict[str, str]], Mapping[str, str]]) -> After:
    """The parameters of the redirect to the app are others."""

    def after(mutant: Mutant, asked: Asked, answered: Answered) -> None:
        place = answered.headers.get("location", "")
        if asked.path.endswith(AUTHORIZE) and "state=" in place:
            address, _, query = place.partition("?")
            answered.headers["location"] = f"{address}?{urlencode(change(dict(parse_qsl(query))))}"

    return after


def posts(path: str, change: Callable[[dict[str, str]], dict[str, str]]) -> Before:
    """The form of a request is read otherwise than it was sent."""

    def before(mutant: Mutant, asked: Asked) -> Answered | None:
        if asked.path.endswith(path) and asked.method == "POST" and asked.form:
            asked.body = urlencode(change(asked.form)).encode()
            asked.headers["content-length"] = str(len(asked.body))
        return None

    return before
