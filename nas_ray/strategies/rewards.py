"""Rewards for policy gradients: ranks, a moving average to compare them with, and their spread."""

from __future__ import annotations

from collections.abc import Callable

from nas_ray.strategies.records import FORGOTTEN, Observation, Rank

SMALLEST_SPREAD = 0.05
LARGEST_ADVANTAGE = 3.0


class Advantages:
    """Turns observations into (R - b) / spread.

    R is the share of the trials so far that an observation beats by ``rank``, ties counting half; networks
    that failed or cannot be built beat none. b and the spread are exponential moving averages of R and of
    |R - b|.

    A worked trace (decay 0.9; b starts at 0.5 and the spread at 0.25, those of ranks drawn at random)::

        finished 0.80   R 0.5   R - b  0.00   advantage  0.0    b 0.50   spread 0.225
        finished 0.90   R 1.0   R - b  0.50   advantage  2.2    b 0.55   spread 0.253
        stopped  0.95   R 0.0   R - b -0.55   advantage -2.2    b 0.495  spread 0.282

    A trial that goes on after a pause is observed again: its advantage is then by how much R has changed, so
    that all advantages of a trial sum to that of its latest result, and b and the spread stay.

    Args:
        decay: Share of the old value in a moving average.
        rank: Sort key of a result, with what is known now; larger is better.
    """

    def __init__(
        self, decay: float, rank: Callable[[Observation], Rank] = lambda observation: observation.rank
    ) -> None:
        self.decay = decay
        self.baseline, self.spread = 0.5, 0.25
        self._rank = rank
        self._results: dict[int, Observation] = {}
        self._rewards: dict[int, float] = {}

    def of(self, observation: Observation, known_as: Observation | None) -> float | None:
        """Return the advantage, None if nothing was learned, and move the averages.

        Args:
            observation: What the strategy is told.
            known_as: The same for a network that was trained; for a known one what is known of it, None
                while nothing is.
        """
        if known_as is None or known_as.reason in FORGOTTEN or known_as.outcome == "interrupted":
            return None
        number, earlier = observation.number, self._rewards.get(observation.number)
        others = self._results
        if observation.outcome != "cached":
            others.pop(number, None)
        reward = 0.0 if observation.score is None else self._share_beaten(observation)
        if observation.score is not None and observation.outcome != "cached":
            others[number] = observation
        self._rewards[number] = reward
        difference = reward - (self.baseline if earlier is None else earlier)
        advantage = difference / max(self.spread, SMALLEST_SPREAD)
        if earlier is None:
            self.baseline += (1 - self.decay) * difference
            self.spread += (1 - self.decay) * (abs(difference) - self.spread)
        return min(max(advantage, -LARGEST_ADVANTAGE), LARGEST_ADVANTAGE)

    def _share_beaten(self, observation: Observation) -> float:
        if not self._results:
            return 0.5
        rank, ranks = self._rank(observation), [self._rank(each) for each in self._results.values()]
        return sum((rank > each) + (rank == each) / 2 for each in ranks) / len(ranks)
