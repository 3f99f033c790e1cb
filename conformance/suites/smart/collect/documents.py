"""Edge: evidence of what anyone may read, a page of another origin too."""

from conformance.evidence import Evidence, Missing
from conformance.probe import BYTES
from conformance.session import Session

PAGE = "https://page.conformance.example"
"""An origin that nobody registered: public documents are for every page."""
SMART = ".well-known/smart-configuration"


async def documents(session: Session, evidence: Evidence) -> None:
    """Discovery again, asked in other ways, and what it names."""
    probe, said = session.probe, evidence.seen("smart").table
    evidence["smart to a page"] = await probe.send("GET", SMART, headers={"origin": PAGE})
    evidence["smart as xml"] = await probe.send("GET", SMART, headers={"accept": "application/fhir+xml"})
    evidence["metadata to a page"] = await probe.send("GET", "metadata", headers={"origin": PAGE})
    if isinstance(said.get("issuer"), str):
        address = f"{said['issuer'].rstrip('/')}/.well-known/openid-configuration"
        evidence["openid"] = await probe.send("GET", address, headers={"accept": "application/json"})
    if isinstance(said.get("user_access_brand_bundle"), str):
        brands = await probe.send("GET", said["user_access_brand_bundle"], headers={"origin": PAGE})
        if len(brands.body) >= BYTES:
            raise Missing(f"the brands: more than the {BYTES} bytes of an answer that are looked at")
        evidence["brands"] = brands
