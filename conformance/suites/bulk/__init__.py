"""Bulk Data Access 2.0.0 as an EHR advertises it: kick-off, status, manifest, files, cancelling, and who may."""

from conformance.session import Part, Suite
from conformance.suites.bulk import exports, jobs

SUITE = Suite(
    checks=exports.CHECKS,
    people=False,
    parts=(
        Part(name="exports", collect=jobs.exports),
        Part(name="export parameters", collect=jobs.parameters),
        Part(name="export permissions", collect=jobs.permissions),
        Part(name="cancelled export", collect=jobs.cancelled),
    ),
)
