"""On what terms deliveries go to an EHR: together or singly, how many in a minute, how often what it kept is read back.
Values: the operator's settings, the EHR's CapabilityStatement and the vendor's rules are put together by the caller."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from writeback.pacing import AT_ONCE, FAST


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """``batch`` and ``transaction`` say that the EHR advertises them (R4 §3.1.0.11.1); ``per_minute`` how many requests it
    allows for the whole base address, None for no known limit; ``read_back`` the share, in [0, 1], of deliveries that are read
    back after they were written; ``already_there`` the EHR's own codes for what it has already, ``refusals`` its own words for
    what it does not take, ``never`` and ``later`` its codes that say so for good and for now; ``first_put`` the headers
    of a PUT to an id that was never sent, ``search_reads`` those of a search that stands for several reads; ``at_once`` how many
    requests may be under way, None for as many as the pace says."""

    batch: bool = False
    transaction: bool = False
    per_minute: int | None = None
    read_back: float = 1.0
    at_once: int | None = None
    already_there: frozenset[str] = frozenset()
    refusals: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()
    later: frozenset[str] = frozenset()
    first_put: Mapping[str, str] = field(default_factory=dict)
    search_reads: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not 0.0 <= self.read_back <= 1.0 or (self.per_minute is not None and self.per_minute < 1):
            raise ValueError("read_back is a share in [0, 1], and per_minute at least 1")


SINGLY = Terms()
"""One request for each delivery, each read back: what holds until more is known of an EHR."""


def cost(*, doubtful: bool, terms: Terms) -> int:
    """Requests that are booked when a delivery is claimed: it is written, may be read back, and is looked for when in doubt."""
    if terms.per_minute is None or terms.per_minute >= FAST:
        return 1
    return AT_ONCE if doubtful else 1 + (terms.read_back > 0)


def reads_back(key: str, share: float) -> bool:
    """Whether this delivery is among the share that is read back: the same answer for the same key, on every worker
    and at every try. ``key`` is a delivery key (hexadecimal, evenly spread)."""
    return int(key[:8], 16) < share * 2.0**32


@dataclass(frozen=True, kw_only=True, slots=True)
class ReadBack:
    """The operator's policy: a share for the site, and shares for EHRs by name."""

    share: float = 1.0
    ehrs: Mapping[str, float] = field(default_factory=dict)

    def of(self, ehr: str) -> float:
        """The share that holds at this EHR."""
        return self.ehrs.get(ehr, self.share)


EVERYTHING = ReadBack()
"""What was written is read back, every time, everywhere."""


def parse_read_back(text: str) -> ReadBack:
    """``always``, ``never`` or a share in [0, 1], and exceptions by EHR: ``0.1, epic=always, oracle=never``. Raises
    ValueError that names the word which says nothing."""
    share, ehrs = 1.0, {}
    for word in filter(None, (word.strip() for word in text.split(","))):
        name, equals, value = word.rpartition("=")
        if equals:
            ehrs[name.strip()] = _share(value.strip(), word)
        else:
            share = _share(value, word)
    return ReadBack(share=share, ehrs=ehrs)


def _share(value: str, word: str) -> float:
    try:
        share = {"always": 1.0, "never": 0.0}.get(value) if value.isalpha() else float(value)
    except ValueError:
        share = None
    if share is None or not 0.0 <= share <= 1.0:
        raise ValueError(f"read-back is always, never or a share in [0, 1], and not {word!r}")
    return share
