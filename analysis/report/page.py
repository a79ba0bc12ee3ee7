"""One HTML page that needs nothing but itself: style, scripts and data stand within it. Its markup
is that of ``templates``, which escape everything that comes from a study.
"""

import contextlib
import json
from collections.abc import Sequence
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

import jinja2
from markupsafe import Markup, escape

from analysis.charts.style import style
from analysis.records.paths import cache_folder
from analysis.report.export import write_aside
from analysis.report.section import Opening, Section

TEMPLATES = Path(__file__).parent / "templates"


@cache
def environment(*folders: Path) -> jinja2.Environment:
    """The templates of ``folders`` and of the report, which escape every value that is no
    ``Markup``.
    """
    templates = jinja2.Environment(
        loader=jinja2.FileSystemLoader([*folders, TEMPLATES]),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters |= {"json": in_script, "breakable": _breakable}
    return templates


def page(title: str, opening: Opening, sections: Sequence[Section]) -> str:
    """The whole document."""
    shown = [section for section in sections if section.is_shown]
    drawn = any(section.charts for section in shown)
    return (
        environment()
        .get_template("page.html.j2")
        .render(
            title=title,
            opening=opening,
            sections=shown,
            style=asset("style.css"),
            script=asset("page.js"),
            draw=Markup(asset("draw.js").replace("CONFIG", chart_config())),
            vega=Markup(vega_script()) if drawn else "",
        )
    )


def opening_html(opening: Opening) -> str:
    """The head of a page alone."""
    return str(_parts().opening(opening))


def section_html(section: Section) -> str:
    """What stands below the heading of a section."""
    return str(_parts().content(section))


def asset(name: str, folder: Path = TEMPLATES) -> Markup:
    """A style sheet or script of ours, as it stands in its file."""
    return Markup((folder / name).read_text(encoding="utf-8"))


def chart_config() -> Markup:
    """The configuration of charts that take the colour of the text around them."""
    return in_script(style("currentColor", "transparent", "var(--paper)"))


def in_script(content: Any) -> Markup:
    """Data as JSON that may stand within a script element: nothing in it can end the element or
    open another.
    """
    text = json.dumps(content, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
    safe = text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
    return Markup(safe)


def vega_script() -> str:
    """The scripts that draw the charts as one."""
    return f"{_vega()}\n{asset('legible.js')}"


def _vega() -> str:
    """Vega, Vega-Lite and Vega-Embed, kept in the user's cache: bundling takes two seconds."""
    import vl_convert

    cached = cache_folder() / f"vega-{version('vl-convert-python')}.js"
    with contextlib.suppress(OSError):
        return cached.read_text(encoding="utf-8")
    script = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;")
    script = script.replace("</script", "<\\/script")
    with contextlib.suppress(OSError):  # no cache to write to: the next report bundles again
        write_aside(cached, script)
    return script


def _parts() -> Any:
    return environment().get_template("section.html.j2").module


def _breakable(name: Any) -> Markup:
    """The name of a column, which may be broken after each underscore."""
    return Markup(str(escape(name)).replace("_", "_<wbr>"))
