"""Holes: what a careless author would have written instead of a guard. Each is put into a target of its own."""

import posixpath
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

import pytest

from tests.abuse.target import Target

Patch = pytest.MonkeyPatch


def nothing_is_checked(patch: Patch, target: Target) -> None:
    """Requests go down and answers come up as they are."""

    def check(interaction: Any, *given: Any, **named: Any) -> Iterator[Any]:
        return interaction
        yield

    patch.setattr("gateway.face.check", check)
    answers_are_not_checked(patch, target)


def answers_are_not_checked(patch: Patch, target: Target) -> None:
    """What the store found is what the stranger gets."""

    def recheck(interaction: Any, answer: Any, *given: Any, **named: Any) -> Iterator[Any]:
        return answer
        yield

    patch.setattr("gateway.face.recheck", recheck)


def foreign_is_forbidden(patch: Patch, target: Target) -> None:
    """403 for what is there and not yours: an answer to whether it is there."""
    from gateway import face

    patch.setattr("gateway.face.ABSENT", face.ELSEWHERE)


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
        pairs = [(name.partition(":")[0] if name.startswith(plain) else name, value) for name, value in interaction.query]
        return replace(interaction, query=tuple(pairs))

    understood(patch, change)


def nothing_is_narrowed(patch: Patch, target: Target) -> None:
    """A search goes down as it was asked; only what comes up is looked at."""
    from auth.access.narrow import Narrowed

    patch.setattr("gateway.face.narrow", lambda *given, **named: Narrowed(pairs=(), exact=True))


def mentioned_is_owned(patch: Patch, target: Target) -> None:
    """Whoever a record names anywhere owns it."""
    from r4.references import walk

    def owned(resource: Any, patient: str, **named: Any) -> bool:
        me = f"Patient/{patient}"
        return f"{resource['resourceType']}/{resource.get('id')}" == me or any(
            reference["reference"] == me for _, reference in walk(dict(resource))
        )

    patch.setattr("auth.access.decide.owned", owned)


def included_is_trusted(patch: Patch, target: Target) -> None:
    """What a search found is looked at, what it included is not."""
    answers_are_not_checked(patch, target)


def unknown_parameters_are_dropped(patch: Patch, target: Target) -> None:
    """A parameter that nobody knows filters nothing and is no fault: what many servers do by default."""
    from r4.definitions import parameters
    from gateway.routes.fhir import CONTROLS

    def known(interaction: Any) -> Any:
        if interaction.action != "search":
            return interaction
        rows = {*parameters(interaction.type), *CONTROLS}
        pairs = [pair for pair in interaction.query if pair[0] in rows and not (pair[0] == "_sort" and "." in pair[1])]
        return replace(interaction, query=tuple(pair for pair in pairs if pair[0] not in UNSERVED))

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


def granular_scopes_narrow_searches_only(patch: Patch, target: Target) -> None:
    """The query of a scope is added to searches, and not held against what was found."""
    patch.setattr("auth.access.decide._matches", lambda *given: True)


def malformed_queries_are_dropped(patch: Patch, target: Target) -> None:
    """What follows the question mark and is not understood is left away, and the rest granted."""
    from auth import scopes

    strict = scopes._query
    patch.setattr("auth.scopes._query", lambda text: strict(text) or ())


def scopes_are_added_up(patch: Patch, target: Target) -> None:
    """What any of the scopes allows, every one of them allows."""
    from auth.access.decide import allowing
    from auth.scopes import FhirScope
    from gateway import face

    def merged(grant: Any, action: str, type: str) -> Any:
        said = [scope for scope in grant.scopes if isinstance(scope, FhirScope)]
        actions = frozenset().union(*(scope.actions for scope in said))
        wide = [replace(scope, actions=actions, query=(), type="*") for scope in said]
        return allowing(replace(grant, scopes=tuple(wide)), action, type)

    patch.setattr(face, "allowing", merged)


def no_scope_is_no_limit(patch: Patch, target: Target) -> None:
    """A policy that is built from the scopes, and is none when there are none."""
    from auth.access.decide import allowing
    from auth.scopes import FhirScope
    from gateway import face

    everything = FhirScope(context="system", type="*", actions=frozenset("cruds"))

    def open(grant: Any, action: str, type: str) -> Any:
        bound = any(isinstance(scope, FhirScope) for scope in grant.scopes)
        return allowing(grant, action, type) if bound else (everything,)

    patch.setattr(face, "allowing", open)


