"""``worker``."""

import typer

from gateway.cli.application import DEFAULT_DATA, Data, Json, could_not
from gateway.cli.running import ReadBack, policy_of, run_loop


def register(application: typer.Typer) -> None:
    """Adds this command to the application."""
    application.command("worker")(worker)


def worker(data: Data = DEFAULT_DATA, read_back: ReadBack = "always", json: Json = False) -> None:
    """Deliver from the PostgreSQL database in CHARTGATE_DATABASE_URL, beside any number of others, until SIGTERM."""
    import os

    from gateway import replica
    from gateway.cli.printing import console, print_json
    from gateway.keyring import KeyFileError

    policy = policy_of(read_back)
    try:
        url = replica.check_url(os.environ.get("CHARTGATE_DATABASE_URL"))
        done = run_loop(replica.work(data, url, read_back=policy))
    except (replica.NotPostgres, KeyFileError) as failure:
        could_not(str(failure))
    if json:
        print_json({"attempts": done.attempts})
    else:
        console.print(f"{done.attempts} attempts", markup=False)
