"""Edge: the key file of an installation, ``DIR/keys.json``, mode 0600, made on first start.

It holds what must outlive a process and never stands in a database: the keys that seal stored tokens, the client
signing keys, the session key, and the installation's namespace URI (which is no secret, but must never change).
"""

import json
import os
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Any
from uuid import uuid4

from auth.client.encryption import KEY_BYTES, Cipher
from auth.keys import Algorithm, SigningKeys

FILE = "keys.json"
CLIENT_ALGORITHMS: tuple[Algorithm, ...] = ("RS384", "ES384")
"""What SMART has a client sign its assertions with."""


class KeyFileError(RuntimeError):
    """The key file cannot be used; the text says why and what to do, and holds no key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Keyring:
    """``cipher`` seals stored tokens, ``signing`` are the client's RS384 and ES384 keys, ``session`` 32 bytes for HMAC
    and salts, ``namespace`` the URI under which this installation's identifiers live."""

    cipher: Cipher
    signing: SigningKeys
    session: bytes = field(repr=False)
    namespace: str


def open_keyring(directory: Path) -> Keyring:
    """The keys of an installation, made first when there are none. Of two processes that start at once, one makes the
    file and both use it. Raises KeyFileError."""
    path = directory / FILE
    if not path.exists():
        _create(path, json.dumps(generate()))
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise KeyFileError(f"{FILE} can be read by others (mode {mode:04o}): chmod 600 it, and consider it known")
    try:
        document = json.loads(path.read_text())
    except ValueError as failure:
        raise KeyFileError(f"{FILE} is not JSON: restore it from a backup") from failure
    return parse(document)


def generate() -> dict[str, Any]:
    """The document of a new key file."""
    name = token_hex(4)
    return {
        "namespace": f"urn:chartgate:installation:{uuid4()}",
        "encryption": {"current": name, "keys": {name: b64encode(token_bytes(KEY_BYTES)).decode()}},
        "session": b64encode(token_bytes(KEY_BYTES)).decode(),
        "signing": SigningKeys.generate(*CLIENT_ALGORITHMS).to_json(),
    }


def parse(document: Any) -> Keyring:
    """A key file's document → Keyring. Raises KeyFileError naming the member."""
    if not isinstance(document, Mapping):
        raise KeyFileError(f"{FILE} must hold an object: restore it from a backup")
    readers = {"cipher": _cipher, "signing": _signing, "session": _session, "namespace": _namespace}
    members: dict[str, Any] = {}
    for name, read in readers.items():
        try:
            members[name] = read(document)
        except (KeyError, TypeError, ValueError, AttributeError, Base64Error) as failure:
            raise KeyFileError(f"{name} in {FILE} cannot be used: restore the file from a backup") from failure
    return Keyring(**members)


def _cipher(document: Mapping[str, Any]) -> Cipher:
    ring = document["encryption"]
    keys = {name: b64decode(key, validate=True) for name, key in ring["keys"].items()}
    return Cipher(current=ring["current"], keys=keys)


def _signing(document: Mapping[str, Any]) -> SigningKeys:
    return SigningKeys.from_json(document["signing"], *CLIENT_ALGORITHMS)


def _session(document: Mapping[str, Any]) -> bytes:
    key = b64decode(document["session"], validate=True)
    if len(key) != KEY_BYTES:
        raise ValueError("a session key has 32 bytes")
    return key


def _namespace(document: Mapping[str, Any]) -> str:
    namespace = document["namespace"]
    if not isinstance(namespace, str) or not namespace.startswith("urn:chartgate:installation:"):
        raise ValueError("not a namespace of this product")
    return namespace


def _create(path: Path, text: str) -> None:
    """Writes the file whole and durable, or leaves the one that another process made in the meantime."""
    partial = path.with_name(f"{FILE}.{token_hex(8)}")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        try:
            os.link(partial, path)
        except FileExistsError:
            pass
    finally:
        partial.unlink()
    directory = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)
