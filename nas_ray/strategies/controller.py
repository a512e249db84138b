"""A recurrent controller that learns by policy gradient which choices are rewarded."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from nas_ray.errors import ConfigError
from nas_ray.spaces import Config
from nas_ray.strategies.base import Strategy
from nas_ray.strategies.decisions import Decisions
from nas_ray.strategies.records import Candidate, Observation, Proposal
from nas_ray.strategies.rewards import Advantages

if TYPE_CHECKING:
    from nas_ray.strategies.policy import Drawn, Policy

Algorithm = Literal["reinforce", "ppo"]


class Controller(Strategy):
    """Reinforcement learning of Zoph and Le, ICLR 2017, https://arxiv.org/abs/1611.01578.

    An LSTM goes through the keys of the space in order; at each it reads the choice before and gives the
    probabilities of the next one. After a trial its weights θ move along
    (R - b) ∇ log p(choices; θ), REINFORCE (Williams 1992), where R is the reward and b a moving average of
    the rewards before; an entropy bonus keeps it trying. With ``algorithm="ppo"`` the results are gathered in
    batches, and each batch is gone through several times along the clipped surrogate of PPO (Schulman et al.
    2017, https://arxiv.org/abs/1707.06347; for NAS: Zoph et al., CVPR 2018), with R - b as the advantage.

    What R is: the share of the trials so far that this one beats, from 0 to 1. The accuracy of a trial that a
    stopping rule ended or paused after one epoch is never taken for a final one: it is compared by the final
    score that is expected of it (:meth:`Memory.rank`), and if it goes on, what that changes of R is an update
    of its own. Failed, diverged and infeasible networks get 0, the worst. R - b is divided by the moving
    spread of R.

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
        algorithm: ``"reinforce"`` or ``"ppo"``.
        batch_size: Results in a batch of PPO.
        steps: PPO's K, steps for each batch.
        clip: PPO's ε.
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
        algorithm: Algorithm = "reinforce",
        batch_size: int = 8,
        steps: int = 4,
        clip: float = 0.2,
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
        if algorithm not in ("reinforce", "ppo"):
            raise ConfigError(f"`algorithm` must be 'reinforce' or 'ppo', but got {algorithm!r}")
        if batch_size < 1 or steps < 1:
            raise ConfigError(f"`batch_size` and `steps` must be at least 1, but got {(batch_size, steps)}")
        if not clip > 0:
            raise ConfigError(f"`clip` must be greater than 0, but got {clip}")
        self.algorithm, self.batch_size, self.steps, self.clip = algorithm, batch_size, steps, clip
        self.learning_rate, self.entropy_weight = learning_rate, entropy_weight
        self.hidden_size = hidden_size
        self.baseline_decay = baseline_decay
        self.policy: Policy | None = None
        self._decisions: Decisions | None = None
        super().__init__(space, metric, mode, seed, **options)

    def prepare(self) -> None:
        """Make the network; its weights follow from the seed."""
        from nas_ray.strategies.policy import Policy  # torch: not before a search starts

        self._decisions = Decisions(self._space.domains)
        self.advantages = Advantages(self.baseline_decay, self.rank)
        self._batch: list[Drawn] = []
        self._log_p: dict[int, float] = {}
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

    def adopt(self, proposal: Proposal) -> None:
        """For PPO, keep how likely the choices are to the policy of now."""
        if self.algorithm == "ppo":
            assert self.policy is not None
            self._log_p[proposal.number] = self.policy.log_probability(*self._choices(proposal.config))

    def learn(self, observation: Observation) -> None:
        """Update the weights, unless nothing was learned (lost, or known and still running)."""
        log_p = self._log_p.get(observation.number, 0.0)
        advantage = self.advantages.of(observation, self._known_as(observation))
        if advantage is None:
            return
        assert self.policy is not None
        choices, active = self._choices(observation.config)
        if self.algorithm == "reinforce":
            self.policy.update(choices, active, advantage)
            return
        from nas_ray.strategies.policy import Drawn

        self._batch.append(Drawn(choices, active, log_p, advantage))
        if len(self._batch) == self.batch_size:
            self.policy.improve(self._batch, self.steps, self.clip)
            self._batch = []

    def _choices(self, config: Config) -> tuple[list[int], list[bool]]:
        """Return the option of each key, and whether it matters."""
        assert self._decisions is not None
        active = self._space.active(config)
        return self._decisions.choices(config), [key in active for key in self._decisions.keys]

    def _known_as(self, observation: Observation) -> Observation | None:
        if observation.outcome != "cached":
            return observation
        # What is known of its configuration tells a network that failed from one that is still running.
        return self.memory.observation_of(self.memory.proposals[observation.number].config_id)
