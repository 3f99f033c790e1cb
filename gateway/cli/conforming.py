"""What ``conform`` does: the run and its reports, from options to exit code."""

import asyncio
import sys
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import typer

import conformance
from conformance import baseline as earlier
from conformance import bundle as bundles
from conformance import readiness, report
from conformance.doors import BrowserDoor, PastedDoor, load_script
from conformance.options import Options
from conformance.probe import Wire
from conformance.report.showing import Shown
from conformance.run import Report
from gateway.cli.application import could_not
from gateway.cli.keeping import keep_report
from gateway.cli.printing import console, print_json, stderr
from gateway.cli.suites import FORMATS, SUITES


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """The options of the command line, by their names."""

    url: str
    suite: list[str] | None
    writes: bool
    slow: bool
    deadline: float
    listen: str | None
    public_url: str | None
    tls_ca: Path | None
    tls_cert: Path | None
    tls_key: Path | None
    proxy: str | None
    timeout: float
    rate: float
    client: Path | None
    login: Path | None
    paste: bool
    patient: list[str] | None
    report: Path | None
    format: list[str] | None
    keep: str | None
    data: Path
    baseline: Path | None
    profile: list[str] | None
    attest: Path | None
    bundle: Path | None
    bundle_key: Path | None
    replay: Path | None
    strict: bool
    json: bool

    @property
    def suites(self) -> tuple[str, ...] | None:
        """The suites that were named."""
        return words(self.suite) or None

    @property
    def formats(self) -> tuple[str, ...]:
        """Of the reports."""
        return words(self.format) or ("json",)

    @property
    def wire(self) -> Wire:
        """How the server is reached."""
        return Wire(
            ca=self.tls_ca, certificate=self.tls_cert, key=self.tls_key, proxy=self.proxy, seconds=self.timeout,
            rate=self.rate,
        )  # fmt: skip


def words(given: Sequence[str] | None) -> tuple[str, ...]:
    """Those of an option that may be given several times, each with several words."""
    return tuple(word for each in given or () for word in each.split(","))


def conform(said: Said) -> int:
    """The exit code; what cannot be done ends with 3, what was asked wrongly with 2."""
    _usage(said)
    try:
        before = earlier.load_baseline(said.baseline) if said.baseline else None
        profiles = [readiness.load_profile(name) for name in said.profile or ()]
        attested = readiness.load_attestations(said.attest)
        key = bundles.load_key(said.bundle_key, create=said.bundle is not None) if said.bundle_key else None
        found = _replayed(said.replay, key, said.suites) if said.replay else asyncio.run(_run(said))
        shown = replace(
            report.shown(found), comparison=earlier.compare(before, found) if before is not None else None,
            readiness=tuple(readiness.readiness(each, found.checks, attested) for each in profiles),
            bundle=_keep(said, found, key), strict=said.strict,
        )  # fmt: skip
        return _publish(said, shown)
    except conformance.CannotRun as failure:
        return could_not(str(failure))


def _usage(said: Said) -> None:
    """Ends with 2 for options that do not go together."""
    _known("--suite", said.suites or (), SUITES)
    _known("--format", said.formats, FORMATS)
    _known("--profile", said.profile or (), readiness.names())
    wrong = {
        "URL is missing: the FHIR base of the server under test": not said.url and not said.replay,
        "--replay judges without a server: leave URL out": bool(said.url and said.replay),
        "--bundle and --replay need --bundle-key FILE": bool(said.bundle or said.replay) and not said.bundle_key,
        "--login and --paste are two ways of the same": bool(said.login) and said.paste,
        "--attest is for a --profile": bool(said.attest) and not said.profile,
        "--tls-key is the key of --tls-cert: give both": bool(said.tls_key) and not said.tls_cert,
        "--patient names two test patients: --patient A --patient B": len(said.patient or ()) == 1,
        "--listen is HOST:PORT": said.listen is not None and not said.listen.rpartition(":")[2].isdigit(),
        "--public-url says how --listen is reached: give both": bool(said.public_url) and not said.listen,
    }
    for text in (text for text, so in wrong.items() if so):
        raise typer.BadParameter(text)


def _known(option: str, given: Iterable[str], known: Iterable[str]) -> None:
    known = tuple(known)
    if unknown := [name for name in given if name not in known]:
        raise typer.BadParameter(f"{option} knows {', '.join(known)}, not {len(unknown)} of those given")


def _replayed(file: Path, key: bundles.BundleKey | None, suites: tuple[str, ...] | None) -> Report:
    """The run of the bundle, judged again, or these of its suites."""
    assert key is not None
    try:
        found = bundles.open_bundle(file.read_bytes(), key)
    except OSError as failure:
        raise conformance.CannotRun("--replay must name a bundle that can be read") from failure
    if suites is None:
        return found
    if lacking := [name for name in suites if name not in found.suites]:
        raise conformance.CannotRun(f"--replay: the bundle has no evidence of the suite {lacking[0]}")
    return replace(found, suites=suites, checks=tuple(item for item in found.checks if item.suite in suites))


async def _run(said: Said) -> Report:
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

    door = _door(said)
    options = Options(
        suites=said.suites, writes=said.writes, slow=said.slow, client=said.client, patients=tuple(said.patient or ()),
        deadline=said.deadline, wire=said.wire, door=door, listen=said.listen, public_url=said.public_url,
    )  # fmt: skip
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=stderr, transient=True, disable=said.json or said.paste) as progress:
        task = progress.add_task("discovery", total=None)

        def told(name: str, done: int, all: int) -> None:
            progress.update(task, description=name, completed=done, total=all)

        try:
            return await conformance.run(said.url, options, told=told)
        finally:
            if door is not None:
                await door.close()


def _door(said: Said) -> BrowserDoor | PastedDoor | None:
    if said.login is not None:
        return BrowserDoor(steps=load_script(said.login), wire=said.wire)
    return PastedDoor(ask=_ask) if said.paste else None


def _ask(address: str) -> str:
    """The address where a person's browser ended; empty when it ended on a page."""
    stderr.print(
        "Open this, sign in, and paste the address where it ends (Enter when it ends on a page):", markup=False
    )
    stderr.print(address, markup=False, soft_wrap=True, highlight=False)
    return sys.stdin.readline()


def _keep(said: Said, found: Report, key: bundles.BundleKey | None) -> dict[str, str] | None:
    """The bundle that was written, or read."""
    if key is None:
        return None
    if said.bundle is not None:
        try:
            said.bundle.write_bytes(bundles.seal(found, key))
        except OSError as failure:
            raise conformance.CannotRun("--bundle: the file cannot be written there") from failure
    file = said.bundle or said.replay
    return {"file": file.name, "key": key.name, "signer": key.fingerprint} if file else None


def _publish(said: Said, shown: Shown) -> int:
    if said.report is not None:
        try:
            report.write(shown, said.report, said.formats)
        except OSError as failure:
            raise conformance.CannotRun("--report must name a directory that can be written to") from failure
    if said.keep:
        sites = keep_report(said.data, report.as_json(shown), report.FORMATS["html"][1](shown), by=said.keep)
        about = f", and as evidence of the site {', '.join(sites)}" if sites else ""
        stderr.print(f"kept with the installation{about}", markup=False, soft_wrap=True)
    if said.json:
        print_json(report.as_json(shown))
    else:
        report.print_table(shown, console)
    return 1 if shown.failed else 0
