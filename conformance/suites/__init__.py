"""The suites, named here and nowhere else."""

from collections.abc import Mapping

from conformance.session import Suite
from conformance.suites import access, gateway, smart, writeback

SUITES: Mapping[str, Suite] = {
    "smart": smart.SUITE,
    "access": access.SUITE,
    "writeback": writeback.SUITE,
    "gateway": gateway.SUITE,
}
NOT_YET = ("bulk", "api")
"""Suites that later work brings; asking for one is an error, not an empty pass."""
