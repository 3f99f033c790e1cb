"""One step of a model version at a site: which entry of ``site.toml`` changes, and how its text does. Pure.

The file is people's: only the word of a policy is changed in it, and what comes of that must be the declaration with that policy
and nothing else, or the file is left alone.
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import ValidationError

from gateway.sites.declaration import Deployed, Site

POLICIES = ("shadow", "confirm", "automatic")
"""In the order of what they let happen."""
_TABLE = re.compile(r"^\s*\[\[\s*model\s*\]\]\s*(#.*)?$")
_OTHER = re.compile(r"^\s*\[(?!\s*model\s*\.)")
_POLICY = re.compile(r"""^(\s*policy\s*=\s*)(["'])(shadow|confirm|automatic)\2(?=\s*(#.*)?$)""")


class NotPromoted(ValueError):
    """It cannot be done as asked; the text says what to change."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """``changes`` are policies by the place of an entry among the file's models; ``before`` and ``after`` that of the version."""

    entry: Deployed
    ehrs: tuple[str, ...]
    before: str
    after: str
    changes: Mapping[int, str]

    @property
    def up(self) -> bool:
        """Whether it lets more happen."""
        return POLICIES.index(self.after) > POLICIES.index(self.before)


def plan(site: Site, *, id: str, version: str, to: str, ehr: str | None = None, replacing: str | None = None) -> Step:
    """The step of a version to a policy; ``replacing`` is the version that goes to shadow in the same change. Raises
    NotPromoted."""
    number = _number(site, id, version, ehr)
    entry = site.model[number]
    if entry.policy == to:
        raise NotPromoted(f"{id}@{version} is {to} there already")
    ehrs = tuple(entry.ehrs or site.ehrs)
    changes = {number: to}
    if replacing is not None:
        changes |= {_replaced(site, id, replacing, number, ehrs, ehr): "shadow"}
    return Step(entry=entry, ehrs=ehrs, before=entry.policy, after=to, changes=changes)


def _replaced(site: Site, id: str, version: str, by: int, ehrs: tuple[str, ...], ehr: str | None) -> int:
    """The entry that goes to shadow: where it ran, the other one has to run."""
    number = _number(site, id, version, ehr)
    left = sorted(set(site.model[number].ehrs or site.ehrs) - set(ehrs))
    if number == by:
        raise NotPromoted("a version does not replace itself")
    if left:
        raise NotPromoted(f"{id}@{version} would be in shadow at {', '.join(left)} with no version in its place")
    return number


def _number(site: Site, id: str, version: str, ehr: str | None) -> int:
    found = [
        number
        for number, each in enumerate(site.model)
        if (each.id, each.version) == (id, version) and (ehr is None or ehr in (each.ehrs or site.ehrs))
    ]
    if not found:
        there = ", ".join(f"{each.id}@{each.version}" for each in site.model if each.id == id)
        raise NotPromoted(
            f"the site has no {id}@{version}{f' at {ehr}' if ehr else ''}; it has {there or 'no such model'}"
        )
    if len(found) > 1:
        raise NotPromoted(f"{id}@{version} has {len(found)} entries: say which with --ehr")
    return found[0]


def changed(site: Site, step: Step) -> Site:
    """The declaration after the step."""
    models = tuple(
        each.model_copy(update={"policy": step.changes.get(number, each.policy)})
        for number, each in enumerate(site.model)
    )
    return site.model_copy(update={"model": models})


def edit(text: str, site: Site, step: Step) -> str:
    """The file after the step. Raises NotPromoted where more than the words of the policies would have to change."""
    lines = text.splitlines(keepends=True)
    places = _places(lines)
    if len(places) != len(site.model) or any(places[number] is None for number in step.changes):
        raise NotPromoted("the file is not written as [[model]] tables with a policy each: change it by hand")
    for number, policy in step.changes.items():
        place = places[number]
        assert place is not None
        lines[place] = _POLICY.sub(lambda found, to=policy: f"{found[1]}{found[2]}{to}{found[2]}", lines[place])  # type: ignore[misc]
    made = "".join(lines)
    try:
        same = Site.model_validate(tomllib.loads(made)) == changed(site, step)
    except (tomllib.TOMLDecodeError, ValidationError):
        same = False
    if not same:
        raise NotPromoted("the file cannot be changed without changing more: change it by hand")
    return made


def _places(lines: list[str]) -> list[int | None]:
    """The line of each entry's policy, in the file's order; None where it has none of its own."""
    found: list[int | None] = []
    inside = False
    for number, line in enumerate(lines):
        if _TABLE.match(line):
            inside = True
            found.append(None)
        elif _OTHER.match(line):
            inside = False
        elif inside and found[-1] is None and _POLICY.match(line.rstrip("\r\n")):
            found[-1] = number
    return found
