"""Edge: a model behind a URL: a POST with its features, one JSON answer, and nothing else sent.

No patient identifier leaves: the request holds the model's id and version, the time, and the features with units. A model
has no memory, so that what was not answered may be asked again, as long as there is time. The contract:
docs/how-to/add-a-model.md.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import httpx2
import orjson

from vocabulary.chart import Chart
from vocabulary.instant import format_instant
from vocabulary.manifest import Manifest, ManifestError

SECONDS = 10.0
"""For the whole answer, every try and every pause included: a launch waits for it."""
CONNECT = 3.0
PAUSES = (0.2, 1.0)
"""Seconds before a second and a third try."""
AGAIN = frozenset({429, 502, 503, 504})
"""Answers that say nothing about the question."""
LONGEST = 1_000_000
"""Bytes of an answer that are read: a text of a model is far shorter."""
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class RemoteModelError(Exception):
    """The service did not answer, or not with a JSON object and status 200."""


class _Silent(RemoteModelError):
    """This try came to nothing, and another may not."""


def caller(
    manifest: Manifest, *, client: httpx2.Client | None = None, pauses: Sequence[float] = PAUSES, seconds: float = SECONDS
) -> Callable[[dict[str, Any], Chart], Mapping[str, Any]]:  # fmt: skip
    """The ``predict`` of a remote model. Raises ManifestError unless the address is https, or http on loopback.

    ``client`` is the transport seam; by default one without proxies of the environment and without redirects.
    """
    url = manifest.url or ""
    address = urlsplit(url)
    secure = address.scheme == "https" or (address.scheme == "http" and address.hostname in LOOPBACK)
    if not secure or not address.hostname or address.username or address.password:
        raise ManifestError(["model.url must be https (http on loopback only) and hold no credentials"])
    sender = client or httpx2.Client(
        timeout=httpx2.Timeout(SECONDS, connect=CONNECT), follow_redirects=False, trust_env=False
    )

    def predict(features: dict[str, Any], chart: Chart) -> Mapping[str, Any]:
        body = {
            "model": manifest.id,
            "version": manifest.version,
            "as_of": format_instant(chart.as_of),
            "features": {name: {"value": value, "unit": _unit(chart, name)} for name, value in features.items()},
        }
        return _ask(sender, url, orjson.dumps(body), pauses=pauses, seconds=seconds)

    return predict


def _unit(chart: Chart, name: str) -> str | None:
    value = chart.features.get(name)
    return value.unit if value else None


def _ask(client: httpx2.Client, url: str, body: bytes, *, pauses: Sequence[float], seconds: float) -> Mapping[str, Any]:
    """The answer of the first try that brings one. Raises RemoteModelError, at the latest when the time is up."""
    end = time.monotonic() + seconds
    for pause in pauses:
        try:
            return _post(client, url, body, end=end)
        except _Silent:
            if time.monotonic() + pause >= end:
                raise
            time.sleep(pause)
    return _post(client, url, body, end=end)


def _post(client: httpx2.Client, url: str, body: bytes, *, end: float) -> Mapping[str, Any]:
    headers = {"content-type": "application/json", "accept": "application/json"}
    left = max(end - time.monotonic(), 0.001)
    within = httpx2.Timeout(left, connect=min(CONNECT, left))
    try:
        with client.stream("POST", url, content=body, headers=headers, timeout=within) as reply:
            if reply.status_code in AGAIN:
                raise _Silent(f"the service answered {reply.status_code}")
            if reply.status_code != 200:
                raise RemoteModelError(f"the service answered {reply.status_code}")
            content = _bounded(reply, end)
    except httpx2.HTTPError as wrong:
        raise _Silent("the service did not answer") from wrong
    try:
        said = orjson.loads(content)
    except orjson.JSONDecodeError as wrong:
        raise RemoteModelError("the answer is not JSON") from wrong
    if not isinstance(said, dict):
        raise RemoteModelError("the answer is not a JSON object")
    return said


def _bounded(reply: httpx2.Response, end: float) -> bytes:
    content = bytearray()
    for piece in reply.iter_bytes():
        content += piece
        if len(content) > LONGEST:
            raise RemoteModelError("the answer is too long")
        if time.monotonic() > end:
            raise RemoteModelError("the answer takes too long")
    return bytes(content)
