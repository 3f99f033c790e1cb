"""Edge: one notice to its receiver: a signed webhook, an e-mail, or a Task or AuditEvent into the outbox; what came of it."""

import asyncio
import json
import smtplib
import ssl
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import httpx2

from gateway.alerting import audits, tasks
from gateway.ehrs.reachable import PinnedTransport, Unreachable
from gateway.ehrs.senders import EhrUnknown
from gateway.launches.charts import Unavailable
from gateway.launches.granted import narrowed
from monitoring.alerting import messages, notices, routing, webhooks
from monitoring.alerting.notices import Notice
from vocabulary.write import Write
from writeback.errors import PlanInvalid
from writeback.outbox import BACKEND, Origin, enqueue

if TYPE_CHECKING:
    from gateway.app import Gateway

SECONDS = 10.0
CONTENT = "application/cloudevents+json"


@dataclass(frozen=True, kw_only=True, slots=True)
class Mail:
    """``smtp[s]://host:port`` that takes mail, from whom, and a file with the password of ``user``."""

    server: str
    sender: str
    user: str | None = None
    password_file: Path | None = None


def mail_of(environment: Mapping[str, str]) -> Mail | None:
    """``CHARTGATE_SMTP`` (``smtp[s]://[user@]host[:port]``), ``CHARTGATE_SMTP_FROM``, ``CHARTGATE_SMTP_PASSWORD_FILE``; None
    where no server is named."""
    server = environment.get("CHARTGATE_SMTP")
    if not server:
        return None
    file = environment.get("CHARTGATE_SMTP_PASSWORD_FILE")
    return Mail(
        server=server, sender=environment.get("CHARTGATE_SMTP_FROM", "chartgate@localhost"),
        user=urlsplit(server).username, password_file=Path(file) if file else None,
    )  # fmt: skip


Transport = Callable[[Iterable[str]], httpx2.AsyncBaseTransport]
"""How the networks that a receiver may be in are reached, and no others."""


async def send(
    gateway: "Gateway", mail: Mail | None, notice: Notice, *, transport: Transport = PinnedTransport
) -> None:  # fmt: skip
    """Tells it, and settles what came of it."""
    if notice.sink in ("task", "audit"):
        return await _into_outbox(gateway, notice)
    if notice.sink == "webhook":
        networks = routing.networks_to(gateway.alerts.table, to=notice.to, secret=notice.secret)
        async with httpx2.AsyncClient(
            transport=transport(networks), follow_redirects=False, trust_env=False
        ) as client:  # fmt: skip
            cause = await _webhook(client, notice, gateway.clock())
    else:
        cause = await _email(mail, notice)
    await gateway.run(lambda connection, now: notices.settle(connection, now, notice=notice, cause=cause))
    return None


async def _webhook(client: httpx2.AsyncClient, notice: Notice, now: float) -> str:
    """Empty when a 2xx came back. Redirects are not followed; what the receiver says is not read. Its name is resolved, held
    against the networks that it may be in, and that very address is connected to."""
    try:
        secrets = read_secrets(Path(notice.secret or ""))
    except (OSError, webhooks.SecretUnusable):
        return "secret_unusable"
    signed = webhooks.headers(notice.id, now, notice.body, secrets)
    try:
        async with (
            asyncio.timeout(SECONDS),
            client.stream("POST", notice.to, content=notice.body, headers={"content-type": CONTENT, **signed}) as reply,
        ):
            status = reply.status_code
    except Unreachable:
        return "forbidden_address"
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError):
        return "no_answer"
    return "" if 200 <= status < 300 else f"http_{status}"


def read_secrets(file: Path) -> list[bytes]:
    """The secrets of a file, one a line, the newest first: two while one is being changed. Raises OSError, SecretUnusable."""
    found = [webhooks.secret(line) for line in file.read_text().splitlines() if line.strip()]
    if not found:
        raise webhooks.SecretUnusable("the file holds no secret")
    return found


async def _email(mail: Mail | None, notice: Notice) -> str:
    if mail is None:
        return "no_mail_server"
    data = json.loads(notice.body)["data"]  # our own CloudEvent, not FHIR
    message = EmailMessage()
    message["From"], message["To"] = mail.sender, notice.to
    message["Subject"], message["Message-ID"] = messages.subject(data), f"<{notice.id}@chartgate>"
    message.set_content(messages.text(data))
    try:
        await asyncio.to_thread(_post, mail, message)
    except (OSError, smtplib.SMTPException, ValueError):
        return "mail_refused"
    return ""


def _post(mail: Mail, message: EmailMessage) -> None:
    place = urlsplit(mail.server)
    host, secure = place.hostname or "localhost", place.scheme == "smtps"
    kind: Any = smtplib.SMTP_SSL if secure else smtplib.SMTP
    options: Mapping[str, Any] = {"context": ssl.create_default_context()} if secure else {}
    with kind(host, place.port or (465 if secure else 25), timeout=SECONDS, **options) as server:
        server.ehlo()  # before it nothing is known of the server, and STARTTLS would never be found
        if not secure and server.has_extn("starttls"):
            server.starttls(context=ssl.create_default_context())
            secure = True
        if mail.user and mail.password_file:
            if not secure:  # whoever stands between can take STARTTLS out of the answer
                raise smtplib.SMTPNotSupportedError("a password goes over no line in clear")
            server.login(mail.user, mail.password_file.read_text().strip())
        server.send_message(message)


async def _into_outbox(gateway: "Gateway", notice: Notice) -> None:
    """Planned and put into the outbox in the transaction that settles the notice: written once in effect from there on."""
    data = json.loads(notice.body)  # our own CloudEvent, not FHIR
    cause, write = "", None
    try:
        write = await _planned(gateway, notice, data)
    except Unavailable:
        cause = "no_answer"
    except EhrUnknown:
        cause = "ehr_unknown"
    except PlanInvalid:
        cause = "invalid"
    about = data["data"]
    lane = f"{'alert' if notice.sink == 'task' else 'audit'}:{about['id']}"
    origin = Origin(output=None, model=about["model"], version=about["version"], principal=BACKEND, lane=lane)

    def work(connection: Any, now: float) -> None:
        if write is not None:
            enqueue(connection, now, write=write, origin=origin)
        notices.settle(connection, now, notice=notice, cause=cause)

    await gateway.run(work)
    if write is not None:
        gateway.worker.wake(notice.to)


async def _planned(gateway: "Gateway", notice: Notice, event: Mapping[str, Any]) -> Write | None:
    """The Task or the AuditEvent, as far as the EHR says that it takes one and the gateway's own client may write it."""
    names, rules = gateway.names(notice.to), gateway.senders.rules(notice.to)
    offered = await gateway.senders.capabilities(notice.to)
    takes = narrowed(offered, gateway.senders.backend_scopes(notice.to))
    if notice.sink == "audit":
        return audits.write_of(notice.id, event, names=names, capabilities=takes, rules=rules)
    data = event["data"]
    return tasks.write_of(
        notice.id, data, text=messages.text(data), names=names, capabilities=takes, rules=rules
    )  # fmt: skip
