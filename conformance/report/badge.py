"""A badge for a README: an SVG without scripts, fonts or addresses."""

from html import escape

from conformance.report.showing import Shown

GREEN, RED, GREY = "#2e7d32", "#b3261e", "#5f6368"
WIDTH = 7
"""Of a letter, in pixels, of the 11 pixel sans-serif that browsers take."""


def badge(shown: Shown) -> str:
    """``conformance | 97 pass, 2 fail``: red for a failure, grey for a run that showed nothing or did not end."""
    words = {word: number for word, number in shown.report.summary.items() if number and word != "skip"}
    says = ", ".join(f"{number} {word}" for word, number in words.items()) or "nothing shown"
    says = says if shown.report.complete else f"{says}, not complete"
    bad = {"fail", "error"} & words.keys()
    colour = RED if bad else GREEN if words and shown.report.complete else GREY
    left, right = len("conformance") * WIDTH + 10, len(says) * WIDTH + 10
    text = (
        f'<text x="{left / 2:g}" y="14">conformance</text><text x="{left + right / 2:g}" y="14">{escape(says)}</text>'
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{left + right}" height="20" role="img" '
        f'aria-label="conformance: {escape(says)}"><rect width="{left + right}" height="20" rx="3" fill="#3c4043"/>'
        f'<path fill="{colour}" d="M{left} 0h{right - 3}a3 3 0 0 1 3 3v14a3 3 0 0 1-3 3H{left}z"/>'
        f'<g fill="#fff" text-anchor="middle" font-family="Verdana,DejaVu Sans,sans-serif" font-size="11">{text}</g></svg>\n'
    )
