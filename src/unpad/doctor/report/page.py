"""A report as one HTML file: no network, no script, light and dark, on a phone and in print."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ..findings import Finding
from . import forms, pictures

if TYPE_CHECKING:
    from .report import Report

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --soft: #f3f4f6; --line: #d0d7de;
  --own: #2f6f4f; --padding: #b3261e; --mates: #8a5a00; --later: #5b3fa0; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0f141a; --soft: #1a2129;
  --line: #3a444f; --own: #7fd1a5; --padding: #ff9a91; --mates: #f0c060; --later: #c0a8ff; } }
body { color: var(--ink); background: var(--paper); font: 16px/1.5 system-ui, sans-serif;
  max-width: 46rem; margin: 0 auto; padding: 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin: 0 0 .4rem; }
article { border: 1px solid var(--line); border-left: .4rem solid var(--line); border-radius: .3rem;
  padding: .8rem 1rem; margin: 1rem 0; break-inside: avoid; }
article.error { border-left-color: var(--padding); }
article.warning { border-left-color: var(--mates); }
pre { background: var(--soft); padding: .6rem; overflow-x: auto; white-space: pre-wrap; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .2rem .4rem;
  border-bottom: 1px solid var(--line); vertical-align: top; }
svg { width: 100%; height: auto; } svg text { fill: var(--ink); font: 13px system-ui, sans-serif; }
.own { fill: var(--own); } .padding { fill: var(--padding); } .mates { fill: var(--mates); }
.later { fill: var(--later); } .rule { stroke: var(--ink); stroke-dasharray: 3 3; }
.wide { overflow-x: auto; } a, summary { color: inherit; } :focus-visible { outline: 3px solid; }
@media print { body { max-width: none; } details > * { display: block; } }
"""


def html(report: Report) -> str:
    """The page: the verdict, the findings, what was asked."""
    found = "\n".join(_article(report, f) for f in report.roots)
    versions = ", ".join(f"{k} {v}" for k, v in forms.versions().items())
    verdict = escape(forms.verdict(report))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>unpad doctor: {verdict}</title><style>{_STYLE}</style></head>
<body><main>
<h1>{verdict}</h1>
{found}
<section aria-labelledby="asked"><h2 id="asked">What was asked</h2>
{pictures.laws(report.asked)}
{_asked(report)}
<p>{report.seconds:.2f} seconds, seed {report.seed}; {escape(versions)}.</p></section>
</main></body></html>
"""


def _article(report: Report, finding: Finding) -> str:
    place = str(finding.where)
    where = f"<p>Where: <code>{escape(place)}</code></p>" if place else ""
    numbers = "".join(
        f"<tr><th scope='row'>{escape(k)}</th><td>{v:.4g}</td></tr>"
        for k, v in finding.evidence.items()
    )
    more = report.explained_by(finding)
    also = "".join(f"<li>{escape(f.kind)}: {escape(f.what)}</li>" for f in more)
    folded = f"<details><summary>Also seen, and mended with it</summary><ul>{also}</ul></details>"
    name = finding.kind.replace(" ", "-")
    return f"""<article class="{finding.severity}" aria-labelledby="{name}">
<h2 id="{name}">{escape(finding.severity)}: {escape(finding.kind)}</h2>
<p><strong>{escape(finding.what)}</strong> {escape(finding.shown)}</p>
{pictures.shares(finding.evidence)}
{where}<p>{escape(finding.cure)}</p><pre tabindex="0"><code>{escape(finding.code)}</code></pre>
<details><summary>Evidence, and how sure</summary><table>{numbers}</table>
<p>{escape(forms.sureness(finding))}; more: {escape(finding.page)}</p></details>
{folded if also else ""}</article>"""


def _asked(report: Report) -> str:
    rows = "".join(
        f"<tr><th scope='row'>{escape(a.name)}</th><td>{escape(a.answer)}</td>"
        f"<td>{'' if a.number is None else f'{a.number:.2g}'}</td></tr>"
        for a in report.asked
    )
    head = "<tr><th>question</th><th>answer</th><th>number</th></tr>"
    return f"<div class='wide'><table><thead>{head}</thead><tbody>{rows}</tbody></table></div>"
