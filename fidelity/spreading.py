"""Edge: one function over many parts, in one process, several, or on the machines of a Dask cluster.

A part may be done twice, never left out: what a process or worker had when it was killed is done again by another. So a task
hangs on nothing but its part, and what it writes it puts in place as a whole.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from itertools import islice
from multiprocessing import get_context
from typing import Any, TypeVar, cast

Done = TypeVar("Done")
LOSSES = 3
"""How often processes of this machine may be lost before it is said that they cannot be had: memory, more often than not."""


class WorkersLost(RuntimeError):
    """Processes were killed again and again; the text says what to change."""


def spread(
    task: Callable[[Any], Done], parts: Sequence[Any], *, processes: int = 1, scheduler: str | None = None
) -> Iterator[tuple[int, Done]]:  # fmt: skip
    """Each part's result with its place, as they come. ``scheduler`` is the address of a Dask cluster. Raises WorkersLost."""
    if scheduler is not None:
        yield from _on_dask(task, parts, scheduler)
    elif processes > 1 and len(parts) > 1:
        yield from _again(task, parts, processes)
    else:
        yield from ((place, task(part)) for place, part in enumerate(parts))


def _again(task: Callable[[Any], Done], parts: Sequence[Any], processes: int) -> Iterator[tuple[int, Done]]:
    """In processes, and what was lost with one of them in new ones."""
    left = dict.fromkeys(range(len(parts)))
    for loss in range(LOSSES + 1):
        try:
            for place, made in _in_processes(task, parts, list(left), processes):
                del left[place]
                yield place, made
        except BrokenProcessPool as lost:
            if loss == LOSSES:
                raise WorkersLost("processes were killed again and again: try fewer of them") from lost
            continue
        return


def _in_processes(
    task: Callable[[Any], Done], parts: Sequence[Any], places: Sequence[int], processes: int
) -> Iterator[tuple[int, Done]]:
    """A few parts under way at a time, so that results do not pile up."""
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn"), initializer=_keep, initargs=(task,)) as pool:
        following = iter(places)
        waiting: dict[Future[Any], int] = {
            pool.submit(_kept, parts[place]): place for place in islice(following, 2 * processes)
        }
        while waiting:
            done, _ = wait(waiting, return_when=FIRST_COMPLETED)
            for future in done:
                yield waiting.pop(future), cast(Done, future.result())
                for place in islice(following, 1):
                    waiting[pool.submit(_kept, parts[place])] = place


_TASK: list[Callable[[Any], Any]] = []


def _keep(task: Callable[[Any], Any]) -> None:
    """Once for each process: what the task carries is sent once, not with each part."""
    _TASK[:] = [task]


def _kept(part: Any) -> Any:
    return _TASK[0](part)


def _on_dask(task: Callable[[Any], Done], parts: Sequence[Any], scheduler: str) -> Iterator[tuple[int, Done]]:
    """The same on the workers of a cluster; what a lost worker had is done again by another."""
    from distributed import Client, KilledWorker, as_completed

    with Client(scheduler, set_as_default=False) as client, _told(KilledWorker):
        shared = client.submit(_same, task, pure=False)
        room = 2 * max(1, len(client.scheduler_info()["workers"]))
        places = iter(range(len(parts)))
        futures = {client.submit(_apply, shared, parts[place], pure=False): place for place in islice(places, room)}
        under_way = as_completed(list(futures), loop=client.loop)
        for future in under_way:
            yield futures.pop(future), future.result()
            for place in islice(places, 1):
                following = client.submit(_apply, shared, parts[place], pure=False)
                futures[following] = place
                under_way.add(following)


@contextmanager
def _told(killed: type[Exception]) -> Iterator[None]:
    """Dask gives up a part that took several workers with it."""
    try:
        yield
    except killed as lost:
        raise WorkersLost("workers were killed again and again over one part: give them more memory") from lost


def _same(task: Callable[[Any], Done]) -> Callable[[Any], Done]:
    """The task as a result: sent to a worker once, and made again where the only one that had it is gone. What is scattered
    instead is lost with its worker, and a broadcast waits for ever for one that was killed just then."""
    return task


def _apply(task: Callable[[Any], Done], part: Any) -> Done:
    return task(part)
