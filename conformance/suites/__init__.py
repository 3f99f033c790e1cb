"""The suites, named here and nowhere else."""

from collections.abc import Mapping

from conformance.session import Suite
from conformance.suites import access, api, bulk, gateway, smart, writeback

SUITES: Mapping[str, Suite] = {
    "smart": smart.SUITE,
    "access": access.SUITE,
    "writeback": writeback.SUITE,
    "bulk": bulk.SUITE,
    "api": api.SUITE,
    "gateway": gateway.SUITE,
}
NOT_YET: tuple[str, ...] = ()
"""Suites that later work brings; asking for one is an error, not an empty pass."""
