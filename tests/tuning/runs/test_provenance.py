"""The packages that the numbers of a run depend on."""

import json
from importlib import metadata
from pathlib import Path

import pytest

from analysis import load_run
from tuning.runs.changes import resumed
from tuning.runs.distributions import distributions, version
from tuning.runs.prepare import prepare_run
from tuning.runs.provenance import changed_since
from tuning.runs.reopen import continued, notes_of
from tuning.spec.loading import find_study

STUDY = """
import os, json, own_of_provenance
from tuning import Study

def train(config, seeds, resume=None):
    from sklearn.svm import SVC
    yield {"epoch": 1, "score": 1.0}, None

study = Study(name="mine", question="?", trainable=train, space={"a": [1]}, metric="score",
    epochs=1)
"""


def test_a_package_is_named_as_it_is_installed() -> None:
    files = {
        "mine.py": b"import os, sklearn.svm, models.net, nowhere_at_all\nfrom tuning import Study",
        "models/net.py": b"from . import other\nimport numpy as np",
        "models/broken.py": b"def",
    }
    assert distributions(files) == ["numpy", "scikit-learn"]
    assert distributions({"mine.py": b"import torch, numpy"}) == ["numpy", "torch"]
    assert version("") is None


def test_a_run_records_what_its_own_files_import_and_names_what_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mine.py").write_text(STUDY)
    (tmp_path / "own_of_provenance.py").write_text("import markupsafe\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    study = find_study("mine.py")
    paths = prepare_run(study, "results", overrides={}, command=["study"], reference="mine.py")
    spec = json.loads(paths.study.read_text())
    packages = spec["provenance"]["packages"]
    now = metadata.version("scikit-learn")
    assert packages["scikit-learn"] == now
    assert packages["MarkupSafe"] == metadata.version("markupsafe")
    assert changed_since(spec["provenance"], tmp_path) == []
    packages["scikit-learn"] = "1.0"
    paths.study.write_text(json.dumps(spec))
    run = load_run(paths.root)
    assert notes_of(run, continued(run, resumed)) == [f"scikit-learn was 1.0, now it is {now}"]
