#!/usr/bin/env bash
# Installs nas_ray into .venv and searches a network for the embedded images of handwritten digits.
# Safe to run again: the second time it starts within seconds, and every run has a folder of its own.
# Further arguments go to `nas-ray search`, for instance: bash scripts/quickstart.sh --trials 50
set -euo pipefail
cd "$(dirname "$0")/.."
source scripts/environment.sh
prepare_environment
nas-ray search --space chain --strategy evolution --stopping asha --data digits \
  --trials 24 --max-epochs 16 "$@"
echo "     source .venv/bin/activate   # first: puts nas-ray on this shell's path"
