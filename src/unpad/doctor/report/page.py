"""A report as one HTML file: no network, no script, light and dark, on a phone and in print."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from ..findings import Finding
from . import forms, pictures, pictures_of_data
from .asked import Asked

if TYPE_CHECKING:
    from .report import Report

_STYLE = """
:root { color-scheme: light dark; --ink: #1b1f24; --paper: #fff; --soft: #f3f4f6; --line: #c3cad2;
  --own: #2f6f4f; --padding: #b3261e; --mates: #8a5a00; --later: #5b3fa0; --empty: #9aa4ae; }
@media (prefers-color-scheme: dark) { :root { --ink: #e6edf3; --paper: #0f141a; --soft: #1a2129;
  --line: #3a444f; --own: #7fd1a5; --padding: #ff9a91; --mates: #f0c060; --later: #c0a8ff;
  --empty: #6b7683; } }
* { box-sizing: border-box; }
body { color: var(--ink); background: var(--paper); font: 16px/1.5 system-ui, sans-serif;
  max-width: 46rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere; }
h1 { font-size: 1.4rem; line-height: 1.3; } h2 { font-size: 1.15rem; margin: 0 0 .4rem; }
section { margin: 2rem 0; }
article { border: 1px solid var(--line); border-left: .4rem solid var(--line); border-radius: .3rem;
  padding: .8rem 1rem; margin: 1rem 0; }
article.error { border-left-color: var(--padding); }
article.warning { border-left-color: var(--mates); }
.mark { font-size: .8rem; font-weight: 600; border: 1px solid; border-radius: 1rem;
  padding: .1rem .6rem; margin-right: .4rem; white-space: nowrap; }
.error .mark { color: var(--padding); } .warning .mark { color: var(--mates); }
pre { background: var(--soft); padding: .6rem; white-space: pre-wrap; margin: .6rem 0; }
code { font: .9em ui-monospace, monospace; }
summary { cursor: pointer; padding: .2rem 0; }
table { border-collapse: collapse; width: 100%; } th, td { text-align: left; padding: .25rem .4rem;
  border-bottom: 1px solid var(--line); vertical-align: top; } th { font-weight: 600; }
tbody th { overflow-wrap: normal; } thead th { font-weight: 400; white-space: nowrap; }
td:last-child { text-align: right; white-space: nowrap; }
figure { margin: 1rem 0; break-inside: avoid; } figcaption { margin-bottom: .5rem; }
svg { display: block; width: 100%; height: auto; }
svg text { fill: var(--ink); font: 12px system-ui, sans-serif; }
@media (max-width: 30rem) { svg text { font-size: 18px; } body { padding: .7rem; }
  article { padding: .7rem; } }
.legend { display: flex; flex-wrap: wrap; gap: .2rem 1.2rem; list-style: none; padding: 0;
  margin: .4rem 0 0; font-size: .9rem; }
.key { display: inline-block; width: .8rem; height: .8rem; margin-right: .4rem;
  border: 1px solid var(--colour); background: var(--colour); print-color-adjust: exact; }
.own { --colour: var(--own); } .padding { --colour: var(--padding); }
.mates { --colour: var(--mates); } .later { --colour: var(--later); }
.empty { --colour: var(--empty); } .frame { --colour: var(--line); }
rect { fill: var(--colour); } rect.frame { fill: none; stroke: var(--line); }
.key.frame, .key.hollow { background: none; }
.reach rect.empty { fill: var(--soft); } .reach .key.empty { background: var(--soft); }
.rule { stroke: var(--ink); stroke-dasharray: 3 3; }
a { color: inherit; } nav ol { padding-left: 1.4rem; margin: .5rem 0; }
a:focus-visible, summary:focus-visible { outline: 3px solid var(--later); outline-offset: 2px; }
footer { font-size: .9rem; border-top: 1px solid var(--line); padding-top: .6rem; }
@media print { :root { color-scheme: light; --ink: #000; --paper: #fff; --soft: #f3f4f6;
    --line: #999; --own: #2f6f4f; --padding: #b3261e; --mates: #8a5a00; --later: #5b3fa0;
    --empty: #9aa4ae; }
  body { max-width: none; padding: 0; font-size: 11pt; } nav { display: none; }
  svg { max-width: 26rem; } svg rect, .key { print-color-adjust: exact; }
  h2, summary { break-after: avoid; } tr, pre, figure { break-inside: avoid; }
  details::details-content { content-visibility: visible; display: block; height: auto; }
  summary { list-style: none; font-weight: 600; } }
"""


def html(report: Report) -> str:
    """The page: the verdict, the findings, the data, what was asked."""
    found = "\n".join(_article(report, f) for f in report.roots)
    versions = ", ".join(f"{k} {v}" for k, v in forms.versions().items())
    verdict = escape(forms.verdict(report))
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>unpad doctor: {verdict}</title><style>{_STYLE}</style></head>
<body><header><h1>{verdict}</h1>{_contents(report)}</header>
<main>
{found}
{_data(report)}
<section aria-labelledby="asked"><h2 id="asked">What was asked</h2>
{pictures.laws(report.asked)}
{_asked(report)}</section>
</main>
<footer>{report.seconds:.2f} seconds, seed {report.seed}; {escape(versions)}.</footer>
</body></html>
"""


def _contents(report: Report) -> str:
    if len(report.roots) < 2:
        return ""
    rows = "".join(
        f'<li><a href="#{_name(f)}">{escape(f.kind)}</a>: {escape(f.what)}</li>'
        for f in report.roots
    )
    return f'<nav aria-label="Findings"><ol>{rows}</ol></nav>'


def _name(finding: Finding) -> str:
    return finding.kind.replace(" ", "-")


def _article(report: Report, finding: Finding) -> str:
    place = str(finding.where)
    where = f"<p>Where: <code>{escape(place)}</code></p>" if place else ""
    cure = f"<p>{escape(finding.cure)}</p>" if finding.cure else ""
    code = f"<pre><code>{escape(finding.code)}</code></pre>" if finding.code else ""
    numbers = "".join(
        f"<tr><th scope='row'>{escape(k)}</th><td>{v:.4g}</td></tr>"
        for k, v in finding.evidence.items()
    )
    table = f"<table><tbody>{numbers}</tbody></table>" if numbers else ""
    more = report.explained_by(finding)
    also = "".join(f"<li>{escape(f.kind)}: {escape(f.what)}</li>" for f in more)
    folded = f"<details><summary>Also seen, and mended with it</summary><ul>{also}</ul></details>"
    name = _name(finding)
    mark = f'<span class="mark">{escape(finding.severity)}</span>'
    return f"""<article class="{finding.severity}" aria-labelledby="{name}">
<h2 id="{name}">{mark} {escape(finding.kind)}</h2>
<p><strong>{escape(finding.what)}</strong> {escape(finding.shown)}</p>
{pictures.shares(finding.evidence)}{pictures.numbers(finding.evidence)}
{where}{cure}{code}
<details><summary>Evidence, and how sure</summary>{table}
<p>{escape(forms.sureness(finding))}; more: {escape(finding.page)}</p></details>
{folded if also else ""}</article>"""


def _data(report: Report) -> str:
    seen = report.seen
    drawn = [of(seen) for of in (pictures_of_data.lengths, pictures_of_data.cut)]
    drawn += [pictures_of_data.slots(seen), pictures_of_data.labels(seen.labels)]
    drawn.append(pictures.scores(seen.scores))
    reach = pictures.reach(seen.reach)
    drawn += [f'<div class="reach">{reach}</div>'] if reach else []
    shown = "\n".join(part for part in drawn if part)
    if not shown:
        return ""
    head = '<section aria-labelledby="seen"><h2 id="seen">What was looked at</h2>'
    return f"{head}\n{shown}</section>"


def _asked(report: Report) -> str:
    rows = "".join(
        f"<tr><th scope='row'>{escape(a.name)}</th><td>{escape(_answer(a))}</td>"
        f"<td>{'' if a.number is None else f'{a.number:.2g}'}</td></tr>"
        for a in report.asked
    )
    if not rows:
        return "<p>Nothing.</p>"
    head = "".join(f"<th scope='col'>{name}</th>" for name in ("question", "answer", "number"))
    return f"<table><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"


def _answer(asked: Asked) -> str:
    return asked.answer if asked.could else f"could not be asked: {asked.answer}"
