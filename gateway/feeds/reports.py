"""Edge: a profile's files: the document, a report for people (plots without scripts, nothing from elsewhere), PIQI-shaped scores,
and the lines that could not be read."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson

from fidelity.profiling import Trouble
from fidelity.scores import scores
from gateway.pages import STATIC, profiles, render


def save(out: Path, document: Mapping[str, Any], troubles: Sequence[Trouble]) -> None:
    """Writes the document to a file that ends in ``.json``, or everything to a folder."""
    if out.suffix == ".json":
        out.write_bytes(dump(document))
        return
    out.mkdir(parents=True, exist_ok=True)
    scored = scores(document)
    (out / "profile.json").write_bytes(dump(document))
    (out / "piqi.json").write_bytes(dump(scored))
    (out / "report.html").write_text(report(document, scored, troubles))
    (out / "unreadable.ndjson").write_bytes(b"".join(orjson.dumps(each._asdict()) + b"\n" for each in troubles))


def dump(document: Any) -> bytes:
    """JSON as it is written to a file."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2)


def report(document: Mapping[str, Any], scored: Mapping[str, Any], troubles: Sequence[Trouble]) -> str:
    """The report as one HTML file."""
    return render(
        "profile_report.html", document=document, scored=scored, troubles=troubles, plots=profiles.plots(document),
        css=(STATIC / "style.css").read_text(),
    )  # fmt: skip
