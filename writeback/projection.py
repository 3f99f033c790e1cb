"""The canonical set of an output → what one EHR takes of it, with everything that is lost on the way.

Its CapabilityStatement decides, then the rules declared for it, then what may not be lost. Losses are known, and said,
before anything is sent. Where the output's own resource does not fit, the other forms are tried; "nothing fits" is an
answer with a reason.
"""

from base64 import b64decode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain

from msgspec import structs

from vocabulary.write import NotWritable, Planned, Strategy, Write
from writeback import keys
from writeback.capabilities import Capabilities, TypeCapability
from writeback.fitting import Body, fit, found, has
from writeback.labels import MARKS
from writeback.lexicon.codes import AI_ASSERTED
from writeback.rules import WriteRules
from writeback.speaking.rendering import without

SHARED = (keys.CARD, keys.DEVICE)
LABELLED = frozenset({keys.PRIMARY, keys.RESULT, keys.REPORT, keys.FLAG})
"""What stands in the patient's chart and says something about the patient."""
MARKER_PATHS = ("note.text", "detail", "code.text", "conclusion", "content.attachment.data")
"""Where a resource says in words that a machine made it; with these gone too, a dropped label leaves no trace."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Terms:
    """On which terms an output is written to an EHR: what it offers, and what of that is granted to whoever writes the
    output's own resources (None: the same), what is known of it, what may not be lost, who accepted the output, and
    whether its encounter was open when it was read (None: not known)."""

    capabilities: Capabilities
    granted: Capabilities | None = None
    rules: WriteRules
    must_keep: frozenset[str] = field(default_factory=frozenset)
    signer: str | None = None
    encounter_open: bool | None = None


def project(
    planned: Sequence[Planned], *, ehr: str, capabilities: Capabilities, rules: WriteRules,
    otherwise: Iterable[Sequence[Planned]] = (), must_keep: frozenset[str] = frozenset(), signer: str | None = None,
    encounter_open: bool | None = None, granted: Capabilities | None = None,
) -> Write | NotWritable:  # fmt: skip
    """What this EHR takes of the canonical set, or of the first of the other forms that fits. NotWritable with a reason
    for each form when none does: its type is not created there, its status is not taken, it would stand there
    unmarked, or what may not be lost would be."""
    terms = Terms(
        capabilities=capabilities, granted=granted, rules=rules, must_keep=must_keep, signer=signer,
        encounter_open=encounter_open,
    )  # fmt: skip
    instead_of: list[str] = []
    reasons: list[str] = []
    for form in chain([planned], otherwise):
        made = _project(form, ehr=ehr, terms=terms, instead_of=instead_of)
        if isinstance(made, Write):
            return made
        reasons.append(made.reason)
        instead_of.append(_primary(form).type)
    return NotWritable(reason=" ".join(dict.fromkeys(reasons)))


def _primary(planned: Sequence[Planned]) -> Planned:
    return next(part for part in planned if part.role == keys.PRIMARY)


def _project(
    planned: Sequence[Planned], *, ehr: str, terms: Terms, instead_of: Sequence[str]
) -> Write | NotWritable:  # fmt: skip
    """One form. A part that does not fit is left out, and what refers to it says so."""
    fitted = [_fitted(part, terms) for part in planned]
    gone = {part.key: made for part, made in zip(planned, fitted, strict=True) if isinstance(made, str)}
    if (problem := gone.get(_primary(planned).key)) is not None:
        return NotWritable(reason=problem)
    kept = [_without(part, gone) for part in fitted if isinstance(part, Planned)]
    write = Write(
        ehr=ehr,
        own=tuple(part for part in kept if part.role not in SHARED),
        shared=tuple(part for part in kept if part.role in SHARED),
        losses=(
            *instead_of,
            *(part.type for part in planned if part.key in gone),
            *(path for part in kept for path in part.losses),
        ),
    )
    lost = next((path for path in sorted(terms.must_keep) if any(covers(path, loss) for loss in write.losses)), None)
    if lost is not None:
        return NotWritable(reason=f"This EHR would not keep {lost}, without which this output may not be written.")
    return write


def covers(path: str, loss: str) -> bool:
    """Whether a loss takes away something of the path, or all of it."""
    return path == loss or loss.startswith((f"{path}.", f"{path}[")) or path.startswith((f"{loss}.", f"{loss}["))


def choose(capability: TypeCapability, type: str, rules: WriteRules) -> Strategy | None:
    """How a resource of the type is written so that it is there once: the best that is offered, None for nothing."""
    if rules.creates is not None and type not in rules.creates:
        return None
    by_id = capability.update_create if rules.client_ids is None else rules.client_ids
    if by_id and "update" in capability.interactions:
        return "put"
    if "create" not in capability.interactions and type not in rules.unlisted:
        return None
    return "conditional" if capability.conditional_create and rules.conditional_create else "post"


def _fitted(part: Planned, terms: Terms) -> Planned | str:
    """The part as this EHR takes it, or why it does not."""
    rules = terms.rules
    launched = None if part.role in SHARED else terms.granted
    strategy = choose((launched or terms.capabilities).of(part.type), part.type, rules)
    if strategy is None:
        return f"This EHR does not take {a(part.type)}{' from this launch' if launched else ''}."
    body, lost = fit(part.body, rules, terms.signer)
    if (problem := _unfit(body, part, terms)) is not None:
        return problem
    body = _marked(body, part, rules)
    if strategy == "put":
        body = {"resourceType": body["resourceType"], "id": part.id, **body}
    return structs.replace(
        part, body=body, strategy=strategy, losses=(*part.losses, *lost), quarantine=_quarantine(strategy, rules)
    )


def a(type: str) -> str:
    """A type with its article."""
    return f"{'an' if type[0] in 'AEIOU' else 'a'} {type}"


def _unfit(body: Body, part: Planned, terms: Terms) -> str | None:
    """The first of the EHR's conditions that the resource does not meet."""
    rules, type = terms.rules, part.type
    taken = rules.statuses.get(type)
    status = body.get("docStatus", body.get("status"))
    if taken is not None and status not in taken:
        return f"This EHR takes {a(type)} only as {', '.join(sorted(taken))}; this one is {status}."
    if type in rules.signers and terms.signer is None:
        return f"This EHR takes {a(type)} only in the name of a clinician who accepted it."
    categories = rules.categories.get(type)
    if categories is not None and not categories & set(found(body, "category.coding.code")):
        return f"This EHR takes {a(type)} only of category {' or '.join(sorted(categories))}."
    if type in rules.site_coded and part.role in LABELLED and not part.site_coded:
        return f"This EHR takes {a(type)} only under a code of its own, and the site maps none."
    missing = [path for path in rules.requires.get(type, ()) if not has(body, path)]
    if missing:
        return f"This EHR takes no {type} without {', '.join(missing)}."
    return _unfit_around(body, part, terms)


