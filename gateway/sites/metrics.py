"""Success metrics and thresholds, defined and signed outside the model's team. Format::

    {"format": "chartgate-metrics/1", "site": "lakeside", "version": 1,
     "metrics": [{"id": "news2-ppv", "model": "news2", "definition": "…", "numerator": "…", "denominator": "…",
                  "population": "…", "owner": "…", "review": "2027-03-01",
                  "monitor": "M-PERF-02", "thresholds": {"warn_high": 1.25}}],
     "signature": {"by": "…", "role": "…", "at": "2026-11-26T10:00:00Z", "algorithm": "Ed25519", "key": "…", "value": "…"}}

The signature (base64url) is over the whole document without ``value``, as JSON with sorted names and no spaces; ``key`` is the
first 16 hex digits of the SHA-256 of the raw public key. Source of the idea: FDA, predetermined change control plans, final
guidance of 2024-12-04: what is measured and when one acts is set before go-live.
"""

import base64
import json
from binascii import Error as NotBase64
from collections.abc import Mapping, Sequence
from datetime import date
from hashlib import sha256
from typing import Annotated, Any, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import Field, ValidationError

from gateway.sites.declaration import Name, Table, Text
from gateway.sites.folder import Declared, SiteRefused
from monitoring.thresholds import ThresholdsInvalid, parse_monitors


class MetricsRefused(ValueError):
    """The document cannot be what a site is measured by; the text says why and what to do."""


Number = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Metric(Table):
    """``monitor`` and ``thresholds`` where a monitor of the product watches it; ``review`` when it is looked at again."""

    id: Name
    model: Text
    definition: Text
    numerator: Text
    denominator: Text
    population: Text
    owner: Text
    review: date
    monitor: Annotated[str, Field(pattern=r"^M-[A-Z]{2,4}-\d{2}$")] | None = None
    thresholds: Annotated[dict[str, Number], Field(default_factory=dict)]


class Signature(Table):
    """Who answers for it, in what role, since when."""

    by: Text
    role: Text
    at: Text
    algorithm: Literal["Ed25519"] = "Ed25519"
    key: Text
    value: Text


class Metrics(Table):
    """The whole document."""

    format: Literal["chartgate-metrics/1"]
    site: Name
    version: Annotated[int, Field(ge=1)]
    metrics: Annotated[tuple[Metric, ...], Field(min_length=1)]
    signature: Signature | None = None

    @property
    def thresholds(self) -> dict[str, dict[str, dict[str, float]]]:
        """By model and monitor, as the monitors take them."""
        found: dict[str, dict[str, dict[str, float]]] = {}
        for metric in self.metrics:
            if metric.monitor is not None:
                found.setdefault(metric.model, {}).setdefault(metric.monitor, {}).update(metric.thresholds)
        return found


def sign(document: Mapping[str, Any], *, key: Ed25519PrivateKey, by: str, role: str, at: str) -> dict[str, Any]:
    """The document with its signature. Raises MetricsRefused for one that is no document of metrics."""
    unsigned = {name: value for name, value in document.items() if name != "signature"}
    signature = {"by": by, "role": role, "at": at, "algorithm": "Ed25519", "key": key_id(key.public_key())}
    made = {**unsigned, "signature": signature}
    value = base64.urlsafe_b64encode(key.sign(_signed(made))).decode().rstrip("=")
    whole = {**made, "signature": {**signature, "value": value}}
    parse(whole)
    return whole


def parse(document: Any) -> Metrics:
    """Raises MetricsRefused, naming the first member that is wrong."""
    try:
        found = Metrics.model_validate(document)
    except ValidationError as wrong:
        first = wrong.errors(include_input=False)[0]
        path = ".".join(str(part) for part in first["loc"]) or "the document"
        if first["type"] in ("finite_number", "greater_than_equal") and "thresholds" in first["loc"]:
            raise MetricsRefused(f"{path} must be a finite number from 0 on") from None
        raise MetricsRefused(f"{path} does not have the right form: docs/how-to/declare-a-site.md") from None
    for number, metric in enumerate(found.metrics):
        try:
            if metric.monitor and metric.thresholds:
                parse_monitors({metric.monitor: metric.thresholds}, f"metrics.{number}.thresholds")
        except ThresholdsInvalid as wrong:
            raise MetricsRefused(str(wrong)) from None
    return found


def verify(document: Any, *, site: str, signers: Mapping[str, str], owners: frozenset[str]) -> Metrics:
    """The metrics of a site, signed by one of ``signers`` (name → public key, base64url) who owns none of the models. Raises
    MetricsRefused."""
    found = parse(document)
    signature = found.signature
    if found.site != site:
        raise MetricsRefused(f"is for the site {found.site}: have the document of {site} signed")
    if signature is None:
        raise MetricsRefused("is not signed: chartgate site sign DIR --key FILE --by NAME --role ROLE")
    if signature.by not in signers:
        raise MetricsRefused("is signed by somebody who is not in thresholds.signers of site.toml")
    if signature.by in owners:
        raise MetricsRefused("is signed by a model's owner: somebody else must sign it")
    try:
        public = Ed25519PublicKey.from_public_bytes(_bytes(signers[signature.by]))
        public.verify(_bytes(signature.value), _signed(dict(document)))
    except (InvalidSignature, ValueError, NotBase64) as failure:
        raise MetricsRefused("does not match its signature: what was changed must be signed again") from failure
    return found


def overtaken(version: int, newest: int) -> str:
    """What is said of a version that is older than one that was in force."""
    return (
        f"is version {version}, and version {newest} was in force here: put that back, or have these numbers signed as a later "
        "version"
    )


def read(declared: Declared) -> Metrics | None:
    """The metrics of a site's folder; None where it declares none. Raises MetricsRefused."""
    thresholds = declared.site.thresholds
    if thresholds is None:
        return None
    path = declared.folder / thresholds.file
    if path.resolve().parent != declared.folder.resolve():
        raise MetricsRefused("thresholds.file must be a file in the site's folder")
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as failure:
        raise MetricsRefused(f"{thresholds.file} cannot be read as JSON") from failure
    owners = frozenset(model.owners.model for model in declared.site.model)
    return verify(document, site=declared.id, signers=thresholds.signers, owners=owners)


def hold(declared: Sequence[Declared]) -> None:
    """Raises SiteRefused for a site whose metrics are declared and do not hold: what runs is measured by them, or not at all."""
    for each in declared:
        try:
            read(each)
        except MetricsRefused as refused:
            file = each.site.thresholds.file if each.site.thresholds else ""
            raise SiteRefused(each.folder, [f"thresholds.file: {file} {refused}"]) from refused


def signer(declared: Declared) -> str | None:
    """Who signed what is in force, for people; None where nothing holds."""
    try:
        found = read(declared)
    except MetricsRefused:
        return None
    if found is None or found.signature is None:
        return None
    return f"{found.signature.by} ({found.signature.role}), version {found.version}, {found.signature.at[:10]}"


def key_id(public: Ed25519PublicKey) -> str:
    """The name of a key in a document."""
    return sha256(public.public_bytes_raw()).hexdigest()[:16]


def _signed(document: Mapping[str, Any]) -> bytes:
    signature = {name: value for name, value in document["signature"].items() if name != "value"}
    whole = {**document, "signature": signature}
    return json.dumps(whole, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
