"""The process that mirrors one run: ``python -m tuning.mirrors.process RUN SECONDS NAME=MODE...``,
started by ``tuning.mirrors.driver``. ``SECONDS``: what the end of a trial may take.

It follows the records until its stdin says ``end`` (mirror the rest, then the study itself) or is
closed (leave off), and says on stdout, a JSON line each, what it did and what is in its way. Each
mirror has a thread of its own: one that hangs holds up no other.
"""

import json
import os
import sys
import threading
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

from analysis.records.lines import read_spec
from analysis.records.paths import RunPaths
from tuning.mirrors.delivery import Delivery

SECONDS_BETWEEN_LOOKS = 0.5


class Orders:
    """What the driver wants, from stdin: nothing yet, ``end``, or (when it is gone) to leave
    off.
    """

    def __init__(self) -> None:
        self.given = threading.Event()
        self.to_the_end = False
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        self.to_the_end = sys.stdin.readline().strip() == "end"
        self.given.set()


def deliver(name: str, mode: str, paths: RunPaths, seconds: float, orders: Orders) -> None:
    """Keep one mirror up to date until there are orders, and follow these."""
    say = partial(_say, name)
    sink = import_module(f"tuning.mirrors.{name}").sink(
        paths.root, read_spec(paths.study), mode, seconds
    )
    if sink.note:
        say(note=sink.note)
    delivery = Delivery(paths, sink, say)
    while not orders.given.wait(SECONDS_BETWEEN_LOOKS):
        delivery.look()
    if orders.to_the_end:
        delivery.look(all_of_them=True)
        delivery.finish()
    delivery.leave()
    say(missing=delivery.missing)


def main() -> None:
    root, seconds = Path(sys.argv[1]), float(sys.argv[2])
    os.nice(10)
    orders = Orders()
    modes = dict(each.split("=", 1) for each in sys.argv[3:])
    threads = [
        threading.Thread(target=deliver, args=(name, mode, RunPaths(root), seconds, orders))
        for name, mode in modes.items()
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


_TURN = threading.Lock()


def _say(name: str, **what: Any) -> None:
    with _TURN:
        print(json.dumps({"mirror": name, **what}), flush=True)


if __name__ == "__main__":
    main()
