"""Refresh tokens used twice, by others, for more; tokens that were revoked; who may ask about whose token."""

from typing import Any

from tests.abuse import holes_of_sign_in
from tests.abuse.chart import LAB
from tests.abuse.sign_in import FULL, NARROW, backend, basic, client, tokens
from tests.abuse.target import Reply, Target

OFFLINE = f"offline_access {NARROW}"


def _refresh(target: Target, token: str, *, name: str = "public", **more: str) -> Reply:
    form = {"grant_type": "refresh_token", "refresh_token": token, **more}
    if name in ("secret", "rival"):
        return target.ask("POST", "/auth/token", form=form, headers=[basic(client(target, name))])
    return target.ask("POST", "/auth/token", form={"client_id": client(target, name)["client_id"], **form})


def _opens(target: Target, bearer: str) -> bool:
    return target.fhir("GET", target.chart.ref("Patient/p1"), bearer).status == 200


def replays(target: Target) -> list[str]:
    said = tokens(target, OFFLINE)
    new = _refresh(target, said["refresh_token"]).json
    target.expect(_opens(target, new["access_token"]), "a refresh token does not renew")
    target.expect(
        new.get("refresh_token") not in (None, said["refresh_token"]), "a public client keeps its refresh token"
    )
    target.refused(_refresh(target, said["refresh_token"]), "a refresh token that was replaced", 400)
    target.expect(not _opens(target, new["access_token"]), "a replay leaves the new token in force")
    target.refused(_refresh(target, new["refresh_token"]), "the newer refresh token after a replay", 400)
    said = tokens(target, OFFLINE)
    form = {
        "grant_type": "refresh_token",
        "refresh_token": said["refresh_token"],
        "client_id": client(target, "public")["client_id"],
    }
    at_once = target.together(*(target.send("POST", "/auth/token", form=form) for _ in range(8)))
    given = [reply.json for reply in at_once if reply.status == 200]
    target.expect(len(given) <= 1, f"{len(given)} of 8 refreshed at the same time")
    target.expect(not any(_opens(target, each["access_token"]) for each in given), "a race leaves a token in force")
    return target.problems


def test_b02_a_replaced_refresh_token_ends_the_grant(target: Target) -> None:
    assert replays(target) == []


def test_b02_twin_that_does_not_rotate(holed: Any) -> None:
    assert replays(holed(holes_of_sign_in.refresh_tokens_do_not_rotate)) != []


WIDER = (
    ("patient/Observation.r", ("patient/Observation.rs", "patient/Observation.s", "patient/Observation.cruds", "patient/*.r", "user/Observation.r", "system/Observation.r", "patient/Patient.r")),
    (f"patient/Observation.rs?category={LAB}", ("patient/Observation.rs", "patient/Observation.r", "patient/Observation.rs?code=x", "patient/Observation.rs?category=x")),
    ("patient/Observation.read", ("patient/Observation.*", "patient/Observation.write", "patient/Observation.cruds", "patient/*.read")),
    ("patient/*.rs", ("patient/*.cruds", "patient/*.*", "user/*.rs")),
    ("patient/Observation.rs", ("patient/Observation.rs openid", "patient/Observation.rs launch/patient", "patient/Observation.rs patient/Observation.u", "patient/Observation.rs nonsense")),
)  # fmt: skip
SAME = (
    ("patient/Observation.rs", "patient/Observation.read"),
    ("patient/Observation.read", "patient/Observation.rs"),
    ("patient/*.cruds", "patient/Observation.r"),
)


def widening(target: Target) -> list[str]:
    for granted, wider in WIDER:
        said = tokens(target, f"offline_access {granted}", name="secret")
        for scope in wider:
            reply = _refresh(target, said["refresh_token"], name="secret", scope=scope)
            target.refused(reply, f"{granted} refreshed as {scope}", 400)
        target.expect(
            _refresh(target, said["refresh_token"], name="secret").status == 200,
            f"{granted} is lost by asking for more",
        )
    for granted, scope in SAME:
        said = tokens(target, f"offline_access {granted}", name="secret")
        target.expect(
            _refresh(target, said["refresh_token"], name="secret", scope=scope).status == 200,
            f"{granted} is not {scope}",
        )
    said = tokens(target, f"offline_access {FULL}", name="secret")
    narrow = _refresh(target, said["refresh_token"], name="secret", scope="patient/Condition.r").json
    target.refused(
        target.fhir("GET", target.chart.ref("Observation/o1"), narrow.get("access_token", "none")),
        "more than the narrowed token says",
        403,
    )
    return target.problems


def test_b02_a_refresh_never_widens(target: Target) -> None:
    assert widening(target) == []


def test_b02_twin_that_looks_at_the_type_only(holed: Any) -> None:
    assert widening(holed(holes_of_sign_in.scopes_are_compared_by_type)) != []


