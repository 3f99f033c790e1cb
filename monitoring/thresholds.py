"""The thresholds of a deployment: a versioned document, signed with Ed25519 by whoever answers for them (FDA, final guidance
on predetermined change control plans, 2024-12-04: set before go-live, and not by the model's own team).

::

    {"format": "chartgate-thresholds/1", "deployment": "urn:…", "version": 3, "issued": "2026-01-02T03:04:05Z",
     "monitors": {"M-IN-01": {"warn": 0.08}}, "models": {"news2": {"M-OUT-04": {"factor": 6}}},
     "signature": {"algorithm": "Ed25519", "key": "…", "value": "…"}}

Members that are not given keep their default. The signature (base64url) is over the document without it, as JSON with sorted
names and no spaces; ``key`` is the first 16 hex digits of the SHA-256 of the raw public key.
"""

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from math import isfinite
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from vocabulary.instant import parse_instant

FORMAT = "chartgate-thresholds/1"
Numbers = Mapping[str, float]

DEFAULTS: Mapping[str, Numbers] = {
    "M-IN-01": {"warn": 0.05, "alpha": 1e-4, "critical": 0.25, "share": 0.20},
    "M-IN-02": {"slack": 0.25, "warn": 24.0, "critical": 50.0},
    # h = 6 against twice the rate, as first designed, raises 0.018 false alarms in 1,000 encounters with a reference of
    # 10,000 (measured): over the bar of 0.01. Two sums at 9.5 raise 0.003 and find 2 → 20 % sooner.
    "M-IN-03": {"ratio": 2.0, "jump": 6.0, "floor": 0.005, "warn": 9.5, "critical": 14.0},
    "M-IN-04": {"warn": 0.60, "critical": 0.75, "alpha": 0.005},
    "M-OUT-02": {"delta": 0.0002, "page_hinkley": 0.0},
    "M-OUT-03": {"high": 1.5, "low": 0.5, "warn": 13.0, "critical": 18.0},
    "M-OUT-04": {"factor": 4.0},
    "M-PERF-01": {"events": 50, "drop": 0.05, "alpha": 1e-4},
    "M-PERF-02": {"warn_low": 0.80, "warn_high": 1.25, "critical_low": 0.67, "critical_high": 1.50, "alpha": 1e-4},
    "M-PERF-03": {"deviations": 3.0},
    "M-SUB-01": {"least": 200, "gap": 2.0},
    "M-HAL-01": {"p0": 0.015, "p1": 0.03, "warn": 12.0, "critical": 16.0},
    "M-HAL-02": {"critical": 0.005, "least": 200},
    "M-HAL-03": {"critical": 0.005, "least": 200},
    "M-HAL-04": {"warn": 0.60, "critical": 0.40, "least": 100},
    "M-HAL-05": {"p0": 0.035, "p1": 0.07, "warn": 12.0, "critical": 16.0},
}
"""Every number that a deployment may set, with its default. Measured in docs/reference/monitors.md."""


SHARES = frozenset({"alpha", "delta", "floor", "p0", "p1", "low"})
"""Members that are a chance, or a rate, or part of one: at 0 or 1 no evidence could be counted."""
RATIOS = frozenset({"ratio", "jump", "high"})
"""Members that say how many times the usual rate is looked for."""


