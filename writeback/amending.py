"""What may become of a resource after it was written, as tables (R4 §3.1; observation-status, docStatus, flag-status).

An edit changes the status of what the EHR has now, and adds a note; everything else stays as the EHR keeps it, but for the
words that nobody has reviewed it once somebody has. A correction also replaces the members that say the value.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from vocabulary.instant import format_instant, parse_instant
from writeback import keys
from writeback.capabilities import Capabilities
from writeback.lexicon.reviewed import accepted
from writeback.ownership import OWNER_ELEMENTS, unversioned
from writeback.rules import SPECIFICATION, WriteRules

Amendment = Literal["final", "amended", "corrected", "cancelled", "entered-in-error", "inactive"]

WITHDRAWN: Amendment = "entered-in-error"
WITHDRAWING: frozenset[Amendment] = frozenset({"cancelled", "entered-in-error", "inactive"})
"""Steps after which nothing stands."""
_EVENT_TYPES = ("Observation", "RiskAssessment", "DetectedIssue", "DiagnosticReport")


@dataclass(frozen=True, kw_only=True, slots=True)
class Step:
    """``after`` are the statuses it may follow; ``by`` who makes it; ``role`` what the former version is to the new one
    (R4 provenance-entity-role)."""

    after: frozenset[str]
    by: str
    role: str = "revision"


STEPS: Mapping[Amendment, Step] = {
    # a clinician accepts what stands there as a machine's preliminary word
    "final": Step(after=frozenset({"registered", "preliminary"}), by="clinician"),
    # new information, after a clinician had accepted it
    "amended": Step(after=frozenset({"final", "amended", "corrected"}), by="clinician"),
    # it was wrong and is put right: by a clinician in words, or by who said it with a new value
    "corrected": Step(
        after=frozenset({"registered", "preliminary", "final", "amended", "corrected"}), by="clinician or submitter"
    ),
    # a clinician rejects what nobody had accepted
    "cancelled": Step(after=frozenset({"registered", "preliminary"}), by="clinician"),
    # it should never have been there: a recall, or a clinician
    "entered-in-error": Step(
        after=frozenset({"registered", "preliminary", "partial", "final", "amended", "corrected", "appended", "cancelled",
                         "unknown", "current", "superseded", "active", "inactive"}),
        by="recall or clinician", role="removal",
    ),
    # a model version that is not used any more: its Device was no error
    "inactive": Step(after=frozenset({"active", "unknown"}), by="recall"),
}  # fmt: skip

WRITTEN: Mapping[str, Mapping[Amendment, Mapping[str, str]]] = {
    **{
        type: {word: {"status": word} for word in ("final", "amended", "corrected", "cancelled", "entered-in-error")}
        for type in _EVENT_TYPES
    },
    # R4 composition-status has no "corrected" and no "cancelled"
    "DocumentReference": {
        "final": {"docStatus": "final"}, "amended": {"docStatus": "amended"}, "corrected": {"docStatus": "amended"},
        "cancelled": {"status": "entered-in-error", "docStatus": "entered-in-error"},
        "entered-in-error": {"status": "entered-in-error", "docStatus": "entered-in-error"},
    },
    "Flag": {"cancelled": {"status": "inactive"}, "entered-in-error": {"status": "entered-in-error"}},
    "Device": {"inactive": {"status": "inactive"}},
}  # fmt: skip
"""Members that each step writes, by type. A Provenance is a record of what happened and is never edited."""
STANDING: Mapping[str, str] = {"DocumentReference": "docStatus"}
"""The member that says where a resource stands, when it is not ``status``."""
NOTED = frozenset({"Observation", "RiskAssessment", "Device"})
"""Types with ``note``; of the others the Provenance alone says why."""


def unfit(type: str, to: Amendment, capabilities: Capabilities, rules: WriteRules = SPECIFICATION) -> str | None:
    """Why this EHR does not let a resource of the type become ``to``: a stable word; None when it does. It has to be
    read and updated there, and keep versions: without one to name (``If-Match``) nothing is overwritten."""
    members = WRITTEN.get(type, {}).get(to)
    if members is None:
        return "no_such_status"
    if not {"read", "update"} <= capabilities.of(type).interactions:
        return "no_update"
    if not rules.versions:
        return "no_version"
    allowed = rules.updates.get(type)
    return None if allowed is None or set(members.values()) <= allowed else "status_not_taken"


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """``key`` is the delivery key that the resource carries (None when it is not known), ``patient`` whose it has to be
    (``Patient/id``), ``note`` what is added in words, ``by`` a reference to whose words they are, ``replace`` members
    that take new values; ``unsaid`` are notes that hold no more, ``newly`` those in their place."""

    to: Amendment
    key: str | None = None
    patient: str | None = None
    note: str | None = None
    by: str | None = None
    at: float = 0.0
    replace: Mapping[str, Any] = field(default_factory=dict)
    unsaid: tuple[str, ...] = ()
    newly: tuple[str, ...] = ()

    @property
    def says(self) -> bool:
        """Whether it changes what the resource says, and not its status alone."""
        return bool(self.replace or self.unsaid or self.newly)


def standing(resource: Mapping[str, Any]) -> str | None:
    """Where the resource stands now."""
    if resource.get("status") == WITHDRAWN:
        return WITHDRAWN
    value = resource.get(STANDING.get(str(resource.get("resourceType")), "status"), resource.get("status"))
    return value if isinstance(value, str) else None


def members(resource: Mapping[str, Any], edit: Edit) -> Mapping[str, str]:
    """The statuses that the edit writes. A new value of what nobody has accepted leaves it preliminary: "corrected" is
    for what had been final."""
    if edit.to == "corrected" and edit.says and standing(resource) in ("registered", "preliminary"):
        return {}
    return WRITTEN[str(resource["resourceType"])][edit.to]


def done(resource: Mapping[str, Any], edit: Edit) -> bool:
    """The edit is there already. A step that may follow itself is known by its note."""
    wanted = {**members(resource, edit), **edit.replace}
    same = all(resource.get(name) == value for name, value in wanted.items())
    texts = {note.get("text") for note in _notes(resource)}
    same = same and texts.issuperset(edit.newly) and texts.isdisjoint(edit.unsaid)
    return same and (edit.to not in STEPS[edit.to].after or _noted(resource, edit))


def _noted(resource: Mapping[str, Any], edit: Edit) -> bool:
    if edit.note is None or resource["resourceType"] not in NOTED:
        return True
    wanted = (edit.note, format_instant(edit.at))
    return any((note.get("text"), note.get("time")) == wanted for note in _notes(resource))


def _notes(resource: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    notes = resource.get("note")
    return [note for note in notes if isinstance(note, dict)] if isinstance(notes, list) else []


def _renoted(resource: Mapping[str, Any], edit: Edit) -> list[Mapping[str, Any]]:
    """The notes that still hold, then the new ones."""
    texts = {note.get("text") for note in _notes(resource)}
    kept = [note for note in _notes(resource) if note.get("text") not in edit.unsaid]
    return [*kept, *({"text": text} for text in edit.newly if text not in texts)]


def ours(resource: Mapping[str, Any], edit: Edit) -> bool:
    """The resource is the one that was written: it carries its delivery key, or, at an EHR that keeps no identifier of
    ours at all, it is at least this patient's."""
    if edit.key is not None and keys.carries(resource, edit.key):
        return True
    owners = [resource[name] for name in OWNER_ELEMENTS if isinstance(resource.get(name), dict)]
    mine = any(unversioned(str(owner.get("reference", ""))).endswith(edit.patient or "?") for owner in owners)
    return mine and not keys.marked(resource)


