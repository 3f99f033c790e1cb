"""Edge: a FHIR server's resources into a temporary folder of NDJSON: by bulk export where it is offered, else page by page.

What could not be read is told, type by type; a token goes to the server's own address only, and not in the clear beyond loopback.
"""

import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from ipaddress import ip_address
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urljoin, urlsplit

import httpx2

from auth.client.ehr import below
from gateway.launches.searchset import ForeignLink, read_page
from gateway.sandbox_ehrs.sandboxes import SandboxError, read_secret
from r4 import codec
from r4.definitions import resource_types
from writeback.retry import parse_retry_after

FHIR = {"accept": "application/fhir+json"}
PAGE = "200"
SECONDS = 60.0
WAIT, LONGEST_WAIT = 2.0, 3600.0
"""Seconds between questions about an export, and in all."""
Tell = Callable[[str], None]


class Spooled(NamedTuple):
    """``place`` has NDJSON; ``complete`` says of each type that was asked for whether it was read to its end, and is empty
    where ``place`` is the source itself."""

    place: Path
    complete: Mapping[str, bool]


class NotSpooled(ValueError):
    """The source cannot be read at all; the text says what to do next."""


@contextmanager
def spooled(source: str, *, auth: Path | None, tell: Tell) -> Iterator[Spooled]:
    """A place with NDJSON: the source itself, or a folder that lasts as long as the context. ``auth`` is a file with a
    bearer token. Raises NotSpooled."""
    if not source.startswith(("http://", "https://")):
        place = Path(source)
        if not place.exists():
            raise NotSpooled("SOURCE is neither a FHIR URL nor a file or folder that is there")
        yield Spooled(place, {})
        return
    headers = {**FHIR, **({"authorization": f"Bearer {_secret(source, auth)}"} if auth else {})}
    with tempfile.TemporaryDirectory(prefix="chartgate-") as folder:
        with httpx2.Client(headers=headers, timeout=SECONDS, trust_env=False, follow_redirects=False) as client:
            try:
                complete = _fill(client, source.rstrip("/"), Path(folder), tell)
            except (httpx2.HTTPError, codec.CodecError) as failure:
                raise NotSpooled("the FHIR server does not answer, or not as one: check the URL") from failure
        yield Spooled(Path(folder), complete)


def _secret(source: str, auth: Path) -> str:
    try:
        secret = read_secret(auth)
    except SandboxError as wrong:
        raise NotSpooled(str(wrong)) from wrong
    if source.startswith("http://") and not _loopback(urlsplit(source).hostname or ""):
        raise NotSpooled("a token is sent over https only, or to this machine")
    return secret


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _fill(client: httpx2.Client, base: str, folder: Path, tell: Tell) -> dict[str, bool]:
    exported = client.get(f"{base}/$export", headers={"prefer": "respond-async"})
    if exported.status_code == 202 and below(base, exported.headers.get("content-location", "")):
        return _download(client, _finished(client, exported.headers["content-location"]), base, folder)
    return _page(client, base, folder, tell)


def _finished(client: httpx2.Client, status: str) -> dict[str, Any]:
    """The manifest of an export, once it has ended. Raises NotSpooled."""
    waited = 0.0
    while waited < LONGEST_WAIT:
        answer = client.get(status)
        if answer.status_code == 200:
            manifest = codec.parse(answer.content)
            return manifest if isinstance(manifest, dict) else {}
        if answer.status_code not in (202, 429, 503):
            raise NotSpooled("the server's bulk export failed: ask its operators")
        pause = min(parse_retry_after(answer.headers.get("retry-after"), time.time()) or WAIT, 60.0)
        time.sleep(pause)
        waited += pause
    raise NotSpooled("the server's bulk export did not end within an hour")


def _download(client: httpx2.Client, manifest: dict[str, Any], base: str, folder: Path) -> dict[str, bool]:
    """The files of an export. One at another address is asked for without the token."""
    if manifest.get("error"):
        raise NotSpooled("the server's bulk export reports errors: what it left out is not known")
    complete: dict[str, bool] = {}
    for number, each in enumerate(manifest.get("output") or ()):
        url, type = str(each.get("url", "")), str(each.get("type", ""))
        if type not in resource_types():
            continue
        with _opened(client, url, base) as answer:
            if answer.status_code != 200:
                raise NotSpooled("a file of the server's bulk export cannot be had")
            with (folder / f"{type}.{number:05d}.ndjson").open("wb") as file:
                for piece in answer.iter_bytes():
                    file.write(piece)
        complete[type] = True
    return complete


@contextmanager
def _opened(client: httpx2.Client, url: str, base: str) -> Iterator[httpx2.Response]:
    own = urlsplit(url)[:2] == urlsplit(base)[:2]
    headers = {"accept": "application/fhir+ndjson"}
    if own:
        with client.stream("GET", url, headers=headers) as answer:
            yield answer
    else:
        if not url.startswith("https://"):
            raise NotSpooled("a file of the server's bulk export is at an address without https")
        with httpx2.stream("GET", url, headers=headers, timeout=SECONDS, trust_env=False) as answer:
            yield answer


def _page(client: httpx2.Client, base: str, folder: Path, tell: Tell) -> dict[str, bool]:
    """Every type that the server says can be searched, Encounters first."""
    answer = client.get(f"{base}/metadata")
    statement = codec.parse(answer.content) if answer.status_code == 200 else None
    if not isinstance(statement, dict) or statement.get("resourceType") != "CapabilityStatement":
        raise NotSpooled("the URL is no FHIR base: its metadata cannot be read")
    complete: dict[str, bool] = {}
    for type in _types(statement):
        with (folder / f"{type}.ndjson").open("wb") as file:
            why = _read_type(client, base, type, file.write)
        if why:
            tell(f"{type}: {why}")
        complete[type] = not why
    if not any(complete.values()):
        raise NotSpooled("no type of the FHIR server could be read: does it want --auth?")
    return complete


def _types(statement: dict[str, Any]) -> list[str]:
    listed = {
        str(each.get("type"))
        for rest in statement.get("rest") or ()
        for each in rest.get("resource") or ()
        if any(way.get("code") == "search-type" for way in each.get("interaction") or ())
    }
    return sorted(listed & resource_types(), key=lambda type: (type != "Encounter", type))


def _read_type(client: httpx2.Client, base: str, type: str, write: Callable[[bytes], object]) -> str:
    """Writes a type's resources; answers what is wrong with it, nothing where it was read to its end."""
    path: str | None = f"{type}?_count={PAGE}"
    seen: set[str] = set()
    while path is not None and path not in seen:
        seen.add(path)
        answer = client.get(urljoin(f"{base}/", path))
        if answer.status_code != 200:
            return f"not read (HTTP {answer.status_code})" if len(seen) == 1 else "not read to its end"
        try:
            bundle = codec.parse(answer.content)
            page = read_page(bundle, base) if isinstance(bundle, dict) else None
        except ForeignLink:
            return "not read to its end: its next page is at another address"
        if page is None:
            return "not read: the answer is no searchset"
        for resource in page.matches:
            write(codec.format(resource) + b"\n")
        if page.partial:
            return "not read to its end: the server left something out"
        path = page.next
    return ""
