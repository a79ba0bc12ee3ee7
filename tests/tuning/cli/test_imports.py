"""What each command imports: nothing that it does not use, so that it starts at once."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from commands import ENVIRONMENT, write_study
from run_folders import xor_like

HEAVY = {
    *("PIL", "aiohttp", "altair", "fsspec", "grpc", "numpy", "optuna", "pandas", "pyarrow", "ray"),
    *("mlflow", "scipy", "sklearn", "tensorboardX", "torch", "torchvision", "vl_convert", "wandb"),
}
RECORDED = """
import json, sys
from study_command import main
sys.argv[0] = "study"
try:
    main()
except SystemExit as ended:
    assert not ended.code, ended
finally:
    print(json.dumps(sorted({name.partition(".")[0] for name in sys.modules})), file=sys.stderr)
"""


def imported(folder: Path, *arguments: str) -> set[str]:
    """The heavy libraries that the command has imported by its end."""
    ran = subprocess.run(
        [sys.executable, "-c", RECORDED, *arguments],
        cwd=folder,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=True,
        timeout=240,
    )
    return HEAVY & set(json.loads(ran.stderr.splitlines()[-1]))


@pytest.mark.parametrize(
    "arguments",
    [["--help"], ["list"], *([name, "--help"] for name in ("run", "resume", "report", "watch"))],
    ids=" ".join,
)
def test_help_and_list_import_no_library(arguments: list[str], tmp_path: Path) -> None:
    assert imported(tmp_path, *arguments) == set()


def test_show_imports_what_its_study_does_and_what_would_send_it(tmp_path: Path) -> None:
    name = write_study(tmp_path, "pass")
    (tmp_path / name).write_text((tmp_path / name).read_text().replace("import ray\n", ""))
    assert imported(tmp_path, "show", name) <= {"numpy", "pandas", "pyarrow", "ray", "grpc"}


def test_report_draws_and_counts_and_imports_nothing_that_trains(tmp_path: Path) -> None:
    run = xor_like(tmp_path / "run", seeds=3, epochs=2)
    brought = imported(tmp_path, "report", str(run))
    assert {"pandas", "altair"} <= brought
    assert not brought & {"aiohttp", "optuna", "ray", "torch", "torchvision", "wandb", "grpc"}
