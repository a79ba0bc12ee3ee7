#!/usr/bin/env bash
# Install this checkout into its own .venv, with the exact versions of constraints.txt; where the system's Python is older than 3.11, with
# one that uv brings. Run again, it brings what has changed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
if [ ! -x .venv/bin/python ]; then
    if python3 -c 'import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then
        python3 -m venv .venv
    else
        python3 -m pip install --quiet --user uv
        python3 -m uv venv --quiet --seed --python 3.11 .venv
    fi
fi
.venv/bin/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable .
