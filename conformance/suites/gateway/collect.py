"""Edge: evidence of an app: launched again and again by an EHR that is honest once and then is not."""

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

from conformance.evidence import Evidence, Exchange
from conformance.listener import listening
from conformance.probe import PLAIN, CannotRun
from conformance.session import Session
from conformance.signing import Signer, new_signer, unsigned
from conformance.suites.gateway.browser import Browser
from conformance.suites.gateway.cases import ORDER, ROTATION, UNKNOWN_ISSUERS
from conformance.suites.gateway.ehr import TOKEN, Case, Ehr, returning

CALM, BRIEF, LONGEST = 0.35, 0.05, 6.0
"""Seconds without a request after which the app is done: after a sign-in, and where there was none; and at most."""
LAST = 5
"""How many times as long the app is waited for at the end."""
ROTATION_AFTER = 65.0
"""Seconds after which an app may be asked to fetch keys again."""


def sign(keys: Mapping[str, Signer], way: str, claims: Mapping[str, Any]) -> str:
    """An id_token, right or wrong."""
    first = keys["signed"]
    if way in keys:
        return keys[way].sign(claims)
    if way == "another key":
        return new_signer("RS256").sign(claims, kid=first.key.kid)
    if way == "changed":
        head, _, signature = first.sign(claims).split(".")
        other = first.sign({**claims, "sub": "another-user"}).split(".")[1]
        return f"{head}.{other}.{signature}"
    made = {"unsigned": lambda: unsigned(claims), "shared": lambda: first.shared(claims), "encrypted": _encrypted}
    return made[way]() if way in made else "this is no token"


def _encrypted() -> str:
    """Five parts, as an encrypted token has: for a key that the app never gave."""
    header = json.dumps({"alg": "RSA-OAEP", "enc": "A256GCM"}).encode()
    return ".".join(base64.urlsafe_b64encode(part).decode().rstrip("=") for part in (header, *(b"x" * 32,) * 4))


@contextlib.asynccontextmanager
async def _playing(session: Session) -> AsyncIterator[tuple[Ehr, Mapping[str, Signer]]]:
    """The EHR on its address, and an address that nobody should ask. Raises CannotRun."""
    host, _, port = (session.listen or "127.0.0.1:0").rpartition(":")
    keys = {"signed": new_signer("RS256"), "next key": new_signer("RS256"), "rotated key": new_signer("RS256")}
    made = Ehr(
        url="", elsewhere="", keys=[keys[name].public for name in ("signed", "next key")],
        sign=lambda way, claims: sign(keys, way, claims), now=time.time,
    )  # fmt: skip
    try:
        async with (
            listening(host or "127.0.0.1", int(port), made.respond) as here,
            listening(host or "127.0.0.1", 0, made.respond_elsewhere) as there,
        ):
            made.url, made.elsewhere = (session.public_url or here).rstrip("/"), there
            yield made, keys
    except (OSError, ValueError) as failure:
        raise CannotRun("--listen HOST:PORT must be an address of this machine that is free") from failure


async def launches(session: Session, evidence: Evidence) -> None:
    """Every case, in its order."""
    async with _playing(session) as (ehr, _):
        evidence["given"] = dict(session.given or {})
        await _keys(session, evidence)
        await _strangers(session, ehr, evidence)
        await _visits(session, ehr, evidence, ORDER)


async def rotation(session: Session, evidence: Evidence) -> None:
    """A key that the app has never seen, a while after it last asked for keys."""
    known = evidence["cases"]
    async with _playing(session) as (ehr, keys):
        ehr.keys = [keys["rotated key"].public]
        await asyncio.sleep(ROTATION_AFTER)
        await _visits(session, ehr, evidence, (ROTATION,), further=known)


async def _keys(session: Session, evidence: Evidence) -> None:
    """The app's own key set, by the address or the value that ``--client`` has."""
    given = session.given or {}
    if isinstance(given.get("jwks_uri"), str):
        evidence["app keys"] = await session.probe.send("GET", given["jwks_uri"], headers=PLAIN)


