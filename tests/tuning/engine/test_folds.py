"""Folds of a cross-validation: what the trainable is given, what is recorded, how it is judged."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from drawn_studies import cut_off_anywhere
from inline_runs import run
from run_folders import without
from scipy import stats

from analysis import load_run, write_report
from analysis.stats.leaderboard import awaited
from analysis.stats.paired import comparison_table
from analysis.stats.summary import sample_table
from tuning import Asha, Confirm, Folds, Random, Study, StudyError
from tuning.engine.folds import over_folds
from tuning.engine.replay import replay


def train(config: Any, seeds: Any, resume: Any = None) -> Any:
    """The score says which fold and which repetition it is of."""
    total = resume["total"] if resume else 0
    for epoch in range(resume["epoch"] + 1 if resume else 1, config["epochs"] + 1):
        total += epoch
        hundredths = [10 * config["fold"] + seed for seed in seeds]
        score = [config["x"] + total + each / 100 for each in hundredths]
        yield (
            {"epoch": epoch, "score": score, "fold": config["fold"]},
            {
                "epoch": epoch,
                "total": total,
            },
        )


def folded(trainable: Any = train, **changes: Any) -> Study:
    values: dict[str, Any] = {
        "name": "folded",
        "question": "Which x?",
        "trainable": trainable,
        "space": {"x": [1, 2]},
        "seeds": Folds(3, seeds=2),
        "metric": "score",
        "epochs": 2,
    }
    return Study(**values | changes)


@pytest.mark.parametrize("together", [1, 4, 6])
def test_every_fold_of_every_repetition_is_trained(tmp_path: Path, together: int) -> None:
    found = run(folded(seeds_per_trial=together), tmp_path)
    last = found.epochs[found.epochs["epoch"] == 2].merge(found.trials[["trial", "x"]])
    assert len(last) == 2 * 6
    for row in last.to_dict("records"):
        fold, repetition = row["seed"] % 3, row["seed"] // 3
        assert row["score"] == pytest.approx(row["x"] + 3 + (10 * fold + repetition) / 100)
        assert row["fold"] == fold
    assert found.recorded["folds"] == 3
    assert "corrected resampled" in write_report(found).read_text()


def test_the_confirmation_repeats_with_other_splits(tmp_path: Path) -> None:
    study = folded(confirm=Confirm(top=1, seeds=2))
    found = run(study, tmp_path).phase("confirm")
    assert sorted(seed for seeds in found.trials["seeds"] for seed in seeds) == [*range(6, 12)]
    assert {seed // 3 for seed in range(6, 12)} == {2, 3}, "repetitions that the search did not use"


def test_a_search_with_folds_survives_a_crash_after_any_row(tmp_path: Path) -> None:
    search = {"search": Random(trials=3), "space": {"x": [1, 2, 3, 4]}}
    study = folded(**search, scheduler=Asha(grace_period=1, reduction_factor=2), epochs=3)
    cut_off_anywhere(study, tmp_path, step=2)


def test_a_trial_with_folds_is_replayed_bit_for_bit(tmp_path: Path) -> None:
    study = folded(seeds_per_trial=6)
    found = run(study, tmp_path)
    assert [each.differences for each in replay(study, found, "0001")] == [{}, {}]


def test_intervals_and_tests_use_the_corrected_variance(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)

    def noisy(config: Any, seeds: Any, resume: Any = None) -> Any:
        score = [config["x"] + rng.normal() for _ in seeds]
        yield {"epoch": 1, "score": score}, None

    found = run(folded(noisy, epochs=1, seeds_per_trial=6), tmp_path)
    first, last = (
        found.epochs[found.epochs["trial"] == name].set_index("seed")["score"]
        for name in ("0001", "0002")
    )
    row = comparison_table(found).iloc[0]
    differences = (last - first).to_numpy()
    error = np.sqrt((1 / 6 + 1 / 2) * np.var(differences, ddof=1))
    assert row["p"] == pytest.approx(2 * stats.t.sf(abs(differences.mean()) / error, 5))
    width = stats.t.ppf(0.975, 5) * error
    assert row["ci_low"] == pytest.approx(differences.mean() - width)
    assert np.isnan(row["seeds_needed"])
    table = sample_table([first.to_numpy()], "score", found.spec).iloc[0]
    error = np.sqrt((1 / 6 + 1 / 2) * np.var(first, ddof=1))
    assert table["ci_high"] == pytest.approx(first.mean() + stats.t.ppf(0.975, 5) * error)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"seeds": Folds(1)}, "seeds=Folds.* must be .* Folds"),
        ({"seeds": Folds(3, seeds=0)}, "must be .* Folds"),
        ({"fixed": {"fold": 1}}, "'fold' is the study's own word"),
    ],
)
def test_folds_that_are_none_are_refused(changes: Any, words: str) -> None:
    with pytest.raises(StudyError, match=words):
        folded(**changes)


def test_more_repetitions_by_an_override() -> None:
    assert folded().override({"seeds": 4}).seed_list == [*range(12)]


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ("short", "the trainable ended after epoch 1 of 3"),
        ("other", "the folds of a trial report the same epochs, .* fold 0 epoch 2, fold 1 epoch 3"),
        ("many", "3 values in one fold; there are 1 repetitions"),
    ],
)
def test_folds_that_do_not_fit_together_are_named(tmp_path: Path, wrong: str, words: str) -> None:
    def odd(config: Any, seeds: Any, resume: Any = None) -> Any:
        for metrics, state in train(config, seeds):
            if config["fold"] == 1 and metrics["epoch"] == 2:
                if wrong == "short":
                    return
                metrics = metrics | {"other": {"epoch": 3}, "many": {"score": [1, 2, 3]}}[wrong]
            yield metrics, state

    found = run(folded(odd, seeds=Folds(2), seeds_per_trial=2, epochs=3), tmp_path)
    assert all(re.search(words, error) for error in found.trials["error"])


def leaves(config: Any, seeds: Any, resume: Any = None) -> Any:
    """Fold 1 ends itself after epoch 2, all others after epoch 3."""
    last = 2 if config["fold"] == 1 else 3
    for epoch in range((resume or 0) + 1, last + 1):
        yield (
            {"epoch": epoch, "score": [10 * config["fold"] + epoch + seed for seed in seeds]},
            epoch,
        )
    return "enough"


def test_a_fold_that_ended_itself_stays_while_the_others_go_on(tmp_path: Path) -> None:
    found = run(folded(leaves, seeds_per_trial=6, epochs=5), tmp_path)
    facts = found.trials[["status", "epochs", "reason"]].to_numpy().tolist()
    reason = (
        "fold 0 after epoch 3: enough; fold 1 after epoch 2: enough; fold 2 after epoch 3: enough"
    )
    assert facts == [["completed", 3, reason]] * 2
    last = found.epochs[(found.epochs["epoch"] == 3) & (found.epochs["trial"] == "0001")]
    assert last.set_index("seed")["score"].to_dict() == {0: 3, 1: 12, 2: 23, 3: 4, 4: 13, 5: 24}


def test_folds_that_ended_themselves_survive_a_crash_after_any_row(tmp_path: Path) -> None:
    search = {"search": Random(trials=3), "space": {"x": [1, 2, 3, 4]}}
    cut_off_anywhere(folded(leaves, **search, seeds_per_trial=6, epochs=5), tmp_path, step=2)


def test_a_trainable_that_calls_report_is_given_its_fold(tmp_path: Path) -> None:
    def pushes(config: Any, seed: int, report: Any) -> None:
        for epoch in (1, 2):
            report(epoch=epoch, score=10 * config["fold"] + seed + epoch / 10)

    found = run(folded(pushes, seeds_per_trial=6), tmp_path)
    last = found.epochs[(found.epochs["epoch"] == 2) & (found.epochs["trial"] == "0002")]
    scores = last.set_index("seed")["score"].to_dict()
    assert scores == {0: 0.2, 1: 10.2, 2: 20.2, 3: 1.2, 4: 11.2, 5: 21.2}


def test_a_confirmation_is_complete_with_all_of_its_folds(tmp_path: Path) -> None:
    study = folded(confirm=Confirm(top=1, seeds=2))
    done = run(study, tmp_path)
    assert len(done.phase("confirm").trials) == 6
    assert awaited(done) == 0
    without(done.paths.root, "c0006")
    assert awaited(load_run(done.paths.root)) == 1


def grows_in_blocks(config: Any, seeds: Any, resume: Any = None) -> Any:
    layer = torch.nn.Linear(1, 1, bias=False)
    layer.weight.data.fill_(0)
    for epoch in (1, 2, 3):
        has_grad = torch.is_grad_enabled()
        layer.weight.data.add_(config["fold"] + 1)
        with torch.autocast("cpu", dtype=torch.bfloat16):
            value = layer(torch.ones(1)).item()
            with torch.no_grad():
                yield {"epoch": epoch, "grad": has_grad, "value": value}, None


def test_a_block_in_which_a_fold_yields_is_not_one_of_the_others() -> None:
    """torch keeps the weights that it has cast until the outermost block is left."""
    epochs = [metrics for metrics, _ in over_folds(grows_in_blocks, 2, {}, [0, 1], None)]
    assert [epoch["grad"] for epoch in epochs] == [[True, True]] * 3
    assert [epoch["value"] for epoch in epochs] == [[1, 2], [2, 4], [3, 6]]


def trains_in_a_block(config: Any, seeds: Any, resume: Any = None) -> Any:
    with torch.autocast("cpu"):
        for epoch in (1, 2, 3):
            if (config["fold"], epoch) == (0, 3):
                return "enough"
            yield {"epoch": epoch, "cast": torch.is_autocast_enabled("cpu")}, None


def test_a_block_that_one_fold_leaves_is_left_by_no_other() -> None:
    epochs = [metrics for metrics, _ in over_folds(trains_in_a_block, 2, {}, [0, 1], None)]
    assert [epoch["cast"] for epoch in epochs] == [[True, True]] * 3
    assert not torch.is_autocast_enabled("cpu")
    try:
        assert torch.autocast_increment_nesting() == 1
    finally:
        torch.autocast_decrement_nesting()
