"""What a report takes its time for before it begins."""

import threading
from contextlib import suppress
from importlib import import_module

LIBRARIES = ("scipy.stats", "scipy.ndimage", "analysis.report.build")
OF_IMPORTANCES = ("sklearn.gaussian_process", "optuna.importance")
TINY = {"data": {"values": [{"a": 1}]}, "mark": "point", "encoding": {"x": {"field": "a"}}}


def load_ahead(importances: bool) -> None:
    """Import, in a thread, the libraries that reports are made with, and draw a first picture,
    which starts the renderer; ``importances``: whether those of parameters will be asked for. An
    error is left to the report.
    """
    threading.Thread(target=_load, args=[importances]).start()


def _load(importances: bool) -> None:
    with suppress(Exception):
        for name in LIBRARIES + importances * OF_IMPORTANCES:
            import_module(name)
        import vl_convert

        vl_convert.vegalite_to_svg(TINY)
