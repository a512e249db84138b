"""No stopping: every trial trains to its end, unless it diverges."""

from __future__ import annotations

from nas_ray.stopping.base import StoppingRule


class NoStopping(StoppingRule):
    """Lets every trial train to its end; one whose metric is not finite is ended."""

    name = "none"

    def decide(self, trial: str, fidelity: float, score: float) -> bool:
        """Go on."""
        return True

    def acts_at(self, fidelity: float) -> bool:
        """Return False."""
        return False
