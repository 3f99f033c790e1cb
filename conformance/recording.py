"""A run's evidence as JSON and back, so that it can be judged again without the server."""

import base64
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from conformance.evidence import Evidence, Exchange
from conformance.run import SUITE_VERSION, Report
from conformance.suites import SUITES


def encode(report: Report) -> dict[str, Any]:
    """All that was seen. Raises TypeError, with its name, for evidence that is no JSON-like value."""
    numbers = {id(each): place for place, each in enumerate(report.exchanges)}
    exchanges = [_exchange(each) for each in report.exchanges]
    evidence = {}
    for name, value in report.evidence.items():
        try:
            evidence[name] = _value(value, numbers, exchanges)
        except TypeError as failure:
            raise TypeError(f"the evidence {name!r} cannot be kept: {failure}") from failure
    return {
        "suite_version": SUITE_VERSION, "target": report.target, "started": report.started, "seconds": report.seconds,
        "stopped": list(report.stopped), "left": list(report.left), "complete": report.complete, "writes": report.writes,
        "slow": report.slow, "suites": list(report.suites), "took": dict(report.took), "evidence": evidence,
        "exchanges": exchanges,
    }  # fmt: skip


def decode(document: Mapping[str, Any]) -> Report:
    """The run, its checks still to be judged; suites that are not there any more are left out."""
    exchanges = tuple(_read_exchange(each) for each in document["exchanges"])
    evidence = Evidence()
    for name, value in document["evidence"].items():
        evidence[name] = _read(value, exchanges)
    return Report(
        target=document["target"], started=document["started"], seconds=document["seconds"], checks=(),
        stopped=tuple(document["stopped"]), left=tuple(document["left"]), complete=document["complete"],
        writes=document["writes"], slow=document["slow"], took=document["took"], evidence=evidence,
        suites=tuple(name for name in document["suites"] if name in SUITES), exchanges=exchanges,
    )  # fmt: skip


def _exchange(each: Exchange) -> dict[str, Any]:
    said = asdict(each)
    return {**said, "body": _text(each.body), "content": _text(each.content)}


def _read_exchange(said: Mapping[str, Any]) -> Exchange:
    return Exchange(**{**said, "body": _bytes(said["body"]), "content": _bytes(said["content"])})


def _value(value: Any, numbers: dict[int, int], exchanges: list[dict[str, Any]]) -> Any:
    """Plain values are themselves; the others are a table with one member that begins with ``#``."""
    if value is None or isinstance(value, str | int | float | bool):
        return value
    if isinstance(value, Exchange):
        if id(value) not in numbers:  # one that did not come by the probe
            numbers[id(value)] = len(exchanges)
            exchanges.append(_exchange(value))
        return {"#exchange": numbers[id(value)]}
    if isinstance(value, bytes):
        return {"#bytes": _text(value)}
    if isinstance(value, set | frozenset):
        return {"#set": [_value(each, numbers, exchanges) for each in sorted(value, key=repr)]}
    if isinstance(value, list | tuple):
        return [_value(each, numbers, exchanges) for each in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {"#table": {key: _value(each, numbers, exchanges) for key, each in value.items()}}
    raise TypeError(f"a {type(value).__name__} is no JSON-like value")


def _read(value: Any, exchanges: tuple[Exchange, ...]) -> Any:
    if isinstance(value, list):
        return [_read(each, exchanges) for each in value]
    if not isinstance(value, dict):
        return value
    ((kind, held),) = value.items()
    if kind == "#exchange":
        return exchanges[held]
    if kind == "#bytes":
        return _bytes(held)
    if kind == "#set":
        return {_read(each, exchanges) for each in held}
    return {name: _read(each, exchanges) for name, each in held.items()}


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode()


def _bytes(text: str) -> bytes:
    return base64.b64decode(text)
