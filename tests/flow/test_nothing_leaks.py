"""Abuse case B12: whatever is done to the EHR's face, no log record and no audit row tells a token, a secret or a chart."""

import logging
from typing import Any

import pytest

from gateway.sandbox_ehrs.audit_verb import bundle_of
from r4 import codec
from tests.flow.audited import BASE, FHIR, NAME, Audited, drive

OF_THE_TEST = ("httpx2", "httpcore2", "asyncio")
"""Loggers of this test's own client and loop, which knows what it sends."""
TYPED = ("Suchwort-7712", "1961-02-03", "Freitext-9034")
"""Values that stand in queries and bodies."""


async def everything(here: Audited) -> None:
    """Launches, reads, writes, searches, denials, and what cannot be understood."""
    await here.register()
    tokens = await here.launch()
    noted = {
        "resourceType": "Observation",
        "status": "final",
        "code": {"text": TYPED[2]},
        "subject": {"reference": "Patient/p1"},
    }
    for method, path, body in (
        ("GET", "Patient/p1", None), ("GET", f"Patient?family={NAME}&birthdate={TYPED[1]}", None), ("GET", "Observation/o2", None),
        ("GET", f"Observation?code:text={TYPED[0]}", None), ("GET", f"Observation?{TYPED[0]}=1", None),
        ("POST", "Observation", noted), ("POST", "Observation", {**noted, "subject": {"reference": "Patient/p2"}}),
        ("POST", "Observation", {**noted, "status": TYPED[0]}), ("PUT", "Observation/o1", {**noted, "id": "o1"}),
        ("GET", f"Observation?access_token={here.bearer}", None), ("GET", f"Observation/{TYPED[0]}%2F{NAME}", None),
    ):  # fmt: skip
        await here.ask(method, path, **({} if body is None else {"json": body}))
    await here.ask("POST", "Patient/_search", data={"family": NAME})
    await here.ask(
        "POST", "Observation", content=f'{{"{NAME}": '.encode(), headers={"content-type": "application/fhir+json"}
    )
    await here.ask("GET", "Patient/p1", headers={"x-request-id": f"{NAME} {TYPED[0]}"})
    await here.http.get(f"{FHIR}/Patient/p1", headers={"authorization": f"Bearer {here.bearer}x"})
    for form in (
        {"grant_type": "authorization_code", "code": here.secrets[3], "client_id": here.client},
        {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"] + "x", "client_id": here.client},
        {"grant_type": "client_credentials", "client_id": f"{NAME} {TYPED[0]}", "client_secret": TYPED[2]},
        {"grant_type": TYPED[0], "client_assertion": f"{TYPED[0]}.e30.{TYPED[2]}", "client_id": tokens["access_token"]},
        {"grant_type": "refresh_token", "refresh_token": tokens["refresh_token"], "client_id": here.client},
    ):
        await here.http.post(f"{BASE}/auth/token", data=form)
    for path in ("introspect", "revoke"):
        await here.http.post(f"{BASE}/auth/{path}", data={"token": tokens["refresh_token"], "client_id": here.client})
    await here.http.get(
        f"{BASE}/auth/authorize", params={"client_id": TYPED[0], "launch": here.secrets[1], "state": NAME}
    )
    await here.http.post(
        f"{BASE}/launch", json={"client_id": tokens["id_token"][:100], "patient": "p1", "automatic": True}
    )
    await here.http.post(f"{BASE}/auth/register", json={"client_name": NAME, "redirect_uris": [TYPED[0]]})


def told(texts: str, secrets: list[str], *, also: tuple[str, ...]) -> list[str]:
    """Which of the secrets and of the values stand in the text; the last 32 characters of a secret are one too."""
    wanted = [*secrets, *(secret[-32:] for secret in secrets), *also]
    return [value for value in wanted if value in texts]


def shown(records: list[logging.LogRecord]) -> str:
    formatter = logging.Formatter("%(name)s %(message)s %(exc_text)s")
    return "\n".join(formatter.format(each) for each in records if not each.name.startswith(OF_THE_TEST))


def test_no_log_record_tells_a_token_a_secret_or_a_chart(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def act(here: Audited) -> None:
        await everything(here)
        here.rows()
        assert len(here.secrets) == 7
        logging.getLogger("chartgate.test").info("the log is heard")
        assert "the log is heard" in shown(caplog.records)
        assert told(shown(caplog.records), here.secrets, also=(NAME, *TYPED)) == []
        assert "Patient/p1" not in shown(caplog.records)

    drive(act)


def test_no_audit_row_tells_a_token_a_secret_or_a_value_of_a_chart_or_query() -> None:
    async def act(here: Audited) -> None:
        await everything(here)
        rows: list[dict[str, Any]] = here.rows()
        assert len(rows) > 20
        kept = " ".join(str(value) for row in rows for value in row.values())
        assert told(kept, here.secrets, also=(NAME, *TYPED)) == []
        assert told(codec.format(bundle_of(rows, site="spec")).decode(), here.secrets, also=(NAME, *TYPED)) == []

    drive(act)


def test_a_leak_would_be_noticed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    secret = "x" * 10 + "y" * 33
    logging.getLogger("chartgate.gateway").debug("opened with %s", secret[-32:])
    assert told(shown(caplog.records), [secret], also=(NAME,)) == [secret[-32:]]
    assert told(f"?family={NAME}", [], also=(NAME,)) == [NAME]
