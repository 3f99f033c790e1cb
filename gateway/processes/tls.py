"""Edge: the certificate that a server serves with, and whom the sandbox's own client trusts for it."""

import asyncio
import logging
import ssl
from dataclasses import dataclass
from pathlib import Path


class TlsError(ValueError):
    """The certificate or its key cannot be used; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Tls:
    """``context`` serves TLS 1.2 and later; ``certificates`` is the PEM text that clients are to trust."""

    context: ssl.SSLContext
    certificates: str


def load(certificate: Path, key: Path) -> Tls:
    """Reads a certificate (with its chain) and its key, both PEM. Raises TlsError."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    try:
        context.load_cert_chain(certificate, key, password=lambda: b"")
        return Tls(context, certificate.read_text())
    except (OSError, ValueError) as failure:
        raise TlsError(
            "--tls-cert and --tls-key must be a certificate and its key without a password, both PEM, of which the "
            "certificate names what it is called by (a sandbox: localhost and 127.0.0.1)"
        ) from failure


LOOK = 60.0
"""Seconds between two looks at the files of a certificate."""
logger = logging.getLogger("chartgate.serve")


class Watched:
    """A certificate that is renewed while it is served with: connections from then on are shown the new one."""

    def __init__(self, certificate: Path, key: Path) -> None:
        self._files = (certificate, key)
        loaded = load(certificate, key)
        self.context, self.certificates = loaded.context, loaded.certificates
        self._seen = self._stamp()

    async def serve(self) -> None:
        """Looks for a renewal now and then, until it is cancelled."""
        while True:
            await asyncio.sleep(LOOK)
            self.look()

    def look(self) -> None:
        """Takes up what the files hold now; what cannot be used leaves it as it was, and the log says so."""
        stamp = self._stamp()
        if stamp == self._seen:
            return
        self._seen = stamp
        try:
            loaded = load(*self._files)  # whole, before the context in use is touched
            self.context.load_cert_chain(*self._files, password=lambda: b"")
            self.certificates = loaded.certificates
        except (TlsError, OSError) as failure:
            logger.error("the certificate in use stays: %s", type(failure).__name__)

    def _stamp(self) -> tuple[int, ...]:
        try:
            return tuple(each.stat().st_mtime_ns for each in self._files)
        except OSError:
            return self._seen  # between two files


def watched(certificate: Path | None, key: Path | None) -> Watched | None:
    """The certificate and key of a server, None where it has none. Raises TlsError."""
    return None if certificate is None or key is None else Watched(certificate, key)
