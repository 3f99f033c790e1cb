"""Edge: the room on a disk that new outputs do not take, so that what was accepted is delivered and recorded all the same.

Below the reserve nothing new is accepted. Where others fill the disk to its end, the ballast, a file beside the database, is let
go: it is as large as the log may become, so that the log can be copied back, and takes no more room from then on. It is made
when the end comes near, and again when there is room. Figures and reasons: docs/decisions/0003.
"""

import contextlib
import errno
import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

from gateway.storage.opening import LONG_LOG, PAGE

logger = logging.getLogger("chartgate.storage")

LOG_SHARE, BALLAST_SHARE = 4, 2
"""Which part of the reserve is a long log, and which the ballast: as large as the log when a commit copies it back by itself."""
RESERVE = LOG_SHARE * LONG_LOG * PAGE
"""Bytes that stay free: 64 MB."""
NEAR = 16
"""At how many times the reserve a ballast is made: 1 GB."""
SMALL_DISK = 8
"""Which part of a small disk the reserve is at most."""
EVERY = 0.02
"""Seconds between two looks at the disk: to look takes two microseconds, and thousands of outputs come in a second."""
NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


class Room:
    """Of the disk of one database file. ``reserve`` in bytes; ``log`` is how long its log may become, in pages of 4096 bytes."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ballast = path.with_name(f"{path.name}-ballast")
        disk = os.statvfs(path.parent)
        self.reserve = min(RESERVE, disk.f_blocks * disk.f_frsize // SMALL_DISK)
        self.log = self.reserve // LOG_SHARE // PAGE
        self._clock, self._next = clock, 0.0
        self._held = self._short = False
        self.short()

    def short(self) -> bool:
        """Whether nothing new may be accepted now."""
        now = self._clock()
        if now >= self._next:
            self._next = now + EVERY
            self._look()
        return self._short

    def give(self) -> None:
        """The disk is full: lets the ballast go."""
        with contextlib.suppress(OSError):
            self._ballast.unlink(missing_ok=True)
        self._held = False
        self._tell(True)

    def _look(self) -> None:
        near, ballast = NEAR * self.reserve, self.reserve // BALLAST_SHARE
        try:
            if not self._held and self.reserve + ballast - self._kept() <= self._free() < near:
                self._held = self._make(ballast)
            free = self._free()
        except OSError as failure:  # a disk that fails fails the next commit
            logger.warning("the room beside the database is not known: errno %s", failure.errno)
            return
        self._tell(free < self.reserve or (free < near and not self._held))

    def _make(self, size: int) -> bool:
        """Whether it is there. Where no such file can be made, for another reason than that the disk is full, there is none."""
        if not hasattr(os, "posix_fallocate"):
            return True
        try:
            file = os.open(self._ballast, os.O_RDWR | os.O_CREAT, 0o600)
            try:
                os.posix_fallocate(file, 0, size)
                os.truncate(file, size)
            finally:
                os.close(file)
        except OSError as failure:
            logger.warning("no ballast could be put beside the database: errno %s", failure.errno)
            return failure.errno not in NO_ROOM
        return True

    def _kept(self) -> int:
        """What a ballast of before takes already."""
        try:
            return self._ballast.stat().st_blocks * 512
        except OSError:
            return 0

    def _free(self) -> int:
        disk = os.statvfs(self._ballast.parent)
        return disk.f_bavail * disk.f_frsize

    def _tell(self, short: bool) -> None:
        if short and not self._short:
            logger.error("less than %s MB are free beside the database: new outputs are refused", self.reserve // 2**20)
        elif self._short and not short:
            logger.info("there is room again beside the database: new outputs are taken")
        self._short = short
