"""The winner as a trained network, and its space."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas_ray.errors import ConfigError, RunError
from nas_ray.results.folder import WEIGHTS, one_line, read_architecture, read_config
from nas_ray.tasks import Task

if TYPE_CHECKING:
    from torch import nn

    from nas_ray.spaces import SearchSpace


def load_model(folder: Path, space: SearchSpace | type[nn.Module] | None = None) -> nn.Module:
    """Return the winner of the run in ``folder`` with its weights, on the CPU and in evaluation mode.

    It takes raw inputs: the normalisation and the resolution of its training stand before the network,
    as the first of two modules. Tokens need neither, so that there the model is the network alone.

    Args:
        folder: The run.
        space: The search space, or a class of modules; needed only where the run was given one that has no
            name to load it by.

    Raises:
        RunError: If there is no winner, or weights and network do not fit.
        ConfigError: If the space cannot be loaded by name and none is given.
    """
    from nas_ray.spaces import SearchSpace  # it loads Ray, which nothing else here needs

    plain = read_architecture(folder)
    if space is None:
        space = named_space(plain.get("space"))
    elif not isinstance(space, SearchSpace):
        space = SearchSpace.from_module(space)
    model = space.build(plain["config"], Task.from_json(plain["task"]))
    _load_weights(model, folder / WEIGHTS)
    return _prepared(model, plain.get("inputs")).eval()


def space_of(folder: Path) -> SearchSpace:
    """Return the space of the run in ``folder``, by its name.

    Raises:
        ConfigError: If it has none to load it by.
        RunError: If the files that say it cannot be read.
    """
    try:
        plain = read_architecture(folder)["space"]
    except (RunError, KeyError):
        plain = read_config(folder)["space"]
    return named_space(plain)


def _prepared(model: nn.Module, inputs: dict[str, Any] | None) -> nn.Module:
    from torch import nn

    from nas_ray.results.preparation import Preparation

    return model if inputs is None else nn.Sequential(Preparation(**inputs), model)


def named_space(plain: Any) -> SearchSpace:
    """Return the space that ``{"name": ..., **options}`` describes.

    Raises:
        ConfigError: If it has no name to load it by.
    """
    from nas_ray.spaces import load_space  # it loads Ray, which nothing else here needs

    options = dict(plain or {})
    name = options.pop("name", None)
    try:
        return load_space(str(name or ""), **options)
    except ConfigError as error:
        raise ConfigError(
            f"the space of this run cannot be loaded by its name {name!r} ({error}); "
            "hand it over: `best_model(space=...)`"
        ) from error


def _load_weights(model: nn.Module, path: Path) -> None:
    import pickle

    import torch

    try:
        weights = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError as error:
        raise RunError(f"{path} is missing; retrain the configuration in best/architecture.json") from error
    except (OSError, EOFError, RuntimeError, ValueError, LookupError, pickle.UnpicklingError) as error:
        raise RunError(
            f"{path} is damaged ({one_line(error)}); restore it, or retrain best/architecture.json"
        ) from error
    try:
        model.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError) as error:
        raise RunError(
            f"the weights in {path} must fit the network that the space builds; "
            f"is it the space of the run, in the same version? {one_line(error)}"
        ) from error
