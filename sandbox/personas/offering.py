"""The rows of a table of interactions as lines of a persona."""

from collections.abc import Mapping

from sandbox.personas.rules import Offers

LETTERS = {"R": ("read", "search-type"), "C": ("create",), "U": ("update",), "P": ("patch",)}


def offering(table: Mapping[str, str], *, source: str) -> tuple[Offers, ...]:
    """``{"Observation": "RCU"}`` as lines: R read and search, C create, U update, P patch; an empty text is a type that
    the EHR does not have."""
    return tuple(
        Offers(type=type, interactions=frozenset(name for letter in letters for name in LETTERS[letter]), source=source)
        for type, letters in table.items()
    )
