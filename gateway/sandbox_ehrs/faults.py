"""The faults that are switched on at a sandbox EHR, by whoever runs it or by a launch: which they are, and how often each
has struck. ``gateway.sandbox_ehrs.faulty`` acts on them."""

from collections.abc import Iterable

from auth.server import faults as auth_faults
from r4.interaction import Interaction
from sandbox import faults
from sandbox.faults import Active

DEAD = "\0dead"
COUNTED = 10_000
"""Tokens and faults that are counted: the oldest are forgotten."""


class Faults:
    """What is switched on at one EHR, until the process ends. ``launches`` says that some launch has named a fault, so
    that grants have to be looked at; while ``quiet`` nothing of this is asked."""

    def __init__(self, *, launches: bool = False) -> None:
        self.active: tuple[str, ...] = ()
        self.launches = launches
        self.quiet = not launches
        self._counts: dict[tuple[str, str], int] = {}

    def switch(self, names: Iterable[str]) -> None:
        """These and no others are active at this EHR from now on. Raises LookupError for a name that is not known."""
        wanted = tuple(dict.fromkeys(names))
        if not known(wanted):
            raise LookupError("no such fault")
        self.active, self._counts = wanted, {}
        self.quiet = not (self.launches or any(faults.parse(name) for name in wanted))

    def launched(self, names: Iterable[str]) -> None:
        """A launch was prepared with these."""
        if any(faults.parse(name) for name in names):
            self.launches, self.quiet = True, False

    @property
    def auth(self) -> tuple[str, ...]:
        """Those of the authorization server."""
        return tuple(name for name in self.active if name in auth_faults.BY_NAME)

    def due(self, place: str, names: Iterable[str], interaction: Interaction) -> list[Active]:
        """Those that strike this interaction, each counted. ``place`` is the grant they belong to, or empty."""
        parsed = [found for name in names if (found := faults.parse(name)) is not None]
        return [each for each in parsed if faults.strikes(each, interaction) and self._due(place, each)]

    def _due(self, place: str, active: Active) -> bool:
        asked = self.count(place, active.spoken)
        return active.struck(asked) > active.struck(asked - 1)

    def struck(self) -> dict[str, int]:
        """How often each of the FHIR base that is active at this EHR has struck since it was switched on."""
        parsed = [found for name in self.active if (found := faults.parse(name)) is not None]
        return {each.spoken: each.struck(self._counts.get(("", each.spoken), 0)) for each in parsed}

    def count(self, place: str, name: str) -> int:
        """Counts once more, and says how often by now."""
        self._counts[place, name] = self._counts.pop((place, name), 0) + 1
        if len(self._counts) > COUNTED:
            self._counts.pop(next(iter(self._counts)))
        return self._counts[place, name]


def known(names: Iterable[str]) -> bool:
    """Whether each is a fault of the authorization server or of the FHIR base."""
    return all(name in auth_faults.BY_NAME or faults.parse(name) is not None for name in names)


def available() -> list[tuple[str, str]]:
    """Every fault by name, with what it does."""
    ours = [(fault.name, fault.says) for fault in faults.FAULTS]
    return [*((fault.name, fault.says) for fault in auth_faults.FAULTS), *ours]
