"""Edge: the certificate that a sandbox serves with, and whom its own client trusts for it."""

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
            "certificate names localhost and 127.0.0.1"
        ) from failure
