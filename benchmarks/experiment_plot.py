"""The plot of the experiment of the failure mode, as SVG that needs no script. Pure."""

from collections.abc import Mapping
from typing import Any

ROWS = (
    ("notebook: trained on clean, tested on clean", "clean test set: what the paper says", "#1b6e3c"),
    ("notebook: trained on clean, tested on shaped", "shaped test set: what it foretells", "#6b4c9a"),
    ("notebook: trained on clean, tested on live", "live, trained on clean data", "#a3262a"),
    ("notebook: trained on shaped, tested on live", "live, trained on shaped data", "#8a5a00"),
    ("careful: trained on clean, tested on live", "live, clean, read carefully", "#0b5f8a"),
    ("careful: trained on shaped, tested on live", "live, shaped, read carefully", "#16202b"),
)


def plot(rates: Mapping[str, Any]) -> str:
    """AUROC with the range over draws, a line for each way, a block for each rate."""
    low, high, left, width, step = 0.7, 0.86, 250.0, 340.0, 22.0
    lines, top = [], 30.0

    def at(value: float) -> float:
        return round(left + (value - low) / (high - low) * width, 1)

    for rate, rows in rates.items():
        lines.append(f'<text x="10" y="{top}" font-weight="700">{float(rate):.0%} of the records touched</text>')
        for row, name, colour in ROWS:
            top += step
            each = rows[row]["auroc"]
            lines.append(f'<text x="{left - 10}" y="{top + 4}" text-anchor="end">{name}</text>')
            lines.append(
                f'<line x1="{at(each["least"])}" x2="{at(each["most"])}" y1="{top}" y2="{top}" stroke="{colour}" stroke-width="3"/>'
            )
            lines.append(f'<circle cx="{at(each["mean"])}" cy="{top}" r="5" fill="{colour}"/>')
            lines.append(f'<text x="{left + width + 12}" y="{top + 4}">{each["mean"]:.3f}</text>')
        top += 2 * step
    for tick in (0.70, 0.74, 0.78, 0.82, 0.86):
        lines.append(f'<line x1="{at(tick)}" x2="{at(tick)}" y1="36" y2="{top - step}" stroke="#d5dce3"/>')
        lines.append(f'<text x="{at(tick)}" y="{top - 4}" text-anchor="middle" fill="#52616f">{tick:.2f}</text>')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 660 {top + 10}" font-family="system-ui, sans-serif" font-size="13" role="img">'
        "<title>AUROC, mean and range over the draws</title>"
        f'<rect width="660" height="{top + 10}" fill="#fff"/>' + "".join(lines) + "</svg>\n"
    )
