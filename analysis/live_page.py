"""The page of a run that is watched, before anything is known of its trials: the style of the report, and places for what is pushed."""

from collections.abc import Mapping
from typing import Any

from analysis.charts import style
from analysis.page import CSS, escape, in_script

_LIVE_CSS = """
body { max-width: 76rem; }
.bar { display: flex; height: .7rem; border-radius: .35rem; overflow: hidden; background: var(--shade); margin: .8rem 0 .4rem; }
.bar span { display: block; min-width: 0; transition: width .2s; }
.running { --state: #009e73; } .completed { --state: #0072b2; } .pruned { --state: #e69f00; }
.diverged { --state: #cc79a7; } .failed { --state: #d55e00; }
.bar span { background: var(--state); }
.counts { display: flex; flex-wrap: wrap; gap: .3rem 1.4rem; margin: .3rem 0 .8rem; }
.counts i, .status i { display: inline-block; width: .6rem; height: .6rem; border-radius: 50%; background: var(--state); }
.counts i, .status i { margin-right: .4rem; }
.tools { display: flex; flex-wrap: wrap; gap: .5rem; align-items: center; margin: .6rem 0; }
button { font: inherit; color: var(--ink); background: var(--paper); border: 1px solid var(--line); border-radius: .3rem; cursor: pointer; }
.tools button { padding: .15rem .7rem; }
.tools button[aria-pressed=true] { border-color: var(--link); box-shadow: inset 0 0 0 1px var(--link); }
.tools input { font: inherit; color: var(--ink); background: var(--paper); border: 1px solid var(--line); border-radius: .3rem; }
.tools input { padding: .15rem .6rem; flex: 0 1 16rem; }
.grid { overflow: auto; max-height: 31rem; border: 1px solid var(--line); border-radius: .3rem; }
.grid table { margin: 0; width: 100%; font-size: .86rem; }
.grid thead th { position: sticky; top: 0; background: var(--paper); z-index: 1; box-shadow: inset 0 -2px var(--ink); border: 0; }
.grid th button { border: 0; padding: 0; font-weight: 600; background: none; white-space: nowrap; }
.grid th[aria-sort=ascending] button::after { content: ' \\2191'; } .grid th[aria-sort=descending] button::after { content: ' \\2193'; }
.grid tbody tr { height: 30px; } .grid td { padding: 0 .6rem; white-space: nowrap !important; }
.grid td.pad { border: 0; padding: 0; }
.grid td button { border: 0; background: none; color: var(--link); padding: .1rem 0; }
.grid svg { display: block; color: var(--state); } .grid tr:hover td { background: var(--shade); }
dialog { color: var(--ink); background: var(--paper); border: 1px solid var(--line); border-radius: .5rem; width: min(60rem, 94vw); }
dialog { max-height: 88vh; overflow: auto; padding: 1rem 1.4rem; }
dialog::backdrop { background: rgb(0 0 0 / .45); }
dialog header { display: flex; justify-content: space-between; align-items: baseline; gap: 1rem; position: sticky; top: -1rem; }
dialog header { background: var(--paper); padding: .4rem 0; } dialog header h2 { margin: 0; }
dialog pre { max-height: 22rem; overflow: auto; } dialog .scroll { max-height: 18rem; overflow: auto; }
body.unreported .files { display: none; }
#opening h1, #opening header > p.soft:first-of-type { display: none; }
"""


def live_page(about: Mapping[str, Any]) -> str:
    """The document for the run that ``about`` tells of, as ``Feed.hello`` does."""
    head = f'<meta charset="utf-8">\n<title>{escape(about["name"])}: live</title>\n'
    head += '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    head += f"<style>{CSS}{_LIVE_CSS}</style>\n"
    head += f'<script type="application/json" id="style">{in_script(style("currentColor", "transparent"))}</script>\n'
    head += '<link rel="icon" href="data:,">\n<script type="module" src="/live.js"></script>\n'
    where = f'run <span id="run">{escape(about["run"])}</span>; data: {escape(about["data"])}'
    top = f'<p class="soft">Study {escape(about["name"])}, {where}</p>\n'
    top += f"<h1>{escape(about['question'])}</h1>\n{_PROGRESS}"
    return f'<!DOCTYPE html>\n<html lang="en">\n<head>\n{head}</head>\n<body class="unreported">\n{top}{_TRIALS}{_REST}</body>\n</html>\n'


_PROGRESS = """
<div id="progress" aria-live="off">
<div class="bar" id="bar"></div>
<div class="counts" id="counts"></div>
<p id="best"></p>
<p class="soft" id="time">Connecting.</p>
<p class="warning" id="problem" hidden></p>
</div>
<nav aria-label="Contents"><ul id="contents"></ul></nav>
"""
_TRIALS = """
<section id="live-trials">
<h2>Trials one by one</h2>
<div class="tools" role="group" aria-label="Filter"><span id="states"></span>
<input id="search" type="search" placeholder="trial or setting" aria-label="Filter by trial or setting">
<span class="soft" id="shown"></span></div>
<div class="grid" id="grid" tabindex="0"><table><thead><tr id="columns"></tr></thead><tbody id="rows"></tbody></table></div>
</section>
<section id="live-nodes">
<h2>Where they run</h2>
<div id="nodes"></div>
</section>
"""
_REST = """
<main id="sections"><p class="soft" id="waiting">The report so far is being computed.</p></main>
<dialog id="details"></dialog>
"""
