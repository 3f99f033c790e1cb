"""References between the records of one feed (REF-02, REF-04) and records that came twice (DUP-01).

What is kept of a record is a hash of its name, of its owner's name and of its version, never a value. Python's own hashes
are enough: they are compared within one process and told to nobody.
"""

from collections.abc import Mapping
from typing import Any

from fidelity.elements import rows, table, text
from fidelity.records.kinds import KINDS

Resource = Mapping[str, Any]


def references(resource: Resource) -> list[str]:
    """Every literal reference within."""
    found: list[str] = []
    left: list[Any] = [resource]
    while left:
        value = left.pop()
        if type(value) is dict:
            literal = value.get("reference")
            if type(literal) is str:
                found.append(literal)
            value = value.values()
        for item in value:
            if type(item) is dict or type(item) is list:
                left.append(item)
    return found


def unanswered(resource: Resource, found: list[str]) -> bool:
    """Whether one of its references into the record itself (``#x``) finds nothing there (REF-02)."""
    own = [literal[1:] for literal in found if literal[:1] == "#" and literal != "#"]
    return bool(own) and not {each.get("id") for each in rows(resource.get("contained"))}.issuperset(own)


def named(reference: str, base: str = "") -> tuple[str, str] | None:
    """``(type, id)`` of a reference, version left off; None for one that leads out of the feed, to an address that does not
    begin with ``base``."""
    if base and reference.startswith(base):
        reference = reference[len(base) :]
    kind, _, rest = reference.partition("/")
    name = rest.partition("/")[0]
    return (kind, name) if name and kind.isalpha() else None


def base_of(resource: Resource) -> str:
    """The server on which the record names its subject, where it does so by an address: what else is there is of this feed."""
    literal = _subject(resource).partition("/_history/")[0]
    return (
        literal.removesuffix("/".join(literal.rsplit("/", 2)[-2:]))
        if literal.startswith(("http://", "https://"))
        else ""
    )


def owner(resource: Resource) -> str | None:
    """The id of the patient whose record this is; of a Patient its own."""
    if resource.get("resourceType") == "Patient":
        return text(resource.get("id"))
    found = named(_subject(resource), base_of(resource))
    return found[1] if found is not None and found[0] == "Patient" else None


def _subject(resource: Resource) -> str:
    """The reference to whom the record is of."""
    kind = KINDS.get(text(resource.get("resourceType")) or "")
    for member in (kind.subject,) if kind else ("subject", "patient"):
        if member and (literal := text(table(resource.get(member)).get("reference"))):
            return literal
    return ""


class Links:
    """The names that have been seen, whose they are, and what they were seen to point at."""

    def __init__(self) -> None:
        self._owners: dict[int, int] = {}
        self._versions: set[int] = set()
        self._types: set[str] = set()
        self._persons: dict[int, int] = {}

    def repeated(self, resource: Resource) -> bool | None:
        """DUP-01: whether this id and version came before; None without an id. Remembers it."""
        kind, name = resource.get("resourceType"), resource.get("id")
        if not isinstance(name, str) or not isinstance(kind, str):
            return None
        version = text(table(resource.get("meta")).get("versionId"))
        key = hash((kind, name, version))
        if key in self._versions:
            return True
        self._versions.add(key)
        self._types.add(kind)
        self._owners[hash((kind, name))] = hash(owner(resource))
        return False

    def link(self, patient: str, others: list[str]) -> None:
        """Patient records that say of themselves that they are one person's (merged, or known twice)."""
        for other in others:
            one, two = self._person(hash(patient)), self._person(hash(other))
            self._persons[max(one, two)] = min(one, two)

    def _person(self, patient: int) -> int:
        while (other := self._persons.get(patient, patient)) != patient:
            patient = other
        return patient

    def judge(self, patient: str | None, targets: tuple[tuple[str, str], ...]) -> tuple[bool | None, bool | None, bool]:
        """REF-02 and REF-04 of one record as far as is known: whether all targets of types that came are there, whether
        none is another patient's (None: not decided), and whether more records could still change this."""
        there, own, open_ = [], [], False
        for target in targets:
            found = self._owners.get(hash(target))
            if found is None:
                open_ = True
                if target[0] in self._types:
                    there.append(False)
            else:
                there.append(True)
                if target[0] != "Patient" and found != _NOBODY and patient is not None:
                    own.append(self._person(found) == self._person(hash(patient)))
                    open_ = open_ or not own[-1]  # a link between the two may still come
        return (all(there) if there else None), (all(own) if own else None), open_


_NOBODY = hash(None)
