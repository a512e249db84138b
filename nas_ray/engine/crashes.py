"""What Ray says of a trial that Tune counts as an error: why it ended, and the lines that tell."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

LINES = 12
"""Last lines of an error that are kept: the error and the place in the user's code."""

_FAILURE = re.compile(r"^Failure # \d+ \(occurred at .*\)\n", re.MULTILINE)
_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_TRACEBACK = '  File "'
_LOW_MEMORY = "low on memory"
_GUESSES = " Some common causes include"
"""Where Ray begins to guess why a process died: of three causes it names, it has seen none."""


def reason_of(trial: Any) -> str:
    """Return why one of Tune's trials counts as an error.

    Returns:
        ``"out_of_memory"`` where Ray ended its process since the node had no memory left, ``"error"`` where
        code raised an exception, else ``"lost"``: the process or its node died.
    """
    text = _last_error(trial)
    if _TRACEBACK in text:
        return "out_of_memory" if "MemoryError" in text.splitlines()[-1] else "error"
    return "out_of_memory" if _LOW_MEMORY in text else "lost"


def text_of(trial: Any) -> str:
    """Return what Ray says of it, the most telling line last."""
    return telling(_last_error(trial)) or "the process of the trial was lost"


def telling(text: str) -> str:
    """Return the lines of one of Ray's errors that say what happened, the most telling one last."""
    lines = _COLOUR.sub("", text).strip().splitlines()
    if _TRACEBACK not in text and _LOW_MEMORY in text:
        # A page on the node's memory and how to set up Ray follows.
        return next(line for line in lines if _LOW_MEMORY in line)
    return "\n".join(lines[-LINES:]).partition(_GUESSES)[0]


def _last_error(trial: Any) -> str:
    # Tune writes each failure to the driver's disk first, and copies it to the run's storage much later.
    try:
        text = Path(trial.error_file or "").read_text(errors="replace")
    except OSError:
        return ""
    return _FAILURE.split(text)[-1].strip()
