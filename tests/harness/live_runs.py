"""Runs that are written while a page of them is open, and the page."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from analysis.live.server import serve
from analysis.records.load import RunPaths
from tuning.spec.settings import recorded_problems


def add(path: Path, **row: Any) -> None:
    with path.open("a") as file:
        file.write(json.dumps(row) + "\n")


def begin(paths: RunPaths, trial: str, **facts: Any) -> None:
    add(
        paths.trials,
        **{
            "trial": trial,
            "params": {"width": 2},
            "seeds": [0, 1, 2],
            "status": "running",
            "attempt": 1,
            **facts,
        },
    )


def epoch(paths: RunPaths, trial: str, number: int, *values: float | None, **facts: Any) -> None:
    about = {
        "seconds": 0.5,
        "at": 1.7e9 + number,
        "node": "feed0123456789",
        "ip": "10.0.0.7",
        "pid": 4321,
    }
    add(
        paths.epochs,
        **{
            "trial": trial,
            "epoch": number,
            "metrics": {"accuracy": list(values)},
            **about,
            **facts,
        },
    )


@asynccontextmanager
async def served_page(
    folder: Path, host: str = "127.0.0.1", port: int | None = None, steers: bool = False
) -> AsyncIterator[str]:
    """The address of the page of a run, served for the time of the block."""
    check = recorded_problems if steers else None
    address: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    serving = asyncio.create_task(serve(folder, host, port, ready=address.set_result, check=check))
    await asyncio.wait([address, serving], return_when=asyncio.FIRST_COMPLETED)
    try:
        yield address.result()
    finally:
        serving.cancel()
        await asyncio.wait([serving])