def edited(resource: Mapping[str, Any], edit: Edit) -> dict[str, Any]:
    """The resource as the EHR gave it, with the step taken. Nothing else of it is touched, but for the words that nobody
    has reviewed it, once somebody has. R4's Annotation takes no PractitionerRole as its author by reference."""
    type = str(resource["resourceType"])
    renewed = accepted(resource, format_instant(edit.at)[:10]) if edit.to == "final" else {}
    replaced = {**resource, **renewed, **edit.replace, **members(resource, edit)}
    changed = {name: value for name, value in replaced.items() if value is not None}
    if edit.says or renewed:
        changed.pop("text", None)  # a narrative would tell the earlier value
    if edit.unsaid or edit.newly:
        changed["note"] = _renoted(resource, edit)
    if edit.note is not None and type in NOTED:
        note: dict[str, Any] = {"time": format_instant(edit.at), "text": edit.note}
        if edit.by is not None:
            role = edit.by.startswith("PractitionerRole/")
            note = {**({"authorString": edit.by} if role else {"authorReference": {"reference": edit.by}}), **note}
        changed["note"] = [*_notes(changed), note]
    return changed


def format_edit(edit: Edit) -> dict[str, Any]:
    """As JSON; ``parse_edit`` is the inverse."""
    notes = {"unsaid": list(edit.unsaid), "newly": list(edit.newly)}
    return {
        "to": edit.to, "key": edit.key, "patient": edit.patient, "note": edit.note, "by": edit.by,
        "at": format_instant(edit.at), "replace": dict(edit.replace),
        **{name: texts for name, texts in notes.items() if texts},  # a release before this one does not know them
    }  # fmt: skip


def parse_edit(document: Mapping[str, Any]) -> Edit:
    """What ``format_edit`` gave."""
    notes = {name: tuple(document.get(name, ())) for name in ("unsaid", "newly")}
    return Edit(**{**document, "at": parse_instant(document["at"]), **notes})
