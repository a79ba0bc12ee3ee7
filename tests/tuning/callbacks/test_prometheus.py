"""Numbers for Prometheus, read from the metrics port of a real Ray; and the dashboard that asks for
them.
"""

import json
import re
import urllib.request
from pathlib import Path

import pytest
import ray
from inline_runs import run
from mirror_processes import wait_for
from places import ROOT
from run_folders import Trial, write_run
from small_studies import goes_wrong, small_study

from analysis import load_run
from tuning.callbacks.prometheus import StudyMetrics
from tuning.runs.history import History


def exported(run: str) -> dict[str, float]:
    """The lines of the studies on the metrics port of this node's Ray, without the tags that are
    Ray's own.
    """
    node = ray.nodes()[0]
    with urllib.request.urlopen(
        f"http://{node['NodeManagerAddress']}:{node['MetricsExportPort']}/metrics", timeout=60
    ) as answer:
        text = answer.read().decode()
    found = {}
    for name, tags, value in re.findall(r"^(ray_study_\w+)\{(.*)\} (\S+)$", text, re.M):
        own = dict(re.findall(r'(\w+)="([^"]*)"', tags))
        label = own.get("state") or own.get("metric") or ""
        if own.get("run") == run:
            found[f"{name} {label}".strip()] = float(value)
    return found


def exported_once(run: str, completed: int) -> dict[str, float]:
    return wait_for(
        lambda: (found := exported(run)).get("ray_study_trials completed") == completed and found
    )


@pytest.mark.slow
@pytest.mark.usefixtures("private_ray")
def test_studies_are_on_the_metrics_port_of_their_ray(tmp_path: Path) -> None:
    study = small_study(goes_wrong, space={"fault": ["", "raises", "nothing"]}, max_failures=0)
    run(study, tmp_path, StudyMetrics(study, "r1"))
    spec = {
        "metric": "score",
        "space": {"slope": {"values": [1, 2, 3]}},
        "fixed": {},
        "epochs": 3,
        "seeds": [0, 1],
    }
    before = [
        Trial(
            name="0001", params={"slope": 1}, epochs=[{"score": 2.0}, {"score": 20.0}], seeds=[0, 1]
        )
    ]
    resumed = small_study(space={"slope": [2, 3]})
    earlier = History.of(resumed, load_run(write_run(tmp_path / "earlier", before, **spec)))
    run(resumed, tmp_path, StudyMetrics(resumed, "r2", earlier))
    found = exported_once("r1", completed=2)
    assert found["ray_study_trials failed"] == 1
    assert (found["ray_study_trials running"], found["ray_study_trials waiting"]) == (0, 0)
    assert found["ray_study_best_score score"] == pytest.approx(3.005)
    assert found["ray_study_epochs_total"] == 7
    found = exported_once("r2", completed=3)
    assert found["ray_study_best_score score"] == 20.0, "that of all sessions"


def test_the_dashboard_asks_for_what_there_is() -> None:
    dashboard = json.loads((ROOT / "cluster" / "grafana-studies.json").read_text())
    asked = {
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"ray_study_\w+", target["expr"])
    }
    assert asked == {"ray_study_trials", "ray_study_best_score", "ray_study_epochs_total"}
