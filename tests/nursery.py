"""A process that has imported the product and forks programs: each is a process of its own, and begins where the imports end.

    python -m tests.nursery FD

FD is a socket of ``tests.programs``. ``["start", module, words, folder, environment, session]`` with two descriptors (stdout, stderr)
forks ``python -m module words…`` and is answered with its pid; ``["code", pid]`` with its exit code once it has ended, as
``subprocess`` counts it.
"""

import gc
import importlib
import json
import os
import runpy
import signal
import socket
import sys
from pathlib import Path
from typing import Any

PRELOADED = (
    "uvloop", "aiohttp", "psycopg", "sqlalchemy.dialects.postgresql.psycopg", "sqlalchemy.dialects.sqlite.pysqlite",
    "gateway.cli.printing", "gateway.cli.serve", "gateway.processes.process", "gateway.processes.production",
    "gateway.processes.replica", "gateway.processes.stopping", "gateway.processes.tls", "gateway.demo",
    "gateway.sandbox_ehrs.hapi", "gateway.sites.going_live", "gateway.sandbox_ehrs.filling",
)  # fmt: skip
"""What servers and workers import; whatever else a program needs it imports itself."""
LONGEST = 1 << 20


def serve(line: socket.socket) -> list[str] | None:
    """Forks until the line is closed. In a child: the module and its words."""
    while True:
        said, descriptors, _, _ = socket.recv_fds(line, LONGEST, 2)
        if not said:
            return None
        what, *told = json.loads(said)
        if what == "code":
            answer = os.waitstatus_to_exitcode(os.waitpid(told[0], 0)[1])
        else:
            answer = os.fork()
            if answer == 0:
                line.close()
                return _become(*told, descriptors=descriptors)
        for descriptor in descriptors:
            os.close(descriptor)
        line.send(json.dumps(answer).encode())


def _become(
    module: str, words: list[str], folder: str, environment: dict[str, str], session: bool, *, descriptors: list[int]
) -> list[str]:  # fmt: skip
    """The child takes the streams, the folder and the environment of the program."""
    for number, descriptor in enumerate((os.open(os.devnull, os.O_RDONLY), *descriptors)):
        os.dup2(descriptor, number)
        os.close(descriptor)
    if session:
        os.setsid()
    os.chdir(folder)
    os.environ.clear()
    os.environ.update(environment)
    return [module, *words]


def run(module: str, words: list[str]) -> Any:
    """As ``python -m`` does."""
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = [module, *words]
    sys.path[0] = str(Path.cwd())
    runpy.run_module(module, run_name="__main__", alter_sys=True)


def main() -> None:
    line = socket.socket(fileno=int(sys.argv[1]))
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whoever started it closes the line
    for name in PRELOADED:
        importlib.import_module(name)
    gc.collect()
    gc.freeze()
    program = serve(line)
    if program is not None:
        run(program[0], program[1:])


if __name__ == "__main__":
    main()
