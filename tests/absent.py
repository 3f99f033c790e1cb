"""What is not installed is not looked for again: a module that is missed is searched for at every ``import`` of it, over the
whole path, and the transport for applications in this process asks for one at each request."""

import importlib.util
import sys

ASKED_FOR = ("sniffio",)


def remember() -> None:
    """Those that are not there are missed at once from now on."""
    for name in ASKED_FOR:
        if name not in sys.modules and importlib.util.find_spec(name) is None:
            sys.modules[name] = None  # type: ignore[assignment]
