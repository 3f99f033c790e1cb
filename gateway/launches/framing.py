"""Edge: who may show the pages of a launch in a frame: the EHR that launched, by the origins it is registered with."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from auth.client.registry import find_ehr, list_ehrs
from gateway.pages import HEADERS

if TYPE_CHECKING:
    from gateway.app import Gateway

POLICY = "Content-Security-Policy"


def framed_by(origins: Iterable[str]) -> dict[str, str]:
    """The headers of a page that these origins, and no others, may frame."""
    allowed = " ".join(sorted(set(origins))) or "'none'"
    return {**HEADERS, POLICY: HEADERS[POLICY].replace("frame-ancestors 'none'", f"frame-ancestors {allowed}")}


async def headers_of(gateway: "Gateway", ehr: str | None) -> dict[str, str]:
    """For a page in a session that this EHR's launch began; of no EHR, nobody frames it."""
    if ehr is None:
        return HEADERS
    cipher = gateway.keyring.cipher
    found = await gateway.run(lambda c, now: find_ehr(c, now, name=ehr, cipher=cipher))
    return framed_by(found.frame_origins if found else ())


async def headers_of_nobody(gateway: "Gateway") -> dict[str, str]:
    """For a page that shows no patient and changes nothing: any registered EHR may frame it, so that what a person sees in
    the EHR's frame at the end of a session is not an empty one."""
    cipher = gateway.keyring.cipher
    found = await gateway.run(lambda c, now: list_ehrs(c, now, cipher=cipher))
    return framed_by(origin for ehr in found for origin in ehr.frame_origins)
