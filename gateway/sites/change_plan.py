"""Edge: what a predetermined change control plan wants of a site: what is measured, when somebody acts, who signed each version
of that, and what each version changed. Source: FDA, marketing submission recommendations for a predetermined change control
plan, final guidance of 2024-12-04.
"""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from gateway.sites.folder import Declared
from gateway.sites.metrics import Metrics, MetricsRefused, parse, read, verify
from gateway.sites.signing_keys import kept_versions

FORMAT = "chartgate-change-plan/1"


def change_plan(declared: Declared) -> dict[str, Any]:
    """``site``, ``models`` with owners and policy, the ``metrics`` in force, and ``versions``, oldest first: who signed each, in
    what role, whether it still holds (``problem`` says why not), and what it changed. Raises MetricsRefused where nothing is
    in force."""
    now = read(declared)
    if now is None or declared.site.thresholds is None:
        raise MetricsRefused("is not declared: give [thresholds] file and signers in site.toml")
    path = declared.folder / declared.site.thresholds.file
    files = {number: path.with_name(f"{path.stem}-v{number}.json") for number in kept_versions(path)}
    versions, before = [], None
    for number, file in sorted({**files, now.version: path}.items()):
        found, problem = _examined(declared, file)
        signature = found.signature if found is not None else None
        said = signature.model_dump(exclude={"value"}) if signature is not None else None
        changes = list(changed(before, found)) if found is not None else []
        versions.append({"version": number, "signature": said, "problem": problem, "changes": changes})
        before = found or before
    return {
        "format": FORMAT, "site": declared.id, "title": declared.site.site.title,
        "models": [each.model_dump(mode="json", include={"id", "version", "policy", "owners"}) for each in declared.site.model],
        "metrics": [each.model_dump(mode="json") for each in now.metrics], "versions": versions,
    }  # fmt: skip


def _examined(declared: Declared, file: Path) -> tuple[Metrics | None, str | None]:
    """A version as it is read, and what is wrong with it; one whose signature does not hold is still shown for what it says."""
    signers = declared.site.thresholds.signers if declared.site.thresholds else {}
    owners = frozenset(model.owners.model for model in declared.site.model)
    try:
        document = json.loads(file.read_text(encoding="utf-8"))
        found = parse(document)
    except (OSError, ValueError) as wrong:
        return None, str(wrong) if isinstance(wrong, MetricsRefused) else "cannot be read as JSON"
    try:
        return verify(document, site=declared.id, signers=signers, owners=owners), None
    except MetricsRefused as wrong:
        return found, str(wrong)


def changed(before: Metrics | None, after: Metrics) -> Iterator[dict[str, Any]]:
    """Member by member what one version says otherwise than the one before: ``metric``, ``member``, ``before``, ``after`` (null
    where there was, or is, none)."""
    old, new = (_members(each) for each in (before, after))
    for metric, member in sorted(old.keys() | new.keys()):
        was, is_now = old.get((metric, member)), new.get((metric, member))
        if was != is_now:
            yield {"metric": metric, "member": member, "before": was, "after": is_now}


def _members(metrics: Metrics | None) -> Mapping[tuple[str, str], Any]:
    found: dict[tuple[str, str], Any] = {}
    for each in metrics.metrics if metrics is not None else ():
        said = each.model_dump(mode="json", exclude={"id", "thresholds"})
        said |= {f"thresholds.{name}": number for name, number in each.thresholds.items()}
        found |= {(each.id, name): value for name, value in said.items() if value is not None}
    return found
