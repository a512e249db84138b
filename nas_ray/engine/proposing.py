"""From the strategy's proposals to Tune's trials."""

from __future__ import annotations

from collections import Counter
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.search import SearchAlgorithm, Searcher

from nas_ray.engine.ahead import Ahead
from nas_ray.engine.lean_trial import LeanTrial, Shared
from nas_ray.engine.sizes import Sizes
from nas_ray.estimation.estimator import MOVES
from nas_ray.strategies import Strategy

RETRIES = {"lost": 2, "out_of_memory": 1}
"""Times that a trial starts again, by why its process ended: where its checkpoint is, or with half the batch.

An exception of the code that ended the process is not retried: it would come again. What a process survives,
the estimator reports as the end of the trial. Tune's own retries are off: one of them fails a trial for good
whose process is lost while it takes the trial up, and a trial that has failed there cannot be taken up again.
"""


class Proposing(SearchAlgorithm):  # type: ignore[misc]  # Ray ships no types for SearchAlgorithm
    """Makes a trial of every proposal, as Tune's own ``SearchGenerator`` does of any searcher's.

    Args:
        strategy: It limits by itself how many trials run at once.
        ahead: Prepares the proposals of a slow strategy beside the loop; None has it think in the loop.
        sizes: Gives each trial the part of a GPU that it needs; None gives all the same.
    """

    def __init__(self, strategy: Strategy, ahead: Ahead | None = None, sizes: Sizes | None = None) -> None:
        self._strategy, self._ahead, self._sizes = strategy, ahead, sizes
        self._shared: Shared | None = None
        self._finished = False
        self._failures: Counter[tuple[int, str]] = Counter()

    @property
    def metric(self) -> str | None:
        """Name of the objective's metric."""
        return self._strategy.objective.metric or None

    def set_search_properties(
        self, metric: str | None, mode: str | None, config: dict[str, Any], **spec: Any
    ) -> bool:
        """Hand metric and mode to the strategy."""
        return self._strategy.set_search_properties(metric, mode, config, **spec)

    def add_configurations(self, experiments: list[Any]) -> None:
        """Take Tune's experiment; called once."""
        (experiment,) = experiments
        self._shared = Shared(experiment.spec)

    def next_trial(self) -> LeanTrial | None:
        """Return the next trial, None if there is none now."""
        if self._shared is None or self._finished or not self._ready():
            return None
        trial_id = Trial.generate_id()
        config = self._strategy.suggest(trial_id)
        if isinstance(config, dict):
            return self._trial(self._shared, config, trial_id)
        self._finished = config == Searcher.FINISHED
        return None

    def on_trial_result(self, trial_id: str, result: dict[str, Any]) -> None:
        """Hand a report to the strategy."""
        self._measure(trial_id, result)
        self._strategy.on_trial_result(trial_id, result)

    def on_trial_complete(
        self, trial_id: str, result: dict[str, Any] | None = None, error: bool = False
    ) -> None:
        """Hand the end of a trial to the strategy, unless it is retried: the strategy hears of one end."""
        if (error and not result and self._retried(trial_id)) or self._moved(trial_id, result):
            self._strategy.again(trial_id)
        else:
            self._measure(trial_id, result or {})  # Tune tells the last report here alone
            self._strategy.on_trial_complete(trial_id, result, error)

    def _ready(self) -> bool:
        return (self._sizes is None or self._sizes.room) and (self._ahead is None or self._ahead.ready())

    def _trial(self, shared: Shared, config: dict[str, Any], trial_id: str) -> LeanTrial:
        proposal = self._strategy.proposal_of(trial_id)
        if self._sizes is None or proposal is None:
            return LeanTrial(shared, config, trial_id)
        trial = LeanTrial(shared, config, trial_id, *self._sizes.placement(proposal))
        self._sizes.began(trial)
        return trial

    def _measure(self, trial_id: str, result: dict[str, Any]) -> None:
        # A trial that ends with an error may have built and trained nothing.
        if self._sizes and not result.get("error") and (proposal := self._strategy.proposal_of(trial_id)):
            self._sizes.told(proposal.number, result)

    def _moved(self, trial_id: str, result: dict[str, Any] | None) -> bool:
        proposal = self._strategy.proposal_of(trial_id)
        if self._sizes is None or proposal is None or not (result and result.get(MOVES)):
            return False
        self._sizes.grow(proposal.number)
        return True

    def _retried(self, trial_id: str) -> bool:
        strategy = self._strategy
        proposal = strategy.proposal_of(trial_id)
        if proposal is None or strategy.why_failed is None:
            return False
        reason = strategy.why_failed(trial_id)
        self._failures[proposal.number, reason] += 1
        return self._failures[proposal.number, reason] <= RETRIES.get(reason, 0)

    def __getstate__(self) -> dict[str, Any]:
        """The Tuner pickles its search; what runs beside it stays behind."""
        return {**self.__dict__, "_ahead": None, "_sizes": None}