def _unfit_around(body: Body, part: Planned, terms: Terms) -> str | None:
    """What it asks of the encounter, the text, and the marker."""
    rules, type = terms.rules, part.type
    wanted = rules.encounters.get(type, "any")
    if wanted != "any" and not (has(body, "encounter") or has(body, "context.encounter")):
        return f"This EHR takes {a(type)} only with an encounter."
    if wanted == "open" and terms.encounter_open is False:
        return f"This EHR takes {a(type)} only within an encounter that is open."
    sizes = [size for size in found(body, "content.attachment.size") if isinstance(size, int)]
    if type in rules.largest and any(size > rules.largest[type] for size in sizes):
        return f"This EHR takes {a(type)} of at most {rules.largest[type]} bytes."
    types = set(found(body, "content.attachment.contentType"))
    if rules.content_types and types - set(rules.content_types):
        return f"This EHR takes {a(type)} only as {', '.join(rules.content_types)}."
    if unmarked(_marked(body, part, rules), part.role):
        return f"This EHR would keep neither the label {AI_ASSERTED.code} nor any words in its place."
    return None


def unmarked(body: Body, role: str) -> bool:
    """Whether a resource about the patient has neither the label of what an AI asserts nor words that say so."""
    return role in LABELLED and AI_ASSERTED.code not in found(body, "meta.security.code") and not _says_so(body)


LABEL_LOST = "label_lost"
"""The cause of a delivery that an EHR keeps with neither the label nor words in its place."""


def label_lost(sent: Body, kept: Body) -> bool:
    """Whether it was sent so that it says a machine made it, and is kept so that nobody can tell. What an EHR keeps of a text
    elsewhere (``attachment.url``) may say so there: nobody knows."""
    told = unmarked(sent, keys.PRIMARY)
    return not told and unmarked(kept, keys.PRIMARY) and not has(kept, "content.attachment.url")


def _says_so(body: Body) -> bool:
    texts = [text for path in MARKER_PATHS for text in found(body, path) if isinstance(text, str)]
    return any(mark in text or mark in _decoded(text) for text in texts for mark in MARKS)


def _decoded(text: str) -> str:
    try:
        return b64decode(text, validate=True).decode()
    except ValueError:
        return ""


def _marked(body: Body, part: Planned, rules: WriteRules) -> Body:
    """With the marker in the name of its code, when the label and every other place for words are lost."""
    lost = (*rules.drops.get(part.type, ()), *rules.refuses.get(part.type, ()))
    named = body.get("code")
    if not unmarked(body, part.role) or not isinstance(named, dict) or {"code", "code.text"} & set(lost):
        return body
    words = named.get("text") or part.type
    return {**body, "code": {**named, "text": f"{words} ({MARKS[1]})"}}


def _without(part: Planned, gone: dict[str, str]) -> Planned:
    """The part without its references to what is not written; their displays stay."""
    if not gone.keys() & set(part.needs):
        return part
    body, references = without(part.body, gone)
    needs = tuple(key for key in part.needs if key not in gone)
    return structs.replace(part, body=body, needs=needs, losses=(*part.losses, *references))


def _quarantine(strategy: Strategy, rules: WriteRules) -> float:
    """A PUT to one id can be repeated at once, and so can a conditional create where it is known to be atomic."""
    safe = strategy == "put" or (strategy == "conditional" and rules.conditional_create_is_atomic)
    return 0.0 if safe else rules.quarantine
