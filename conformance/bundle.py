"""Edge: a run's evidence as one file: complete, encrypted with a key that the user names, and signed.

The file is JSON: ``format``, ``key`` (its name), ``nonce``, ``sealed`` (AES-256-GCM over zlib over JSON; format and key name are
authenticated with it), ``signer`` (the Ed25519 public key) and ``signature`` (over everything else). A key file is JSON too:
``name``, ``encrypt`` (32 bytes) and ``sign`` (32 bytes), or ``verify`` (the public half) for those who only read.
"""

import base64
import hashlib
import json
import os
import secrets
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature, InvalidTag
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from conformance import recording
from conformance.probe import CannotRun
from conformance.run import Report, judged

FORMAT = "chartgate-evidence-1"
LARGEST = 512 * 1024 * 1024
"""Bytes of a bundle when it is opened: what is larger is no bundle of ours."""


@dataclass(frozen=True, kw_only=True, slots=True)
class BundleKey:
    """``sign`` is None for those who only read."""

    name: str
    encrypt: bytes
    verify: Ed25519PublicKey
    sign: Ed25519PrivateKey | None = None

    @property
    def fingerprint(self) -> str:
        """Of the signing key: what a report names."""
        return hashlib.sha256(self.verify.public_bytes_raw()).hexdigest()[:16]


def load_key(path: Path, *, create: bool = False) -> BundleKey:
    """The key of a file; with ``create`` a new one, mode 0600, where there is none. Raises CannotRun."""
    if create and not path.exists():
        _make(path)
    try:
        said = json.loads(path.read_text())
        encrypt, name = _bytes(said["encrypt"]), said["name"]
        sign = Ed25519PrivateKey.from_private_bytes(_bytes(said["sign"])) if "sign" in said else None
        verify = sign.public_key() if sign else Ed25519PublicKey.from_public_bytes(_bytes(said["verify"]))
    except (OSError, ValueError, KeyError, TypeError) as failure:
        raise CannotRun(
            "--bundle-key must name a key file: one that does not exist yet is made by --bundle"
        ) from failure
    if len(encrypt) != 32 or not isinstance(name, str):
        raise CannotRun("--bundle-key: the key file needs a name and 32 bytes to encrypt with")
    return BundleKey(name=name, encrypt=encrypt, verify=verify, sign=sign)


def _make(path: Path) -> None:
    said = {"name": path.stem, "encrypt": _text(secrets.token_bytes(32)), "sign": _text(secrets.token_bytes(32))}
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(said, file)
    except OSError as failure:
        raise CannotRun("--bundle-key: the key file cannot be written there") from failure


def seal(report: Report, key: BundleKey) -> bytes:
    """The bundle of a run. Raises CannotRun when the key cannot sign."""
    if key.sign is None:
        raise CannotRun("--bundle-key: this key file only reads: it has no sign")
    plain = zlib.compress(json.dumps(recording.encode(report)).encode(), 6)
    nonce = secrets.token_bytes(12)
    sealed = AESGCM(key.encrypt).encrypt(nonce, plain, _bound(key.name))
    said = {
        "format": FORMAT, "key": key.name, "nonce": _text(nonce), "sealed": _text(sealed),
        "signer": _text(key.verify.public_bytes_raw()),
    }  # fmt: skip
    return json.dumps({**said, "signature": _text(key.sign.sign(_signed(said)))}).encode()


def open_bundle(content: bytes, key: BundleKey) -> Report:
    """The run of a bundle, judged again. Raises CannotRun when it is of another key, was changed or cannot be read."""
    try:
        said = json.loads(content)
        signature, sealed, nonce = (_bytes(said[name]) for name in ("signature", "sealed", "nonce"))
        signed = {name: said[name] for name in ("format", "key", "nonce", "sealed", "signer")}
    except (ValueError, KeyError, TypeError) as failure:
        raise CannotRun("--replay: this is no evidence bundle") from failure
    if said["format"] != FORMAT:
        raise CannotRun("--replay: the bundle is of another version of the suite")
    try:
        key.verify.verify(signature, _signed(signed))
        plain = AESGCM(key.encrypt).decrypt(nonce, sealed, _bound(said["key"]))
    except (InvalidSignature, InvalidTag, TypeError, ValueError) as failure:
        raise CannotRun("--replay: the bundle was made with another key, or was changed since") from failure
    return judged(recording.decode(json.loads(_inflated(plain))))


def _inflated(plain: bytes) -> bytes:
    unpacking = zlib.decompressobj()
    content = unpacking.decompress(plain, LARGEST)
    if unpacking.unconsumed_tail:
        raise CannotRun("--replay: the bundle is too large")
    return content


def _bound(name: Any) -> bytes:
    return f"{FORMAT}\0{name}".encode()


def _signed(said: dict[str, Any]) -> bytes:
    return json.dumps(said, sort_keys=True).encode()


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text, validate=True)
