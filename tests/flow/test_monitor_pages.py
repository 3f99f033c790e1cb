"""The dashboard: models at a glance, and each signal with its band, limits and marks, readable as a table."""

import asyncio
import re
import time
from pathlib import Path

from monitoring import evaluations
from monitoring.alerting import marks
from monitoring.alerting.marks import Marker
from monitoring.evaluations import Folded
from tests.flow.delivery_world import opened
from vocabulary.signal import Level, Signal

PLACE = ("echo", "1.0.0", "spec")


def signal(at: float, value: float | None, level: Level = "quiet", monitor: str = "M-IN-03") -> Signal:
    return Signal(
        monitor=monitor, model="echo", version="1.0.0", ehr="spec", source="<pulse>", level=level, value=value, low=0.5, high=2.0,
        warn=9.5, critical=14.0, n=400, at=at,
    )  # fmt: skip


def test_a_signals_plot_says_the_same_as_its_table_and_no_script_is_needed(tmp_path: Path) -> None:
    now = time.time()
    history = [[signal(now - 3600 * n, 12.0 - n, "warning" if n < 3 else "quiet")] for n in range(6, -1, -1)]

    async def run() -> None:
        async with opened(tmp_path) as world:
            staff = await world.staff()
            empty = (await world.client.get("/monitors", headers=staff)).text
            assert "No model has said anything yet" in empty

            def work(connection: object, at: float) -> None:
                lease = evaluations.take_lease(connection, at, holder="test")  # type: ignore[arg-type]
                assert lease is not None
                for number, signals in enumerate(history):
                    last = [*signals, signal(now, None, "learning", "M-HAL-01")]
                    folded = [Folded(place=PLACE, at=signals[0].at, state=b"", signals=last, point=True)]
                    evaluations.save(connection, at, lease=lease, cursor=(at, number), folded=folded, changed=[])  # type: ignore[arg-type]
                marks.mark(connection, at, Marker(at=now - 7200, what="EHR upgrade", ehr="spec"))  # type: ignore[arg-type]

            await world.gateway.run(work)
            glance = (await world.client.get("/monitors", headers=staff)).text
            assert 'href="/monitors/echo/1.0.0/spec"' in glance
            assert "warning" in glance
            page = (await world.client.get("/monitors/echo/1.0.0/spec", headers=staff)).text
            assert "<script" not in page
            assert "&lt;pulse&gt;" in page
            assert "EHR upgrade" in page
            (path,) = re.findall(r'<polyline points="([^"]+)"', page)
            assert len(path.split()) == 8
            assert 'class="limit grave"' in page
            assert "Unsupported claims" in page
            assert "From 6 to 12 over 8 evaluations; warns at 9.5, critical at 14." in page
            assert (await world.client.get("/monitors/none/1/spec", headers=staff)).status_code == 404
            assert (await world.client.get("/monitors")).status_code == 401

    asyncio.run(run())
