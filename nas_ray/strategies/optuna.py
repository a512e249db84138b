"""Any of Optuna's samplers, driven by ask and tell."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from nas_ray.errors import ConfigError
from nas_ray.spaces import Config, canonical_json
from nas_ray.strategies.base import Strategy
from nas_ray.strategies.optuna_domains import Axis, axis_of
from nas_ray.strategies.optuna_samplers import KEEPS_RECORDS, new_sampler, quiet
from nas_ray.strategies.records import Candidate, Observation, Proposal

if TYPE_CHECKING:
    from optuna.samplers import BaseSampler
    from optuna.study import Study
    from optuna.trial import FrozenTrial, Trial, TrialState


class OptunaStrategy(Strategy):
    """Drives a sampler of Optuna (Akiba et al., KDD 2019, https://arxiv.org/abs/1907.10902) by ask and tell.

    By default it is TPE (Bergstra et al., NeurIPS 2011; Watanabe 2023, https://arxiv.org/abs/2304.11127): it
    models the good and the other networks by two densities l(x) and g(x) and proposes where their ratio
    l(x) / g(x) is large.

    What the study is told: the curve of every trial as intermediate values; a finished trial as COMPLETE;
    one that a stopping rule ended or paused as PRUNED at the epoch that it reached, which Optuna ranks below
    every one that got further (a trial that goes on after a pause is told anew); an infeasible one as PRUNED
    before its first report, the worst there is, from which samplers learn where not to look; a failed or
    diverged one as FAIL; a known network what is known of it, or FAIL where nothing is. Scores are turned so
    that larger is better; the study always maximises.

    Where we differ from ``study.optimize``: the sampler is made anew for every proposal, seeded from
    the seed and the proposal's number, so that the state is the study alone,
    and the study follows from the history.

    Example:
        >>> from ray import tune
        >>> strategy = OptunaStrategy(metric="val_acc", mode="max", seed=0, sampler="tpe")
        >>> strategy.set_search_properties(None, None, {"width": tune.randint(1, 100)})
        True
        >>> 1 <= strategy.suggest("a")["width"] < 100
        True

    Args:
        space: The search space; None takes the flat parameter space that Tune hands over.
        metric: Name of the metric; None takes the Tuner's.
        mode: ``"max"`` or ``"min"``; None takes the Tuner's.
        seed: Seed of all random choices.
        sampler: A class of ``optuna.samplers`` in any spelling: ``"tpe"``, ``"gp"``, ``"CmaEsSampler"`` ...
        sampler_options: Arguments of that class.
        options: Options of every :class:`Strategy`.

    Raises:
        UnknownName: If Optuna has no such sampler.
        ConfigError: If the sampler does not take the options, or needs a package that is not installed.
    """

    name = "optuna"
    patience = 8  # to ask takes a sampler 10 ms and more, and where it has converged it repeats itself

    def __init__(
        self,
        space: Any = None,
        metric: str | None = None,
        mode: str | None = None,
        seed: int | None = None,
        *,
        sampler: str = "tpe",
        sampler_options: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> None:
        self.sampler = sampler
        self.sampler_options = dict(sampler_options or {})
        self.study: Study | None = None
        """The study, once there is a space; reading it is fine, writing to it is not."""
        self._axes: dict[str, Axis] = {}
        self._trials: dict[int, Trial] = {}
        self._asked: Trial | None = None
        self._told_so_far: list[Proposal | Observation] = []
        super().__init__(space, metric, mode, seed, **options)

    def prepare(self) -> None:
        """Translate the space, and try the sampler's options before the first trial."""
        self._axes = {key: axis_of(domain) for key, domain in self._space.domains.items()}
        self._new_sampler(0)
        self.study = _new_study()

    def propose(self, rng: np.random.Generator) -> Candidate:
        """Ask the study for a point."""
        if self._asked is not None:
            self._rebuild()
        self._asked = self._ask(len(self.memory))
        return Candidate(self._config_of(self._asked))

    def adopt(self, proposal: Proposal) -> None:
        """Keep the trial that was asked for, or enqueue a point that came from elsewhere."""
        if self._asked is not None and not _same(self._config_of(self._asked), proposal.config):
            self._rebuild()
        self._trials[proposal.number] = self._asked or self._enqueue(proposal)
        self._asked = None
        self._told_so_far.append(proposal)

    def learn(self, observation: Observation) -> None:
        """Tell the study, at the fidelity that was reached; in place of what it was told at a pause."""
        if observation.number not in self._trials:
            self._told_so_far = [each for each in self._told_so_far if not _is_of(each, observation.number)]
            self._told_so_far.append(observation)
            self._rebuild()
            return
        self._tell(self._trials.pop(observation.number), observation)
        self._told_so_far.append(observation)

    def _tell(self, trial: Trial, observation: Observation) -> None:
        assert self.study is not None
        for step, score in _steps(observation).items():
            trial.report(score, step)
        self.study.tell(trial, *_ending(observation))

    def _ask(self, number: int, point: Mapping[str, Any] | None = None) -> Trial:
        assert self.study is not None
        with quiet():
            self.study.sampler = self._new_sampler(number)
            if point is not None:
                self.study.enqueue_trial(dict(point))
            trial = self.study.ask()
            try:
                if type(self.study.sampler).__name__ in KEEPS_RECORDS:
                    # Its records must be what they were when it was asked for this very point.
                    _ = trial.relative_params
                for key, axis in self._axes.items():
                    axis.suggest(trial, key)
            except ImportError as error:
                raise ConfigError(f"sampler {self.sampler!r} needs another package: {error}") from error
        return trial

    def _enqueue(self, proposal: Proposal) -> Trial:
        point = {key: axis.to_optuna(proposal.config[key]) for key, axis in self._axes.items()}
        return self._ask(proposal.number, point)

    def _config_of(self, trial: Trial) -> dict[str, Any]:
        return {key: axis.from_optuna(trial.params[key]) for key, axis in self._axes.items()}

    def _rebuild(self) -> None:
        """Write the study anew: it takes no trial back, be it one that nobody adopted or one that went on."""
        past, self._told_so_far = self._told_so_far, []
        self.study, self._trials, self._asked = _new_study(), {}, None
        if type(self._new_sampler(0)).__name__ in KEEPS_RECORDS:
            for event in past:
                if isinstance(event, Proposal):
                    self.adopt(event)
                else:
                    self.learn(event)
            return
        ends = {event.number: event for event in past if isinstance(event, Observation)}
        for event in past:
            if isinstance(event, Observation):
                continue
            if event.number in ends:
                self.study.add_trial(self._ended(event, ends[event.number]))
            else:
                self._trials[event.number] = self._enqueue(event)
        self._told_so_far = past

    def _ended(self, proposal: Proposal, observation: Observation) -> FrozenTrial:
        from optuna.trial import create_trial

        value, state = _ending(observation)
        steps = _steps(observation)
        return create_trial(
            state=state,
            value=steps[max(steps)] if value is None and steps and state.name == "PRUNED" else value,
            params={key: axis.to_optuna(proposal.config[key]) for key, axis in self._axes.items()},
            distributions={key: axis.distribution for key, axis in self._axes.items()},
            intermediate_values=steps,
        )

    def _new_sampler(self, number: int) -> BaseSampler:
        return new_sampler(
            self.sampler,
            self.sampler_options,
            {key: axis.distribution for key, axis in self._axes.items()},
            run_seed=self.seed % 2**31,
            seed=int(self.generator(number).integers(2**31)),
        )


def _is_of(event: Proposal | Observation, number: int) -> bool:
    return isinstance(event, Observation) and event.number == number


def _same(first: Config, second: Config) -> bool:
    # As text, since 1 and 1.0 are equal in Python and two choices in a space.
    return canonical_json(first) == canonical_json(second)


def _new_study() -> Study:
    import optuna

    with quiet():
        return optuna.create_study(direction="maximize")


def _ending(observation: Observation) -> tuple[float | None, TrialState]:
    """Return value and state of a trial for Optuna."""
    from optuna.trial import TrialState

    if observation.outcome == "infeasible":
        # Pruned before a report is the worst there is; what failed, samplers leave out.
        return None, TrialState.PRUNED
    if observation.score is None:
        return None, TrialState.FAIL
    return (observation.score, TrialState.COMPLETE) if observation.complete else (None, TrialState.PRUNED)


def _steps(observation: Observation) -> dict[int, float]:
    """Return the curve by whole epoch; the last report of an epoch counts, and the final score is its end."""
    if observation.outcome == "infeasible":
        return {}
    steps = {round(epoch): score for epoch, score in observation.curve}
    if observation.score is not None:
        steps[round(observation.fidelity)] = observation.score
    return steps
