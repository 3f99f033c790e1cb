"""The app as an EHR sees it: what it asks, what it sends, and how it takes an EHR that does not do as it should."""

from conformance.check import marked
from conformance.session import Part, Suite
from conformance.suites.gateway import asking, collect, distrust, identities, proving, redeeming, using

SUITE = Suite(
    checks=(
        *asking.CHECKS, *redeeming.CHECKS, *proving.CHECKS, *using.CHECKS, *distrust.CHECKS, *identities.CHECKS,
        *marked([identities.ROTATED], slow=True),
    ),
    parts=(
        Part(name="launches", collect=collect.launches), Part(name="rotation", collect=collect.rotation, slow=True),
    ),
    plays=True,
)  # fmt: skip
