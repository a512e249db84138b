"""One row per proposal: the columns of ``trials.parquet`` and how the ledger fills them."""

from __future__ import annotations

import json
from typing import Any

from nas_ray.ledger.columns import Columns, column_of
from nas_ray.ledger.encoding import Record
from nas_ray.ledger.run import RunRecord, TrialRecord, measured

HEAD: Columns = {
    "trial_id": "text",
    "ray_trial_id": "text",
    "proposal": "int",
    "outcome": "text",
    "reason": "text",
    "error": "text",
    "architecture_id": "text",
    "config_id": "text",
    "parent_ids": "texts",
    "inherited_from": "text",
    "inheritance": "text",
}
FIDELITY: Columns = {
    "rung": "int",
    "epoch": "int",
    "max_epochs": "int",
    "data_share": "float",
    "resolution": "int",
    "width": "float",
}
TAIL: Columns = {
    "params": "int",
    "flops": "int",
    "seed": "int",
    "proposed_at": "time",
    "started_at": "time",
    "ended_at": "time",
    "wall_s": "float",
    "gpus": "float",
    "gpu_s": "float",
    "node": "text",
    "note": "text",
}
LOSSES = ("val_loss", "train_loss")
"""Metrics that have their column even where no epoch was reported."""


def trial_columns(run: RunRecord, live: bool) -> tuple[Columns, dict[str, list[Any]]]:
    """Return names and types of the columns, and their values by column."""
    trials = list(run.trials.values())
    metrics = _metric_columns(run)
    rows = [_row(run, trial, live, metrics) for trial in trials]
    configs, config_values = _configs(trials)
    columns: Columns = {**HEAD, **configs, **FIDELITY, **metrics, **TAIL}
    values = {name: [row[name] for row in rows] for name in columns if name not in configs}
    return columns, {**values, **config_values}


def metric_names(run: RunRecord) -> list[str]:
    """Return every metric: the objectives, the losses, then the rest by name."""
    first = [*(objective.metric for objective in run.objectives), *LOSSES]
    ends = (trial.end for trial in run.trials.values() if trial.end is not None)
    found = {name for record in (*run.reports, *ends) for name in record.get("metrics", ())}
    return list(dict.fromkeys([*first, *sorted(found)]))


def _metric_columns(run: RunRecord) -> Columns:
    objectives = [objective.metric for objective in run.objectives]
    names = [name for metric in objectives for name in (metric, f"{metric}_last")]
    others = [name for name in metric_names(run) if name not in objectives]
    # A metric with the name of a fixed column (params as an objective) is that column.
    return {name: "float" for name in [*names, *others] if name not in {**HEAD, **FIDELITY, **TAIL}}


def _configs(trials: list[TrialRecord]) -> tuple[Columns, dict[str, list[Any]]]:
    columns: Columns = {}
    values: dict[str, list[Any]] = {}
    for key in dict.fromkeys(key for trial in trials for key in trial.proposal["config"]):
        name = f"config.{key}"
        columns[name], values[name] = column_of(trial.proposal["config"].get(key) for trial in trials)
    return columns, values


def _row(run: RunRecord, trial: TrialRecord, live: bool, metrics: Columns) -> Record:
    return {
        **_identity(run, trial, live),
        **_fidelity(run, trial),
        **_measurements(run, trial, metrics),
        **_times(run, trial),
    }


def _identity(run: RunRecord, trial: TrialRecord, live: bool) -> Record:
    proposal = trial.proposal
    outcome, reason = run.outcome(trial, live)
    told = [*trial.reports, *([trial.end] if trial.end else [])]
    errors = [trial.end or proposal, *([] if trial.end else trial.retries)]
    return {
        "trial_id": proposal["trial_id"],
        "ray_trial_id": _last(trial.starts, "ray_trial_id"),
        "proposal": proposal["number"],
        "outcome": outcome,
        "reason": reason,
        "error": _last(errors, "error") or "",
        "architecture_id": proposal["architecture_id"],
        "config_id": proposal["config_id"],
        "parent_ids": [f"t{number:05d}" for number in proposal.get("parents", ())],
        "inherited_from": _last(told, "inherited_from"),
        "inheritance": _last(told, "inheritance"),
        "seed": proposal.get("seed"),
        "node": _last([*trial.starts, *trial.reports[-1:]], "node"),
        "note": json.dumps(proposal.get("note") or {}),
    }


def _fidelity(run: RunRecord, trial: TrialRecord) -> Record:
    end = trial.end or {}
    epoch = trial.reports[-1]["epoch"] if trial.reports else end.get("fidelity") or 0
    dials = _last(trial.reports[-1:], "dials") or run.setting("dials", {})
    return {
        "rung": _whole(_last([*trial.reports[-1:], end], "rung")),
        "epoch": int(epoch),
        "max_epochs": _whole(_last(trial.reports[-1:], "max_epochs") or run.setting("max_epochs")),
        "data_share": dials.get("data_share"),
        "resolution": _whole(dials.get("resolution")),
        "width": dials.get("width"),
    }


def _measurements(run: RunRecord, trial: TrialRecord, metrics: Columns) -> Record:
    modes = {objective.metric: max if objective.mode == "max" else min for objective in run.objectives}
    # Costs without an epoch are in the proposal, where the driver knew them, or in the end.
    costs = {"metrics": trial.proposal.get("costs") or {}}
    records = [costs, *trial.reports, *([trial.end] if trial.end else [])]
    row: Record = {}
    for name in (*metrics, "params", "flops"):
        source = name.removesuffix("_last")
        told = [value for record in records if (value := measured(record, source)) is not None]
        pick = modes.get(name)
        row[name] = None if not told else pick(told) if pick else told[-1]
    row["params"], row["flops"] = _whole(row["params"]), _whole(row["flops"])
    return row


def _times(run: RunRecord, trial: TrialRecord) -> Record:
    ended = trial.end or (None if trial.trains else trial.proposal)
    return {
        "proposed_at": trial.proposal["at"],
        "started_at": trial.starts[0]["at"] if trial.starts else None,
        "ended_at": ended["at"] if ended else None,
        "wall_s": sum(stint.seconds for stint in trial.stints),
        "gpus": trial.stints[-1].gpus if trial.stints else 0.0,
        "gpu_s": sum(stint.seconds * stint.gpus for stint in trial.stints),
    }


def _last(records: list[Record], name: str) -> Any:
    told = [record[name] for record in records if record.get(name) is not None]
    return told[-1] if told else None


def _whole(value: float | None) -> int | None:
    return None if value is None else int(value)
