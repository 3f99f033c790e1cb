"""Servers with one fault each, which the conformance suite must catch: the tables ``MUTANTS`` of every module of this folder."""

import importlib
import pkgutil
from collections.abc import Callable, Iterator
from types import ModuleType

from tests.mutants.mutant import Mutant


def modules() -> Iterator[ModuleType]:
    """Those that have a table, in the order of their names."""
    for found in sorted(pkgutil.iter_modules(__path__), key=lambda each: each.name):
        if found.name != "__main__":
            module = importlib.import_module(f"{__name__}.{found.name}")
            if hasattr(module, "MUTANTS"):
                yield module


def tables() -> dict[str, Callable[[], Mutant]]:
    """Every mutant by its name. Raises ValueError when two have the same."""
    found: dict[str, Callable[[], Mutant]] = {}
    for module in modules():
        if twice := found.keys() & module.MUTANTS.keys():
            raise ValueError(f"two mutants of one name: {twice}")
        found.update(module.MUTANTS)
    return found


def short() -> list[str]:
    """The names that ``make test`` runs: those that a module says in ``SHORT``."""
    return [name for module in modules() for name in getattr(module, "SHORT", ())]
