"""A running gateway whose disk others fill: new outputs are 507, what was said before is told again, everything else goes on."""

import os
import shutil
import time
from pathlib import Path

from gateway.storage.room import EVERY
from tests.flow.outputs_world import running, settled
from tests.flow.production_world import made_key, serving


def take(others: Path, *, leave: int) -> None:
    """Takes all of the disk but so many bytes."""
    with others.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(others.parent).free - leave)
    time.sleep(2 * EVERY)


def test_outputs_are_refused_before_the_disk_is_full_and_taken_again_without_a_restart(own_disk: Path) -> None:
    with running(own_disk) as up:
        said = up.body()
        assert up.post(said, idempotency="before").status_code == 202
        take(own_disk / "others", leave=5_000_000)
        refused, again = up.post(up.body(), idempotency="after"), up.post(said, idempotency="before")
        assert (refused.status_code, refused.json()["issue"][0]["code"], again.status_code) == (507, "no-store", 200)
        assert "location" not in refused.headers
        assert settled(up, again.headers["location"])["state"] == "delivered"
        assert len(up.get("/api/outputs").json()["outputs"]) == 1
        (own_disk / "others").unlink()
        time.sleep(2 * EVERY)
        assert up.post(up.body(), idempotency="after").status_code == 202


def test_who_watches_is_told(own_disk: Path) -> None:
    with serving(own_disk / "data") as served:
        key = made_key(own_disk / "data", "monitors.read")

        def ready() -> tuple[str, str]:
            said = served.get("/health/ready", key=key).json()
            (found,) = (each for each in said["details"] if each["name"] == "database")
            return said["status"], f"{found['state']}: {found['text']}"

        assert ready() == ("degraded", "warning: its disk is nearly full"), "less than 256 MB"
        take(own_disk / "others", leave=5_000_000)
        status, text = ready()
        assert (status, "new outputs are refused" in text) == ("degraded", True)
