"""Vendors, one declaration a file. An EHR is registered with the name of one; nothing else asks which it is."""

from collections.abc import Mapping

from auth.client.rules import SMART, SignInRules
from gateway.vendors.athena import ATHENA
from gateway.vendors.declaration import Vendor
from gateway.vendors.eclinicalworks import ECLINICALWORKS
from gateway.vendors.epic import EPIC
from gateway.vendors.hapi import HAPI
from gateway.vendors.meditech import MEDITECH
from gateway.vendors.oracle import ORACLE
from gateway.vendors.spec import SPEC
from gateway.vendors.veradigm import VERADIGM

VENDORS: Mapping[str, Vendor] = {
    vendor.name: vendor for vendor in (SPEC, HAPI, EPIC, ORACLE, VERADIGM, ATHENA, ECLINICALWORKS, MEDITECH)
}
"""By name."""
LIKE: Mapping[str, str] = {"uscore9": "spec"}
"""Sandbox personas that are no vendor's own: the vendor whose rules hold there."""


class VendorUnknown(LookupError):
    """No vendor has that name: nothing is written by guess."""


def vendor_of(name: str) -> Vendor:
    """The vendor of that name. Raises VendorUnknown."""
    if name not in VENDORS:
        raise VendorUnknown(f"no vendor has that name; there are {', '.join(VENDORS)}")
    return VENDORS[name]


def sign_in_rules(name: str) -> SignInRules:
    """How EHRs of the vendor of that name sign people in; as SMART says, of a vendor that this version does not know."""
    return VENDORS[name].sign_in if name in VENDORS else SMART


def vendor_for(persona: str) -> str:
    """The vendor that a sandbox persona is registered with: its own name, or the one that it is like."""
    name = LIKE.get(persona, persona)
    return name if name in VENDORS else SPEC.name
