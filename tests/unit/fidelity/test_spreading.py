"""A worker that was killed just before counts as there until the scheduler has noticed: what goes to all of them is sent again."""

from collections.abc import Callable

import pytest

from fidelity.spreading import PAUSES, noticed


class Gone(OSError): ...


def failing(times: int) -> tuple[list[int], Callable[[], str]]:
    tries: list[int] = []

    def send() -> str:
        tries.append(1)
        if len(tries) <= times:
            raise Gone
        return "sent"

    return tries, send


@pytest.mark.parametrize("times", range(len(PAUSES) + 1))
def test_it_is_sent_again_until_the_loss_is_noticed(times: int) -> None:
    tries, send = failing(times)
    rested: list[float] = []
    assert noticed(send, Gone, rested.append) == "sent"
    assert (len(tries), rested) == (times + 1, list(PAUSES[:times]))


def test_what_goes_on_failing_or_fails_otherwise_is_not_hidden() -> None:
    tries, send = failing(99)
    with pytest.raises(Gone):
        noticed(send, Gone, lambda _: None)
    assert len(tries) == len(PAUSES) + 1
    with pytest.raises(Gone):
        noticed(failing(1)[1], ConnectionError, lambda _: None)
