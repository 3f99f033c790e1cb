"""A backup is read whole or not at all: what is missing, changed or strange in it is said, and nothing is written beside it."""

import asyncio
import io
import json
import tarfile
from hashlib import sha256
from pathlib import Path

import pytest

from gateway.installation import open_installation
from gateway.settings import Settings
from gateway.storage.archive import FORMAT, MANIFEST, BackupRefused, Manifest, read, write
from gateway.storage.backups import make, restore

SAID = Manifest(database="sqlite", revision="0001", namespace="urn:x", made=1.5)


def made(place: Path) -> Path:
    folder = place / "content"
    folder.mkdir()
    (folder / "gateway.db").write_bytes(b"x" * 100_000)
    (folder / "keys.json").write_bytes(b"{}")
    assert write(place / "b.tar", folder, SAID).members["keys.json"][0] == 2
    return place / "b.tar"


def out(place: Path) -> Path:
    folder = place / "out"
    folder.mkdir()
    return folder


def test_what_was_written_is_read_and_only_its_owner_may(tmp_path: Path) -> None:
    path, folder = made(tmp_path), out(tmp_path)
    assert path.stat().st_mode & 0o777 == 0o600
    found = read(path, folder)
    assert (found.database, found.revision, found.namespace, found.made) == ("sqlite", "0001", "urn:x", 1.5)
    assert (folder / "gateway.db").read_bytes() == b"x" * 100_000
    assert (folder / "gateway.db").stat().st_mode & 0o777 == 0o600
    assert [each.name for each in tmp_path.iterdir() if ".part" in each.name] == []


@pytest.mark.parametrize("at", [3_000, 50_000])
def test_a_byte_that_changed_is_noticed(tmp_path: Path, at: int) -> None:
    path = made(tmp_path)
    content = bytearray(path.read_bytes())
    content[at] ^= 1
    path.write_bytes(content)
    with pytest.raises(BackupRefused):
        read(path, out(tmp_path))


@pytest.mark.parametrize("length", [0, 600, 90_000])
def test_half_a_file_is_noticed(tmp_path: Path, length: int) -> None:
    path = made(tmp_path)
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(BackupRefused):
        read(path, out(tmp_path))


def packed(place: Path, manifest: object, *, members: dict[str, bytes], kind: bytes = tarfile.REGTYPE) -> Path:
    path = place / "hostile.tar"
    with tarfile.open(path, "w") as stream:
        for name, content in {MANIFEST: json.dumps(manifest).encode(), **members}.items():
            member = tarfile.TarInfo(name)
            member.size, member.linkname = len(content), "/etc/passwd"
            member.type = kind if name != MANIFEST else tarfile.REGTYPE
            stream.addfile(member, io.BytesIO(content))
    return path


def manifest(**changes: object) -> dict[str, object]:
    return {
        "format": FORMAT,
        "database": "sqlite",
        "revision": "0001",
        "namespace": "u",
        "made": 1.0,
        "members": {},
        **changes,
    }


NOTHING = [0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"]


@pytest.mark.parametrize(
    ("said", "members", "kind"),
    [
        (manifest(members={"../out.txt": NOTHING}), {"../out.txt": b""}, tarfile.REGTYPE),
        (manifest(members={"a": NOTHING}), {}, tarfile.REGTYPE),
        (manifest(members={"a": NOTHING}), {"a": b""}, tarfile.SYMTYPE),
        (manifest(members={"a": NOTHING}), {"a": b""}, tarfile.DIRTYPE),
        (manifest(members=[1]), {}, tarfile.REGTYPE),
        (manifest(format="other"), {}, tarfile.REGTYPE),
        (manifest(database="paper"), {}, tarfile.REGTYPE),
        ([], {}, tarfile.REGTYPE),
    ],
)
def test_what_is_strange_is_refused_and_nothing_lands_elsewhere(
    tmp_path: Path, said: object, members: dict[str, bytes], kind: bytes
) -> None:
    with pytest.raises(BackupRefused):
        read(packed(tmp_path, said, members=members, kind=kind), out(tmp_path))
    assert not (tmp_path / "out.txt").exists()


def test_what_the_manifest_does_not_name_is_left_where_it_is(tmp_path: Path) -> None:
    folder = out(tmp_path)
    read(packed(tmp_path, manifest(), members={"more": b"x"}), folder)
    assert list(folder.iterdir()) == []


@pytest.fixture(scope="module")
def genuine(tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The members of a backup of an installation, the manifest among them."""
    place = tmp_path_factory.mktemp("genuine")
    installation = open_installation(place / "data")
    try:
        asyncio.run(make(installation, place / "b.tar", keys=True, ehrs={}))
    finally:
        installation.close()
    with tarfile.open(place / "b.tar") as packed:
        return {each.name: packed.extractfile(each).read() for each in packed}  # type: ignore[union-attr]


STRANGE = ("chartgate.toml", "thresholds.pub", "control.sock", "server.json", "gateway.db-wal", "ehr-../x.db", "x.copy")


@pytest.mark.parametrize("name", STRANGE)
def test_a_file_that_no_backup_has_is_not_restored(tmp_path: Path, genuine: dict[str, bytes], name: str) -> None:
    """A settings file would name models, which are code, and where staff sign in."""
    said = json.loads(genuine[MANIFEST])
    said["members"][name] = [1, sha256(b"x").hexdigest()]
    content = {each: kept for each, kept in genuine.items() if each != MANIFEST}
    path = packed(tmp_path, said, members={**content, name: b"x"})
    with pytest.raises(BackupRefused):
        restore(path, tmp_path / "data", Settings(), keys=None)
    assert list((tmp_path / "data").iterdir()) == []


def test_the_same_without_it_is_restored(tmp_path: Path, genuine: dict[str, bytes]) -> None:
    content = {each: kept for each, kept in genuine.items() if each != MANIFEST}
    path = packed(tmp_path, json.loads(genuine[MANIFEST]), members=content)
    assert restore(path, tmp_path / "data", Settings(), keys=None)["outputs"] == 0
    assert sorted(each.name for each in (tmp_path / "data").iterdir()) == ["gateway.db", "keys.json"]
