"""The documentation, held against the code."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest
from commands import train_here
from pages import PAGES, blocks
from places import ROOT
from run_folders import searched_like, xor_like

from analysis import load_run
from analysis.report.claims import claim
from analysis.stats.findings import find
from benchmarks.measured import PAGE, block, with_blocks
from tuning import Study
from tuning.spec.catalog import built_in_names

README = (ROOT / "README.md").read_text()


def own_study() -> str:
    """The file that the README gives, word for word."""
    (block,) = blocks(ROOT / "README.md", "python")
    return block.text


@pytest.mark.slow
def test_your_own_study_is_short_and_runs_as_written(tmp_path: Path) -> None:
    text = own_study()
    code = [line for line in text.splitlines() if line.strip()]
    assert len(code) <= 22
    (tmp_path / "study_of_readme.py").write_text(text)
    ran = train_here("run", str(tmp_path / "study_of_readme.py"), "--results", str(tmp_path))
    assert ran.exit_code == 0, ran.stderr
    assert "too few" not in ran.stderr, "the example must be able to reach a conclusion"
    read = load_run(ran.stdout.splitlines()[-1])
    assert len(read.trials) == 60
    assert set(read.trials["status"]) == {"completed"}
    final = read.epochs[read.epochs["epoch"] == 200].merge(
        read.trials[["trial", "width", "learning_rate"]], on="trial"
    )
    means = final.groupby(["width", "learning_rate"])["loss"].mean()
    assert means[(32, 0.03)] < means[(2, 0.003)]


def test_the_line_that_needs_no_ray(tmp_path: Path) -> None:
    line = re.search(r"`(list\(train\(.*?\))`", README, re.S).group(1)
    (tmp_path / "line.py").write_text(own_study() + f"\nassert len({line}) == 5\n")
    subprocess.run([sys.executable, "line.py"], cwd=tmp_path, check=True, timeout=240)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_relative_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)", page.read_text()):
        if not target.startswith("http"):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


@pytest.mark.parametrize("name", built_in_names())
def test_every_built_in_study_is_in_the_readme(name: str) -> None:
    assert f"study run {name}" in README


def test_every_field_of_a_study_has_a_docstring() -> None:
    source = (ROOT / "tuning" / "spec" / "study.py").read_text()
    body = source.split("class Study:")[1].split("def __post_init__")[0]
    for field in dataclasses.fields(Study):
        assert re.search(rf'^    {field.name}: .*\n    """', body, re.M), field.name


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in re.findall(r"^make (\S+)", README + (ROOT / "CONTRIBUTING.md").read_text(), re.M):
        assert re.search(rf"^{target}:", makefile, re.M), target


def test_figures_are_written_from_runs_and_say_of_which(tmp_path: Path) -> None:
    runs = [
        load_run(xor_like(tmp_path / "xor", seeds=10, epochs=2)),
        load_run(searched_like(tmp_path / "lungs")),
    ]
    blocks = {run.spec["name"]: block(run) for run in runs}
    text = "before\n" + "".join(
        f"<!-- figures of {name} -->\nold\n<!-- end -->\nbetween {name}\n" for name in blocks
    )
    written = with_blocks(text, blocks)
    assert "\nold\n" not in written
    for run in runs:
        name, found = run.spec["name"], find(run)
        of_run = written.split(f"<!-- figures of {name} -->\n")[1].split("<!-- end -->")[0]
        assert " ".join(claim(found).split()) in " ".join(of_run.replace("\n> ", " ").split())
        assert f"Recorded run {run.paths.root.name}: `study run bowls`" in of_run
        assert f"between {name}" in written
    assert written.count("published best") >= 1
    assert with_blocks(written, blocks) == written
    with pytest.raises(SystemExit):
        with_blocks("nothing", blocks)


def test_the_page_has_a_place_for_the_figures_of_every_built_in_study() -> None:
    text = PAGE.read_text()
    for name in built_in_names():
        assert text.count(f"<!-- figures of {name} -->\n") == 1, name
    assert text.count("<!-- end -->") == len(built_in_names())


def test_the_readme_is_of_a_newcomers_length() -> None:
    assert len(README.splitlines()) <= 150
