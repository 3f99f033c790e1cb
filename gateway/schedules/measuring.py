"""Schedules in Prometheus text format 0.0.4. The labels are bounded: by the sites' files, and by two lists of states."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

from gateway.schedules.planning import Planned, upcoming
from monitoring.exposition import EVERYWHERE, Bounds

if TYPE_CHECKING:
    from gateway.schedules.running import Scheduler

STATES = {"ticks": ("done", "partial", "missed"), "patients": ("done", "failed")}
HELP = {
    "ticks": "Ticks of a schedule that ended, by this process",
    "patients": "Patients of a schedule's ticks that ended, by this process",
}


def text(scheduler: "Scheduler", now: float, bounds: Bounds = EVERYWHERE) -> bytes:
    """What this process has ended since its start, and when the next tick of each schedule is; empty without schedules at the
    EHRs that ``bounds`` allow."""
    seen = {
        name: planned for name, planned in scheduler.planned.items()
        if "ehr" not in bounds or planned.declared.ehr in bounds["ehr"]
    }  # fmt: skip
    lines = list(_lines(scheduler, seen, now)) if seen else []
    return "".join(f"{line}\n" for line in lines).encode()


def _lines(scheduler: "Scheduler", seen: Mapping[str, Planned], now: float) -> Iterator[str]:
    for what, states in STATES.items():
        name = f"chartgate_schedule_{what}_total"
        yield f"# HELP {name} {HELP[what]}"
        yield f"# TYPE {name} counter"
        for schedule in seen:
            for state in states:
                number = scheduler.counts[schedule, what, state]
                yield f'{name}{{schedule="{schedule}",state="{state}"}} {number}.0'
    name = "chartgate_schedule_next_tick_timestamp_seconds"
    yield f"# HELP {name} When the next tick of a schedule is"
    yield f"# TYPE {name} gauge"
    for schedule, planned in seen.items():
        yield f'{name}{{schedule="{schedule}"}} {upcoming(planned, now, 1)[0]}'
