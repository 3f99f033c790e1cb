"""Edge: a model behind a URL: one POST with its features, one JSON answer, and nothing else sent.

No patient identifier leaves: the request holds the model's id and version, the time, and the features with units.
"""

from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson

from vocabulary.chart import Chart
from vocabulary.instant import format_instant
from vocabulary.manifest import Manifest, ManifestError

TIMEOUT = 10.0
"""Seconds for the whole answer to begin; a launch waits for it."""
LONGEST = 1_000_000
"""Bytes of an answer that are read: a text of a model is far shorter."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class RemoteModelError(Exception):
    """The service did not answer, or not with a JSON object and status 200."""


def caller(
    manifest: Manifest, *, client: httpx2.Client | None = None
) -> Callable[[dict[str, Any], Chart], Mapping[str, Any]]:  # fmt: skip
    """The ``predict`` of a remote model. Raises ManifestError unless the address is https, or http on loopback.

    ``client`` is the transport seam; by default one without proxies of the environment and without redirects.
    """
    url = manifest.url or ""
    address = urlsplit(url)
    secure = address.scheme == "https" or (address.scheme == "http" and address.hostname in LOOPBACK)
    if not secure or not address.hostname or address.username or address.password:
        raise ManifestError(["model.url must be https (http on loopback only) and hold no credentials"])
    sender = client or httpx2.Client(timeout=TIMEOUT, follow_redirects=False, trust_env=False)

    def predict(features: dict[str, Any], chart: Chart) -> Mapping[str, Any]:
        body = {
            "model": manifest.id,
            "version": manifest.version,
            "as_of": format_instant(chart.as_of),
            "features": {name: {"value": value, "unit": _unit(chart, name)} for name, value in features.items()},
        }
        return _post(sender, url, orjson.dumps(body))

    return predict


def _unit(chart: Chart, name: str) -> str | None:
    value = chart.features.get(name)
    return value.unit if value else None


def _post(client: httpx2.Client, url: str, body: bytes) -> Mapping[str, Any]:
    headers = {"content-type": "application/json", "accept": "application/json"}
    try:
        with client.stream("POST", url, content=body, headers=headers) as reply:
            if reply.status_code != 200:
                raise RemoteModelError(f"the service answered {reply.status_code}")
            content = b""
            for piece in reply.iter_bytes():
                content += piece
                if len(content) > LONGEST:
                    raise RemoteModelError("the answer is too long")
    except httpx2.HTTPError as wrong:
        raise RemoteModelError("the service did not answer") from wrong
    try:
        said = orjson.loads(content)
    except orjson.JSONDecodeError as wrong:
        raise RemoteModelError("the answer is not JSON") from wrong
    if not isinstance(said, dict):
        raise RemoteModelError("the answer is not a JSON object")
    return said
