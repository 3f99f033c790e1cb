"""Edge: the file of a backup: a tar with ``manifest.json`` first, which has the length and SHA-256 of every other member. A
reader believes nothing that the manifest does not name, and nobody uses what is unpacked before all of it is right."""

import contextlib
import io
import json
import os
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256
from pathlib import Path
from secrets import token_hex
from typing import Any, BinaryIO

FORMAT = "chartgate-backup-1"
MANIFEST = "manifest.json"
PIECE = 1024 * 1024
LONGEST_MANIFEST = 1024 * 1024


class BackupRefused(ValueError):
    """The file is no backup that can be used, or the backup cannot be made; the text says what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Manifest:
    """``database`` is ``sqlite`` or ``postgresql``; ``members`` are length and SHA-256 by name; ``made`` is Unix seconds."""

    database: str
    revision: str
    namespace: str
    made: float
    members: Mapping[str, tuple[int, str]] = field(default_factory=dict)


def digest_of(path: Path) -> tuple[int, str]:
    """Length and SHA-256 of a file."""
    found, length = sha256(), 0
    with path.open("rb") as stream:
        while piece := stream.read(PIECE):
            found.update(piece)
            length += len(piece)
    return length, found.hexdigest()


def write(target: Path, folder: Path, manifest: Manifest) -> Manifest:
    """Every file of ``folder`` as one backup, mode 0600, durable; what was at ``target`` is replaced by the whole of it or
    not at all. Raises OSError."""
    paths = sorted(path for path in folder.iterdir() if path.is_file())
    members = {path.name: digest_of(path) for path in paths}
    said = {
        "format": FORMAT, "database": manifest.database, "revision": manifest.revision, "namespace": manifest.namespace,
        "made": manifest.made, "members": members,
    }  # fmt: skip
    partial = target.with_name(f"{target.name}.{token_hex(8)}.part")
    try:
        with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
            _pack(stream, json.dumps(said, indent=1).encode(), paths)
            stream.flush()
            os.fsync(stream.fileno())
        partial.replace(target)
    finally:
        partial.unlink(missing_ok=True)
    return replace(manifest, members=members)


def _pack(stream: BinaryIO, manifest: bytes, paths: list[Path]) -> None:
    with tarfile.open(fileobj=stream, mode="w") as packed:
        head = tarfile.TarInfo(MANIFEST)
        head.size, head.mode = len(manifest), 0o600
        packed.addfile(head, io.BytesIO(manifest))
        for path in paths:
            member = tarfile.TarInfo(path.name)
            member.size, member.mode = path.stat().st_size, 0o600
            with path.open("rb") as content:
                packed.addfile(member, content)


def read(source: Path, folder: Path) -> Manifest:
    """Unpacks a backup into an empty folder. Raises BackupRefused; the folder is then not to be used."""
    try:
        with tarfile.open(source, mode="r:") as packed:
            manifest = _manifest(packed)
            for name in manifest.members:
                _unpack(packed, name, folder / name)
    except (OSError, tarfile.TarError, KeyError) as failure:
        raise BackupRefused("the file cannot be read as a backup: is it whole?") from failure
    for name, expected in manifest.members.items():
        if digest_of(folder / name) != expected:
            raise BackupRefused(f"{name} in the backup is not what was put there: take another copy of the file")
    return manifest


def _unpack(packed: tarfile.TarFile, name: str, path: Path) -> None:
    content = packed.extractfile(name)
    if content is None:
        raise BackupRefused(f"{name} in the backup is no file")
    with content, os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as stream:
        while piece := content.read(PIECE):
            stream.write(piece)
        stream.flush()
        os.fsync(stream.fileno())


def _manifest(packed: tarfile.TarFile) -> Manifest:
    head = packed.next()
    content = packed.extractfile(head) if head is not None and head.name == MANIFEST else None
    if head is None or content is None or head.size > LONGEST_MANIFEST:
        raise BackupRefused("the file is no backup of Chartgate: it has no manifest")
    with contextlib.suppress(ValueError, KeyError, TypeError, AttributeError):
        said: dict[str, Any] = json.loads(content.read())
        members = {str(name): (int(length), str(digest)) for name, (length, digest) in said["members"].items()}
        plain = all(Path(name).name == name and name not in (".", "..", MANIFEST) for name in members)
        if said["format"] == FORMAT and plain and said["database"] in ("sqlite", "postgresql"):
            return Manifest(
                database=said["database"], revision=str(said["revision"]), namespace=str(said["namespace"]),
                made=float(said["made"]), members=members,
            )  # fmt: skip
    raise BackupRefused("the manifest of the backup cannot be used: it is of another version, or was changed")