class ThresholdsInvalid(ValueError):
    """The text names the member and what is wrong with it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Thresholds:
    """``version`` 0 are the defaults, which nobody signed."""

    version: int = 0
    deployment: str = ""
    issued: float | None = None
    monitors: Mapping[str, Numbers] = field(default_factory=dict)
    models: Mapping[str, Mapping[str, Numbers]] = field(default_factory=dict)
    key: str = ""

    def of(self, model: str, monitor: str) -> Numbers:
        """The numbers of one monitor for one model."""
        return {
            **DEFAULTS.get(monitor, {}),
            **self.monitors.get(monitor, {}),
            **self.models.get(model, {}).get(monitor, {}),
        }


def key_id(public: Ed25519PublicKey) -> str:
    """The name of a key in a document."""
    return sha256(public.public_bytes_raw()).hexdigest()[:16]


def sign(document: Mapping[str, Any], private: Ed25519PrivateKey) -> dict[str, Any]:
    """The document with its signature, in place of any that it had. Raises ThresholdsInvalid."""
    body = {name: value for name, value in document.items() if name != "signature"}
    _parse(body, key="")
    value = base64.urlsafe_b64encode(private.sign(_signed(body))).decode().rstrip("=")
    return {**body, "signature": {"algorithm": "Ed25519", "key": key_id(private.public_key()), "value": value}}


def verify(document: Any, trusted: Mapping[str, Ed25519PublicKey], *, deployment: str | None = None) -> Thresholds:
    """The thresholds, when a trusted key signed them for this deployment (any, when None). Raises ThresholdsInvalid."""
    if not isinstance(document, dict):
        raise ThresholdsInvalid("the thresholds must be a JSON object")
    signature = document.get("signature")
    if not isinstance(signature, dict) or signature.get("algorithm") != "Ed25519":
        raise ThresholdsInvalid("signature must be an object with algorithm Ed25519, key and value")
    public = trusted.get(str(signature.get("key")))
    if public is None:
        raise ThresholdsInvalid("signature.key is none of the trusted keys")
    body = {name: value for name, value in document.items() if name != "signature"}
    try:
        value = str(signature.get("value"))
        public.verify(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)), _signed(body))
    except (InvalidSignature, ValueError) as wrong:
        raise ThresholdsInvalid("signature.value does not fit the document") from wrong
    found = _parse(body, key=str(signature["key"]))
    if deployment is not None and found.deployment != deployment:
        raise ThresholdsInvalid("deployment is another than this installation's")
    return found


def parse_unsigned(document: Any) -> Thresholds:
    """The thresholds that a document says, whoever signed it: to try them, never to run on them. Raises ThresholdsInvalid."""
    if not isinstance(document, dict):
        raise ThresholdsInvalid("the thresholds must be a JSON object")
    return _parse({name: value for name, value in document.items() if name != "signature"}, key="")


def _signed(body: Mapping[str, Any]) -> bytes:
    try:
        return json.dumps(body, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()
    except (TypeError, ValueError) as wrong:
        raise ThresholdsInvalid("the thresholds must be JSON") from wrong


def _parse(body: Mapping[str, Any], *, key: str) -> Thresholds:
    unknown = sorted(set(map(str, body)) - {"format", "deployment", "version", "issued", "monitors", "models", "notes"})
    if unknown:
        raise ThresholdsInvalid("there is a member that the format does not know")
    if body.get("format") != FORMAT:
        raise ThresholdsInvalid(f"format must be {FORMAT}")
    version = body.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise ThresholdsInvalid("version must be a whole number from 1 on")
    if not isinstance(body.get("deployment"), str) or not body["deployment"]:
        raise ThresholdsInvalid("deployment must be the installation's namespace")
    try:
        issued = parse_instant(str(body.get("issued")))
    except ValueError as wrong:
        raise ThresholdsInvalid("issued must be an instant") from wrong
    models = body.get("models", {})
    if not isinstance(models, dict):
        raise ThresholdsInvalid("models must be an object")
    return in_order(Thresholds(
        version=version, deployment=body["deployment"], issued=issued, key=key,
        monitors=parse_monitors(body.get("monitors", {}), "monitors"),
        models={str(name): parse_monitors(each, "models") for name, each in models.items()},
    ))  # fmt: skip


def in_order(found: Thresholds) -> Thresholds:
    """The same, where every pair of rates is one of less and more, for whichever model. Raises ThresholdsInvalid."""
    for model in ("", *found.models):
        for monitor in DEFAULTS:
            numbers = found.of(model, monitor)
            if "p0" in numbers and not numbers["p0"] < numbers["p1"]:
                raise ThresholdsInvalid(f"{monitor}.p0 must be below p1")
    return found


def parse_monitors(table: Any, path: str) -> dict[str, Numbers]:
    """Numbers by monitor, each one that the monitor knows and can work with. Raises ThresholdsInvalid."""
    if not isinstance(table, dict):
        raise ThresholdsInvalid(f"{path} must be an object")
    for monitor, numbers in table.items():
        known = DEFAULTS.get(monitor)
        if known is None or not isinstance(numbers, dict):
            raise ThresholdsInvalid(f"{path} must name monitors that have thresholds, each with an object")
        for name, value in numbers.items():
            if name not in known:
                raise ThresholdsInvalid(f"{path}.{monitor} has a member that the monitor does not know")
            if not _from_0_on(value):
                raise ThresholdsInvalid(f"{path}.{monitor}.{name} must be a finite number from 0 on")
            if name in SHARES and not 0 < value < 1:
                raise ThresholdsInvalid(f"{path}.{monitor}.{name} must lie between 0 and 1")
            if name in RATIOS and value <= 1:
                raise ThresholdsInvalid(f"{path}.{monitor}.{name} must be above 1")
    return {monitor: {name: float(value) for name, value in numbers.items()} for monitor, numbers in table.items()}


def _from_0_on(value: Any) -> bool:
    """JSON as Python reads it knows NaN, Infinity, and whole numbers that no float holds."""
    if not isinstance(value, int | float) or isinstance(value, bool):
        return False
    try:
        return isfinite(value) and value >= 0
    except OverflowError:
        return False
