"""``study doctor``: what of this machine may stand in the way."""

from pathlib import Path

from tuning.cli.hints import suggest
from tuning.cli.options import Results
from tuning.process.terminal import end, plain_errors


def doctor(results: Results = "results") -> None:
    """Check this machine: memory, disk, ports, limits, GPU, logins."""
    from tuning.process.machine import checks
    from tuning.runs.store import is_url

    with plain_errors():
        found = []
        for check in checks(Path("results" if is_url(results) else results)):
            found.append(check)
            print(f"{check.state:8} {check.name:14} {check.text}", flush=True)
        suggest("doctor")
    end(1 if any(check.state == "problem" for check in found) else 0)
