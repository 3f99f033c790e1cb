"""Receivers of alerts that are not to be trusted: a mail server that somebody stands in front of, a webhook that answers
without end. On sockets, by the code that sends."""

import asyncio
import base64
import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest
from sqlalchemy import insert, select

from gateway.alerting import sending
from gateway.alerting.sending import Mail
from gateway.storage.database import open_sqlite
from monitoring.alerting import notices, routing
from monitoring.alerting.routing import Route, Table
from monitoring.alerting.tables import notices as table
from monitoring.tables import metadata

DATA = {"alerts": [], "rolled": 2, "link": "https://gateway.example.org/alerts"}
NOW = 1_800_000_000.0
PASSWORD = "s3cret-of-the-mail-server"


@dataclass
class MailServer:
    """Speaks SMTP in clear, says that it has ``offers``, and remembers what it was told."""

    offers: tuple[str, ...]
    port: int = 0
    lines: list[bytes] = field(default_factory=list)

    def answer(self, connection: socket.socket) -> None:
        stream, body = connection.makefile("rwb"), False

        def say(*lines: str) -> None:
            stream.write("".join(f"{line}\r\n" for line in lines).encode())
            stream.flush()

        say("220 mail.example.org")
        for line in stream:
            self.lines.append(line)
            word = line[:4].upper()
            if body:
                body = line != b".\r\n"
                say(*([] if body else ["250 taken"]))
            elif word == b"EHLO":
                said = ["mail.example.org", *self.offers]
                say(*(f"250{' ' if each is said[-1] else '-'}{each}" for each in said))
            elif word == b"STAR":
                say("220 go on")
                self.lines.append(connection.recv(3))  # what TLS begins with
                return
            elif word == b"DATA":
                body = True
                say("354 go on")
            elif word == b"AUTH":
                say("235 welcome")
            elif word == b"QUIT":
                say("221 bye")
            else:
                say("250 fine")


@contextlib.contextmanager
def mail_server(*offers: str) -> Iterator[MailServer]:
    made = MailServer(offers)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(15)
        made.port = listening.getsockname()[1]

        def serve() -> None:
            connection, _ = listening.accept()
            connection.settimeout(15)
            with connection, contextlib.suppress(OSError):
                made.answer(connection)

        thread = threading.Thread(target=serve)
        thread.start()
        yield made
        thread.join(10)


LOOPBACK = ("127.0.0.0/8", "::1/128")


def told(
    sink: str, to: str, *, mail: Mail | None = None, secret: Path | None = None, networks: tuple[str, ...] = LOOPBACK
) -> str:
    """What came of one notice: the cause that was settled, or that it was sent. Its route says ``networks``."""
    route = Route(
        owner="engineering",
        severities=("critical",),
        sink="webhook",
        to=to,
        secret=secret and str(secret),
        networks=networks,
    )
    alerts = SimpleNamespace(table=Table(by_ehr={"spec": (route,)}))
    body = json.dumps({"data": DATA}).encode()
    row = {"id": "n1", "alert": "a1", "event": 1, "sink": sink, "to": to, "owner": "engineering", "state": "ready",
           "secret": secret and str(secret), "body": body, "attempt": 0, "cause": "", "since": NOW, "next_at": NOW}  # fmt: skip
    database = open_sqlite(":memory:", metadata=[metadata], clock=lambda: NOW)

    async def act() -> None:
        due = await database.run(notices.claim)
        gateway = SimpleNamespace(run=database.run, clock=lambda: NOW, alerts=alerts)
        await sending.send(cast(Any, gateway), mail, due[0])

    try:
        database.run_now(lambda connection, now: connection.execute(insert(table).values(**row)))
        asyncio.run(act())
        cause, state = database.run_now(lambda c, now: c.execute(select(table.c.cause, table.c.state)).one())
        return str(cause or state)
    finally:
        database.close()


def mailed(server: MailServer, place: Path, *, user: str | None = "ana") -> str:
    (place / "password").write_text(PASSWORD)
    mail = Mail(
        server=f"smtp://127.0.0.1:{server.port}", sender="gate@example.org", user=user, password_file=place / "password"
    )
    return told("email", "ward@example.org", mail=mail)


def test_a_mail_server_that_can_encrypt_hears_nothing_before_it_does(tmp_path: Path) -> None:
    with mail_server("STARTTLS", "AUTH PLAIN LOGIN") as server:
        assert mailed(server, tmp_path) == "mail_refused"  # what answers there is no TLS
    assert [line[:4].upper() for line in server.lines[:2]] == [b"EHLO", b"STAR"]
    assert server.lines[2:] == [b"\x16\x03\x01"]  # a TLS handshake, and nothing after it in clear


