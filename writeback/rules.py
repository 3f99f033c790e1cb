"""What the gateway knows about an EHR's writing beyond its CapabilityStatement: one declaration each, deviations only.

A field's default is what R4 says. A vendor composes its rules with a source beside each (house.md §9). Paths are
elements below the resource (``meta.security``, ``note.text``).
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

Encounters = Literal["any", "required", "open"]
Paths = Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, slots=True)
class WriteRules:
    """What is written and how. The first group decides whether a resource fits; the second how it is cut to fit, each
    cut being a loss that is said beforehand; the third how the EHR answers, for those who deliver."""

    creates: frozenset[str] | None = None
    """The types it takes, of those that its CapabilityStatement offers; None means all of those."""
    unlisted: frozenset[str] = frozenset()
    """Types that it takes by create although its CapabilityStatement does not say so."""
    statuses: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The only statuses taken, per type (of a DocumentReference its ``docStatus``)."""
    categories: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The only category codes taken, per type."""
    requires: Paths = field(default_factory=dict)
    """Elements without which it refuses the resource, per type."""
    site_coded: frozenset[str] = frozenset()
    """Types whose code must be one of the site's own: without a mapping they have no place there."""
    encounters: Mapping[str, Encounters] = field(default_factory=dict)
    """Types that are taken only with an encounter, or only with one that is open."""
    signers: Mapping[str, str] = field(default_factory=dict)
    """The element that must name the clinician who accepted the output, per type; nothing goes unsigned there."""
    largest: Mapping[str, int] = field(default_factory=dict)
    """Bytes of a text inside a resource of this type."""
    content_types: tuple[str, ...] = ()
    """The content types of a DocumentReference that it takes, the best first; none means any."""

    drops: Paths = field(default_factory=dict)
    """Elements it is known to lose in silence, per type: left out."""
    refuses: Paths = field(default_factory=dict)
    """Elements whose presence makes the write fail, per type: left out."""
    singles: Paths = field(default_factory=dict)
    """Lists of which it takes one entry only, per type: the first is kept."""
    longest: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Characters of a string, per type and path: what is longer is cut."""

    client_ids: bool | None = None
    """Whether a PUT to a new id makes a resource. None: where its ``updateCreate`` says so; False: that cannot be relied on;
    True: it does, without saying so."""
    first_put: Mapping[str, str] = field(default_factory=dict)
    """Headers that go with a PUT to an id that was never sent before, and with no other: what spares the EHR the look for
    it. Only with a source that an id which is there all the same is answered by 409 and left as it is."""
    search_reads: Mapping[str, str] = field(default_factory=dict)
    """Headers of a search by ``_id``, of fifty at most, that is answered on one page with what is there now, so that several
    reads go as one. None: it may be stale or paged, and each is read by its id. Only with a source."""
    conditional_create: bool = True
    """False: ``If-None-Exist`` is not used even where it is advertised."""
    conditional_create_is_atomic: bool = False
    """True only with a source: two identical conditional creates at once make one resource."""
    quarantine: float = 30.0
    """Seconds after which a request that brought no answer is certainly no longer being processed."""
    already_there: frozenset[str] = frozenset()
    """Codes of an OperationOutcome in ``issue.details.coding`` which say that the resource was there before."""
    never: frozenset[str] = frozenset()
    """Codes of an OperationOutcome, its own or FHIR's issue types, which say that it will never take it, whatever the status."""
    later: frozenset[str] = frozenset()
    """Those which say that it did not take it now, and may later."""
    refusals: frozenset[str] = frozenset()
    """Words in ``key`` of an answer that is no FHIR resource, which say that it did not take it, whatever the status."""
    updates: Mapping[str, frozenset[str]] = field(default_factory=dict)
    """The only statuses that it takes in an update, per type; of a type that is not named it takes what R4 has."""
    versions: bool = True
    """False: it keeps no versions, so that ``If-Match`` protects nothing."""
    requests_per_minute: int | None = None
    """Requests in a minute for the whole base address, token requests among them."""
    at_once: int | None = None
    """Requests that are under way there at a time, at most, of one process."""

    def __post_init__(self) -> None:
        if self.quarantine < 0 or min(self.requests_per_minute or 1, self.at_once or 1) < 1:
            raise ValueError("quarantine, requests_per_minute and at_once must not be negative")
        if self.creates is None:
            return
        if stray := self.unlisted - self.creates:
            raise ValueError(f"unlisted types that are not created: {_words(stray)}")
        for name in _PER_TYPE:
            strays = set(getattr(self, name)) - self.creates
            if strays:
                raise ValueError(f"{name} of types that are not created: {_words(strays)}")


_PER_TYPE = (
    "statuses", "categories", "requires", "site_coded", "encounters", "signers", "largest", "drops", "refuses", "singles",
    "longest", "updates",
)  # fmt: skip


def _words(names: Iterable[str]) -> str:
    return ", ".join(sorted(names))


SPECIFICATION = WriteRules()
"""An EHR that does what R4 says and about which nothing more is known."""
