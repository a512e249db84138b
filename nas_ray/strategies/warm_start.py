"""Networks with results that are known before a search begins: from a list, or from an earlier run."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas_ray.errors import ConfigError, InvalidConfig, RunError
from nas_ray.reports import scores_of, worth_of
from nas_ray.spaces import Config, SearchSpace
from nas_ray.strategies.records import Observation, Outcome
from nas_ray.tasks import Objective

if TYPE_CHECKING:
    from nas_ray.ledger import RunRecord


@dataclass(frozen=True)
class Evaluated:
    """A network that was trained elsewhere.

    Args:
        config: Its configuration.
        reports: (epoch, metrics) in order; what counts is the last one.
        outcome: ``"finished"``, ``"stopped"`` by a rule, or ``"failed"``.

    Example:
        >>> Evaluated({"width": 16}, ((1, {"val_acc": 0.7}), (2, {"val_acc": 0.8}))).outcome
        'finished'
    """

    config: Config
    reports: Sequence[tuple[float, Mapping[str, Any]]]
    outcome: Outcome = "finished"

    def observation(self, config: Config, objectives: Sequence[Objective]) -> Observation:
        """Return what a strategy is told of it; its number is not known yet.

        Args:
            config: Its configuration as the space checked it.
            objectives: What is optimised.
        """
        worths = [(float(epoch), worth_of(metrics, objectives)) for epoch, metrics in self.reports]
        curve = tuple((epoch, worth) for epoch, worth in worths if worth is not None)
        fidelity, score = worths[-1] if worths else (0.0, None)
        if score is None or self.outcome == "failed":
            return Observation(-1, config, "failed", "error", fidelity=fidelity, curve=curve)
        complete = self.outcome == "finished"
        return Observation(
            number=-1,
            config=config,
            outcome=self.outcome,
            score=score,
            fidelity=fidelity,
            complete=complete,
            curve=curve,
            scores=scores_of(self.reports[-1][1], objectives) or (),
        )


Source = str | os.PathLike[str] | Sequence[Evaluated]
"""Where results come from: the folder of a run, or a list."""


def evaluated_networks(
    source: Source, space: SearchSpace, objectives: Sequence[Objective]
) -> list[Evaluated]:
    """Return the networks of ``source`` that a search can learn from.

    Networks that are no members of the space, or that lack an objective, are left out: an earlier run may
    have had a larger space. Those that failed in an earlier run are left out too, since the reason may
    be gone.

    Raises:
        RunError: If ``source`` is a folder that is no run.
        ConfigError: If nothing is left.
    """
    given = source_of(source)
    found = [each for each in given if _fits(each, space) and _is_told(each, objectives)]
    if not found:
        metrics = ", ".join(each.metric for each in objectives)
        where = repr(os.fspath(source)) if isinstance(source, (str, os.PathLike)) else "the list"
        raise ConfigError(
            f"a warm start must hold networks of the space {space.name!r} with {metrics}, "
            f"but of the {len(given)} in {where} there is none"
        )
    return found


def source_of(source: Source) -> list[Evaluated]:
    """Return what a list or the ledger of a run holds.

    Raises:
        RunError: If ``source`` is a folder that is no run.
    """
    if not isinstance(source, (str, os.PathLike)):
        return list(source)
    from nas_ray.ledger import LEDGER, RunRecord, read

    path = Path(source).expanduser() / LEDGER
    if not path.is_file():
        raise RunError(
            f"a warm start must be the folder of a run, but {str(path.parent)!r} holds no {LEDGER}"
        )
    return list(_of_run(RunRecord(read(path))))


def _of_run(run: RunRecord) -> Iterable[Evaluated]:
    for trial in run.trials.values():
        outcome, _ = run.outcome(trial)
        if outcome in ("finished", "stopped", "interrupted") and trial.reports:
            reports = [(report["epoch"], {**report, **report["metrics"]}) for report in trial.reports]
            ended: Outcome = "finished" if outcome == "finished" else "stopped"
            yield Evaluated(dict(trial.proposal["config"]), tuple(reports), ended)


def _fits(evaluated: Evaluated, space: SearchSpace) -> bool:
    try:
        space.check(evaluated.config)
    except InvalidConfig:
        return False
    return True


def _is_told(evaluated: Evaluated, objectives: Sequence[Objective]) -> bool:
    if evaluated.outcome == "failed":
        return True
    return bool(evaluated.reports) and scores_of(evaluated.reports[-1][1], objectives) is not None
