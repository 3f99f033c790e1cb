"""Edge: the key file of an installation, ``DIR/keys.json``, mode 0600, made on first start.

It holds what must outlive a process and never stands in a database: the keys that seal stored tokens, the client
signing keys, the session key, and the installation's namespace URI (which is no secret, but must never change).
Keys are changed while servers run: who holds a ``KeyFile`` sees the change at the next look. Replicas share one file that
somebody made for them, elsewhere or in each one's directory; one that a first start made is nobody's, and refused.
"""

import contextlib
import fcntl
import json
import logging
import os
from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from secrets import token_bytes, token_hex
from typing import Any
from uuid import uuid4

from auth.client import signing
from auth.client.encryption import KEY_BYTES, Cipher
from auth.client.signing import AssertionKeys

FILE = "keys.json"
VARIABLE = "CHARTGATE_KEYS"
"""The environment's own key document, for where there are no files: its keys cannot be changed by a verb."""
MADE_HERE = "made_at_first_start"
"""The member of a key file that a first start made."""
SHARED = (
    "replicas share keys that somebody made for them: `chartgate ehrs keys --new FILE`, then keys_file in [serve] of "
    f"chartgate.toml or CHARTGATE_KEYS_FILE, or the document itself in {VARIABLE}"
)
logger = logging.getLogger("chartgate.keys")


class KeyFileError(RuntimeError):
    """The key file cannot be used; the text says why and what to do, and holds no key."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Keyring:
    """``cipher`` seals stored tokens, ``signing`` are the client's RS384 and ES384 keys, ``session`` 32 bytes for HMAC
    and salts, ``namespace`` the URI under which this installation's identifiers live."""

    cipher: Cipher
    signing: AssertionKeys
    session: bytes = field(repr=False)
    namespace: str


class KeyFile:
    """The keys of a directory as they are now: the file is read again when it has changed. Without a directory, the keys
    that were given. A change that cannot be read leaves the keys as they were, and the log says so."""

    def __init__(self, directory: Path | None, keyring: Keyring, *, file: str = FILE) -> None:
        self._directory, self._file, self._keyring = directory, file, keyring
        self._path = None if directory is None else str(directory / file)
        self._seen = self._stamp()
        self.broken = False
        """Whether the file was changed to something that cannot be used."""

    @property
    def keyring(self) -> Keyring:
        """The keys now."""
        stamp = self._stamp()
        if stamp != self._seen and self._directory is not None:
            self._seen = stamp
            try:
                self._keyring, self.broken = open_keyring(self._directory, file=self._file), False
            except KeyFileError as failure:
                self.broken = True
                logger.error("the keys in use stay: %s", failure)
        return self._keyring

    def change(self, made: Callable[[dict[str, Any]], dict[str, Any]]) -> Keyring:
        """``change`` on this file. Raises KeyFileError, ValueError where there is none."""
        if self._directory is None:
            raise ValueError(f"the keys are in {VARIABLE}: change them there, and start the replicas again one by one")
        return change(self._directory, made, file=self._file)

    def _stamp(self) -> tuple[int, int] | None:
        try:
            found = None if self._path is None else os.stat(self._path)  # asked many times for each output
        except OSError:
            return self._seen  # between two files: the next look finds one
        return found and (found.st_mtime_ns, found.st_ino)


def open_key_file(directory: Path) -> KeyFile:
    """The keys of an installation, made first when there are none. Raises KeyFileError."""
    return KeyFile(directory, open_keyring(directory))


def open_shared_keys(
    directory: Path, path: Path | None, document: str | None, *, shared: bool = True
) -> KeyFile:  # fmt: skip
    """The keys of a replica: ``document`` (JSON) where it is given, else the file at ``path``, else the directory's own, which
    no first start may have made where they are ``shared``. Raises KeyFileError."""
    if document is not None:
        try:
            return KeyFile(None, parse(json.loads(document)))
        except ValueError as failure:
            raise KeyFileError(f"{VARIABLE} is not JSON: {SHARED}") from failure
    place = path or directory / FILE
    if not place.is_file():
        raise KeyFileError(f"there is no key file at {place}: {SHARED}")
    held = KeyFile(place.parent, open_keyring(place.parent, file=place.name), file=place.name)
    if shared and json.loads(place.read_text()).get(MADE_HERE):
        raise KeyFileError(f"{place.name} was made at a first start, by one machine for itself: {SHARED}")
    return held


def make_key_file(path: Path) -> Keyring:
    """A new key file for replicas to share. Raises KeyFileError when there is one."""
    if path.exists():
        raise KeyFileError(f"{path.name} is there already, and is left as it is: name another file")
    _create(path, json.dumps(generate()))
    return open_keyring(path.parent, file=path.name)


def open_keyring(directory: Path, *, file: str = FILE) -> Keyring:
    """The keys of an installation, made first when there are none. Of two processes that start at once, one makes the
    file and both use it. Raises KeyFileError."""
    path = directory / file
    if not path.exists():
        _create(path, json.dumps({**generate(), MADE_HERE: True}))
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise KeyFileError(f"{file} can be read by others (mode {mode:04o}): chmod 600 it, and consider it known")
    try:
        document = json.loads(path.read_text())
    except ValueError as failure:
        raise KeyFileError(f"{file} is not JSON: restore it from a backup") from failure
    return parse(document)


def generate() -> dict[str, Any]:
    """The document of a new key file."""
    name = token_hex(4)
    return {
        "namespace": f"urn:chartgate:installation:{uuid4()}",
        "encryption": {"current": name, "keys": {name: b64encode(token_bytes(KEY_BYTES)).decode()}},
        "session": b64encode(token_bytes(KEY_BYTES)).decode(),
        "signing": signing.generate().to_json(),
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


def _signing(document: Mapping[str, Any]) -> AssertionKeys:
    return signing.from_json(document["signing"])


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


def change(directory: Path, made: Callable[[dict[str, Any]], dict[str, Any]], *, file: str = FILE) -> Keyring:
    """Replaces members of the key file by what ``made`` says of the whole document, one change at a time. The new
    file is whole and durable before it takes the old one's place. Raises KeyFileError."""
    with _alone(directory):
        open_keyring(directory, file=file)
        path = directory / file
        document = json.loads(path.read_text())
        document |= made(document)
        keyring = parse(document)
        partial = _write(path, json.dumps(document))
        partial.rename(path)
        _sync(directory)
    return keyring


@contextlib.contextmanager
def _alone(directory: Path) -> Iterator[None]:
    """Holds the directory's lock."""
    handle = os.open(directory, os.O_RDONLY)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX)
        yield
    finally:
        os.close(handle)


def _create(path: Path, text: str) -> None:
    """Writes the file whole and durable, or leaves the one that another process made in the meantime."""
    partial = _write(path, text)
    try:
        os.link(partial, path)
    except FileExistsError:
        pass
    finally:
        partial.unlink()
    _sync(path.parent)


def _write(path: Path, text: str) -> Path:
    """A file beside ``path`` that holds the text, durable, for its owner only."""
    partial = path.with_name(f"{path.name}.{token_hex(8)}")
    handle = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return partial


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
