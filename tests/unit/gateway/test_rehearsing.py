"""What is rehearsed before the first output leaves nothing behind."""

import asyncio
import logging
from pathlib import Path

import pytest

from gateway.app import open_gateway
from gateway.installation import open_installation
from gateway.outputs.rehearsing import rehearse
from writeback.tables import deliveries, idempotency, outputs


def test_a_rehearsal_runs_to_its_end_and_nothing_of_it_stays(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> int:
        installation = open_installation(tmp_path)
        async with open_gateway(installation, models=(), base_url="http://localhost", clock=lambda: 1.8e9) as gateway:
            await rehearse(gateway)
            kept = await gateway.run(
                lambda c, now: sum(len(c.execute(each.select()).all()) for each in (outputs, deliveries, idempotency))
            )
        installation.close()
        return kept

    with caplog.at_level(logging.WARNING):
        assert asyncio.run(run()) == 0
    assert not caplog.records
