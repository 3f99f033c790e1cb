"""``load``."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json, could_not, perform

if TYPE_CHECKING:
    from gateway.sandbox_ehrs.load_files import Item, Source

AT_ONCE, AT_ONCE_ALONE = 50, 500
"""Resources in one transaction: few where a server answers others meanwhile."""
SHOWN = 20
"""Refusals and dangling references that are listed; the rest is counted."""


def register(application: typer.Typer) -> None:
    """Adds these commands to the application."""
    application.command("load")(load)


def load(
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE…", help="NDJSON, Bundles, or folders of them.", exists=True)
    ],
    ehr: Annotated[str, typer.Option(metavar="NAME", help="The sandbox EHR.")] = "spec",
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Load resources into an embedded sandbox EHR, each validated, its id kept. Exit 1 when some were refused."""
    from gateway.cli.printing import console, print_json
    from gateway.sandbox_ehrs.load_files import Unreadable, sources

    loading = Loading(data, ehr)
    try:
        report = [loading.file(source, quiet=json) for source in sources(files)]
        dangling = loading.dangling()
    except Unreadable as refused:
        could_not(str(refused))
    result = {"ehr": ehr, "files": report, "dangling": dangling[:SHOWN], "dangling_total": len(dangling)}
    if json:
        print_json(result)
    else:
        for each in report:
            counts = ", ".join(f"{each[name]} {name}" for name in ("created", "updated", "unchanged"))
            console.print(f"{each['file']}: {counts}, {each['refused_total']} refused", markup=False)
            for wrong in each["refused"]:
                console.print(f"  line {wrong['line']}: {wrong['element']} {wrong['text']}", markup=False)
        if dangling:
            console.print(
                f"{len(dangling)} references lead to nothing, such as {', '.join(dangling[:3])}", markup=False
            )
    raise typer.Exit(1 if dangling or any(each["refused_total"] for each in report) else 0)


class Loading:
    """One run of the command: where it goes, and which references were seen."""

    def __init__(self, data: Path, ehr: str) -> None:
        from gateway.processes.server import read_server_file

        running = read_server_file(data)
        parts = urlsplit(running["url"]) if running else None
        root = f"{parts.scheme}://127.0.0.1:{parts.port}" if parts else "http://127.0.0.1"
        self._data, self._ehr, self._base = data, ehr, f"{root}/ehr/{ehr}/fhir"
        self._at_once = AT_ONCE if running else AT_ONCE_ALONE
        self._there: set[str] = set()
        self._named: set[str] = set()

    def file(self, source: "Source", *, quiet: bool) -> dict[str, Any]:
        """Loads one file, a part at a time; its report."""
        from rich.progress import Progress

        report: dict[str, Any] = {"file": source.path.name, "created": 0, "updated": 0, "unchanged": 0, "refused": [],
                                  "refused_total": 0}  # fmt: skip
        with Progress(disable=quiet or not sys.stdout.isatty(), transient=True) as progress:
            task = progress.add_task(source.path.name, total=source.size)
            part: list[Item] = []
            for item, done in source.items():
                if item.wrong:
                    self._refuse(report, item.line, "", item.wrong)
                    continue
                part.append(item)
                if len(part) == self._at_once:
                    self._part(source, part, report)
                    part = []
                    progress.update(task, completed=done)
            if part:
                self._part(source, part, report)
        return report

    def _part(self, source: "Source", part: list["Item"], report: dict[str, Any]) -> None:
        lines = [item.text for item in part]
        found = self._perform("load.part", lines=lines, names=source.names)
        for name in ("created", "updated", "unchanged"):
            report[name] += found[name]
        wrong = {each["at"] for each in found["refused"]}
        for each in found["refused"]:
            self._refuse(report, part[each["at"]].line, each["element"], each["text"])
        self._refer(source, [item.text for at, item in enumerate(part) if at not in wrong])

    @staticmethod
    def _refuse(report: dict[str, Any], line: int, element: str, text: str) -> None:
        report["refused_total"] += 1
        if len(report["refused"]) < SHOWN:
            report["refused"].append({"line": line, "element": element, "text": text})

    def _refer(self, source: "Source", texts: list[str]) -> None:
        from r4 import codec
        from r4.references import named

        for text in texts:
            body = codec.parse(text.encode())
            self._there.add(f"{body['resourceType']}/{body.get('id')}")
            self._named |= {source.names.get(said, said) for said in named(body) if "?" not in said}

    def dangling(self) -> list[str]:
        """References of what was loaded that lead to nothing."""
        wanted = sorted(self._named - self._there)
        found = [said for said in wanted if said.startswith("urn:")]
        for at in range(0, len(wanted), AT_ONCE):
            found += self._perform("load.missing", references=wanted[at : at + AT_ONCE])
        return sorted(set(found))

    def _perform(self, verb: str, **arguments: Any) -> Any:
        return perform(self._data, verb, ehr=self._ehr, base=self._base, **arguments)