async def _strangers(session: Session, ehr: Ehr, evidence: Evidence) -> None:
    """Launches from issuers that the app is not registered with."""
    parts = urlsplit(ehr.fhir)
    issuers = dict(zip(UNKNOWN_ISSUERS, (
        f"{ehr.elsewhere}/fhir", f"{ehr.fhir}/", ehr.fhir.replace("/fhir", "/FHIR"),
        f"{parts.scheme}://{parts.netloc}@{urlsplit(ehr.elsewhere).netloc}{parts.path}",
    ), strict=True))  # fmt: skip
    for name, issuer in issuers.items():
        case = Case(name=f"launch from {name}")
        ehr.begin(case)
        query = urlencode({"iss": issuer, "launch": "conformance"})
        pages = await Browser(probe=session.probe).open(f"{session.probe.base}?{query}", stop=(issuer, ehr.elsewhere))
        await _calm(ehr, BRIEF)
        evidence[case.name] = {"pages": pages, "asked": list(ehr.asked[case.name]), "astray": list(ehr.astray)}
        ehr.astray.clear()


async def _visits(
    session: Session, ehr: Ehr, evidence: Evidence, cases: tuple[Case, ...], *, further: Sequence[str] = ()
) -> None:
    done: dict[str, dict[str, Any]] = {}
    try:
        for case in cases:
            done[case.name] = await _visit(session, ehr, case)
        await _calm(ehr, LAST * CALM)
    finally:
        for name, found in done.items():
            evidence[name] = {**found, "asked": list(ehr.asked[name])}
        evidence["cases"] = [*further, *done]
        evidence["issuer"], evidence["fhir base"] = ehr.url, ehr.fhir


async def _visit(session: Session, ehr: Ehr, case: Case) -> dict[str, Any]:
    """One launch, from the EHR's button to the page on which the person ends."""
    ehr.begin(case)
    number, probe, stop = ehr.number, session.probe, (f"{ehr.fhir}/auth/authorize", ehr.elsewhere)
    launch = {} if case.standalone else {"launch": f"secret-launch-{number}"}
    browser, address = Browser(probe=probe), f"{probe.base}?{urlencode({'iss': ehr.fhir, **launch})}"
    found: dict[str, Any] = {"launch": launch.get("launch"), "pages": [], "authorize": None, "callback": []}
    try:
        found["pages"] = await browser.open(address, stop=stop)
        place = found["pages"][-1].headers.get("location", "")
        if place.startswith(stop):
            asked = dict(parse_qsl(urlsplit(place).query, keep_blank_values=True))
            back = returning(asked.get("redirect_uri", ""), ehr.authorized(number, asked))
            found["authorize"] = _redirected(place, back)
            await _return(found, browser, case, back, stop)
    except CannotRun:
        found["unanswered"] = True
    signed_in = any(each.url.endswith(TOKEN) for each in ehr.asked[case.name])
    await _calm(ehr, CALM if signed_in else BRIEF)
    await _look_again(found, browser, case, stop)
    found["astray"] = list(ehr.astray)
    ehr.astray.clear()
    return found


async def _return(found: dict[str, Any], browser: Browser, case: Case, back: str, stop: tuple[str, ...]) -> None:
    comer = Browser(probe=browser.probe) if case.stranger else browser
    found["callback"] = await comer.open(back, stop=stop)
    if case.again:
        found["callback again"] = await comer.open(back, stop=stop)


async def _look_again(found: dict[str, Any], browser: Browser, case: Case, stop: tuple[str, ...]) -> None:
    """The page once more, when the app has done what it does."""
    if case.wait:
        await asyncio.sleep(case.wait)
    last = found["callback"][-1] if len(found["callback"]) > 1 else None  # the callback itself is never asked again
    if last is not None and last.status == 200:
        with contextlib.suppress(CannotRun):
            found["page"] = (await browser.open(last.url, stop=stop))[-1]


def _redirected(place: str, back: str) -> Exchange:
    """The authorization request: the browser is not really sent, so it is noted as the app wrote it."""
    return Exchange(method="GET", url=place, status=302, headers={"location": back}, at=time.time(), incoming=True)


async def _calm(ehr: Ehr, calm: float) -> None:
    """Until the app has asked nothing for a while."""
    began = last = time.monotonic()
    count = -1
    while time.monotonic() - last < calm and time.monotonic() - began < LONGEST:
        seen = sum(map(len, ehr.asked.values())) + len(ehr.astray)
        if seen != count:
            count, last = seen, time.monotonic()
        await asyncio.sleep(calm / 4)
