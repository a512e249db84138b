#!/usr/bin/env bash
# Installs nas_ray with its development tools into .venv and runs every test.
# Further arguments go to pytest, for instance: bash scripts/test.sh tests/strategies -x
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh
prepare_environment dev
exec python -m pytest "$@"