def references_are_not_checked(patch: Patch, target: Target) -> None:
    """The subject decides, and what else a body names is its own affair."""
    target.ehr.references = "free"


def versions_are_compared_first(patch: Patch, target: Target) -> None:
    """If-Match is held against the store before anybody asks whose the resource is."""
    from gateway import face
    from sandbox.answering import refusal

    check = face.check

    def hasty(interaction: Any, *given: Any, **named: Any) -> Iterator[Any]:
        if interaction.if_match is not None and interaction.id is not None:
            current = yield face._raw(interaction.type, interaction.id)
            held = ((current.resource or {}).get("meta") or {}).get("versionId")
            if current.status == 200 and interaction.if_match not in ("*", held):
                return refusal(412, "conflict", "is not the current version", element="If-Match")
        return (yield from check(interaction, *given, **named))

    patch.setattr("gateway.face.check", hasty)


def shared_is_written_by_all(patch: Patch, target: Target) -> None:
    """What everybody may read is within everybody's reach."""
    from auth.access import decide
    from gateway import face

    patch.setattr(face, "reaches", lambda *given, writing=False, **named: decide.reaches(*given, **named))


def conditions_are_not_narrowed(patch: Patch, target: Target) -> None:
    """A condition goes down as it was sent: whoever meets it is found."""
    from gateway import face

    check = face.check

    def wide(interaction: Any, *given: Any, **named: Any) -> Iterator[Any]:
        checked = yield from check(interaction, *given, **named)
        same = getattr(interaction, "if_none_exist", None)
        return replace(checked, if_none_exist=same) if same is not None and hasattr(checked, "if_none_exist") else checked

    patch.setattr("gateway.face.check", wide)


def one_target_is_enough(patch: Patch, target: Target) -> None:
    """A Provenance is judged by its first target."""
    from gateway import face

    within = face._within

    def first(scopes: Any, resource: Any, *given: Any, **named: Any) -> Iterator[Any]:
        if resource and resource.get("resourceType") == "Provenance":
            resource = {**resource, "target": resource["target"][:1]}
        return (yield from within(scopes, resource, *given, **named))

    patch.setattr(face, "_within", first)


def subscriptions_are_served(patch: Patch, target: Target) -> None:
    """Subscription is a type like any other."""
    from r4.served import SERVED

    for place in ("gateway.face.SERVED", "sandbox.store.SERVED"):
        patch.setattr(place, SERVED | {"Subscription"})


def operations_are_reads(patch: Patch, target: Target) -> None:
    """An operation that nobody knows is left away, and the rest of the address read."""
    from gateway.routes import fhir

    parse = fhir.parse

    def lenient(method: str, path: str, *rest: Any) -> Any:
        if "$" not in path:
            return parse(method, path, *rest)
        return parse("GET", "/".join(part for part in path.split("/") if not part.startswith("$")) or "Patient", "", (), b"")

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
    from starlette.responses import Response

    patch.setattr("gateway.routes.fhir.encoded", lambda answer: Response(b"<x/>", answer.status, media_type="application/fhir+xml"))


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
    patch.setattr("gateway.routes.fhir._token", lambda headers: token([*headers][-1:] if [n for n, _ in headers].count("authorization") > 1 else headers))


def tokens_are_shared(patch: Patch, target: Target) -> None:
    """One table of tokens, and nobody asks which EHR a token is for."""
    target.neighbour.database = target.ehr.database


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
    from gateway.routes import fhir
    from r4.outcome import Issue

    refused = fhir._refused
    patch.setattr("gateway.routes.fhir._refused", lambda status, issue: refused(status, Issue("invalid", f"Traceback: {issue.text}")))


class Following:
    """A session that goes where it is sent."""

    def __init__(self, session: Any) -> None:
        self._session = session

    def request(self, method: str, url: Any, **options: Any) -> Any:
        return self._session.request(method, url, **{**options, "allow_redirects": True})


def codes_are_not_used_up(patch: Patch, target: Target) -> None:
    """A code is looked up, and nobody writes down that it was."""
    from sqlalchemy import select

    from auth.server import grants
    from auth.server.tables import codes

    def find(connection: Any, now: float, code: str) -> Any:
        row = connection.execute(select(codes).where(codes.c.hash == grants.hashed(code))).one_or_none()
        return row and grants.Code(grant=row.grant, redirect_uri=row.redirect_uri, challenge=row.challenge, nonce=row.nonce)

    patch.setattr("auth.server.grants.find_code", find)
    patch.setattr("auth.server.grants.take_code", lambda *given, **named: True)


