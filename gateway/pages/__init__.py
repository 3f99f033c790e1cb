"""Server-rendered pages: no script, usable by keyboard, readable at phone width."""

from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

HERE = Path(__file__).parent
STATIC = HERE / "static"

_TEMPLATES = Environment(
    loader=FileSystemLoader(HERE / "templates"),
    autoescape=select_autoescape(default=True),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}
"""On every page. ``same-origin`` and not ``no-referrer``: with the latter browsers send ``Origin: null`` with a form of
the page's own, and no decision could tell it from a foreign one. Framing
by a registered EHR is a per-launch exception that the launch page sets itself."""


def sentence(text: str) -> str:
    """An error's text as a sentence; a parameter that it begins with keeps its spelling."""
    first = text.partition(" ")[0]
    return f"{text if '_' in first else text[:1].upper() + text[1:]}."


OVERRIDES = {0x202D: "⟦U+202D⟧", 0x202E: "⟦U+202E⟧"}


def visible(text: object) -> str:
    """A text with what turns its order around shown as such: people read in the order in which it is written to the chart.
    Right-to-left script needs no override."""
    return str(text).translate(OVERRIDES)


_TEMPLATES.filters["visible"] = visible


def render(template: str, **values: Any) -> str:
    """The HTML of one template; a name it uses and was not given is an error, not an empty place."""
    return _TEMPLATES.get_template(template).render(**{"session": None, "style": "/static/style.css", **values})
