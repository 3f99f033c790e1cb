"""The suites: each a tuple of checks, named here and nowhere else."""

from collections.abc import Mapping

from conformance.check import Check
from conformance.suites import access, smart, writeback

SUITES: Mapping[str, tuple[Check, ...]] = {
    "smart": smart.CHECKS,
    "access": access.CHECKS,
    "writeback": writeback.CHECKS,
}
NOT_YET = ("gateway", "bulk", "api")
"""Suites that later work brings; asking for one is an error, not an empty pass."""
