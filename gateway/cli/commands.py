"""The tree of commands; what each does is imported when it runs, so that ``--help`` answers at once."""

from gateway.cli import (
    audit,
    backup,
    cases,
    clients,
    deliveries,
    ehrs,
    fidelity,
    installed,
    load,
    migrate,
    models,
    monitor,
    outputs,
    personas,
    recall,
    running,
    schedules,
    score,
    serve,
    sites,
    suites,
)
from gateway.cli.application import application

GROUPS = (
    running,
    outputs,
    deliveries,
    recall,
    audit,
    backup,
    cases,
    clients,
    ehrs,
    fidelity,
    load,
    migrate,
    models,
    monitor,
    personas,
    schedules,
    score,
    sites,
    suites,
    installed,
    serve,
)
"""In the order of ``--help``."""

for group in GROUPS:
    group.register(application)

__all__ = ["application"]
