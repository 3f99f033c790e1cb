"""``python -m gateway.cli``: the same as ``chartgate``."""

from gateway.cli import main

main()
