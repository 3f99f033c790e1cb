"""Edge: evidence of authorization requests that are wrong in one way, each with a launch of its own."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from conformance.client import App
from conformance.evidence import Evidence, Exchange, split
from conformance.reading import joined
from conformance.session import Session
from conformance.signing import pkce

HOPS = 5
"""Redirects between an authorization request and the page on which somebody signs in."""
WRONG: Mapping[str, Mapping[str, str | None]] = {
    "no challenge": {"code_challenge": None, "code_challenge_method": None},
    "plain challenge": {"code_challenge_method": "plain"},
    "no challenge method": {"code_challenge_method": None},
    "short challenge": {"code_challenge": "abc"},
    "wrong aud": {"aud": "https://elsewhere.example/fhir"},
    "no aud": {"aud": None},
    "no state": {"state": None},
    "no scope": {"scope": None},
    "implicit": {"response_type": "token"},
    "implicit id_token": {"response_type": "id_token token"},
    "no response type": {"response_type": None},
    "unknown client": {"client_id": "nobody-of-this-name"},
    "no client": {"client_id": None},
    "no redirect": {"redirect_uri": None},
    "foreign redirect": {"redirect_uri": "https://attacker.example/callback"},
    "script as redirect": {"redirect_uri": "javascript:alert(1)"},
    "foreign redirect and an error": {
        "redirect_uri": "https://attacker.example/callback", "response_type": "nothing",
    },
    "unknown launch": {"launch": "nobody-prepared-this-launch"},
}  # fmt: skip


LOOPBACK = ("localhost", "127.0.0.1", "::1", None)


def near(address: str, others: Sequence[str] = ()) -> Mapping[str, str]:
    """Addresses that resemble a registered one (RFC 9700 §2.1, smart-auth B05). At loopback any port is an app's (RFC 8252
    §7.3): another port is tried with one of the ``others`` that are registered."""
    scheme, _, rest = address.partition("://")
    host, _, path = rest.partition("/")
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdigit() else host
    return {
        "redirect with a longer path": f"{address}/further",
        "redirect with dot segments": f"{address}/../other",
        "redirect with a query": f"{address}?further=1",
        "redirect with a fragment": f"{address}#further",
        "redirect with a user": f"{scheme}://{host}@attacker.example/{path}",
        **_at_another_port((address, *others)),
        "redirect in capitals": f"{scheme.upper()}://{rest}",
        "redirect with a longer host": f"{scheme}://{name}.attacker.example/{path}",
    }


def _at_another_port(addresses: Sequence[str]) -> Mapping[str, str]:
    """The first of them that is at no loopback, at another port; empty where there is none."""
    for each in map(split, addresses):
        if each.scheme in ("http", "https") and each.hostname not in LOOPBACK:
            port = 443 if each.port is None else each.port
            return {"redirect at another port": f"{each.scheme}://{each.hostname}:{port + 1}{each.path}"}
    return {}


async def wrong_requests(session: Session, evidence: Evidence) -> None:
    """Each is one deviation from a request that would be answered with a code."""
    app = session.client()
    patient = evidence["patients"][0]
    for name, changes in WRONG.items():
        evidence[name] = await _ask(app, patient, changes=changes)
    also = app.kept.get("redirect_uris")
    for name, address in near(app.redirect_uri, [str(each) for each in also] if isinstance(also, list) else ()).items():
        evidence[name] = await _ask(app, patient, changes={"redirect_uri": address})
    evidence["state twice"] = await _ask(app, patient, further="&state=another")


async def _ask(
    app: App, patient: str, *, changes: Mapping[str, str | None] | None = None, further: str = ""
) -> Exchange:  # fmt: skip
    challenge = pkce()[1]
    entered = await app.enter(challenge=challenge, patient=patient)
    return await app.authorize(challenge=challenge, changes={**entered, **(changes or {})}, further=further)


async def foreign_launch(session: Session, evidence: Evidence) -> None:
    """A launch that was prepared for another client."""
    app, launcher = session.launching()
    launch = await session.other("public").prepare(launcher, patient=evidence["patients"][0])
    evidence["launch of another client"] = await app.authorize(launch=launch, challenge=pkce()[1])


async def pages(session: Session, evidence: Evidence) -> None:
    """What a person sees who was not signed in automatically, by GET and by POST, and on an error page."""
    app = replace(session.client(), launcher=None, door=None)
    for name, method in (("page", "GET"), ("posted page", "POST")):
        answer = evidence[f"{name} answer"] = await app.authorize(
            launch=None, challenge=pkce()[1], method=method, scope="launch/patient patient/*.rs"
        )
        for _ in range(HOPS):
            place = joined(answer.url, answer.headers.get("location", ""))
            if answer.status not in (301, 302, 303, 307) or place.startswith(app.redirect_uri):
                break
            answer = evidence[name] = await app.probe.send("GET", place, headers={"accept": "text/html"})
        if answer.status == 200:
            evidence[name] = answer
