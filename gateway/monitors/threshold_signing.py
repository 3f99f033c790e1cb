"""Edge: the document of an installation's thresholds signed in place, every version kept; and what is in force, signed or not."""

import base64
import json
import os
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from gateway.monitors.signed import KEYS, read_thresholds, trusted
from gateway.sites.signing_keys import next_version
from monitoring.thresholds import FORMAT, ThresholdsInvalid, key_id, sign
from vocabulary.instant import format_instant


def sign_file(path: Path, *, key: Path, deployment: str, now: float) -> dict[str, Any]:
    """Signs the document for this installation as its next version, and keeps it as ``NAME-vN.json`` too. Raises
    ThresholdsInvalid, OSError."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as wrong:
        raise ThresholdsInvalid("the thresholds cannot be read as JSON") from wrong
    if not isinstance(document, dict):
        raise ThresholdsInvalid("the thresholds must be a JSON object")
    if document.setdefault("deployment", deployment) != deployment:
        raise ThresholdsInvalid("deployment is another than this installation's: take it out, and it is put in")
    document |= {
        "format": document.get("format", FORMAT), "version": next_version(document, path), "issued": format_instant(now),
    }  # fmt: skip
    made = sign(document, private_key(key))
    text = json.dumps(made, indent=1, ensure_ascii=False) + "\n"
    for each in (path.with_name(f"{path.stem}-v{made['version']}.json"), path):
        draft = each.with_name(f".{each.name}.new")
        draft.write_text(text, encoding="utf-8")
        os.replace(draft, each)
    return made


def private_key(file: Path) -> Ed25519PrivateKey:
    """The key of a PEM file (``chartgate site keygen``). Raises ThresholdsInvalid, OSError."""
    try:
        found = load_pem_private_key(file.read_bytes(), password=None)
    except (ValueError, TypeError) as wrong:
        raise ThresholdsInvalid("the key file holds no key without a password") from wrong
    if not isinstance(found, Ed25519PrivateKey):
        raise ThresholdsInvalid("the key must be an Ed25519 key: chartgate site keygen FILE makes one")
    return found


def trust(directory: Path, public: Ed25519PublicKey, *, remark: str) -> bool:
    """Lists the key among those that may sign; whether it was not there. Raises OSError, KeyFileError."""
    file = directory / KEYS
    if file.exists() and key_id(public) in trusted(file):
        return False
    line = f"{base64.b64encode(public.public_bytes_raw()).decode()}  # {remark}\n"
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "a") as stream:
        stream.write(line)
    return True


def in_force(directory: Path, *, deployment: str) -> dict[str, Any]:
    """What the monitors of this installation run on. Raises KeyFileError for a document that does not hold: then nothing runs."""
    found = read_thresholds(directory, deployment=deployment)
    return {
        "version": found.version, "signed": bool(found.key), "key": found.key or None,
        "issued": None if found.issued is None else format_instant(found.issued),
        "monitors": {name: dict(numbers) for name, numbers in found.monitors.items()},
        "models": {model: {name: dict(numbers) for name, numbers in each.items()} for model, each in found.models.items()},
    }  # fmt: skip
