"""What answers say: resources of a Bundle, ids, versions, whom a resource names. Values; nothing is raised for bad answers."""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urljoin

from conformance.check import Problems
from conformance.evidence import Exchange, split


def resources(answer: Exchange) -> list[Mapping[str, Any]]:
    """The resources of a Bundle that were found, pulled in or kept: what is said about the request is none of them."""
    found = [entry.get("resource") for entry in entries(answer)]
    return [each for each in found if isinstance(each, dict) and each.get("resourceType") != "OperationOutcome"]


def entries(answer: Exchange) -> list[Mapping[str, Any]]:
    """The entries of a Bundle."""
    found = answer.table.get("entry")
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def statuses(answer: Exchange) -> list[int]:
    """The statuses of the entries of a batch's or transaction's answer; 0 where none is said."""
    told = [entry.get("response") for entry in entries(answer)]
    said = [str(each.get("status", ""))[:3] if isinstance(each, dict) else "" for each in told]
    return [int(each) if each.isdigit() else 0 for each in said]


def link(answer: Exchange, relation: str = "next") -> str | None:
    """The absolute address of a link of a Bundle, which may say it from the address that was asked."""
    found = answer.table.get("link")
    rows = [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []
    said = next((str(each.get("url")) for each in rows if each.get("relation") == relation), None)
    return None if said is None else joined(answer.url, said)


def joined(address: str, place: str) -> str:
    """Where a place is that an answer of the address names, absolutely or from there; the place itself when it is none."""
    try:
        return urljoin(address, place)
    except ValueError:
        return place


def id_of(answer: Exchange) -> str | None:
    """The id of what was written: from the address that is told, else from the body."""
    place = answer.headers.get("location") or answer.headers.get("content-location") or ""
    return id_in(place) or (str(answer.table["id"]) if answer.table.get("resourceType") != "OperationOutcome"
                            and "id" in answer.table else None)  # fmt: skip


def id_in(place: str) -> str | None:
    """The id in ``[base/]Type/id[/_history/version]``."""
    parts = [part for part in split(place).path.split("/") if part]
    if "_history" in parts:
        parts = parts[: parts.index("_history")]
    return parts[-1] if len(parts) >= 2 and parts[-2][:1].isupper() else None


def version_of(answer: Exchange) -> str | None:
    """The version of a resource that was read."""
    meta = answer.table.get("meta")
    return str(meta["versionId"]) if isinstance(meta, dict) and "versionId" in meta else None


def etag(answer: Exchange) -> str | None:
    """What the ETag says, without its marks."""
    said = answer.headers.get("etag", "")
    return said.removeprefix("W/").strip('"') or None


def codings(resource: Mapping[str, Any], member: str) -> set[tuple[str, str]]:
    """``(system, code)`` of a CodeableConcept or Coding, or of several."""
    found = resource.get(member)
    listed = found if isinstance(found, list) else [found]
    inner = [each.get("coding", [each]) for each in listed if isinstance(each, dict)]
    return {
        (str(each.get("system", "")), str(each.get("code", "")))
        for group in inner
        if isinstance(group, list)
        for each in group
        if isinstance(each, dict)
    }


def labels(resource: Mapping[str, Any]) -> set[str]:
    """The codes of ``meta.security``."""
    meta = resource.get("meta")
    return {code for _, code in codings(meta, "security")} if isinstance(meta, dict) else set()


def references(value: Any) -> Iterator[str]:
    """Every ``reference`` within."""
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        for each in value.values():
            yield from references(each)
    elif isinstance(value, list):
        for each in value:
            yield from references(each)


def names(value: Any, local: str) -> bool:
    """Whether a reference within names ``Type/id``, relatively or absolutely, of whatever version."""
    plain = (each.partition("/_history/")[0] for each in references(value))
    return any(each == local or each.endswith(f"/{local}") for each in plain)


def refused(answer: Exchange, *statuses: int) -> Problems:
    """A refusal is a 4xx, or one of the given."""
    fine = answer.status in statuses if statuses else 400 <= answer.status < 500
    if not fine:
        yield f"answered {answer.status}" + (f" instead of {' or '.join(map(str, statuses))}" if statuses else "")
