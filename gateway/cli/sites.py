"""``site new|check|diff|record|history|rehearse``; the gates are in ``site_gates``, promotion in ``site_promote``, the change
plan in ``site_plan``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json, could_not, perform

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="A folder with site.toml.")]
Models = Annotated[list[Path] | None, typer.Option("--models", help="A folder of model folders; repeatable.")]


def register(application: typer.Typer) -> None:
    """Adds these commands to the application."""
    from gateway.cli import site_gates, site_plan, site_promote

    sites = typer.Typer(help="Sites: one customer each, declared in site.toml.", no_args_is_help=True)
    sites.command("new")(new)
    sites.command("check")(check)
    sites.command("diff")(diff)
    sites.command("record")(record)
    sites.command("history")(history)
    sites.command("rehearse")(rehearse)
    site_gates.register(sites)
    site_promote.register(sites)
    site_plan.register(sites)
    application.add_typer(sites, name="site")


def new(
    directory: Annotated[Path, typer.Argument(metavar="DIR", help="The new folder; its name becomes the site's id.")],
    title: Annotated[str, typer.Option(help="What people call the customer.")],
    vendor: Annotated[str, typer.Option(help="What kind of EHR it has (docs/reference/vendors.md).")] = "spec",
    ehr: Annotated[str | None, typer.Option(help="What its EHR is called here.")] = None,
    issuer: Annotated[
        str | None, typer.Option(metavar="URL", help="The EHR's FHIR base, as it sends it as iss.")
    ] = None,
    client_id: Annotated[str | None, typer.Option(help="The client id that the EHR has given.")] = None,
    network: Annotated[
        list[str] | None, typer.Option(metavar="CIDR", help="Where the EHR's address may be; repeatable.")
    ] = None,
    models: Models = None,
    json: Json = False,
) -> None:
    """Write a site's folder with every model in shadow."""
    from gateway.cli.printing import console, print_json
    from gateway.sites import scaffold
    from gateway.sites.folder import FILE, SiteRefused, parse_site
    from gateway.vendors import VENDORS

    if vendor not in VENDORS:
        raise typer.BadParameter(f"--vendor must be one of {', '.join(VENDORS)}")
    path = directory / FILE
    if path.exists():
        could_not(f"{path} is there already: take another folder")
    manifests = [model.manifest for model in load(models).values()]
    directory.mkdir(parents=True, exist_ok=True)
    known = {name: value for name, value in (("issuer", issuer), ("client_id", client_id)) if value is not None}
    placed = scaffold.Ehr(vendor=vendor, name=ehr, networks=tuple(network or ()), **known)
    path.write_text(scaffold.text(id=directory.resolve().name, title=title, ehr=placed, manifests=manifests))
    try:
        parse_site(directory)
    except SiteRefused as refused:
        path.unlink()
        raise typer.BadParameter(f"{refused}. Name the folder with small letters, digits and hyphens") from refused
    then = f"chartgate site check {directory}"
    print_json({"file": str(path), "next": then}) if json else console.print(
        f"wrote {path}; then: {then}", markup=False
    )


def load(folders: list[Path] | None) -> Any:
    from gateway.model_folders.models import ModelError
    from gateway.sites.checking import load_models
    from vocabulary.manifest import ManifestError

    try:
        return load_models(tuple(folders or ()))
    except (ModelError, ManifestError) as failure:
        return could_not(str(failure))


def read_declared(directory: Path, models: Any, *, wrong: int = 3, as_json: bool = False) -> Any:
    """The site; with everything that is wrong exit code ``wrong`` (a check has found it, nothing else can run with it), 3
    when there is no file."""
    from gateway.cli.printing import complain, print_json
    from gateway.sites.checking import check_file
    from gateway.sites.folder import FILE

    if not (directory / FILE).is_file():
        could_not(f"there is no {FILE} in {directory}: chartgate site new {directory} --title … writes one")
    found = check_file(directory, models)
    if not isinstance(found, tuple):
        return found
    if as_json:
        print_json({"ok": False, "problems": list(found), "ehrs": []})
    else:
        for problem in found:
            complain(f"{FILE}: {problem}")
    raise typer.Exit(wrong)


