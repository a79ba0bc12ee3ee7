"""The live page of a run beside its session: ``python -m tuning.runs.page RUN`` writes its address
and serves it until whoever started it closes the pipe or is gone.
"""

import asyncio
import sys
from functools import partial
from pathlib import Path

from analysis.live.server import serve
from tuning.spec.settings import recorded_problems


async def _standard_input_ends() -> None:
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(
        serve(
            Path(sys.argv[1]),
            ready=partial(print, flush=True),
            until=_standard_input_ends,
            check=recorded_problems,
        )
    )
