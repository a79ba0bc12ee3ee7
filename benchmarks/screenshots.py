"""The pictures of ``docs/watching.md``, taken of a real study in a real browser: ``python -m
benchmarks.screenshots [FOLDER]``.

A short search runs with ``--watch``; the page is pictured on the way and at the end, light and
dark, and one trial in full. Takes a minute.
"""

import asyncio
import os
import sys
import tempfile
from pathlib import Path

from benchmarks.browser import Tab, browser

STUDY = """
import math, random, time
from ray import tune
from tuning import Asha, Confirm, Optuna, Recovery, Study

def train(config, seeds, resume=None):
    rate = math.log10(config["learning_rate"])
    for epoch in range(1, config["epochs"] + 1):
        time.sleep(0.12)
        print(f"epoch {epoch}: learning rate {config['learning_rate']:.3g}")
        if config["width"] >= 32 and rate > -1.6 and epoch == 2:
            raise RuntimeError("the loss grew without bound; try a smaller learning_rate")
        top = 0.97 - 0.06 * (rate + 2.3) ** 2 + 0.01 * math.log2(config["width"] / 8)
        top -= 0.02 * (config["optimizer"] == "sgd")
        noise = [random.Random(f"{seed}/{epoch}").gauss(0, 0.004) for seed in seeds]
        reached = top * (1 - 0.7 * math.exp(-epoch / 4))
        yield {"epoch": epoch, "accuracy": [reached + each for each in noise]}, {"epoch": epoch}

study = Study(
    name="example", question="Which learning rate, width and optimizer read a signal best?",
    trainable=train,
    space={
        "learning_rate": tune.loguniform(1e-4, 1e-1),
        "width": [8, 16, 32, 64],
        "optimizer": ["adam", "sgd"],
    },
    search=Optuna(trials=40), scheduler=Asha(grace_period=2, reduction_factor=3),
    confirm=Confirm(top=2, seeds=5),
    metric="accuracy", epochs=18, seeds=1, seeds_per_trial=5,
    recovery=Recovery(max_failures=0),
)
"""
COMMAND = [
    sys.executable,
    "-c",
    "import sys; sys.argv[0] = 'study'; from study_command import main; main()",
]
WITHOUT_FOLDERS = """document.querySelectorAll('dialog pre').forEach(part => {
    part.textContent = part.textContent.replace(/"[/][^"]*[/]/g, '"');
})"""
ENDED = "document.getElementById('counts').textContent.match(/^(\\d+) of/)?.[1]"


async def main() -> None:
    target = Path(sys.argv[1] if len(sys.argv) > 1 else "docs/img")
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "example.py").write_text(STUDY)
        pipe = asyncio.subprocess.PIPE
        study = await asyncio.create_subprocess_exec(
            *COMMAND,
            "run",
            "example.py",
            "--watch",
            cwd=folder,
            stdout=pipe,
            stderr=pipe,
            env=os.environ,
        )
        assert study.stderr is not None
        try:
            address = await _address(study.stderr)
            draining = asyncio.create_task(study.stderr.read())
            async with browser() as tab:
                await _picture_all(tab, address, target)
                await draining
        finally:
            if study.returncode is None:
                study.terminate()
                await study.wait()


async def _address(lines: asyncio.StreamReader) -> str:
    async for line in lines:
        if line.startswith(b"live page: "):
            return line.decode().split()[-1]
    raise SystemExit("the study ended before its page was there")


async def _picture_all(tab: Tab, address: str, target: Path) -> None:
    await tab.open(address)
    await tab.until(
        f"Number({ENDED}) >= 12 && document.querySelectorAll('#pictures .chart svg').length > 1",
        seconds=200,
    )
    await tab.picture(target / "watching_running.png", width=1000, height=760)
    await tab.run("document.getElementById('picture-trials').scrollIntoView()")
    await tab.picture(target / "watching_charts.png", width=1000, height=620)
    await tab.run("document.querySelector('#states button[data-state=failed]').click()")
    await tab.until("document.querySelectorAll('#rows tr.failed').length", seconds=200)
    await tab.run("document.querySelector('#rows tr.failed button').click()")
    await tab.until("document.querySelector('dialog').open")
    await tab.run(WITHOUT_FOLDERS)
    await tab.picture(target / "watching_trial.png", width=1000, height=700)
    await tab.run(
        "document.querySelector('dialog').close(), document.querySelector('#states"
        " button[data-state=failed]').click()"
    )
    await tab.until("/fresh seeds/.test(document.getElementById('best').textContent)", seconds=200)
    await tab.run(
        "scrollTo(0, 0), document.querySelector('#columns th[data-key=value] button').click()"
    )
    await tab.picture(target / "watching_dark.png", width=1000, height=760, dark=True)
    assert not tab.problems, tab.problems


if __name__ == "__main__":
    asyncio.run(main())
