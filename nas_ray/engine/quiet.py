"""Ray and Tune without files and words of their own: the run's ledger and its live line take their place."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager

ENVIRONMENT = {
    # Five files per trial, several times the cost of everything else the driver does.
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",
    # A snapshot rewrites the state of all trials, and a run resumes from its ledger alone.
    "TUNE_GLOBAL_CHECKPOINT_S": "86400",
    "TUNE_PRINT_ALL_TRIAL_ERRORS": "0",
    # A metric may be missing where a trial failed.
    "TUNE_DISABLE_STRICT_METRIC_CHECKING": "1",
    "RAY_AIR_NEW_OUTPUT": "0",
    # Tune takes several reports at once; how many the trainable says (batches.py).
    "TUNE_RESULT_BUFFER_LENGTH": "2",
    # User code and relative paths mean the folder where the search was started.
    "RAY_CHDIR_TO_TRIAL_DIR": "0",
}

RAYLETS = {
    # On stdout, whatever `log_to_driver` says: a kilobyte for every worker that was lost.
    "RAY_DEDUP_LOGS_SKIP_REGEX": ".",
    "RAY_DEDUP_LOGS": "1",  # without it Ray skips nothing
}


def quiet_raylets() -> None:
    """Keep what Ray's nodes say of lost workers off the stdout of this program.

    For a program of one's own alone, and before Ray is imported, which is when Ray looks.
    """
    os.environ.update(RAYLETS)


@contextmanager
def quiet_tune(at_once: int) -> Iterator[None]:
    """Set Tune's environment for one run and put everything back afterwards.

    Args:
        at_once: Trials at once: as many may wait for their actors.
    """
    environment = {**ENVIRONMENT, "TUNE_MAX_PENDING_TRIALS_PG": str(at_once)}
    before = {name: os.environ.get(name) for name in environment}
    logger = logging.getLogger("ray.tune")
    level = logger.level
    os.environ.update(environment)
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(level)
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
