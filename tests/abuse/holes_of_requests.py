"""Holes on the way in and out: how a careless author would have read requests and written answers."""

import posixpath
from collections.abc import Callable
from typing import Any
from urllib.parse import unquote

import pytest
from msgspec import structs

from tests.abuse.target import Target

Patch = pytest.MonkeyPatch


def paths_are_resolved(patch: Patch, target: Target) -> None:
    """A client library below the guard tidies the path up."""
    from gateway.routes import fhir

    parse = fhir.parse

    def tidy(method: str, path: str, *rest: Any) -> Any:
        return parse(method, posixpath.normpath("/" + unquote(path)).lstrip("/"), *rest)

    patch.setattr("gateway.routes.fhir.parse", tidy)


def understood(patch: Patch, change: Callable[[Any], Any]) -> None:
    """Every interaction is changed after it was understood."""
    from gateway.routes import fhir

    parse = fhir.parse
    patch.setattr("gateway.routes.fhir.parse", lambda *said: change(parse(*said)))


def modifiers_are_dropped(patch: Patch, target: Target) -> None:
    """``_include:iterate`` is compared as it is written, and passed on as ``_include``."""
    plain = ("_include", "_revinclude")

    def change(interaction: Any) -> Any:
        pairs = [
            (name.partition(":")[0] if name.startswith(plain) else name, value) for name, value in interaction.query
        ]
        return structs.replace(interaction, query=tuple(pairs))

    understood(patch, change)


def unknown_parameters_are_dropped(patch: Patch, target: Target) -> None:
    """A parameter that nobody knows filters nothing and is no fault: what many servers do by default."""
    from r4.criteria import CONTROLS
    from r4.definitions import parameters

    def known(interaction: Any) -> Any:
        if interaction.action != "search":
            return interaction
        rows = {*parameters(interaction.type), *CONTROLS}
        pairs = [pair for pair in interaction.query if pair[0] in rows and not (pair[0] == "_sort" and "." in pair[1])]
        return structs.replace(interaction, query=tuple(pair for pair in pairs if pair[0] not in UNSERVED))

    understood(patch, known)


UNSERVED = ("_filter", "_text", "_content", "_list", "_query", "_source")


def compartments_are_searched(patch: Patch, target: Target) -> None:
    """``Patient/p2/Observation`` is a search for Observations of p2, whoever asks."""
    from gateway.routes import fhir

    parse = fhir.parse

    def lenient(method: str, path: str, query: str, *rest: Any) -> Any:
        parts = path.split("/")
        if len(parts) == 3 and parts[0] == "Patient" and parts[2].isalpha():
            path, query = parts[2], f"subject=Patient/{parts[1]}"
        return parse(method, path, query, *rest)

    patch.setattr("gateway.routes.fhir.parse", lenient)


def operations_are_reads(patch: Patch, target: Target) -> None:
    """An operation that nobody knows is left away, and the rest of the address read."""
    from gateway.routes import fhir

    parse = fhir.parse

    def lenient(method: str, path: str, *rest: Any) -> Any:
        if "$" not in path:
            return parse(method, path, *rest)
        return parse(
            "GET", "/".join(part for part in path.split("/") if not part.startswith("$")) or "Patient", "", (), b""
        )

    patch.setattr("gateway.routes.fhir.parse", lenient)


def overrides_are_obeyed(patch: Patch, target: Target) -> None:
    """The method is what a header says."""
    from gateway.routes import fhir

    parse = fhir.parse

    def obedient(method: str, path: str, query: str, headers: Any, body: bytes) -> Any:
        pairs = list(headers)
        said = [value for name, value in pairs if name == "x-http-method-override"]
        kept = [pair for pair in pairs if pair[0] != "x-http-method-override"]
        return parse(said[0] if said else method, path, query, kept, body)

    patch.setattr("gateway.routes.fhir.parse", obedient)


def formats_are_obeyed(patch: Patch, target: Target) -> None:
    """Another format than JSON goes out as it is."""
    patch.setattr("gateway.routes.fhir.JSON", b"application/fhir+xml")


def forwarded_host_is_believed(patch: Patch, target: Target) -> None:
    """Addresses in answers are made of what the request says of the host."""
    app = target.app

    async def poisoned(scope: Any, receive: Any, send: Any) -> None:
        said = dict(scope["headers"]).get(b"x-forwarded-host")

        async def answer(message: Any) -> None:
            if message["type"] == "http.response.body" and said:
                message = {**message, "body": message.get("body", b"").replace(b"127.0.0.1:8700", said)}
            await send(message)

        await app(scope, receive, answer)

    target.app = poisoned


def last_token_counts(patch: Patch, target: Target) -> None:
    """Of several Authorization headers the last is taken."""
    from gateway.routes import fhir

    token = fhir._token
    patch.setattr(
        "gateway.routes.fhir._token",
        lambda headers: token([*headers][-1:] if [n for n, _ in headers].count("authorization") > 1 else headers),
    )


def json_is_read_leniently(patch: Patch, target: Target) -> None:
    """The reader of the language: the last of two equal names, NaN, and whatever else it takes."""
    import json

    from r4 import codec

    def lenient(data: bytes, **limits: Any) -> Any:
        try:
            return json.loads(data)
        except (ValueError, RecursionError) as wrong:
            return strict(data, **limits) if wrong else None

    strict = codec.parse
    patch.setattr("r4.interaction.codec.parse", lenient)


def errors_are_repeated(patch: Patch, target: Target) -> None:
    """The reason of a refusal is that of the exception, with its place."""
    from r4.outcome import Issue, outcome

    patch.setattr(
        "gateway.routes.fhir.outcome",
        lambda issues: outcome([Issue("invalid", f"Traceback: {each.text}") for each in issues]),
    )


class Following:
    """A session that goes where it is sent."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def request(self, method: str, url: Any, **options: Any) -> Any:
        return self._session.request(method, url, **{**options, "allow_redirects": True})
