"""Holes of the authorization server and of its pages: what a careless author would have written there."""

from dataclasses import replace
from typing import Any

import pytest

from tests.abuse.target import Target

Patch = pytest.MonkeyPatch


def codes_are_not_used_up(patch: Patch, target: Target) -> None:
    """A code is looked up, and nobody writes down that it was."""
    from sqlalchemy import select

    from auth.server import grants
    from auth.server.tables import codes

    def find(connection: Any, now: float, code: str) -> Any:
        row = connection.execute(select(codes).where(codes.c.hash == grants.hashed(code))).one_or_none()
        return row and grants.Code(
            grant=row.grant, redirect_uri=row.redirect_uri, challenge=row.challenge, nonce=row.nonce
        )

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
    patch.setattr(
        clients, "_read", lambda id, body: replace(made := read(id, body), redirect_uris=Beginnings(made.redirect_uris))
    )


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
    patch.setattr(
        scopes,
        "covers",
        lambda granted, wanted: covers(granted, wanted) or getattr(granted, "type", 0) == getattr(wanted, "type", 1),
    )


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
    from gateway.face import serving

    find, kept = serving.find_grant, {}
    patch.setattr(
        serving, "find_grant", lambda connection, now, token: kept.setdefault(token, find(connection, now, token))
    )


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
    patch.setattr("gateway.ehrs.reachable.permitted", lambda address, networks, **named: True)


def fetches_are_unbounded(patch: Patch, target: Target) -> None:
    """Whatever comes is read."""
    patch.setattr("gateway.sandbox_ehrs.client_keys.BYTES", 1 << 40)


def launches_are_not_used_up(patch: Patch, target: Target) -> None:
    """A launch is looked up, and stays."""
    import json

    from sqlalchemy import select

    from auth.server import launches as place
    from auth.server.tables import launches

    take = place._take

    def keep(connection: Any, now: float, key: str, client_id: str) -> Any:
        row = connection.execute(select(launches).where(launches.c.key == key)).mappings().one_or_none()
        found = take(connection, now, key, client_id)
        if found is not None and row is not None and json.loads(row["body"]):
            connection.execute(launches.insert().values(**row))
        return found

    patch.setattr(place, "_take", keep)


def forms_are_bound_to_nothing(patch: Patch, target: Target) -> None:
    """A form's token is there, and not compared."""
    for place in ("gateway.routes.sign_in.genuine", "gateway.routes.manage.genuine"):
        patch.setattr(place, lambda *given: True)


def forms_come_from_anywhere(patch: Patch, target: Target) -> None:
    """Nobody asks which site sent a form."""
    patch.setattr("gateway.routes.ehr_pages.same_site", lambda *given: True)


def anybody_signs_in(patch: Patch, target: Target) -> None:
    """Whoever signs in answers the request."""
    patch.setattr("auth.server.steps.may_sign_in", lambda *given: True)


def pages_may_be_framed(patch: Patch, target: Target) -> None:
    """The policy says nothing of frames."""
    from gateway.routes import ehr_pages

    policy = ehr_pages.HEADERS["Content-Security-Policy"].replace("; frame-ancestors 'none'", "")
    patch.setattr(ehr_pages, "HEADERS", {**ehr_pages.HEADERS, "Content-Security-Policy": policy})
