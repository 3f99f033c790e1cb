"""What stands on what: a check is skipped where one that it stands on has failed, so that one fault is counted once.

The method is PIQI's (IsPopulated before IsValid before IsActive); the rows are ours. Two instruments that see one fault
from two sides (a value in pounds is also implausible) are put in the order of the better explanation.
"""

from collections.abc import Mapping
from functools import lru_cache

from fidelity.checks import BIT, CHECKS, mask

STANDS_ON: Mapping[str, tuple[str, ...]] = {
    # codes: coded at all, then system named rightly, then accepted, then well formed, then known, then active
    "COD-02": ("COD-01", "COD-03"),
    "COD-03": ("COD-01",),
    "COD-04": ("COD-01", "COD-02"),
    "COD-05": ("COD-04",),
    "COD-06": ("COD-04",),
    "VER-01": ("COD-01", "COD-02", "COD-04"),
    "VER-02": ("VER-01", "VER-03"),
    "VER-03": ("VER-01",),
    "VER-04": ("VER-01",),
    "VER-06": ("COD-01", "COD-02", "COD-03", "COD-04", "VER-01", "VER-02", "VER-03"),
    # values: there at all, then where a program can read it
    "STR-03": ("STR-01",),
    "STR-04": ("STR-01", "STR-03"),
    "STR-06": ("VAL-01", "VAL-02", "VAL-04"),
    "VAL-01": ("STR-04", "VAL-04"),
    "VAL-02": ("STR-04", "VAL-01", "VAL-04"),
    "VAL-03": ("VAL-01", "VAL-02"),
    # units: there, coded, UCUM, of the dimension, the trained one; only then is the number judged
    "UNI-02": ("UNI-01",),
    "UNI-03": ("UNI-01", "UNI-02"),
    "UNI-04": ("UNI-01", "UNI-03"),
    "UNI-05": ("UNI-01", "UNI-02", "UNI-03", "UNI-04"),
    "UNI-06": ("UNI-01", "UNI-03", "UNI-04", "VAL-03"),
    "PLA-01": ("UNI-01", "UNI-03", "UNI-04", "UNI-06"),
    "PLA-02": ("UNI-01", "UNI-03", "UNI-04", "UNI-05", "UNI-06", "PLA-01"),
    "PLA-05": ("UNI-01", "UNI-03", "UNI-04", "UNI-06", "PLA-01"),
    "PLA-06": ("UNI-01", "UNI-03", "UNI-04"),
    # times: there, possible, with zone; only then compared
    "TIM-02": ("TIM-01", "TIM-04"),
    "TIM-03": ("TIM-01",),
    "TIM-04": ("TIM-01",),
    "TIM-05": ("TIM-01", "TIM-04", "REF-01"),
    "TIM-06": ("TIM-01", "TIM-04"),
    "TIM-07": ("STR-05",),
    "TIM-09": ("TIM-01", "TIM-04", "TIM-06"),
    # references: whose it is, then what else it points at
    "REF-02": ("REF-01",),
    "REF-04": ("REF-01",),
    "DUP-02": ("DUP-01", "DUP-03", "TIM-01", "TIM-02"),
    "PLA-04": ("REF-01", "TIM-01"),
}
"""Check → the checks that must not have failed before it."""


def _dependants() -> Mapping[int, int]:
    """The bit of each check → the bits of all that stand on it, at one remove or more."""
    found: dict[str, set[str]] = {check.id: set() for check in CHECKS}
    for name, below in STANDS_ON.items():
        for each in below:
            found[each].add(name)
    for _ in CHECKS:
        for name in found:
            found[name] |= {far for near in tuple(found[name]) for far in found[near]}
    return {BIT[name]: mask(*above) for name, above in found.items()}


DEPENDANTS = _dependants()


@lru_cache(maxsize=65536)
def settle(fails: int, passes: int) -> tuple[int, int]:
    """Raw failures and passes → those that count: what stands on a failure is neither, and what failed did not pass."""
    skipped = 0
    for bit, above in DEPENDANTS.items():
        if fails & bit and not skipped & bit:
            skipped |= above
    return fails & ~skipped, passes & ~fails & ~skipped
