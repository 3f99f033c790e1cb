"""Sections of the page for what was asked beside the run: the baseline, the readiness for a profile, the bundle."""

from collections.abc import Iterator
from html import escape

from conformance.readiness import Readiness, Standing
from conformance.report.showing import Shown

WORD = {"shown": "pass", "attested": "skip", "missing": "fail"}
"""The colour of a state."""


def sections(shown: Shown) -> str:
    """As much as there is."""
    return "".join((*_comparison(shown), *(_readiness(each) for each in shown.readiness), *_bundle(shown)))


def _comparison(shown: Shown) -> Iterator[str]:
    found = shown.comparison
    if found is None:
        return
    yield f"<h2>Against the baseline</h2><p>{len(found.known)} failures were known.</p>"
    for says, ids in (("Worse", found.worse), ("Better", found.better)):
        items = "".join(f"<li><code>{escape(id)}</code></li>" for id in ids)
        yield f"<p>{says}: {len(ids)}</p><ul>{items}</ul>"


def _readiness(found: Readiness) -> str:
    counts = ", ".join(f"{number} {word}" for word, number in found.counts.items())
    order = ("missing", "attested", "shown")
    rows = "".join(_row(each) for each in sorted(found.standings, key=lambda each: order.index(each.state)))
    profile = found.profile
    return (
        f"<h2>{escape(profile.title)}</h2><p>{escape(profile.status)} · "
        f'<a href="{escape(profile.source)}" rel="noreferrer">source</a><br><strong>{escape(counts)}</strong>. What is '
        "attested was not seen by this suite: somebody says so.</p>"
        f"<details><summary>All {len(found.standings)} criteria</summary><div><table><thead><tr><th>state</th><th>paragraph"
        f"</th><th>criterion</th><th>why</th></tr></thead><tbody>{rows}</tbody></table></div></details>"
    )


def _row(each: Standing) -> str:
    row = each.criterion
    return (
        f"<tr><td><span class='word {WORD[each.state]}'>{each.state}</span></td>"
        f'<td><a href="{escape(row.source)}" rel="noreferrer">{escape(row.paragraph)}</a></td>'
        f"<td>{escape(row.text)}<br><small><code>{escape(row.id)}</code></small></td><td>{escape(each.why)}</td></tr>"
    )


def _bundle(shown: Shown) -> Iterator[str]:
    if shown.bundle is not None:
        said = {name: escape(value) for name, value in shown.bundle.items()}
        yield (
            f"<h2>Evidence bundle</h2><p><code>{said['file']}</code>, encrypted with the key <strong>{said['key']}</strong>, "
            f"signed by <code>{said['signer']}</code>.</p>"
        )
