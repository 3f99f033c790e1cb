"""Room on a disk: when nothing new is taken, and when the ballast is there."""

import errno
import os
from pathlib import Path
from types import SimpleNamespace

import pytest

from gateway.storage import room as rooms
from gateway.storage.opening import LONG_LOG, PAGE, TOO_LONG
from gateway.storage.room import BALLAST_SHARE, EVERY, NEAR, RESERVE, Room

BLOCK = 4096


class Disk:
    """A disk of so many bytes, of which so many are free but for what the ballast takes."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, place: Path, *, whole: int, free: int) -> None:
        self.whole, self.free, self.ballast, self.now = whole, free, place / "x.db-ballast", 1000.0
        monkeypatch.setattr(os, "statvfs", self.told)
        self.room = Room(place / "x.db", clock=lambda: self.now)

    def told(self, path: Path) -> SimpleNamespace:
        taken = self.ballast.stat().st_blocks * 512 if self.ballast.exists() else 0
        return SimpleNamespace(f_frsize=BLOCK, f_blocks=self.whole // BLOCK, f_bavail=(self.free - taken) // BLOCK)

    def short(self, *, free: int | None = None) -> bool:
        self.free, self.now = self.free if free is None else free, self.now + EVERY
        return self.room.short()


def test_the_ballast_is_as_large_as_the_log_may_become() -> None:
    assert RESERVE // BALLAST_SHARE == TOO_LONG * LONG_LOG * PAGE


def test_a_large_disk_has_no_ballast_until_its_end_is_near(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    disk = Disk(monkeypatch, tmp_path, whole=10**12, free=10**11)
    assert (disk.room.reserve, disk.room.log, disk.ballast.exists()) == (RESERVE, LONG_LOG, False)
    assert (disk.short(), disk.ballast.exists()) == (False, False)
    assert (disk.short(free=NEAR * RESERVE - BLOCK), disk.ballast.stat().st_size) == (False, RESERVE // BALLAST_SHARE)
    assert disk.ballast.stat().st_mode & 0o777 == 0o600
    assert disk.short(free=RESERVE)
    assert not disk.short(free=2 * RESERVE)


def test_a_small_disk_keeps_a_part_of_itself_and_a_shorter_log(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    disk = Disk(monkeypatch, tmp_path, whole=8 * 2**20, free=6 * 2**20)
    assert (disk.room.reserve, disk.room.log) == (2**20, 64)
    assert (disk.short(), disk.ballast.stat().st_size) == (False, 2**19)


def test_it_is_looked_at_now_and_then(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    disk = Disk(monkeypatch, tmp_path, whole=8 * 2**20, free=6 * 2**20)
    disk.free = 0
    assert not disk.room.short(), "within the same moment"
    assert disk.short()


def test_what_was_given_is_made_again_when_there_is_room_for_it_as_well(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    disk = Disk(monkeypatch, tmp_path, whole=8 * 2**20, free=6 * 2**20)
    disk.room.give()
    assert (disk.room.short(), disk.ballast.exists()) == (True, False)
    assert (disk.short(free=2**20), disk.ballast.exists()) == (True, False), "the reserve alone is not enough"
    assert (disk.short(free=2**20 + 2**19), disk.ballast.exists()) == (False, True)


def test_the_ballast_of_an_earlier_start_counts_as_room(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    Disk(monkeypatch, tmp_path, whole=8 * 2**20, free=6 * 2**20)
    assert not Disk(monkeypatch, tmp_path, whole=8 * 2**20, free=2**20 + 2**19).short()


@pytest.mark.parametrize(("number", "short"), [(errno.ENOSPC, True), (errno.EDQUOT, True), (errno.EOPNOTSUPP, False)])
def test_a_disk_that_takes_no_ballast_goes_without_unless_it_is_full(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, number: int, short: bool
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, "no")

    monkeypatch.setattr(rooms.os, "posix_fallocate", refuse)
    disk = Disk(monkeypatch, tmp_path, whole=8 * 2**20, free=6 * 2**20)
    assert disk.room.short() is short


def test_a_disk_that_cannot_be_looked_at_changes_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def fail(path: Path) -> None:
        raise OSError(errno.EIO, "no")

    disk = Disk(monkeypatch, tmp_path, whole=8 * 2**20, free=6 * 2**20)
    monkeypatch.setattr(os, "statvfs", fail)
    assert not disk.short()


def test_a_system_without_such_files_goes_without(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delattr(os, "posix_fallocate")
    disk = Disk(monkeypatch, tmp_path, whole=8 * 2**20, free=6 * 2**20)
    assert (disk.short(), disk.ballast.exists(), disk.short(free=2**20 - 1)) == (False, False, True)
