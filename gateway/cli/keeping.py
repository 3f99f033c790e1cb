"""A conformance report is kept with an installation: what ``/conformance`` shows, and the evidence of the sites it is about."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gateway.cli.application import could_not, perform


def keep_report(data: Path, document: Mapping[str, Any], page: bytes | None, *, by: str) -> list[str]:
    """Keeps the report; the sites one of whose EHRs it is about have it as evidence too. Their ids."""
    from gateway import kept_reports
    from gateway.sites import documents

    try:
        kept = kept_reports.summary(document, _sentences())
        facts = documents.read("conformance", dict(document))
    except (kept_reports.ReportInvalid, documents.EvidenceInvalid) as refused:
        return could_not(str(refused))
    perform(
        data, "conformance.keep", document=kept, by=by, page=None if page is None else kept_reports.packed(page)
    )  # fmt: skip
    found = _sites(data, kept["target"])
    for site in found:
        perform(data, "sites.evidence", site=site, gate="conformance", by=by, facts=facts, model=None)
    return found


def keep_file(data: Path, file: Path, *, by: str) -> None:
    """Keeps the report of a file, with the page that ``conform`` wrote beside it where it did. What the file says has been
    read as evidence already."""
    from gateway import kept_reports

    beside = file.with_suffix(".html")
    page = beside.read_bytes() if beside.is_file() else None
    try:
        document = kept_reports.summary(json.loads(file.read_text()), _sentences())  # not FHIR: a report of our own
    except (kept_reports.ReportInvalid, OSError, ValueError):
        could_not(f"{file} is no JSON report of chartgate conform")
    perform(
        data, "conformance.keep", document=document, by=by, page=None if page is None else kept_reports.packed(page)
    )  # fmt: skip


def _sentences() -> dict[str, tuple[str, str]]:
    from conformance.ledger import load_requirements

    return {id: (each.text, each.address) for id, each in load_requirements().items()}


def _sites(data: Path, target: str) -> list[str]:
    """The sites of this installation that declare this very server."""
    from gateway.sites.folder import SiteRefused, folders, parse_site

    found = []
    for folder in folders(data):
        try:
            site = parse_site(folder)
        except SiteRefused as refused:
            return could_not(str(refused))
        if target in [str(each.get("issuer", "")).rstrip("/") for each in site.ehr]:
            found.append(site.site.id)
    return found
