"""Edge: evidence of codes redeemed wrongly, each of a launch of its own."""

import asyncio

from conformance.client import App
from conformance.evidence import Evidence
from conformance.session import Session
from conformance.signing import challenge_of

PARALLEL = 4
LATE = 75.0
"""Seconds after which no code is good any more: a minute, and what clocks and answers need."""


async def wrong_codes(session: Session, evidence: Evidence) -> None:
    """Each a deviation from a token request that would be answered with a token."""
    app = session.client()
    patient = evidence["patients"][0]

    async def fresh() -> tuple[dict[str, str], str]:
        code, verifier = await app.code(patient=patient)
        return app.exchange(code, verifier), verifier

    form, _ = await fresh()
    evidence["wrong verifier"] = await app.post({**form, "code_verifier": "w" * 64})
    form, verifier = await fresh()
    evidence["challenge as verifier"] = await app.post({**form, "code_verifier": challenge_of(verifier)})
    form, _ = await fresh()
    evidence["no verifier"] = await app.post(_without(form, "code_verifier"))
    form, _ = await fresh()
    evidence["empty verifier"] = await app.post({**form, "code_verifier": ""})
    form, _ = await fresh()
    evidence["other redirect"] = await app.post({**form, "redirect_uri": f"{app.redirect_uri}?other=1"})
    form, _ = await fresh()
    evidence["no redirect at the token endpoint"] = await app.post(_without(form, "redirect_uri"))
    evidence["unknown code"] = await app.post({**form, "code": "nobody-issued-this-code"})
    evidence["no code"] = await app.post(_without(form, "code"))
    await _parallel(app, patient, evidence)


async def _parallel(app: App, patient: str, evidence: Evidence) -> None:
    code, verifier = await app.code(patient=patient)
    answers = await asyncio.gather(*(app.redeem(code, verifier) for _ in range(PARALLEL)))
    for number, answer in enumerate(answers, start=1):
        evidence[f"parallel code {number}"] = answer


def _without(form: dict[str, str], name: str) -> dict[str, str]:
    return {key: value for key, value in form.items() if key != name}


async def stolen_code(session: Session, evidence: Evidence) -> None:
    """A code that another registered client redeems with everything else that belongs to it."""
    app = session.client()
    thief = session.other("public")
    code, verifier = await app.code(patient=evidence["patients"][0])
    evidence["code of another client"] = await thief.redeem(code, verifier)


async def late_code(session: Session, evidence: Evidence) -> None:
    """A code after more than a minute."""
    app = session.client()
    code, verifier = await app.code(patient=evidence["patients"][0])
    await asyncio.sleep(LATE)
    evidence["late code"] = await app.redeem(code, verifier)
