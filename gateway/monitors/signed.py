"""Edge: the thresholds of this installation: ``DIR/thresholds.json``, signed with a key of ``DIR/thresholds.pub``."""

import base64
import json
from binascii import Error as Base64Error
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from gateway.installation import Installation
from gateway.keyring import KeyFileError
from gateway.sites import metrics
from gateway.sites.folder import Declared
from monitoring.thresholds import Thresholds, ThresholdsInvalid, in_order, key_id, verify

FILE, KEYS = "thresholds.json", "thresholds.pub"
HELP = f"have it signed again, or remove it: the defaults hold then ({FILE} in the installation's directory)"


def load_thresholds(installation: Installation) -> Thresholds:
    """The signed thresholds, or the defaults where there is no file. Raises KeyFileError, which stops the start."""
    return read_thresholds(installation.directory, deployment=installation.keyring.namespace)


def read_thresholds(directory: Path, *, deployment: str | None) -> Thresholds:
    """The thresholds of a directory for one deployment (any, when None). Raises KeyFileError."""
    path = directory / FILE
    if not path.exists():
        return Thresholds()
    try:
        return verify(json.loads(path.read_text()), trusted(directory / KEYS), deployment=deployment)
    except ThresholdsInvalid as wrong:
        raise KeyFileError(f"{FILE}: {wrong}; {HELP}") from wrong
    except (OSError, ValueError) as wrong:
        raise KeyFileError(f"{FILE} cannot be read as JSON; {HELP}") from wrong


def at(
    installed: Thresholds, declared: Sequence[Declared], ehr: str, newest: dict[str, int] | None = None
) -> Thresholds:  # fmt: skip
    """Those that were signed for the EHR's site, on top of the installation's. ``newest`` has the newest version that this
    process has seen of each site, and learns. Raises MetricsRefused, also for an older one than that."""
    found = next((each for each in declared if ehr in each.site.ehrs), None)
    signed_for = None if found is None else metrics.read(found)
    if found is None or signed_for is None:
        return installed
    if newest is not None:
        if signed_for.version < newest.get(found.id, 0):
            raise metrics.MetricsRefused(metrics.overtaken(signed_for.version, newest[found.id]))
        newest[found.id] = signed_for.version
    models = {**installed.models}
    for model, own in signed_for.thresholds.items():
        before = models.get(model, {})
        models[model] = {
            **before,
            **{monitor: {**before.get(monitor, {}), **numbers} for monitor, numbers in own.items()},
        }
    try:
        return in_order(replace(installed, version=signed_for.version, models=models))
    except ThresholdsInvalid as wrong:
        raise metrics.MetricsRefused(str(wrong)) from wrong


def trusted(path: Path) -> Mapping[str, Ed25519PublicKey]:
    """The keys of a file, one a line: 32 bytes in base64, ``#`` begins a remark. Raises KeyFileError."""
    try:
        lines = [line.partition("#")[0].strip() for line in path.read_text().splitlines()]
        keys = [Ed25519PublicKey.from_public_bytes(base64.b64decode(line, validate=True)) for line in lines if line]
    except OSError as wrong:
        raise KeyFileError(f"{KEYS} is missing: it lists the public keys that may sign {FILE}") from wrong
    except (Base64Error, ValueError) as wrong:
        raise KeyFileError(f"{KEYS} must hold Ed25519 public keys, 32 bytes in base64, one a line") from wrong
    return {key_id(key): key for key in keys}
