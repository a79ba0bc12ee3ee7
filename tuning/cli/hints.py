"""What makes sense after a command: said at its end, on stderr."""

import shlex
from typing import TYPE_CHECKING

from tuning.process.terminal import say

if TYPE_CHECKING:
    from tuning.spec.study import Study

_NEXT = {
    "list": "`study show NAME` says what one would train, `study new my_study.py` begins your own",
    "show": "`study try {0}` trains one trial, `study run {0}` all of them",
    "new": "`study try {0}` trains one trial, `study run {0}` all of them",
    "try": "`study run {0}` trains all trials and writes the report",
    "grid": "`study watch {0}` shows it in a browser, `study extend {0} --seeds 5` adds seeds",
    "search": "`study watch {0}` shows it in a browser, `study extend {0} --trials 10` searches on",
    "cut off": "`study resume {0}` goes on, `study report {0}` reads what is there",
    "replay": "`study report {0}` writes the report of its run again",
    "report": "`study watch {0}` shows it in a browser, `study compare {0} OTHER` a second",
    "compare": "`study runs` lists all runs, `study extend RUN --seeds 5` adds seeds to one",
    "runs": "`study report RUN` reads one of them, `study compare RUN RUN` sets two side by side",
    "tag": "`study runs --tag TAG` finds it by a tag",
    "note": "`study report {0}` shows it in the report",
    "sync": "`study sync {0}` sends what is still missing at any later time",
    "export": "`README.md` in that folder says how to use it",
    "doctor": "`study run xor_width_depth --smoke` tries the whole way",
}


def hint(after: str, what: object = "") -> str:
    """What makes sense after a command about ``what``: a study or a run, as one would type it."""
    return _NEXT[after].format(shlex.quote(str(what)))


def suggest(after: str, what: object = "") -> None:
    """Say ``hint`` on a line of its own."""
    say(f"next: {hint(after, what)}")


def after_run(study: "Study") -> str:
    """After what a whole run of a study is. Seeds that stop themselves cannot be added to."""
    if not study.search.exhaustive:
        return "search"
    return "report" if study.settles else "grid"
