"""The configuration of a search: a YAML file, overrides and keywords as one typed, validated object."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    field_validator,
    model_validator,
)

from nas_ray.errors import ConfigError, suggestion
from nas_ray.estimation.proxies import Proxy
from nas_ray.estimation.settings import Estimation
from nas_ray.tasks import Objective
from nas_ray.yaml_text import parsed

TRIALS = 24
"""Trials of a run that nothing else limits."""


class _Strict(BaseModel):
    # Options of named things that are NaN or infinite stay so, to be refused by these things.
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, ser_json_inf_nan="constants")


class Named(BaseModel):
    """A thing by its name; every further key is an option of that thing."""

    model_config = ConfigDict(extra="allow", frozen=True)

    name: str

    @property
    def options(self) -> dict[str, Any]:
        """The further keys."""
        return dict(self.model_extra or {})


class SpaceBlock(Named):
    """The search space."""

    name: str = Field("chain", description="a name that `nas-ray spaces` shows, or module:object")


class StrategyBlock(Named):
    """The search strategy."""

    name: str = Field("auto", description="a name that `nas-ray strategies` shows, or module:object")

    @model_validator(mode="before")
    @classmethod
    def _absolute(cls, plain: Any) -> Any:
        # A run is resumed from any folder.
        if isinstance(plain, dict) and isinstance(plain.get("warm_start"), str):
            return {**plain, "warm_start": str(Path(plain["warm_start"]).expanduser().absolute())}
        return plain


class StoppingBlock(Named):
    """The stopping rule."""

    name: str = Field("learning-curve", description="a name that `nas-ray stopping` lists, or module:object")


class DataBlock(Named):
    """The data set."""

    name: str = Field("digits", description="digits, npz:FILE, torchvision:NAME, folder:DIR or module:object")
    root: str | None = Field(None, description="folder for downloads")

    @field_validator("name")
    @classmethod
    def _absolute(cls, name: str) -> str:
        # A run is resumed from any folder.
        kind, colon, path = name.partition(":")
        if colon and kind in ("npz", "folder"):
            return f"{kind}:{Path(path).expanduser().absolute()}"
        return name


class ObjectiveBlock(_Strict):
    """One metric and its direction; of several, the most important comes first."""

    metric: str = Field(description="name of a reported metric")
    mode: Literal["max", "min"] = Field(description="max or min; a wrong guess would look for the worst")
    weight: float | None = Field(
        None, ge=0, description="of one unit of the metric, where several objectives are added up"
    )


class Constraints(_Strict):
    """Bounds on what a network costs, and rules; one that breaks them is infeasible and not trained."""

    params: float | None = Field(None, gt=0, description="largest number of parameters")
    flops: float | None = Field(None, gt=0, description="largest number of operations of a forward pass")
    depth: int | None = Field(
        None, ge=1, description="most convolutions and matrix products from the input to the output"
    )
    memory_mb: float | None = Field(
        None, gt=0, description="largest memory of a training step in MiB, estimated for Adam"
    )
    rules: tuple[str, ...] = Field(
        (), description="module:function, each called with (config, task); False or a text means no"
    )

    proxies: dict[Proxy, Annotated[float, Field(gt=0, le=1)]] = Field(
        {}, description="share of the networks that is trained, the best by a proxy so far: {synflow: 0.5}"
    )

    @property
    def limits(self) -> dict[str, float]:
        """The bounds that are set."""
        return {
            name: value
            for name, value in self.model_dump(exclude={"rules", "proxies"}).items()
            if value is not None
        }

    @field_validator("rules", mode="before")
    @classmethod
    def _listed(cls, rules: Any) -> Any:
        return [rules] if isinstance(rules, str) else rules


def _gpus(given: Any) -> float | Literal["auto"] | None:
    if given is None or given == "auto":
        return given  # type: ignore[no-any-return]
    try:
        gpus = float(given)
    except (TypeError, ValueError):
        raise ValueError("must be a number, or auto") from None
    if not 0 <= gpus < math.inf:
        raise ValueError("must be at least 0")
    if gpus > 1 and gpus != int(gpus):
        raise ValueError("must be a fraction of one GPU or a whole number of them")
    return gpus


class Resources(_Strict):
    """What a search takes of the machine or cluster."""

    concurrency: int | None = Field(None, ge=1, description="trials at once; as many as fit by default")
    cpus_per_trial: float | None = Field(None, gt=0, description="CPU cores of a trial")
    gpus_per_trial: Annotated[float | Literal["auto"] | None, PlainValidator(_gpus)] = Field(
        None, description="GPUs of a trial, fractions allowed; auto takes what each needs in memory"
    )
    gpu_memory_mb: float | None = Field(
        None, gt=0, description="memory of a GPU in MiB, for auto; the nodes are asked by default"
    )
    address: str | None = Field(
        None, description="auto joins the cluster of this machine; none starts Ray here"
    )

    @field_validator("address")
    @classmethod
    def _no_client(cls, address: str | None) -> str | None:
        if address and address.startswith("ray://"):
            raise ValueError(
                "must not be a ray:// address, through which Tune's driver cannot record a run; "
                "submit the search as a job with scripts/submit.sh, or start it on the cluster with 'auto'"
            )
        return address


class Run(_Strict):
    """Budget, seed and place of a run; it ends when the first of its limits is reached."""

    trials: int | None = Field(
        None,
        ge=1,
        description=f"trials that begin training; by default {TRIALS}, or any number where epochs or time "
        "are limited",
    )
    epochs: int | None = Field(None, ge=1, description="epochs trained over all trials")
    time_budget: float | None = Field(None, gt=0, description="seconds")
    epoch_timeout: float | None = Field(
        None, gt=0, description="seconds that an epoch may take; a trial that takes longer is ended"
    )
    tensorboard: bool = Field(False, description="whether TensorBoard's files are written, under ray/")
    seed: int = Field(0, ge=0, description="seed of every random choice")
    name: str | None = Field(None, min_length=1, description="name of the run's folder")
    dir: str = Field("runs", min_length=1, description="folder of all runs")

    @field_validator("name")
    @classmethod
    def _plain(cls, name: str | None) -> str | None:
        if name is not None and ("/" in name or "\\" in name or name.startswith(".")):
            raise ValueError("must be a plain folder name without slashes or a leading dot")
        return name

    @model_validator(mode="after")
    def _limited(self) -> Run:
        # It stays among the fields that are not set: a limit that is given later replaces it.
        if "trials" not in self.model_fields_set and self.epochs is None and self.time_budget is None:
            object.__setattr__(self, "trials", TRIALS)
        return self


class SimulationBlock(_Strict):
    """The virtual cluster of ``nas-ray simulate``; its workers are ``resources.concurrency``."""

    table: str | None = Field(None, description="measured results: a known table, or a description's path")
    startup_s: float = Field(0.0, ge=0, description="virtual seconds before a worker's first trial")
    delay_s: float = Field(0.0, ge=0, description="virtual seconds between a proposal and its training")
    failure_rate: float = Field(0.0, ge=0, le=1, description="probability that a trial fails")
    speed_spread: float = Field(
        0.0, ge=0, description="standard deviation of the logarithm of the workers' speeds"
    )


class SearchConfig(_Strict):
    """Everything that says what a search does; saved as ``config.yaml`` in the run's folder."""

    space: SpaceBlock = SpaceBlock()
    strategy: StrategyBlock = StrategyBlock()
    stopping: StoppingBlock = StoppingBlock()
    data: DataBlock = DataBlock()
    estimation: Estimation = Estimation()
    objective: tuple[ObjectiveBlock, ...] = ()
    constraints: Constraints = Constraints()
    resources: Resources = Resources()
    simulation: SimulationBlock = SimulationBlock()
    run: Run = Run()

    @field_validator("objective")
    @classmethod
    def _once(cls, objective: tuple[ObjectiveBlock, ...]) -> tuple[ObjectiveBlock, ...]:
        metrics = [entry.metric for entry in objective]
        if len(set(metrics)) < len(metrics):
            raise ValueError(f"must name each metric once, but names {', '.join(metrics)}")
        return objective

    @property
    def objectives(self) -> tuple[Objective, ...]:
        """The objectives that are set; empty means the task's own."""
        return tuple(Objective(entry.metric, entry.mode, entry.weight) for entry in self.objective)

    def to_yaml(self) -> str:
        """Return the resolved configuration as YAML."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)


def load_config(
    source: str | Path | Mapping[str, Any] | SearchConfig | None = None,
    overrides: Iterable[str] | Mapping[str, Any] = (),
) -> SearchConfig:
    """Return a validated configuration.

    Args:
        source: A YAML file, a nested dict, a configuration, or None for the defaults.
        overrides: ``"block.key=value"`` texts, or a dict ``"block.key" -> value``; they win over ``source``.

    Raises:
        ConfigError: If the file cannot be read, or a key or value cannot be.
    """
    plain = _read(source)
    pairs = overrides.items() if isinstance(overrides, Mapping) else map(_split, overrides)
    for key, value in pairs:
        _set(plain, key, value)
    try:
        return SearchConfig.model_validate(plain)
    except ValidationError as error:
        raise ConfigError("; ".join(_sentence(entry) for entry in error.errors())) from None


def _read(source: str | Path | Mapping[str, Any] | SearchConfig | None) -> dict[str, Any]:
    if source is None:
        return {}
    if isinstance(source, SearchConfig):
        return source.model_dump(mode="json", exclude_unset=True)
    if isinstance(source, Mapping):
        return copy.deepcopy(dict(source))
    try:
        plain = parsed(Path(source).read_text())
    except OSError as error:
        raise ConfigError(f"configuration {str(source)!r} cannot be read: {error.strerror}") from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigError(f"configuration {str(source)!r} must be YAML: {error}") from error
    if not isinstance(plain, (dict, type(None))):
        raise ConfigError(
            f"configuration {str(source)!r} must be a mapping of blocks, but is a {type(plain).__name__}"
        )
    return plain or {}


def _split(text: str) -> tuple[str, Any]:
    key, equals, value = text.partition("=")
    if not equals or not key:
        raise ConfigError(f"an override must be `key=value`, but got {text!r}")
    try:
        return key, parsed(value)
    except yaml.YAMLError as error:
        raise ConfigError(f"the value of {key!r} must be YAML, but got {value!r}") from error


def _set(plain: dict[str, Any], key: str, value: Any) -> None:
    *blocks, last = key.split(".")
    for block in blocks:
        inner = plain.setdefault(block, {})
        if not isinstance(inner, dict):
            raise ConfigError(f"{key!r} cannot be set, since {block!r} is not a block")
        plain = inner
    plain[last] = value


_RULES = {
    "greater_than_equal": "must be at least {ge}",
    "greater_than": "must be greater than {gt}",
    "less_than_equal": "must be at most {le}",
    "less_than": "must be less than {lt}",
    "literal_error": "must be {expected}",
    "int_parsing": "must be an integer",
    "int_type": "must be an integer",
    "int_from_float": "must be an integer",
    "float_parsing": "must be a number",
    "float_type": "must be a number",
    "finite_number": "must be a finite number",
    "bool_parsing": "must be true or false",
    "bool_type": "must be true or false",
    "tuple_type": "must be a list, such as [{{metric: val_acc, mode: max}}]",
    "string_type": "must be a text",
    "string_too_short": "must not be empty",
    "model_type": "must be a block of keys",
    "model_attributes_type": "must be a block of keys",
    "missing": "must be given",
}


def _sentence(error: Mapping[str, Any]) -> str:
    where = ".".join(str(part) for part in error["loc"])
    if error["type"] == "extra_forbidden":
        return f"unknown key `{where}`{suggestion(str(error['loc'][-1]), _siblings(error['loc'][:-1]))}"
    rule = _RULES.get(error["type"])
    if rule is None:
        rule = str(error.get("ctx", {}).get("error", error["msg"]))
    else:
        rule = rule.format(**error.get("ctx", {}))
    got = "" if error["type"] == "missing" else f", but got {error['input']!r}"
    return f"`{where}` {rule}{got}"


def _siblings(path: tuple[Any, ...]) -> list[str]:
    model: Any = SearchConfig
    for part in path:
        if isinstance(part, int):
            continue
        model = model.model_fields[part].annotation
    if not hasattr(model, "model_fields"):
        model = ObjectiveBlock
    return sorted(model.model_fields)
