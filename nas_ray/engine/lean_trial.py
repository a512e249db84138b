"""One trial of Tune, without the bookkeeping that the run's ledger does."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ray.tune.experiment import Trial
from ray.tune.registry import get_trainable_cls


class Shared:
    """What the trials of a run have in common, looked up once and not for every trial.

    Args:
        spec: The specification of Tune's experiment.
    """

    def __init__(self, spec: Mapping[str, Any]) -> None:
        self.name = spec["run"]
        self.trainable = get_trainable_cls(self.name)
        self.options = {
            "storage": spec.get("storage"),
            "stopping_criterion": spec.get("stop") or {},
            "checkpoint_config": spec.get("checkpoint_config"),
            "trial_name_creator": spec.get("trial_name_creator"),
            "trial_dirname_creator": spec.get("trial_dirname_creator"),
            "log_to_file": spec.get("log_to_file"),
            "max_failures": spec.get("max_failures", 0),
        }
        self.placement: Any = None


class LeanTrial(Trial):  # type: ignore[misc]  # Ray ships no types for Trial
    """A trial of Tune that costs the driver little time and memory.

    Tune's own asks the cluster's store for its class three times, asks its actor for metrics that nobody
    reads, keeps statistics of every number that was reported, and writes twelve kilobytes of JSON of itself.
    A run of nas_ray is resumed from its ledger, and never from these.

    Args:
        shared: What the run's trials have in common.
        config: The configuration.
        trial_id: Tune's id.
        gpus: What it gets, where trials of a run differ.
        placement: Its resources, where trials of a run differ.
    """

    placement_group_factory: Any

    def __init__(
        self,
        shared: Shared,
        config: dict[str, Any],
        trial_id: str,
        gpus: float | None = None,
        placement: Any = None,
    ) -> None:
        self._shared, self._placement = shared, placement
        self.gpus = gpus
        super().__init__(
            shared.name,
            config=config,
            trial_id=trial_id,
            evaluated_params=dict(config),
            stub=True,  # the class is known, and need not be looked up to be validated
            **shared.options,
        )

    def get_trainable_cls(self) -> Any:
        """Return the run's trainable."""
        return self._shared.trainable

    def create_placement_group_factory(self) -> None:
        """Take its own resources, or those of all trials: one object for each, which Tune's caches go by."""
        if self._placement is None and self._shared.placement is None:
            super().create_placement_group_factory()
            self._shared.placement = self.placement_group_factory
        self.placement_group_factory = self._placement or self._shared.placement

    def init_local_path(self) -> None:
        """Make the trial's folder, once."""
        if not self.relative_logdir:
            super().init_local_path()

    def set_ray_actor(self, ray_actor: Any) -> None:
        """Take an actor, and leave it in peace."""
        self.temporary_state.ray_actor = ray_actor

    def update_last_result(self, result: dict[str, Any]) -> None:
        """Keep the last report."""
        self.run_metadata.last_result = result

    def set_status(self, status: str) -> None:
        """Take a new status; the report of a trial that is over is in the ledger."""
        super().set_status(status)
        if status == Trial.TERMINATED:
            self.run_metadata.last_result = {}

    def get_json_state(self) -> tuple[str, str]:
        """Return nothing worth a snapshot."""
        return "{}", "{}"
