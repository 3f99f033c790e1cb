"""An EHR that does what FHIR R4 says, and about which nothing more is known."""

from gateway.vendors.declaration import Vendor

SPEC = Vendor(name="spec", title="FHIR R4 4.0.1")
