"""A recurrent controller that learns by policy gradient which choices are rewarded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from nas_ray.errors import ConfigError
from nas_ray.strategies.base import Strategy
from nas_ray.strategies.decisions import Decisions
from nas_ray.strategies.records import Candidate, Observation
from nas_ray.strategies.rewards import Advantages

if TYPE_CHECKING:
    from nas_ray.strategies.policy import Policy


class Controller(Strategy):
    """Reinforcement learning of Zoph and Le, ICLR 2017, https://arxiv.org/abs/1611.01578.

    An LSTM goes through the keys of the space in order; at each it reads the choice before and gives the
    probabilities of the next one. After a trial its weights θ move along
    (R - b) ∇ log p(choices; θ), REINFORCE (Williams 1992), where R is the reward and b a moving average of
    the rewards before; an entropy bonus keeps it trying.

    What R is: the share of the trials so far that this one beats by (fidelity, score), from 0 to 1. A
    trial that a stopping rule ended after one epoch is so compared with what is known after one epoch
    and stands below all that got further: its accuracy is never taken for a final one. Failed,
    diverged and infeasible networks get 0, the worst. R - b is divided by the moving spread of R.

    Where we differ from the paper: the reward is that rank and not a power of the accuracy, since
    a few hundred trials cannot teach a network the scale of somebody's metric; one update for each trial, in
    the order in which they end, with a learning rate for hundreds of trials and not for 12,800; weights
    see the policy of now, not that of a few trials ago when the choices were drawn. A known network is not
    trained again but rewarded again, with what it is worth now, so that the updates stay on policy;
    keys that do not matter in a configuration are left out of log p; real domains and those of more than 16
    integers are cut into up to 16 bins of equal probability.

    Example:
        >>> from ray import tune
        >>> strategy = Controller(metric="val_acc", mode="max", seed=0)
        >>> strategy.set_search_properties(None, None, {"op": tune.choice(["conv", "pool"])})
        True
        >>> config = strategy.suggest("a")
        >>> strategy.on_trial_complete("a", {"val_acc": 0.9})

    Args:
        space: The search space; None takes the flat parameter space that Tune hands over.
        metric: Name of the metric; None takes the Tuner's.
        mode: ``"max"`` or ``"min"``; None takes the Tuner's.
        seed: Seed of all random choices, the weights included.
        learning_rate: Of Adam.
        entropy_weight: Factor of the entropy of the decisions, in nats.
        baseline_decay: Of the moving averages of R and of its spread.
        hidden_size: Units of the LSTM and of the embedding.
        options: Options of every :class:`Strategy`.

    Raises:
        ConfigError: If a rate, weight or size is out of its range.
    """

    name = "controller"

    def __init__(
        self,
        space: Any = None,
        metric: str | None = None,
        mode: str | None = None,
        seed: int | None = None,
        *,
        learning_rate: float = 0.01,
        entropy_weight: float = 0.45,
        baseline_decay: float = 0.95,
        hidden_size: int = 32,
        **options: Any,
    ) -> None:
        if not learning_rate > 0:
            raise ConfigError(f"`learning_rate` must be greater than 0, but got {learning_rate}")
        if not entropy_weight >= 0:
            raise ConfigError(f"`entropy_weight` must be at least 0, but got {entropy_weight}")
        if not 0 <= baseline_decay < 1:
            raise ConfigError(f"`baseline_decay` must be at least 0 and below 1, but got {baseline_decay}")
        if hidden_size < 1:
            raise ConfigError(f"`hidden_size` must be at least 1, but got {hidden_size}")
        self.learning_rate, self.entropy_weight = learning_rate, entropy_weight
        self.hidden_size = hidden_size
        self.advantages = Advantages(baseline_decay)
        self.policy: Policy | None = None
        self._decisions: Decisions | None = None
        super().__init__(space, metric, mode, seed, **options)

    def prepare(self) -> None:
        """Make the network; its weights follow from the seed."""
        from nas_ray.strategies.policy import Policy  # torch: not before a search starts

        self._decisions = Decisions(self._space.domains)
        self.policy = Policy(
            self._decisions.sizes,
            hidden_size=self.hidden_size,
            learning_rate=self.learning_rate,
            entropy_weight=self.entropy_weight,
            seed=int(self.generator().integers(2**63)),
        )

    def propose(self, rng: np.random.Generator) -> Candidate:
        """Draw one choice after the other from the policy."""
        assert self.policy is not None
        assert self._decisions is not None
        choices = self.policy.sample(rng)
        return Candidate(self._decisions.config(choices, rng))

    def learn(self, observation: Observation) -> None:
        """Update the weights, unless nothing was learned (lost, or known and still running)."""
        advantage = self.advantages.of(observation, self._known_as(observation))
        if advantage is None:
            return
        assert self.policy is not None
        assert self._decisions is not None
        active = self._space.active(observation.config)
        self.policy.update(
            self._decisions.choices(observation.config),
            [key in active for key in self._decisions.keys],
            advantage,
        )

    def _known_as(self, observation: Observation) -> Observation | None:
        if observation.outcome != "cached":
            return observation
        # Its configuration's first outcome tells a network that failed from one that is still running.
        return self.memory.observation_of(self.memory.proposals[observation.number].config_id)
