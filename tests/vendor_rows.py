"""The table of vendors as the document has it: ``python -m tests.vendor_rows`` prints it."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

from gateway.vendors import VENDORS
from gateway.vendors.declaration import Vendor, deviations


def rows(vendor: Vendor) -> list[str]:
    """One row for each rule in which the vendor differs from SMART and R4: name, value, source."""
    found = []
    for rules in (vendor.sign_in, vendor.write):
        wanted = set(deviations(rules))
        names = [each.name for each in fields(rules) if each.name in wanted]
        found += [f"| `{name}` | {said(getattr(rules, name))} | {vendor.sources[name]} |" for name in names]
    return found


def said(value: Any) -> str:
    """A rule's value in words, in a fixed order."""
    if isinstance(value, Mapping):
        return "; ".join(f"{name}: {said(item)}" for name, item in value.items())
    if isinstance(value, frozenset | tuple):
        return ", ".join(str(item) for item in (sorted(value) if isinstance(value, frozenset) else value))
    return {True: "yes", False: "no"}.get(value, str(value)) if isinstance(value, bool) else str(value)


def section(vendor: Vendor) -> str:
    """The vendor's part of the document."""
    table = rows(vendor)
    body = (
        ["| rule | here | source |", "|---|---|---|", *table]
        if table
        else ["No deviation from SMART and R4 is declared."]
    )
    return "\n".join([f"## `{vendor.name}`: {vendor.title}", "", *body, ""])


if __name__ == "__main__":
    print("\n".join(map(section, VENDORS.values())))
