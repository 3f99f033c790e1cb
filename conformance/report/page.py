"""A report as one page: no scripts, no addresses to load from, readable at 400 pixels, by keyboard and on paper."""

from html import escape
from pathlib import Path

from conformance.ledger import Requirement
from conformance.report import beside
from conformance.report.plot import plot
from conformance.report.showing import BADLY, Shown, ShownCheck, ShownExchange
from conformance.run import SUITE_VERSION

STYLE = Path(__file__).with_name("page.css")
FEW = 2
"""So many exchanges of a failed check stand open."""
POLICY = "default-src 'none'; style-src 'unsafe-inline'"
WHY = {
    "writes": "not run without --writes", "slow": "not run without --slow", "not offered": "the server does not offer it",
    "not seen": "its evidence was not seen",
}  # fmt: skip


def page(shown: Shown) -> str:
    """The page."""
    counts = ", ".join(f"{number} {word}" for word, number in shown.report.summary.items())
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">'
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}"><meta name="referrer" content="no-referrer">'
        f"<title>Conformance: {escape(counts)}</title><style>{STYLE.read_text()}</style></head><body>"
        f'<a class="skip-link" href="#suites">To the checks</a><main>{_head(shown, counts)}{_needed(shown)}{_owed(shown)}'
        f'{beside.sections(shown)}<h2 id="suites">All checks</h2>{"".join(_suite(shown, name) for name in shown.report.suites)}'
        f"<h2>Evidence</h2><p>{NAMES}</p>{''.join(_exchange(each) for each in shown.exchanges)}</main></body></html>"
    )


NAMES = (
    "Every request that a check looked at, as a command. Names such as <code>$ACCESS_TOKEN_1</code> and "
    "<code>$PATIENT_1</code> stand for values that a report must not show: set them in your shell. "
    "The evidence bundle has the values."
)


def _head(shown: Shown, counts: str) -> str:
    report = shown.report
    did = [word for word, done in (("writes", report.writes), ("slow checks", report.slow)) if not done]
    lines = [
        f"<strong>{escape(counts)}</strong>, requirements (SHALL) among the skipped that nobody has seen: {len(shown.owed)}.",
        f"{escape(report.started)}, {report.seconds:g} s, suite version {SUITE_VERSION}"
        + (f", without {' and '.join(did)}" if did else ""),
        *(
            ["<strong>The run did not come to its end: what it did not reach is skipped.</strong>"]
            * (not report.complete)
        ),
        *(f"Cut short: {escape(each)}" for each in shown.stopped),
        *([f"Could not be taken away: {escape(', '.join(report.left))}"] * bool(report.left)),
    ]
    said = "".join(f"<p>{line}</p>" for line in lines)
    return f"<h1>Conformance of {escape(shown.target)}</h1>{said}{plot(shown)}"


def _needed(shown: Shown) -> str:
    bad = sorted((item for item in shown.checks if item.result in ("fail", "error")), key=_worst_first)
    if not bad:
        return "<h2>What needs somebody</h2><p>Nothing failed.</p>"
    return f"<h2>What needs somebody</h2>{''.join(_check(item, shown, open=True) for item in bad)}"


def _owed(shown: Shown) -> str:
    if not shown.owed:
        return ""
    rows = "".join(
        f"<tr><td>{escape(item.suite)}</td><td>{escape(item.title)}</td><td>{escape(WHY.get(item.why, item.why))}</td></tr>"
        for item in shown.owed
    )
    head = "<thead><tr><th>suite</th><th>check</th><th>why</th></tr></thead>"
    return (
        f"<h2>SHALLs that were not shown</h2><details><summary>{len(shown.owed)} checks were skipped: no pass is meant"
        f"</summary><div><table>{head}<tbody>{rows}</tbody></table></div></details>"
    )


def _suite(shown: Shown, name: str) -> str:
    items = sorted((item for item in shown.checks if item.suite == name), key=_worst_first)
    counts = ", ".join(f"{number} {word}" for word, number in shown.counts(name).items() if number)
    took = shown.report.took.get(name, 0.0)
    body = "".join(_check(item, shown, open=False) for item in items)
    return f"<h3>{escape(name)}</h3> <small>{escape(counts)}, {took:g} s</small>{body}"


def _worst_first(item: ShownCheck) -> int:
    return BADLY.index(item.result)


def _check(item: ShownCheck, shown: Shown, *, open: bool) -> str:
    problems = "".join(f"<li>{escape(each)}</li>" for each in item.problems)
    seen = [shown.exchanges[number - 1] for _, number in item.seen]
    links = "".join(f'<li><a href="#x{each.number}">{escape(each.line)}</a></li>' for each in seen)
    few = len(seen) <= FEW
    inside = "".join(_exchange(each, open=few) for each in seen) if open else f"<ul>{links}</ul>"
    return (
        f"<details{' open' if open else ''}><summary><span class='word {item.result}'>{item.result}</span> "
        f"{escape(item.title)} <small>{item.level}</small></summary><div>"
        f"{f'<ul class={item.result}>{problems}</ul>' if problems else ''}"
        f"{f'<p><strong>To fix it.</strong> {escape(item.fix)}</p>' if item.fix and item.result != 'pass' else ''}"
        f"{''.join(_requirement(each) for each in item.requirements)}{inside}"
        f"<p><small><code>{escape(item.id)}</code></small></p></div></details>"
    )


def _requirement(each: Requirement) -> str:
    source = (
        f'<a href="{escape(each.address)}" rel="noreferrer">{escape(each.source)}</a>'
        if each.address.startswith("https://")
        else escape(each.source)
    )
    return (
        f"<p><span class='word soft'>{escape(each.level)}</span> {escape(each.text)}<br>"
        f"<small>{escape(each.id)} · {source}</small></p>"
    )


def _exchange(each: ShownExchange, *, open: bool | None = None) -> str:
    """Within a check it may stand ``open``; None: in the list of all, where links lead."""
    place = f" id='x{each.number}'" if open is None else " open" * open
    return (
        f"<details{place}><summary>{escape(each.line)} <small>{each.seconds:g} s</small></summary>"
        f"<div><pre>{escape(each.command)}</pre><pre>{escape(each.answer)}</pre></div></details>"
    )