def test_a_password_goes_over_no_line_in_clear(tmp_path: Path) -> None:
    with mail_server("AUTH PLAIN LOGIN") as server:  # STARTTLS was taken out of what it said
        assert mailed(server, tmp_path) == "mail_refused"
    assert not any(line[:4].upper() in (b"AUTH", b"MAIL", b"DATA") for line in server.lines)


def test_mail_without_a_password_is_sent(tmp_path: Path) -> None:
    with mail_server("SIZE 1000000") as server:
        assert mailed(server, tmp_path, user=None) == "sent"
    assert b"Subject: Chartgate: 2 further warnings\r\n" in server.lines


@contextlib.contextmanager
def endless(status: int) -> Iterator[tuple[str, list[int]]]:
    """A receiver that answers with this status and a body without end; and how many bytes of it left."""
    sent = [0]
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(15)

        def serve() -> None:
            connection, _ = listening.accept()
            connection.settimeout(15)
            with connection, contextlib.suppress(OSError):
                connection.recv(65536)
                connection.sendall(b"HTTP/1.1 %d X\r\ncontent-type: text/plain\r\n\r\n" % status)
                while sent[0] < 256 * 1024 * 1024:
                    sent[0] += connection.send(b"x" * 65536)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}/hook", sent
        thread.join(30)


@pytest.mark.parametrize(("status", "said"), [(200, "sent"), (500, "http_500")])
def test_what_a_webhooks_receiver_says_is_not_read(tmp_path: Path, status: int, said: str) -> None:
    (tmp_path / "secret").write_text(f"whsec_{base64.b64encode(b'x' * 32).decode()}\n")
    with endless(status) as (address, sent):
        assert told("webhook", address, secret=tmp_path / "secret") == said
    assert sent[0] < 32 * 1024 * 1024  # what fits into the buffers of a socket


@contextlib.contextmanager
def receiver(answer: str) -> Iterator[tuple[int, list[bytes]]]:
    """Answers everybody so; its port, and the first line of each request."""
    asked: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.settimeout(0.2)
        over = threading.Event()

        def serve() -> None:
            while not over.is_set():
                with contextlib.suppress(OSError):
                    connection, _ = listening.accept()
                    with connection:
                        connection.settimeout(5)
                        asked.append(connection.recv(65536).partition(b"\r\n")[0])
                        connection.sendall(answer.encode())

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1], asked
        over.set()
        thread.join(10)


FINE = "HTTP/1.1 204 Fine\r\nconnection: close\r\n\r\n"


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text(f"whsec_{base64.b64encode(b'x' * 32).decode()}\n")
    return tmp_path / "secret"


@pytest.mark.parametrize(("host", "networks", "said"), [
    ("localhost", LOOPBACK, "sent"), ("127.0.0.1", LOOPBACK, "sent"),
    ("localhost", (), "sent"), ("127.0.0.1", (), "sent"),  # who writes the address has declared it
    ("127.1", (), "forbidden_address"),  # to the resolver a name that leads to this machine, where none was declared
    ("127.0.0.1", ("10.0.0.0/8",), "forbidden_address"), ("localhost", ("10.0.0.0/8",), "forbidden_address"),
    ("0.0.0.0", ("0.0.0.0/0",), "forbidden_address"), ("169.254.169.254", ("169.254.0.0/16",), "forbidden_address"),
])  # fmt: skip
def test_a_webhook_goes_where_its_route_says_and_to_no_other_address(
    secret: Path, host: str, networks: tuple[str, ...], said: str
) -> None:
    with receiver(FINE) as (port, asked):
        assert told("webhook", f"http://{host}:{port}/hook", secret=secret, networks=networks) == said
    assert asked == ([b"POST /hook HTTP/1.1"] if said == "sent" else [])


def test_a_redirect_is_not_followed(secret: Path) -> None:
    with receiver(FINE) as (inside, asked):
        answer = f"HTTP/1.1 307 Elsewhere\r\nlocation: http://127.0.0.1:{inside}/inside\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
        with receiver(answer) as (port, _):
            assert told("webhook", f"http://127.0.0.1:{port}/hook", secret=secret) == "http_307"
    assert asked == []


def test_the_networks_are_those_of_the_route_with_this_receiver_and_this_secret() -> None:
    one = Route(
        owner="engineering",
        severities=("critical",),
        sink="webhook",
        to="https://a.example",
        secret="s",
        networks=("10.0.0.0/8",),
    )
    table = Table(
        by_ehr={"north": (one,), "south": (replace(one, secret="t", networks=("127.0.0.0/8",)),)},
        everywhere=(replace(one, sink="page"),),
    )
    found = [routing.networks_to(table, to=to, secret=name) for to, name in (("https://a.example", "s"), ("https://a.example", "t"),
             ("https://a.example", None), ("https://b.example", "s"))]  # fmt: skip
    assert found == [("10.0.0.0/8",), ("127.0.0.0/8",), (), ()]
