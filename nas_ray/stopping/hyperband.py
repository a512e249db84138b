"""Asynchronous Hyperband: several ladders of successive halving side by side."""

from __future__ import annotations

from nas_ray.errors import ConfigError
from nas_ray.stopping.asha import ASHA
from nas_ray.stopping.base import StoppingRule
from nas_ray.stopping.rungs import Rungs


class Hyperband(StoppingRule):
    """Hyperband with asynchronous brackets (Li et al., JMLR 2018; Li et al., MLSys 2020, section 3).

    Bracket s is an :class:`ASHA` whose first rung is at rη^s epochs: the later brackets stop later, in case
    that early epochs mislead. A trial joins one bracket when it first reports; bracket s gets trials in
    proportion to η^(-s) / (s + 1), so that all brackets spend about as many epochs, as in Hyperband. Where we
    differ from the papers: trials join in a fixed rotation and not by chance.

    Args:
        metric: Name of the metric; None takes the Tuner's.
        mode: ``"max"`` or ``"min"``; None takes the Tuner's.
        grace_period: r, epochs of the first rung of the first bracket.
        reduction_factor: η.
        brackets: Number of brackets.

    Raises:
        ConfigError: If there is no bracket, r is below 1 or η is not above 1.
    """

    name = "hyperband"

    def __init__(
        self,
        metric: str | None = None,
        mode: str | None = None,
        *,
        grace_period: float = 1,
        reduction_factor: float = 3,
        brackets: int = 3,
    ) -> None:
        super().__init__(metric, mode)
        if not brackets >= 1:
            raise ConfigError(f"`stopping.brackets` must be at least 1, but got {brackets!r}")
        self.ladder = Rungs(grace_period, reduction_factor)
        self.brackets = [
            ASHA(
                grace_period=grace_period * reduction_factor**index,
                reduction_factor=reduction_factor,
            )
            for index in range(brackets)
        ]
        self._weights = [reduction_factor**-index / (index + 1) for index in range(brackets)]
        self._joined = [0] * brackets
        self._bracket_of: dict[str, int] = {}

    def decide(self, trial: str, fidelity: float, score: float) -> bool:
        """Ask the trial's bracket."""
        if trial not in self._bracket_of:
            self._bracket_of[trial] = self._join()
        return self.brackets[self._bracket_of[trial]].decide(trial, fidelity, score)

    def acts_at(self, fidelity: float) -> bool:
        """Return whether a rung is reached."""
        return self.ladder.at(fidelity)

    def rung(self, fidelity: float) -> int:
        """Return the number of rungs of the first bracket at or below ``fidelity`` epochs."""
        return self.ladder.reached(fidelity)

    def _join(self) -> int:
        # The bracket that lacks most of its share.
        lag = [(joined + 1) / weight for joined, weight in zip(self._joined, self._weights, strict=True)]
        index = lag.index(min(lag))
        self._joined[index] += 1
        return index
