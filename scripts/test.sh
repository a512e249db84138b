#!/usr/bin/env bash
# Installs nas_ray with its development tools into .venv and runs every test.
# Further arguments go to pytest, for instance: bash scripts/test.sh tests/strategies -x
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh
prepare_environment dev
# Two processes: each starts a Ray of two cores of its own. A module's functions, or a class, stay in one; they
# begin in the order in which they are collected, the longest first (tests/conftest.py).
# Each computes its linear algebra in one thread, as two on two cores would wait for each other.
export OPENBLAS_NUM_THREADS=1
exec python -m pytest --numprocesses 2 --dist loadscope --no-loadscope-reorder "$@"
