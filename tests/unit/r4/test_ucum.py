"""Units converted by UCUM: the registry is asked by one thread at a time, and what is known already needs no turn."""

from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import TimeoutError as TooSlow
from decimal import Decimal

import pytest

from r4 import ucum


def test_a_unit_that_is_new_waits_for_its_turn_and_one_that_is_known_does_not() -> None:
    assert ucum.convert(Decimal(7), "g/L", "mg/dL") == 700
    with ThreadPoolExecutor(2) as threads:
        with ucum._TURN:
            known = threads.submit(ucum.convert, Decimal(7), "g/L", "mg/dL")
            new = threads.submit(ucum.convert, Decimal(7), "kg/L", "ug/uL")
            assert known.result(5) == 700
            with pytest.raises(TooSlow):
                new.result(0.1)
        assert new.result(30) == 7000


def test_what_is_no_unit_is_found_out_once() -> None:
    for unit, wanted in (("mm[hg]", "mm[Hg]"), ("g", "mm[Hg]")):
        for _ in range(2):
            with pytest.raises(ucum.UnitError):
                ucum.convert(Decimal(7), unit, wanted)
    with ucum._TURN, ThreadPoolExecutor(1) as threads:  # another thread that had to ask again would wait for its turn
        with pytest.raises(ucum.UnitError):
            threads.submit(ucum.convert, Decimal(7), "mm[hg]", "mm[Hg]").result(5)
        assert threads.submit(ucum.known, "mm[hg]").result(5) is False