def any_verifier_will_do(patch: Patch, target: Target) -> None:
    """The verifier is asked for, and not compared."""
    patch.setattr("auth.pkce.verify", lambda verifier, challenged: True)


def redirects_are_compared_by_their_beginning(patch: Patch, target: Target) -> None:
    """What begins as a registered address will do."""
    from auth.server import clients

    class Beginnings(tuple[str, ...]):
        def __contains__(self, uri: object) -> bool:
            return any(str(uri).startswith(each) for each in self)

    read = clients._read
    patch.setattr(clients, "_read", lambda id, body: replace(made := read(id, body), redirect_uris=Beginnings(made.redirect_uris)))


def refresh_tokens_do_not_rotate(patch: Patch, target: Target) -> None:
    """A refresh token is good for as long as its grant."""
    from auth.server import grants

    find = grants.find_refresh
    patch.setattr(grants, "find_refresh", lambda *given: (found := find(*given)) and (found[0], False))
    patch.setattr(grants, "take_refresh", lambda *given: True)


def scopes_are_compared_by_type(patch: Patch, target: Target) -> None:
    """What was granted of a type covers all of it."""
    from auth import scopes

    covers = scopes.covers
    patch.setattr(scopes, "covers", lambda granted, wanted: covers(granted, wanted) or getattr(granted, "type", 0) == getattr(wanted, "type", 1))


def refresh_tokens_are_anybodys(patch: Patch, target: Target) -> None:
    """Whoever holds a refresh token is taken for the client it was given to."""
    from auth.server import grants

    class Anybody(str):
        def __eq__(self, other: object) -> bool:
            return True

        def __ne__(self, other: object) -> bool:
            return False

        __hash__ = str.__hash__

    find = grants.find_refresh

    def lenient(*given: Any) -> Any:
        found = find(*given)
        return found and (replace(found[0], client_id=Anybody(found[0].client_id)), found[1])

    patch.setattr(grants, "find_refresh", lenient)


def any_client_may_ask(patch: Patch, target: Target) -> None:
    """Who can authenticate may revoke what it holds."""
    from auth.server import grants

    def revoke(connection: Any, now: float, *, token: str, client_id: str, **named: Any) -> None:
        found = grants.find_refresh(connection, now, token)
        grant = found[0] if found else grants.find_grant(connection, now, token)
        if grant is not None:
            grants.revoke_grant(connection, now, grant.id)

    patch.setattr(grants, "revoke_token", revoke)


def grants_are_remembered(patch: Patch, target: Target) -> None:
    """What a token opens is kept where it was asked for."""
    from gateway import serving

    find, kept = serving.find_grant, {}
    patch.setattr(serving, "find_grant", lambda connection, now, token: kept.setdefault(token, find(connection, now, token)))


def assertions_are_forgotten(patch: Patch, target: Target) -> None:
    """Nobody writes down which assertions were presented."""
    patch.setattr("auth.server.grants.take_assertion", lambda *given, **named: True)


def claims_are_not_checked(patch: Patch, target: Target) -> None:
    """A signature that holds is enough."""
    from auth import assertions

    def trusting(said: Any, *, client_id: str, **named: Any) -> Any:
        return assertions.Assertion(client_id=client_id, jti=str(said.get("jti")), expires=9e9)

    patch.setattr(assertions, "_checked", trusting)


def any_algorithm_will_do(patch: Patch, target: Target) -> None:
    """The header says how it was signed, and is believed."""
    from auth import assertions

    wide = ("RS256", "RS384", "RS512", "PS384", "ES256", "ES384")
    patch.setattr(assertions, "ALGORITHMS", wide)
    patch.setattr(assertions, "KINDS", {alg: "EC" if alg.startswith("ES") else "RSA" for alg in wide})


def methods_are_mixed(patch: Patch, target: Target) -> None:
    """A secret is compared when one was sent."""
    from auth.server import authentication

    check = authentication.check_secret

    def lenient(presented: Any, *given: Any) -> None:
        if presented.secret is not None:
            check(presented, *given)

    patch.setattr(authentication, "check_secret", lenient)


def every_address_is_permitted(patch: Patch, target: Target) -> None:
    """A name was looked at when it was registered; where it leads is not."""
    patch.setattr("gateway.reachable.permitted", lambda address, networks, **named: True)


def fetches_are_unbounded(patch: Patch, target: Target) -> None:
    """Whatever comes is read."""
    patch.setattr("gateway.client_keys.BYTES", 1 << 40)
