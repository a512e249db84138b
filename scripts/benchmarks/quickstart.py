"""The quick start over five seeds: wall time with Ray's start, and the winner's test accuracy.

    python scripts/benchmarks/quickstart.py

24 trials of ``chain`` with ``evolution`` and ``asha`` on digits, at most 16 epochs each. The aims: at most
180 seconds a run, and a mean test accuracy of at least 0.97.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SEEDS, AIM_SECONDS, AIM_ACCURACY = 5, 180, 0.97
SEARCH = [
    "--space",
    "chain",
    "--strategy",
    "evolution",
    "--stopping",
    "asha",
    "--data",
    "digits",
    "--trials",
    "24",
    "--max-epochs",
    "16",
]


def run(seed: int) -> tuple[float, float]:
    """Return wall seconds and the test accuracy of one search."""
    folder = tempfile.mkdtemp()
    command = [sys.executable, "-m", "nas_ray", "search", *SEARCH, "--seed", str(seed)]
    started = time.perf_counter()
    subprocess.run(
        [*command, "--name", "run", "--runs-dir", folder, "--quiet"], check=True, capture_output=True
    )
    seconds = time.perf_counter() - started
    lines = (Path(folder) / "run" / "ledger.jsonl").read_text().splitlines()
    tests = [record for record in map(json.loads, lines) if record["kind"] == "test"]
    return seconds, tests[-1]["metrics"]["test_acc"]


def main() -> None:
    """Run every seed and print the figures."""
    runs = []
    for seed in range(SEEDS):
        runs.append(run(seed))
        print(f"seed {seed}  wall {runs[-1][0]:6.1f} s   test_acc {runs[-1][1]:.4f}", flush=True)
    slowest, accuracy = max(seconds for seconds, _ in runs), statistics.mean(value for _, value in runs)
    print(f"slowest {slowest:.1f} s (aim {AIM_SECONDS}), mean test_acc {accuracy:.4f} (aim {AIM_ACCURACY})")
    sys.exit(slowest > AIM_SECONDS or accuracy < AIM_ACCURACY)


if __name__ == "__main__":
    main()
