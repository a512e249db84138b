"""kill -9 at a random moment, then resume: no trial is lost, none is done twice.

    python scripts/benchmarks/engine_kills.py [--seeds 20]

A search by evolution with successive halving on digits is killed once it has written a random number of
records: the driver alone (10 seeds of 20), one of its workers (5), or its whole process group with Ray (5).
Then `nas-ray resume` finishes it; after the loss of a worker it goes on by itself. Every second search runs
one trial at a time, and is then compared with an uninterrupted one. Prints what was lost or doubled, per
seed and in all; the aim is 0 of everything. Takes about 15 minutes on 2 cores.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Any

TRIALS, EPOCHS = 10, 9
KINDS = ("driver", "worker", "driver", "group")
OVER = {"finished", "stopped", "failed", "infeasible", "cached"}

SEARCH = f"""
import sys, nas_ray
nas_ray.search(
    space="mlp", strategy="evolution", stopping="asha", data="digits", trials={TRIALS}, max_epochs={EPOCHS},
    name="run", runs_dir=sys.argv[1], seed=int(sys.argv[2]), concurrency=int(sys.argv[3]),
    overrides={{"estimation.checkpoint_seconds": 0, "strategy.population_size": 4, "strategy.sample_size": 2}}
)
"""
RESUME = "import sys, nas_ray; nas_ray.resume(sys.argv[1])"


def started(*command: str) -> subprocess.Popen[bytes]:
    """Start Python with this code and these arguments, in a process group of its own."""
    return subprocess.Popen(
        [sys.executable, "-c", *command],
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )


def finish(process: subprocess.Popen[bytes]) -> None:
    """Wait for a process that must succeed."""
    error = process.communicate(timeout=600)[1]
    if process.returncode:
        raise SystemExit(error.decode()[-3000:])


def killed(kind: str, folder: Path, process: subprocess.Popen[bytes], records: int, random_s: float) -> bool:
    """Kill once the ledger has so many records and a moment more has passed; False if it was over before."""
    ledger = folder / "run" / "ledger.jsonl"
    while process.poll() is None and (not ledger.exists() or ledger.read_bytes().count(b"\n") < records):
        time.sleep(0.005)
    time.sleep(random_s)
    if process.poll() is not None:
        return False
    if kind == "worker":
        return _kill_worker(ledger)
    if kind == "group":
        os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()
    return True


def _kill_worker(ledger: Path) -> bool:
    from nas_ray.ledger import read

    pids = [record["pid"] for record in read(ledger) if record["kind"] == "report"]
    with contextlib.suppress(ProcessLookupError, IndexError):
        os.kill(pids[-1], signal.SIGKILL)
        return True
    return False


def wrongs(before: list[dict[str, Any]], folder: Path) -> Counter[str]:
    """Count what was lost and what was done twice."""
    import nas_ray
    from nas_ray.ledger import read

    after, result = read(folder / "ledger.jsonl"), nas_ray.SearchResult.load(folder)
    ended = {record["trial_id"] for record in before if record["kind"] == "end"}
    later = after[len(before) :]
    ends = Counter(record["trial_id"] for record in after if record["kind"] == "end")
    begun = [record["trial_id"] for record in after if record["kind"] == "propose"]
    return Counter(
        {
            "records changed": int(after[: len(before)] != before),
            "finished trials lost": len(ended - set(result.trials["trial_id"])),
            "finished trials run again": len(
                ended & {each["trial_id"] for each in later if each["kind"] in ("start", "end")}
            ),
            "trials without an end": int((~result.trials["outcome"].isin(OVER)).sum()),
            "trials with two ends": sum(count > 1 for count in ends.values()),
            "trials lost": max(0, TRIALS - int((result.trials["outcome"] != "cached").sum())),
            "trials too many": max(0, int((result.trials["outcome"] != "cached").sum()) - TRIALS),
            "proposals doubled": len(begun) - len(set(begun)),
            "rows doubled": int(result.epochs.duplicated(["trial_id", "epoch"]).sum()),
        }
    )


def proposals(folder: Path) -> list[str]:
    """Return the networks that a run proposed, in order."""
    import nas_ray

    return list(nas_ray.SearchResult.load(folder).trials["config_id"])


def main() -> None:
    """Kill and resume with every seed."""
    from nas_ray.ledger import read

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=20)
    given = parser.parse_args()
    total, killings = Counter[str](), Counter[str]()
    whole: list[str] = []
    for seed in range(given.seeds):
        kind, concurrency, rng = KINDS[seed % 4], 1 + seed // 4 % 2, random.Random(seed)
        folder = Path(tempfile.mkdtemp())
        process = started(SEARCH, str(folder), "0", str(concurrency))
        was_killed = killed(kind, folder, process, rng.randint(3, 50), rng.uniform(0, 0.3))
        before = read(folder / "run" / "ledger.jsonl")
        if kind == "worker" or not was_killed:
            finish(process)
        else:
            assert process.stderr is not None
            process.stderr.close()
            finish(started(RESUME, str(folder / "run")))
        found = wrongs(before, folder / "run")
        if concurrency == 1:
            whole = whole or _uninterrupted()
            found["proposals differ"] = int(proposals(folder / "run") != whole)
        killings[kind if was_killed else "none"] += 1
        total += found
        print(
            f"  seed {seed:2} {kind:6} {'killed' if was_killed else 'over'} after {len(before)} records, "
            f"{concurrency} at once: {dict(+found) or 'nothing lost, nothing doubled'}",
            flush=True,
        )
    print(f"  killed: {dict(killings)}; in all: {dict(+total) or '0 lost, 0 doubled'}")
    sys.exit(bool(+total))


def _uninterrupted() -> list[str]:
    folder = Path(tempfile.mkdtemp())
    finish(started(SEARCH, str(folder), "0", "1"))
    return proposals(folder / "run")


if __name__ == "__main__":
    main()
