"""What ``nas-ray check-fidelity`` does between its flags and its exit code."""

from __future__ import annotations

import sys
from pathlib import Path

from nas_ray.config import SearchConfig
from nas_ray.fidelity.checking import check_fidelity
from nas_ray.fidelity.report import check_format
from nas_ray.live import Live
from nas_ray.termination import Termination


def run(
    config: SearchConfig, *, networks: int | None, seeds: int, form: str, output: Path | None, quiet: bool
) -> int:
    """Check, print or write what was found, and return the exit code.

    Args:
        config: The resolved configuration.
        networks: How many; None leaves it open.
        seeds: Trainings of each.
        form: Format of the result.
        output: File of the result; None prints it.
        quiet: Show no progress.
    """
    check_format(form, output)
    termination = Termination()
    try:
        with termination:
            if config.simulation.table is not None:
                report = check_fidelity(config, networks=networks, seeds=seeds)
            else:
                with Live(quiet=quiet) as live:
                    report = check_fidelity(config, networks=networks, seeds=seeds, progress=live)
    except KeyboardInterrupt:
        print("interrupted: with a --name, the same command goes on where it stopped", file=sys.stderr)
        return termination.exit_code
    text = report.export(form, output)
    if output is not None:
        text = f"wrote {output}\nadvice {report.advice}"
    print(text)
    return 0
