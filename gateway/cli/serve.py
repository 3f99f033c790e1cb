"""``serve`` and ``worker``."""

from pathlib import Path
from typing import Annotated, Any

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json, could_not
from gateway.cli.running import run_loop

Config = Annotated[
    Path | None, typer.Option("--config", metavar="FILE", help="The settings; DIR/chartgate.toml without it.")
]
ReadBack = Annotated[
    str | None,
    typer.Option(help="What is read back after it was written: always, never or a share; by EHR: 0.1,epic=always."),
]


def register(application: typer.Typer) -> None:
    """Adds these commands to the application."""
    application.command("serve")(serve)
    application.command("worker")(worker)


def settings_of(data: Path, config: Path | None, **given: Any) -> Any:
    """The settings; what cannot be used ends with exit code 3."""
    import os

    from gateway.settings import FILE, SettingsRefused, read_settings

    if config is not None and not config.is_file():
        could_not(f"--config names no file: {config.name}")
    try:
        return read_settings(config or data / FILE, os.environ, given)
    except SettingsRefused as refused:
        return could_not(str(refused))


def serve(
    data: Data = DEFAULT_DATA,
    host: Annotated[
        str | None, typer.Option(help="Where to listen, 127.0.0.1 without it; elsewhere by TLS or behind a proxy.")
    ] = None,
    port: Annotated[int | None, typer.Option(min=0, max=65535, help="8700 without it; 0 takes any free one.")] = None,
    config: Config = None,
    url: Annotated[str | None, typer.Option(help="The address of this gateway for browsers, https.")] = None,
    models: Annotated[
        list[Path] | None, typer.Option("--models", help="A folder of model folders; repeatable.")
    ] = None,
    tls_cert: Annotated[str | None, typer.Option(metavar="FILE", help="Certificate with its chain, PEM.")] = None,
    tls_key: Annotated[str | None, typer.Option(metavar="FILE", help="Its key, PEM.")] = None,
    behind_proxy: Annotated[
        bool, typer.Option("--behind-proxy", help="A proxy in front ends TLS: listen in clear beyond loopback.")
    ] = False,
    read_back: ReadBack = None,
    json: Json = False,
) -> None:
    """Production: the app face, and its deliveries, until SIGTERM. On PostgreSQL beside any number of others."""
    settings = settings_of(
        data, config, host=host, port=port, url=url, models=[str(each) for each in models] if models else None,
        tls_cert=tls_cert, tls_key=tls_key, behind_proxy=behind_proxy or None, read_back=read_back,
    )  # fmt: skip
    run_loop(_serve(data, settings, config, json))


async def _serve(data: Path, settings: Any, config: Path | None, json: bool) -> None:
    import os

    from gateway.cli.printing import console, print_json
    from gateway.processes import logs, production
    from gateway.processes.stopping import serve_until_stopped
    from gateway.storage.failures import DatabaseAway

    logs.write_to_stderr(settings.log)
    try:
        async with production.serving(data, settings, os.environ, config=config) as serving:
            if json:
                print_json({"app": serving.url, "listening": serving.listening, "pid": os.getpid()})
            else:
                console.print(f"gateway    {serving.url}   (listening on {serving.listening})", markup=False)
            await serve_until_stopped()
    except DatabaseAway:
        could_not(
            "the database at CHARTGATE_DATABASE_URL (database_url) cannot be reached: start it, or check the address"
        )


def worker(data: Data = DEFAULT_DATA, config: Config = None, read_back: ReadBack = None, json: Json = False) -> None:
    """Deliver from the PostgreSQL database in CHARTGATE_DATABASE_URL, beside any number of others, until SIGTERM."""
    import os

    from gateway.cli.printing import console, print_json
    from gateway.keyring import KeyFileError
    from gateway.processes import logs, replica

    url = os.environ.get("CHARTGATE_DATABASE_URL")
    try:
        if url is not None:
            replica.check_url(url)
        settings = settings_of(data, config, read_back=read_back)
        logs.write_to_stderr(settings.log)
        done = run_loop(replica.work(data, settings, os.environ))
    except (replica.NotPostgres, KeyFileError) as failure:
        could_not(str(failure))
    if json:
        print_json({"attempts": done.attempts})
    else:
        console.print(f"{done.attempts} attempts", markup=False)
