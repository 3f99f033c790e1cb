"""Edge: key files of people who sign metrics, and the signed document in a site's folder, every version kept."""

import base64
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat, load_pem_private_key

from gateway.sites.metrics import MetricsRefused, parse, sign


def new_key(file: Path) -> str:
    """Writes a new private key (PEM, mode 0600); the public key as base64url. Raises FileExistsError, OSError."""
    key = Ed25519PrivateKey.generate()
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        stream.write(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    return base64.urlsafe_b64encode(key.public_key().public_bytes_raw()).decode().rstrip("=")


def sign_file(path: Path, key: Path, *, by: str, role: str) -> dict[str, Any]:
    """Signs the document in place, as its next version when it was signed before; that one is kept as ``NAME-vN.json``.
    Raises MetricsRefused, OSError."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as failure:
        raise MetricsRefused("cannot be read as JSON") from failure
    if not isinstance(document, dict):
        raise MetricsRefused("must be a JSON object")
    secret = load_pem_private_key(key.read_bytes(), password=None)
    if not isinstance(secret, Ed25519PrivateKey):
        raise MetricsRefused("needs an Ed25519 key: chartgate site keygen FILE makes one")
    document["version"] = next_version(document, path)
    made = sign(document, key=secret, by=by, role=role, at=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))
    parse(made)
    text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    path.with_name(f"{path.stem}-v{made['version']}.json").write_text(text, encoding="utf-8")
    path.write_text(text, encoding="utf-8")
    return made


def next_version(document: Mapping[str, Any], path: Path) -> int:
    """One more than any that was signed before: those that are kept, and the document itself where it has a signature; what has
    none may say itself how far it is."""
    said = document.get("version")
    own = said if isinstance(said, int) and not isinstance(said, bool) else 0
    before = own if document.get("signature") else own - 1
    return max([0, before, *kept_versions(path)]) + 1


def kept_versions(path: Path) -> list[int]:
    """The versions that were signed before."""
    ends = (each.stem.rpartition("-v")[2] for each in path.parent.glob(f"{path.stem}-v*.json"))
    return [int(end) for end in ends if end.isdigit()]
