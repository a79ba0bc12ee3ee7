"""One HTML page that needs nothing but itself: style, scripts, data and the small pieces of markup that the sections are made of."""

import contextlib
import html
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd

from analysis.charts import style
from analysis.export import write_aside
from analysis.wording import listing

CSS = """
:root { color-scheme: light dark; --ink: #1b1f24; --soft: #57606a; --paper: #fff; --line: #d0d7de; --shade: #f3f5f7; --link: #0969da; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e9ed; --soft: #9aa4af; --paper: #14171b; --line: #3a424b; --shade: #22282f; --link: #6cb6ff; }
}
@media print { :root { color-scheme: light; --ink: #000; --soft: #444; --paper: #fff; --line: #bbb; --shade: #eee; --link: #000; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.5rem; max-width: 64rem; color: var(--ink); background: var(--paper); }
body { font: 16px/1.5 system-ui, Helvetica, Arial, sans-serif; }
h1 { font-size: 1.7rem; line-height: 1.25; margin: .2rem 0 .8rem; }
h2 { font-size: 1.25rem; margin: 2.4rem 0 .6rem; }
h3 { font-size: 1rem; margin: 1.2rem 0 .5rem; }
p { margin: .5rem 0; }
a { color: var(--link); }
.soft, figcaption { color: var(--soft); font-size: .9rem; }
.answer { font-size: 1.1rem; border-left: 4px solid #2b83ba; padding: .4rem 0 .4rem 1rem; margin: 1rem 0; }
.warning { border-left: 4px solid #d55e00; padding: .2rem 0 .2rem 1rem; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: .2rem 1.2rem; margin: 1rem 0; }
dt { color: var(--soft); }
dd { margin: 0; overflow-wrap: anywhere; }
nav ul { columns: 2; padding-left: 1.2rem; }
.scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .92rem; margin: .6rem 0; }
th, td { padding: .25rem .6rem; text-align: right; border-bottom: 1px solid var(--line); }
td { white-space: nowrap; }
th { border-bottom: 2px solid var(--ink); font-weight: 600; vertical-align: bottom; }
th.text, td.text { text-align: left; white-space: normal; overflow-wrap: anywhere; }
td.text { min-width: 7em; }
td.struck { text-decoration: line-through; color: var(--soft); }
.dense table { font-size: .84rem; }
tr.marked td { background: var(--shade); font-weight: 600; }
.dense th, .dense td { padding: .25rem .4rem; }
.dense tr.marked td { font-weight: inherit; }
code, pre { font: .88rem ui-monospace, Consolas, monospace; }
pre { background: var(--shade); padding: .7rem; white-space: pre-wrap; overflow-wrap: anywhere; }
summary { cursor: pointer; overflow-wrap: anywhere; }
details details { margin-left: 1.2rem; }
.pictures { display: flex; flex-wrap: wrap; gap: 1rem 3rem; }
figure { margin: 0 0 1.5rem; max-width: 100%; }
figcaption { width: 0; min-width: 100%; }
.chart { max-width: 100%; overflow-x: auto; color: var(--ink); }
.chart svg { max-width: 100%; height: auto; }
@page { size: A4; margin: 14mm; }
@media print {
  body { max-width: none; padding: 0; font-size: 10pt; }
  nav { display: none; }
  figure, tr, .answer, pre { break-inside: avoid; }
  h1, h2, h3, h2 + p, h3 + p { break-after: avoid; }
  thead { display: table-header-group; }
  .scroll, .chart { overflow: visible; }
  table { font-size: 7.5pt; width: 100%; }
  th, td, .dense th, .dense td { padding: 1.5pt 3pt; }
  .dense table { font-size: 6.2pt; }
  .dense td { white-space: normal; }
  .pictures { display: block; }
  figcaption { width: auto; min-width: 0; }
}
"""

# Charts take the colour of the text around them, so that light, dark and print need no second drawing.
_DRAW = """
for (const place of document.querySelectorAll('.chart')) {
  const spec = JSON.parse(document.getElementById(place.dataset.spec).textContent);
  const dark = matchMedia('(prefers-color-scheme: dark)').matches;
  vegaEmbed(place, spec, {mode: 'vega-lite', renderer: 'svg', actions: false, config: CONFIG, tooltip: {theme: dark ? 'dark' : 'light'}})
    .catch(error => { place.textContent = 'This chart could not be drawn: ' + error.message; });
}
"""

# Even a fault in the scripts cannot reach the network. Vega compiles its expressions, hence unsafe-eval.
_POLICY = "default-src 'none'; script-src 'unsafe-inline' 'unsafe-eval'; style-src 'unsafe-inline'; img-src data:"


