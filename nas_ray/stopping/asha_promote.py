"""Asynchronous successive halving as its paper has it: pause at a rung, promote the best."""

from __future__ import annotations

from nas_ray.stopping.pausing import PausingRule
from nas_ray.stopping.rungs import Rungs


class ASHAPromote(PausingRule):
    """Asynchronous successive halving (Li et al., MLSys 2020, https://arxiv.org/abs/1810.05934, algorithm 2).

    Rungs are at r, rη, rη² ... epochs, and a trial pauses at each. A free slot goes to the best trial among
    the ⌊n/η⌋ best of the n that have reached a rung, if it was not promoted from there before; higher rungs
    come first. Where there is none, a new trial begins. So a trial that came early is not lost, and none goes
    on before η have been compared; with ``asha``, which stops in place of pausing, the first always goes on.

    Where we differ from the paper: trials with equal scores go in the order of arrival, and the last rung is
    the full training, whatever its length.

    Args:
        metric: Name of the metric; None takes the Tuner's.
        mode: ``"max"`` or ``"min"``; None takes the Tuner's.
        grace_period: r, epochs of the first rung.
        reduction_factor: η.

    Raises:
        ConfigError: If r is below 1 or η is not above 1.
    """

    name = "asha-promote"

    def __init__(
        self,
        metric: str | None = None,
        mode: str | None = None,
        *,
        grace_period: float = 1,
        reduction_factor: float = 3,
    ) -> None:
        super().__init__(metric, mode)
        self.ladder = Rungs(grace_period, reduction_factor)
        self.rungs: list[dict[str, float]] = []
        """Scores by trial, by index of the rung."""
        self._at: dict[str, int] = {}

    def arrive(self, trial: str, fidelity: float, score: float) -> bool:
        """Enter a trial into the rung that it has just reached; the full training has none."""
        index = self.ladder.reached(fidelity) - 1
        if index < 0 or index <= self._at.get(trial, -1) or fidelity >= (self.max_fidelity or fidelity + 1):
            return False
        while len(self.rungs) <= index:
            self.rungs.append({})
        self.rungs[index][trial] = score
        self._at[trial] = index
        return True

    def choose(self) -> str | None:
        """Return the best trial that may be promoted from the highest rung that has one."""
        for index in range(len(self.rungs) - 1, -1, -1):
            rung = self.rungs[index]
            best = sorted(rung, key=rung.__getitem__, reverse=True)[: self.ladder.places(len(rung))]
            for trial in best:
                if trial in self.waiting and self._at[trial] == index:
                    return trial
        return None

    def promise(self, trial: str) -> tuple[float, ...]:
        """Return the rung and the score."""
        index = self._at[trial]
        return (index, self.rungs[index][trial])

    def acts_at(self, fidelity: float) -> bool:
        """Return whether a rung is reached."""
        return self.ladder.at(fidelity)

    def rung(self, fidelity: float) -> int:
        """Return how many rungs lie at or below ``fidelity`` epochs."""
        return self.ladder.reached(fidelity)