def check(
    directory: Folder,
    offline: Annotated[bool, typer.Option("--offline", help="The file only: ask no EHR.")] = False,
    models: Models = None,
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Read a site's file and ask its EHRs what will and will not work. Exit 1 when something is wrong."""
    import asyncio

    from gateway.cli.ehrs import print_lines
    from gateway.cli.printing import console, print_json
    from gateway.sites.checking import check_schedules, check_site

    known = load(models)
    declared = read_declared(directory, known, wrong=1, as_json=json)
    asked = check_schedules(declared, known) if offline else asyncio.run(check_site(declared, known, data))
    failed = any(line["result"] == "fail" for each in asked for line in each["lines"])
    if json:
        print_json({"ok": not failed, "problems": [], "ehrs": asked})
    else:
        console.print(f"site {declared.id}: site.toml can be used", markup=False)
        for each in asked:
            print_lines(each)
    raise typer.Exit(1 if failed else 0)


def diff(
    one: Annotated[str, typer.Argument(metavar="A", help="A site's folder.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Another, or @INSTANT: what was in force of A then.")],
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """What differs between two customers, or between a site and what was in force. Exit 1 when something does."""
    from dataclasses import asdict

    from gateway.cli.printing import print_json, print_table
    from gateway.sites.differing import differences

    left = _site(Path(one))
    right = _was(left, other[1:], data) if other.startswith("@") else _site(Path(other))
    found = differences(left, right)
    if json:
        print_json({"differences": [asdict(each) for each in found]})
    else:
        print_table(f"{one} and {other}", ("what", one, other), [(each.path, each.left, each.right) for each in found])
    raise typer.Exit(1 if found else 0)


def _site(folder: Path) -> Any:
    from gateway.sites.folder import SiteRefused, parse_site

    try:
        return parse_site(folder)
    except SiteRefused as refused:
        return could_not(str(refused))


def _was(site: Any, when: str, data: Path) -> Any:
    from gateway.sites.declaration import Site
    from vocabulary.instant import parse_instant

    try:
        at = parse_instant(when if "T" in when else f"{when}T23:59:59Z")
    except ValueError:
        raise typer.BadParameter("B must be a folder, @DATE or @INSTANT such as @2026-01-31") from None
    found = perform(data, "sites.at", site=site.site.id, at=at)
    return Site.model_validate(found) if found else could_not(f"{site.site.id} was not in force here then")


def record(
    directory: Folder,
    by: Annotated[str, typer.Option(help="Who changed the site.")],
    why: Annotated[str, typer.Option(help="Why.")],
    data: Data = DEFAULT_DATA,
    json: Json = False,
) -> None:
    """Keep the site's declaration as it is now, with who changed it and why. It is in force from the next start."""
    from gateway.cli.printing import console, print_json

    site = _site(directory)
    document = site.model_dump(mode="json", exclude_none=True)
    made = perform(data, "sites.record", document=document, by=by, why=why)
    text = "recorded" if made["new"] else "nothing has changed since the newest version"
    print_json(made) if json else console.print(text)


def history(
    site: Annotated[str, typer.Argument(help="The site's id.")], data: Data = DEFAULT_DATA, json: Json = False
) -> None:
    """Every version of a site that was in force: when, who, why."""
    from gateway.cli.printing import print_json, print_table

    found = perform(data, "sites.versions", site=site)
    if json:
        return print_json(found)
    return print_table(
        f"Site {site}", ("since", "by", "why"), [(each["at"], each["by"], each["why"]) for each in found]
    )


def rehearse(
    directory: Folder,
    ehr: Annotated[str | None, typer.Option(help="Which EHR of the site; the first when absent.")] = None,
    messy: Annotated[
        float | None, typer.Option(min=0.0, max=1.0, metavar="RATE", help="Degrade this share of the records.")
    ] = None,
    keep: Annotated[
        Path | None, typer.Option(metavar="DATA", help="Keep the rehearsal's installation here, for site readiness.")
    ] = None,
    models: Models = None,
    json: Json = False,
) -> None:
    """The whole road against a sandbox EHR of the site's vendor, with the site's own mappings and policies."""
    from gateway import demo
    from gateway.cli.running import options_of, run_loop
    from gateway.sites.deployment import played

    declared = read_declared(directory, load(models))
    chosen = next((each for each in declared.ehrs if ehr in (None, each.name)), None)
    if chosen is None:
        raise typer.BadParameter(f"--ehr must be one of {', '.join(declared.site.ehrs)}")
    site = played(declared.site, ehr=chosen.name, persona=chosen.vendor)
    options = options_of(port=0, persona=chosen.vendor, models=models, messy=messy, messy_seed=1, site=site)
    ok = run_loop(demo.run(keep, options, only=None, as_json=json))
    raise typer.Exit(0 if ok else 1)
