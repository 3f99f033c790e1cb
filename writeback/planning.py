"""From an admitted output to the write that an EHR takes of it, checked against R4 before anything is stored."""

from msgspec import structs

from r4 import codec, house_rules, quick
from r4.outcome import Issue
from r4.validate import validate
from vocabulary.manifest import Manifest
from vocabulary.output import Output
from vocabulary.write import NotWritable, Planned, Write
from writeback.adapters import forms
from writeback.capabilities import Capabilities
from writeback.errors import PlanInvalid
from writeback.gate import Admitted
from writeback.labels import Confirmation, Names
from writeback.mould import pour
from writeback.projection import project
from writeback.rules import SPECIFICATION, WriteRules
from writeback.site import NO_SITE, Site


def plan_bytes(
    output: Output, manifest: Manifest, *, admitted: Admitted, names: Names, capabilities: Capabilities, now: float,
    rules: WriteRules = SPECIFICATION, site: Site = NO_SITE, granted: Capabilities | None = None,
) -> Write | NotWritable | None:  # fmt: skip
    """``plan`` for one who needs the bytes alone: the parts of a plain output have no body. Raises PlanInvalid."""

    def whole(output: Output, now: float) -> Write | NotWritable | None:
        return plan(
            output, manifest, admitted=admitted, names=names, capabilities=capabilities, now=now, rules=rules, site=site,
            granted=granted,
        )  # fmt: skip

    same = (capabilities, granted, rules, site)
    poured = pour(output, manifest, admitted=admitted, names=names, now=now, same=same, plan=whole)
    return whole(output, now) if poured is None else poured


def plan(
    output: Output,
    manifest: Manifest,
    *,
    admitted: Admitted,
    names: Names,
    capabilities: Capabilities,
    now: float,
    rules: WriteRules = SPECIFICATION,
    confirmed_by: Confirmation | None = None,
    site: Site = NO_SITE,
    granted: Capabilities | None = None,
) -> Write | NotWritable | None:
    """The write of an admitted output, why there can be none, or None for an abstention that is not written. Raises
    PlanInvalid when a planned resource breaks R4: nothing invalid ever reaches the outbox. ``capabilities`` are
    those that the gateway itself may use, ``granted`` those of whoever writes the output's own resources (None: the same)."""
    said = forms(output, manifest, names, now, admitted=admitted, confirmed_by=confirmed_by, site=site)
    planned = next(said, ())
    if not planned:
        return None
    write = project(
        planned, ehr=names.ehr, capabilities=capabilities, rules=rules, otherwise=said,
        must_keep=manifest.must_keep | site.must_keep, signer=confirmed_by.by if confirmed_by else None,
        encounter_open=admitted.encounter_open, granted=granted,
    )  # fmt: skip
    if isinstance(write, Write):
        own, shared = tuple(check(part) for part in write.own), tuple(_check_shared(part) for part in write.shared)
        write = Write(ehr=write.ehr, own=own, shared=shared, losses=write.losses)
    return write


_FOUND_VALID: dict[str, Planned] = {}
"""What all outputs of a model version share is the same every time: what was found valid once is valid."""
KEPT = 256


def _check_shared(part: Planned) -> Planned:
    known = _FOUND_VALID.get(part.key)
    if known is not None and known.body == part.body and structs.replace(known, encoded=None) == part:
        return known
    if len(_FOUND_VALID) >= KEPT:
        _FOUND_VALID.clear()
    _FOUND_VALID[part.key] = found = check(part)
    return found


def check(part: Planned) -> Planned:
    """The part with its bytes. Raises PlanInvalid for the first rule of R4 4.0.1, or of this house, that it breaks."""
    encoded = quick.encode(part.body) if part.body.get("resourceType") == part.type else None
    issues: list[Issue] = []
    if encoded is None:
        issues = [issue for issue in validate(part.body, type=part.type) if issue.severity in ("error", "fatal")]
    issues = issues or house_rules.check(part.body)
    if issues:
        raise PlanInvalid(element=issues[0].element, rule=issues[0].rule or issues[0].code)
    return structs.replace(part, encoded=encoded or codec.format(part.body))
