"""The page of a run that is watched, before anything is known of its trials: the style of the
report, and places for what is pushed.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from analysis.report.page import asset, chart_config, environment

TEMPLATES = Path(__file__).parent / "templates"


def live_page(about: Mapping[str, Any], *, steers: bool = False) -> str:
    """The document for the run that ``about`` tells of, as ``Feed.hello`` does; ``steers``: whether
    it shows buttons that give orders.
    """
    return (
        environment(TEMPLATES)
        .get_template("live.html.j2")
        .render(
            about=about,
            steers=steers,
            style=asset("style.css") + asset("live.css", TEMPLATES),
            config=chart_config(),
        )
    )