def page(title: str, body: str, with_charts: bool) -> str:
    """The whole document. ``title`` is plain text, ``body`` is markup."""
    config = in_script(style("currentColor", "transparent"))
    scripts = f"<script>{vega_script()}</script>\n<script>{_DRAW.replace('CONFIG', config)}</script>\n" if with_charts else ""
    head = f'<meta charset="utf-8">\n<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n<title>{escape(title)}</title>'
    head += '\n<meta name="viewport" content="width=device-width, initial-scale=1">'
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}\n<style>{CSS}</style>\n</head>\n<body>\n{body}\n{scripts}</body>\n</html>\n'


def escape(text: Any) -> str:
    """Text that comes from a study, as markup that shows it as it is."""
    return html.escape(str(text), quote=True)


def in_script(content: Any) -> str:
    """Data as JSON that may stand within a script element: nothing in it can end the element or open another."""
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def section(anchor: str, title: str, *parts: str) -> str:
    """A section with its heading; ``anchor`` is one of ours, ``parts`` are markup."""
    return f'<section id="{anchor}">\n<h2>{escape(title)}</h2>\n' + "\n".join(part for part in parts if part) + "\n</section>"


def paragraph(text: str, kind: str = "") -> str:
    """A paragraph of plain text; ``kind`` is a class of the style sheet."""
    return f'<p class="{kind}">{escape(text)}</p>' if kind else f"<p>{escape(text)}</p>"


def facts(rows: Iterable[tuple[str, Any]]) -> str:
    """Names and values, plain text both."""
    return "<dl>" + "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in rows) + "</dl>"


def table(frame: pd.DataFrame, marked: Sequence[bool] = (), left: Sequence[str] = (), struck: Sequence[str] = ()) -> str:
    """A frame of texts as a table; rows that are ``marked`` stand out, columns named in ``left`` hold words, those in ``struck`` figures
    that do not hold."""
    marks = list(marked) or [False] * len(frame)
    words = [' class="text"' if name in left else ' class="struck"' if name in struck else "" for name in frame]
    head = "".join(f"<th{kind}>{escape(name).replace('_', '_<wbr>')}</th>" for name, kind in zip(frame, words, strict=True))
    rows = [_row(values, words, mark) for values, mark in zip(frame.itertuples(index=False, name=None), marks, strict=True)]
    return f'<div class="scroll"><table>\n<thead><tr>{head}</tr></thead>\n<tbody>\n' + "\n".join(rows) + "\n</tbody></table></div>"


def dense(table: str) -> str:
    """A table of many columns, set smaller."""
    return f'<div class="dense">{table}</div>'


def files(*names: str) -> str:
    """Links to tables that lie beside the page; ``names`` are ours."""
    links = listing(f'<a href="tables/{name}">{name}</a>' for name in names)
    return f'<p class="soft files">As files, in full precision in the CSV: {links}.</p>'


def details(summary: str, content: str) -> str:
    """Preformatted text that opens on a click."""
    return folded(summary, f"<pre>{escape(content)}</pre>")


def folded(summary: str, markup: str) -> str:
    """Markup that opens on a click."""
    return f"<details><summary>{escape(summary)}</summary>{markup}</details>"


def figure(name: str, title: str, note: str, spec: Mapping[str, Any]) -> str:
    """A chart with its data; ``name`` is one of ours and that of the chart's files."""
    files = f'<a href="charts/{name}.svg">SVG</a>, <a href="charts/{name}.png">PNG</a>'
    data = f'<script type="application/json" id="spec-{name}">{in_script(spec)}</script>'
    place = f'<div class="chart" data-spec="spec-{name}"></div>'
    text = f'<figcaption>{escape(note)} <span class="files">{files}</span></figcaption>'
    return f'<figure id="picture-{name}">\n<h3>{escape(title)}</h3>\n{place}\n{text}\n{data}\n</figure>'


def vega_script() -> str:
    """The scripts that draw the charts (Vega, Vega-Lite, Vega-Embed) as one; kept in the user's cache: bundling takes two seconds."""
    import vl_convert

    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tune-studies" / f"vega-{version('vl-convert-python')}.js"
    try:
        return cache.read_text(encoding="utf-8")
    except OSError:
        script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;").replace("</script", "<\\/script")
    with contextlib.suppress(OSError):  # no cache to write to: the next report bundles again
        write_aside(cache, script)
    return script


def _row(values: Sequence[str], words: Sequence[str], mark: bool) -> str:
    cells = "".join(f"<td{kind}>{escape(value)}</td>" for value, kind in zip(values, words, strict=True))
    return f'<tr class="marked">{cells}</tr>' if mark else f"<tr>{cells}</tr>"
