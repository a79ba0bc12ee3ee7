"""The form of the live page that adds a setting, in a real browser."""

import asyncio
import json
from pathlib import Path

import pytest
from live_runs import served_page
from run_folders import Trial, scores, write_run

from analysis.records.load import RunPaths
from analysis.records.orders import Inbox
from benchmarks.browser import CHROMIUM, browser

HOSTILE = "</script><script>window.bad = 1</script><img src=x onerror='window.bad = 1'>"


@pytest.mark.slow
@pytest.mark.skipif(
    CHROMIUM is None, reason="there is no chromium on this machine: apt-get install chromium"
)
def test_a_setting_is_added_with_the_keyboard_and_inactive_parameters_are_left_out(
    tmp_path: Path,
) -> None:
    space = {
        "lr": {"kind": "float", "low": 0.1, "high": 1.0, "log": False, "step": None},
        HOSTILE: {"values": [HOSTILE, None]},
        "model": {"values": ["svm", "mean"]},
        "C": {"values": [1.0, 2.5], "when": {"model": ["svm"]}},
    }
    best = {"lr": 0.5, HOSTILE: HOSTILE, "model": "svm", "C": 2.5}
    trials = [Trial(params=best, epochs=scores([0.5, 0.6, 0.7]))]
    folder = write_run(tmp_path / "run", trials, space=space, search={"kind": "random"})
    paths = RunPaths(folder)
    paths.lock.write_text("{}")
    said = "document.querySelector('#adding p').textContent"
    shown = "[...document.querySelectorAll('#adding :is(input, select)')]"

    async def run() -> None:
        async with served_page(folder, steers=True) as address, browser() as tab:
            await tab.open(address)
            await tab.until("!document.getElementById('adding').hidden")
            await tab.run("document.getElementById('adding').open = true")
            await tab.until(f"{shown}[0].value === '0.5'")
            assert await tab.run(f"{shown}.map(each => each.selectedOptions?.[0].text)") == [
                None,
                HOSTILE,
                "svm",
                "2.5",
            ]
            await tab.run(f"{shown}[0].select()")
            await tab.ask("Input.insertText", text="7")
            for kind in ("keyDown", "keyUp"):
                await tab.ask("Input.dispatchKeyEvent", type=kind, key="Enter", text="\r")
            await tab.until(f"{said} === 'lr=7 is not in the space: 0.1 to 1.\\n'")
            assert not paths.orders.exists()
            for place, value in ((0, "0.25"), (2, '"mean"')):
                await tab.run(f"{shown}[{place}].value = {json.dumps(value)}")
            await tab.run(
                "document.querySelector('#adding form').dispatchEvent(new Event('change'))"
            )
            assert await tab.run(f"{shown}[3].disabled")
            await tab.run("document.querySelector('#adding form button').click()")
            await tab.until(f"{said} && !{said}.includes('lr=7')")
            assert await tab.run("window.bad") is None
            assert [each for each in tab.problems if "422" not in each] == []

    asyncio.run(run())
    (order,) = Inbox(paths).new()
    assert order.params == {"lr": 0.25, HOSTILE: HOSTILE, "model": "mean"}
