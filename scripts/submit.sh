#!/usr/bin/env bash
# Submits a search as a Ray job: the driver then runs on the cluster, beside its record, and outlives
# the connection. Needs `pip install 'nas-ray[cluster]'` here and on the cluster.
#
#   RAY_ADDRESS=http://HEAD:8265 bash scripts/submit.sh config.yaml --trials 200 --runs-dir /shared/runs
#
# The arguments are those of `nas-ray search`. The current folder travels with the job, so that a
# configuration, a space or a data factory of one's own is found; name a shared folder as --runs-dir.
set -euo pipefail
if [ "$#" -eq 0 ]; then
  sed -n '2,9s/^# \{0,1\}//p' "$0"
  exit 2
fi
if ! command -v ray >/dev/null || ! ray job submit --help >/dev/null 2>&1; then
  echo "submitting needs Ray's job client: pip install 'nas-ray[cluster]'" >&2
  exit 1
fi
exec ray job submit --address "${RAY_ADDRESS:-http://127.0.0.1:8265}" --working-dir . \
  -- nas-ray search --address auto "$@"