def strangers(target: Target) -> list[str]:
    said = tokens(target, OFFLINE)
    for name in ("other", "secret", "rival"):
        target.refused(_refresh(target, said["refresh_token"], name=name), f"a refresh by {name}", 400, 401)
    target.refused(_refresh(target, said["access_token"]), "an access token as refresh token", 400)
    target.refused(
        target.fhir("GET", target.chart.ref("Patient/p1"), said["refresh_token"]), "a refresh token as bearer", 401
    )
    target.expect(_refresh(target, said["refresh_token"]).status == 200, "strangers used the refresh token up")
    said = tokens(target, OFFLINE, name="secret")
    target.ask("POST", "/auth/revoke", form={"token": said["refresh_token"]}, headers=[basic(client(target, "secret"))])
    target.refused(_refresh(target, said["refresh_token"], name="secret"), "a revoked refresh token", 400)
    target.refused(
        target.fhir("GET", target.chart.ref("Patient/p1"), said["access_token"]),
        "an access token of a revoked grant",
        401,
    )
    said = tokens(target, OFFLINE, name="secret")
    with target.clock.later(100 * 24 * 3600.0):
        target.refused(_refresh(target, said["refresh_token"], name="secret"), "a refresh token after its life", 400)
        target.refused(
            target.fhir("GET", target.chart.ref("Patient/p1"), said["access_token"]),
            "an access token after its life",
            401,
        )
    return target.problems


def test_b02_a_refresh_token_is_its_clients_until_it_is_revoked(target: Target) -> None:
    assert strangers(target) == []


def test_b02_twin_for_which_the_token_is_enough(holed: Any) -> None:
    assert any("a refresh by" in each for each in strangers(holed(holes_of_sign_in.refresh_tokens_are_anybodys)))


def asking(target: Target) -> list[str]:
    """Introspection and revocation of what is somebody else's."""
    said = tokens(target, OFFLINE, name="secret")
    neighbour = {"ehr": target.neighbour.name}
    askers: list[tuple[str, dict[str, Any]]] = [
        ("another client", {"headers": [basic(client(target, "rival"))]}), ("another grant's bearer", {"headers": [("authorization", f"Bearer {tokens(target, NARROW)['access_token']}")]}),
        ("a backend service's bearer", {"headers": [("authorization", f"Bearer {backend(target, 'system/Device.r')}")]}),
    ]  # fmt: skip
    for what, sent in askers:
        for name in ("access_token", "refresh_token"):
            for hint in ("access_token", "refresh_token", "nonsense"):
                reply = target.ask(
                    "POST", "/auth/introspect", form={"token": said[name], "token_type_hint": hint}, **sent
                )
                if what.startswith("a backend"):
                    continue  # it is the same client's bearer: whether it may ask is not said
                target.expect(reply.status >= 400 or reply.json == {"active": False}, f"{what} is told of a {name}")
    nobody: list[tuple[str, dict[str, Any]]] = [
        ("nobody", {}), ("a public client", {"form": {"client_id": client(target, "public")["client_id"]}}), ("a wrong bearer", {"headers": [("authorization", "Bearer x")]}),
        ("a wrong secret", {"headers": [basic({**client(target, "secret"), "client_secret": "wrong"})]}), ("the neighbour", {"headers": [basic(client(target, "secret"))], **neighbour}),
        ("a bearer at the neighbour", {"headers": [("authorization", f"Bearer {said['access_token']}")], **neighbour}),
    ]  # fmt: skip
    for what, sent in nobody:
        form = {"token": said["access_token"], **sent.get("form", {})}
        reply = target.ask("POST", "/auth/introspect", **{**sent, "form": form})
        target.refused(reply, f"introspection by {what}", 400, 401)
    for what, sent in (*askers[:1], *nobody):
        for name in ("access_token", "refresh_token"):
            form = {"token": said[name], **sent.get("form", {})}
            target.ask("POST", "/auth/revoke", **{**sent, "form": form})
            target.expect(_opens(target, said["access_token"]), f"{what} revoked a {name}")
    own = [basic(client(target, "secret"))]
    asked = {"form": {"token": said["access_token"]}, "headers": own}
    target.expect(
        target.ask("POST", "/auth/introspect", **asked).json.get("active") is True, "the owner is told nothing"
    )
    target.ask("POST", "/auth/revoke", **asked)
    target.expect(not _opens(target, said["access_token"]), "a revoked token opens still")
    target.expect(
        target.ask("POST", "/auth/introspect", **asked).json == {"active": False}, "a revoked token is told of"
    )
    return target.problems


def test_b14_a_token_is_its_clients_business_and_revoked_at_once(target: Target) -> None:
    assert asking(target) == []


def test_b14_twin_that_tells_and_obeys_every_client(holed: Any) -> None:
    problems = asking(holed(holes_of_sign_in.any_client_may_ask))
    assert any("revoked a" in each for each in problems)


def test_b14_twin_that_remembers_what_a_token_opened(holed: Any) -> None:
    assert any("opens still" in each for each in asking(holed(holes_of_sign_in.grants_are_remembered)))
