"""100 small networks on digits: the share of slot time that is training.

    python scripts/benchmarks/engine_utilisation.py [--runs 3] [--trials 100]

A search by nas_ray as anybody starts it: chain networks, random search, 4 epochs each, 2 at once. Prints, per
run, the seconds of all epochs over the seconds of all slots, from a slot's first trial until the last trial
is proposed; the aim for the median is at least 0.9.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
from pathlib import Path

AIM = 0.9


def share(ledger: Path) -> float:
    """Return the share of slot time in epochs, once the slots are up."""
    from nas_ray.ledger import read

    records = read(ledger)
    last = max(record["at"] for record in records if record["kind"] == "propose")
    reports = [record for record in records if record["kind"] == "report" and record["at"] <= last]
    starts = {record["trial_id"]: record["at"] for record in records if record["kind"] == "start"}
    ready: dict[int, float] = {}
    for report in reports:
        ready.setdefault(report["pid"], starts[report["trial_id"]])
    trained = sum(report["seconds"] for report in reports)
    return float(trained / sum(last - at for at in ready.values()))


def main() -> None:
    """Search several times."""
    import nas_ray

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--trials", type=int, default=100)
    given = parser.parse_args()
    shares = []
    for seed in range(given.runs):
        result = nas_ray.search(
            space="chain",
            strategy="random",
            stopping="none",
            data="digits",
            trials=given.trials,
            max_epochs=4,
            concurrency=2,
            seed=seed,
            runs_dir=tempfile.mkdtemp(),
        )
        shares.append(share(result.path / "ledger.jsonl"))
        print(f"  seed {seed}  {shares[-1]:.3f} of slot time in epochs", flush=True)
    print(f"  median {statistics.median(shares):.3f} (aim at least {AIM})")
    sys.exit(statistics.median(shares) < AIM)


if __name__ == "__main__":
    main()
