#!/usr/bin/env bash
# Style and types: ruff and mypy --strict.
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh
prepare_environment dev
ruff check .
ruff format --check .
mypy
