"""The commands that train one trial in their own process, without Ray."""

from tuning.cli.hints import suggest
from tuning.cli.options import Overrides, RunFolder, Seeds, Smoke, StudyFile, StudyName, TrialName
from tuning.process.terminal import end, plain_errors, say


def try_(
    study: StudyName, set_: Overrides = None, seeds: Seeds = None, smoke: Smoke = False
) -> None:
    """Run the first trial of a study in this process, without Ray: for a debugger."""
    from tuning.cli.session import find

    with plain_errors():
        chosen, _ = find(study, set_, seeds, None, smoke)
        from tuning.engine.one_trial import try_first

        if not (code := try_first(chosen)):
            suggest("try", study)
    end(code)


def replay(run: RunFolder, trial: TrialName, study: StudyFile = None) -> None:
    """Train a recorded trial again in this process, and compare number by number."""
    with plain_errors():
        from tuning.engine.one_trial import replay_recorded
        from tuning.runs.fetching import cached

        code = replay_recorded(cached(run, say), trial, study)
        suggest("replay", run)
    end(code)
