"""A table of faults and a table of the checks that catch them, made one."""

from collections.abc import Callable, Mapping
from functools import partial

from tests.mutants.mutant import Mutant


def caught(
    faults: Mapping[str, Callable[[frozenset[str]], Mutant]], checks: Mapping[str, str]
) -> Mapping[str, Callable[[], Mutant]]:
    """Every fault with its checks. Raises ValueError when a fault has none, or checks have no fault."""
    if faults.keys() != checks.keys():
        raise ValueError(f"faults and checks do not fit: {sorted(faults.keys() ^ checks.keys())}")
    return {name: partial(made, frozenset(checks[name].split())) for name, made in faults.items()}
