"""How the EHR looks, for apps that want to look alike (SMART App Launch 2.2 scopes §styling, ``smart_style_url``)."""

import json
from collections.abc import Mapping
from hashlib import sha256

STYLE: Mapping[str, str] = {
    "color_background": "#ffffff", "color_error": "#a3262a", "color_highlight": "#0b5f8a",
    "color_modal_backdrop": "#52616f", "color_success": "#1b6e3c", "color_text": "#16202b",
    "dim_border_radius": "6px", "dim_font_size": "16px", "dim_spacing_size": "16px",
    "font_family_body": "system-ui, sans-serif", "font_family_heading": "system-ui, sans-serif",
}  # fmt: skip
"""The parameters that the guide names, with the values of the EHR's own pages."""

VERSION = sha256(json.dumps(dict(STYLE), sort_keys=True).encode()).hexdigest()[:12]


def url(issuer: str) -> str:
    """Where the style is: a new address whenever a value changes, so that an app may keep what it fetched."""
    return f"{issuer}/style.json?v={VERSION}"
