"""MLflow as a mirror: a run for the study, and below it one per trial.

The server makes the ids of runs, so a run is found again by its tags. One of them says how many
epochs it has, with a digest of their numbers: a run of which the records say the same goes on
behind these; any other is deleted, and sent anew.
"""

import csv
import io
import json
import os
import posixpath
import re
import threading
import time
from collections.abc import Mapping, Sequence
from datetime import datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from analysis.records.paths import RunPaths
from tuning.mirrors import summary
from tuning.mirrors.base import Sink
from tuning.mirrors.delivery import SUMMARY
from tuning.mirrors.mlflow_server import Run, Server
from tuning.mirrors.trial import MirroredTrial, flat

OURS = "study."
"""How all tags begin that are neither MLflow's own nor given by people."""
SENT, TAGS, NOTE = "study.sent", "study.tags", "study.note"
DESCRIPTION = "mlflow.note.content"
EPOCHS_AT_ONCE = 100
LONGEST = 60.0
"""Seconds that a request may take, at the most."""


def sink(root: Path, spec: Mapping[str, Any], mode: str, seconds: float) -> Sink:
    given = {
        # Asked again, it might make a second run. ``Delivery`` tries again, and looks first.
        "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
        "MLFLOW_HTTP_REQUEST_TIMEOUT": str(round(min(seconds, LONGEST))),
        "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    }
    os.environ.update(given | os.environ)
    return MlflowRuns(root, spec, mode, Server(mode))


class MlflowRuns(Sink):
    """``place``: the address of the server."""

    def __init__(self, root: Path, spec: Mapping[str, Any], place: str, server: Server) -> None:
        self.folder, self.place = RunPaths(root).mlflow, place
        self._root, self._spec, self._server = root, spec, server
        self.only_summary = spec.get("trials", 0) > summary.TRIALS_AS_RUNS
        self.note = summary.ONLY_SUMMARY if self.only_summary else ""
        self._turn = threading.Lock()
        self._study: Run | None = None
        self._failed: tuple[float, Exception | None] = (0.0, None)
        self._runs: dict[str, tuple[Run, Sent]] = {}

    def start(self, trial: MirroredTrial) -> None:
        study, run = self._of_study(), self._found(trial.trial)
        sent = Sent(trial, int(run.tags.get(SENT, "0").split()[0]) if run else 0)
        params = {
            _key(name): str(flat(value))[: self._server.LONGEST_PARAM]
            for name, value in {**self._spec["fixed"], **trial.row["params"]}.items()
        }
        if run and (run.tags.get(SENT) != str(sent) or run.params != params):
            self._server.delete(run.id)
            run = None
        about = self._about(trial) | {"mlflow.parentRunId": study.id}
        if run:
            self._server.go_on(run.id)
            self._tag(run, about)
        else:
            sent, title = Sent(trial, 0), trial.title(self._spec["space"])
            began = min(trial.times.values(), default=time.time())
            run = self._created(trial.trial, title, began, about)
            self._server.log(run.id, params=params, tags={SENT: str(sent)})
        self._runs[trial.trial] = run, sent

    def epochs(self, trial: MirroredTrial, new: Sequence[int]) -> None:
        _, sent = self._runs[trial.trial]
        if min(new) <= sent.last and str(Sent(trial, sent.last)) != str(sent):
            self.start(trial)  # some were trained again, and have other numbers now
        run, sent = self._runs[trial.trial]
        more = sorted(epoch for epoch in trial.metrics if epoch > sent.last)
        for first in range(0, len(more), EPOCHS_AT_ONCE):
            metrics = []
            for epoch in more[first : first + EPOCHS_AT_ONCE]:
                # Always the same time, for then the server keeps once what is sent twice.
                at, numbers = trial.times.get(epoch, epoch), trial.metrics[epoch]
                metrics += [(_key(name), value, at, epoch) for name, value in numbers.items()]
                sent.add(epoch, numbers)
            self._server.log(run.id, metrics, tags={SENT: str(sent)})

    def trial_end(self, trial: MirroredTrial) -> None:
        run, _ = self._runs.pop(trial.trial)
        if seeds := trial.seed_table():
            self._server.write(run.id, "seeds.csv", _csv(*seeds))
        end = {f"{OURS}{name}": value for name, value in trial.end.items()}
        self._tag(run, self._about(trial) | end)
        failed = "FAILED" if trial.status.has_ended else "KILLED"
        state = failed if trial.is_failure else "FINISHED"
        self._server.end(run.id, state, max(trial.times.values(), default=time.time()))

    def abandon(self, trial: str) -> None:
        run, _ = self._runs.pop(trial)
        self._server.end(run.id, "KILLED", time.time())

    def version(self, trials: Sequence[MirroredTrial]) -> str:
        return summary.version(self._root, trials, summary.report_files(self._root))

    def finish(self, trials: Sequence[MirroredTrial]) -> None:
        run, labels = self._of_study(), summary.labels_of(self._root)
        note, given = summary.noted(labels), dict.fromkeys(labels.tags, "true")
        ours = {f"{OURS}{name}": str(count) for name, count in summary.counts(trials).items()}
        ours |= {TAGS: " ".join(labels.tags), NOTE: note}
        # What somebody wrote there on the server stays.
        is_ours = run.tags.get(DESCRIPTION, "") == run.tags.get(NOTE, "")
        self._tag(run, ours | given | ({DESCRIPTION: note} if is_ours else {}))
        about = json.dumps(summary.facts_of(self._spec), indent=1)
        self._server.write(run.id, "study.json", about)
        if (report := RunPaths(self._root).report).is_dir():
            self._server.upload(run.id, report, "report")
        self._server.end(run.id, "FINISHED", time.time())

    def reason(self, error: Exception) -> str:
        """MLflow tells the whole way to what went wrong."""
        text = str(error)
        if code := re.search(r"(?:error code|too many) (\d+)", text):
            if code[1] in ("401", "403"):
                return (
                    f"{self.place} refuses (MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD,"
                    " or MLFLOW_TRACKING_TOKEN, say who asks)"
                )
            return f"{self.place} answers {code[1]}"
        if "failed with exception" in text:
            return f"{self.place} does not answer"
        return super().reason(error)

    def _of_study(self) -> Run:
        """The run of the study, under which those of its trials are. Who waited for another that
        failed fails with it: a server that is silent is waited for once.
        """
        began = time.monotonic()
        with self._turn:
            failed_at, error = self._failed
            if error and began < failed_at:
                raise error
            try:
                self._study = self._study or self._begun()
            except Exception as new:
                self._failed = time.monotonic(), new
                raise
            return self._study

    def _begun(self) -> Run:
        self._experiment = self._server.experiment(self._spec["name"])
        if run := self._found(SUMMARY):
            self._server.go_on(run.id)
            return run
        began = datetime.fromisoformat(self._spec["started"]).timestamp()
        return self._created(SUMMARY, f"{self._spec['name']} {self._root.name}", began)

    def _named(self, name: str) -> dict[str, str]:
        """The tags by which a run is found."""
        return {"study.run": self._root.name, "study.trial": name}

    def _found(self, name: str) -> Run | None:
        """The run of that name. There are two where the answer to ``create`` was lost and came
        true later.
        """
        runs = self._server.runs(self._experiment, self._named(name))
        for other in runs[1:]:
            self._server.delete(other.id)
        return runs[0] if runs else None

    def _created(self, name: str, title: str, began: float, more: Mapping[str, str] = {}) -> Run:
        about = {"study.name": self._spec["name"], "study.question": self._spec["question"]}
        tags = {**self._named(name), **about, **more}
        return Run(self._server.create(self._experiment, title, tags, began), tags)

    def _about(self, trial: MirroredTrial) -> dict[str, str]:
        seeds = json.dumps(list(trial.seeds))
        return {"study.phase": str(trial.phase), "study.seeds": seeds, "study.status": "running"}

    def _tag(self, run: Run, tags: Mapping[str, Any]) -> None:
        """Give a run these tags, and take away what was given of ours and is not among them; but
        what a run is found by stays, and what it was sent.
        """
        lasting = {SENT, "study.run", "study.trial", "study.name", "study.question"}
        ours = {key for key in run.tags if key.startswith(OURS)} - lasting
        wanted = {key: str(value) for key, value in tags.items() if value != ""}
        for key in {*ours, *run.tags.get(TAGS, "").split()} & run.tags.keys() - wanted.keys():
            self._server.untag(run.id, key)
            del run.tags[key]
        self._server.log(run.id, tags=wanted)
        run.tags |= wanted


class Sent:
    """Which epochs a run has: the highest of them, and a digest of all their numbers."""

    def __init__(self, trial: MirroredTrial, last: int) -> None:
        """The epochs of a trial up to ``last``."""
        self.last, self._digest = 0, sha256()
        for epoch in sorted(epoch for epoch in trial.metrics if epoch <= last):
            self.add(epoch, trial.metrics[epoch])

    def add(self, epoch: int, numbers: Mapping[str, float]) -> None:
        self.last = epoch
        self._digest.update(json.dumps([epoch, numbers]).encode())

    def __str__(self) -> str:
        return f"{self.last} {self._digest.hexdigest()[:16]}"


def _key(name: str) -> str:
    """A name as MLflow takes it, which refuses some characters and what reads like a way to
    another folder: these by their numbers.
    """
    key = re.sub(r"[^\w.\- :/]", _numbered, name) or "_"
    leads_away = posixpath.normpath(key) != key or key.startswith(("/", ".."))
    return re.sub(r"[./]", _numbered, key) if leads_away or key == "." else key


def _numbered(found: re.Match[str]) -> str:
    return f"_{ord(found[0]):x}_"


def _csv(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([columns, *rows])
    return text.getvalue()
