"""The arguments and options of the command ``study``, each declared once."""

from typing import Annotated, Literal

import typer

from tuning.cli.completion import run_folders, studies
from tuning.process.terminal import whole
from tuning.spec.study import WandbMode

StudyName = Annotated[
    str,
    typer.Argument(
        metavar="STUDY",
        help="Name of a built-in study, path of a .py file, or module:name.",
        autocompletion=studies,
    ),
]
RunFolder = Annotated[
    str,
    typer.Argument(metavar="RUN", help="Folder of a run, or its URL.", autocompletion=run_folders),
]
RunFolders = Annotated[
    list[str],
    typer.Argument(
        metavar="RUN RUN...",
        help="Folders of two runs or more, or their URLs.",
        autocompletion=run_folders,
    ),
]
Beside = Annotated[
    str,
    typer.Option(
        "--results",
        metavar="DIR",
        help="Where run folders go; the page goes to comparisons/ in it.",
    ),
]
TrialName = Annotated[str, typer.Argument(metavar="TRIAL", help="Id of a trial, as in the report.")]
TrialNames = Annotated[
    list[str], typer.Argument(metavar="TRIAL...", help="Ids of trials, as in the report.")
]
Undo = Annotated[bool, typer.Option("--undo", help="Count these trials again.")]
Retrain = Annotated[
    bool,
    typer.Option("--retrain", help="Have `study resume` train their settings and seeds again."),
]
MergedIn = Annotated[
    str, typer.Option("--results", metavar="DIR", help="Where the folder of the new run goes.")
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set", metavar="KEY=VALUE", help="Another value; a list for a key of the space."
    ),
]
NewSetting = Annotated[
    list[str],
    typer.Option("--set", metavar="KEY=VALUE", help="The value of a parameter; give each one."),
]
Seeds = Annotated[
    int | None, typer.Option(parser=whole, metavar="N", help="Seeds of every setting.")
]
Trials = Annotated[
    int | None, typer.Option(parser=whole, metavar="N", help="Settings that a search tries.")
]
WarmStart = Annotated[
    list[str] | None,
    typer.Option(metavar="RUN", help="A run of the same parameters to begin with, once for each."),
]
MoreSeeds = Annotated[
    int | None,
    typer.Option("--seeds", parser=whole, metavar="N", help="So many more seeds of every setting."),
]
MoreTrials = Annotated[
    int | None,
    typer.Option(
        "--trials",
        parser=whole,
        metavar="N",
        help="So many more settings of a search; -N for fewer.",
    ),
]
MoreValues = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=LIST", help="A grid's values of a parameter, and more."),
]
Probe = Annotated[
    bool,
    typer.Option("--probe", help="Train an epoch of each kind of trial to say what it would take."),
]
Now = Annotated[
    bool, typer.Option("--now", help="Confirm what there is, without the rest of the search.")
]
MaxTime = Annotated[
    str | None,
    typer.Option(
        metavar="SPAN", help="End within 45m or 1h30m, say: what is there then is confirmed."
    ),
]
Smoke = Annotated[
    bool, typer.Option("--smoke", help="The study's own short form: the whole way, in seconds.")
]
Results = Annotated[
    str,
    typer.Option(metavar="DIR", help="Where run folders go: a folder, or a URL to copy them to."),
]
Address = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS", help="A running Ray cluster; without it, a private one on this machine."
    ),
]
Wandb = Annotated[
    WandbMode | None,
    typer.Option(metavar="MODE", help="Mirror to Weights & Biases: off, offline or online."),
]
Tensorboard = Annotated[
    bool | None,
    typer.Option("--tensorboard/--no-tensorboard", help="Write event files for TensorBoard."),
]
Mlflow = Annotated[
    str | None,
    typer.Option(metavar="URI", help="Mirror to the MLflow server at this address, or off."),
]
Dashboard = Annotated[
    bool,
    typer.Option(
        "--dashboard",
        help="Run Ray's own dashboard too (0.9 GB); no effect on a cluster, which has its own.",
    ),
]
Watch = Annotated[
    bool, typer.Option("--watch", help="Serve a page of the run on this machine while it goes on.")
]
Notify = Annotated[
    str | None,
    typer.Option(
        metavar="URL",
        envvar="STUDY_NOTIFY",
        show_envvar=False,
        help="Webhook (Slack, Discord, Mattermost, ntfy) to tell of the end; or $STUDY_NOTIFY.",
    ),
]
AsJson = Annotated[
    bool,
    typer.Option(
        "--json", help="Tell progress and end as JSON lines on stdout, one object per event."
    ),
]
SyncMode = Annotated[
    Literal["offline", "online"] | None,
    typer.Option(
        "--wandb",
        metavar="MODE",
        help="As files in its folder, or to the server; online, unless --mlflow is given alone.",
    ),
]
Host = Annotated[
    str,
    typer.Option(
        metavar="HOST",
        help="Where to serve; anywhere but on this machine alone, a token is asked for.",
    ),
]
Port = Annotated[
    int | None,
    typer.Option(
        parser=whole, metavar="N", help="Which port; without it, one that belongs to the run."
    ),
]
Submitted = Annotated[
    str,
    typer.Argument(
        metavar="STUDY", help="As for run; or the folder of a run on the cluster, to go on with it."
    ),
]
Url = Annotated[
    str,
    typer.Option(
        "--address", metavar="URL", help="The dashboard of the cluster, http://127.0.0.1:8265 say."
    ),
]
Shared = Annotated[
    str,
    typer.Option(
        "--results",
        metavar="DIR",
        help="Where run folders go: a folder that all nodes of the cluster share.",
    ),
]
StudyFile = Annotated[
    str | None,
    typer.Option("--study", metavar="FILE", help="Where the study is now, if its file has moved."),
]
AcceptCodeChange = Annotated[
    bool,
    typer.Option(
        "--accept-code-change",
        help="Go on although the code has changed; the report says what is of which code.",
    ),
]
FromStore = Annotated[
    bool | None,
    typer.Option(
        "--from-store/--keep-local",
        help="Which records to go on with, where folder and store differ; the others are kept.",
    ),
]
Below = Annotated[
    str, typer.Argument(metavar="[DIR]", help="Where run folders are; results/ unless given.")
]
OfStudy = Annotated[
    str | None, typer.Option("--study", metavar="NAME", help="Runs of that study alone.")
]
WithTag = Annotated[
    list[str] | None, typer.Option("--tag", metavar="TAG", help="Runs with that tag alone.")
]
Since = Annotated[
    str | None,
    typer.Option(metavar="TIME", help="Started then or later: 2026-01-31, or 12h, 7d, 2w ago."),
]
Where = Annotated[
    list[str] | None,
    typer.Option(metavar="CONDITION", help="'best > 0.95' or 'best_params.width == 64', say."),
]
Sort = Annotated[
    str,
    typer.Option(metavar="COLUMN", help="Smallest first; with - before it, largest first."),
]
RowsAsJson = Annotated[bool, typer.Option("--json", help="One JSON object per run, on stdout.")]
Tags = Annotated[list[str], typer.Argument(metavar="TAG...", help="Letters, digits, '_' and '-'.")]
Remove = Annotated[bool, typer.Option("--remove", help="Take these tags away.")]
NoteText = Annotated[str, typer.Argument(metavar="TEXT", help="In quotes.")]
NewFile = Annotated[
    str, typer.Argument(metavar="FILE", help="The .py file to write; it must not be there yet.")
]
Kind = Annotated[
    Literal["grid", "search", "ray", "lightning", "sklearn"],
    typer.Option(
        "--kind",
        help="All combinations; a search with early stopping; a function for Ray Tune; PyTorch"
        " Lightning; scikit-learn with folds.",
    ),
]
To = Annotated[
    str | None,
    typer.Option(metavar="DIR", help="An empty or a new folder; report/network/ of the run else."),
]
