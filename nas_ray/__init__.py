"""Neural architecture search on Ray Tune: a space, a strategy, a budget; one call.

Example::

    result = nas_ray.search(space="chain", strategy="evolution", data="digits", trials=24, max_epochs=8)
    result.trials        # a dataframe: one row per proposal, whatever became of it
    result.best_model()  # the trained winner, a torch.nn.Module

Importing this package loads neither ray nor torch: each name is loaded when it is first used.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nas_ray.config import SearchConfig, load_config
    from nas_ray.data import Splits
    from nas_ray.errors import (
        ClusterError,
        ConfigError,
        DataError,
        InvalidConfig,
        LedgerError,
        NasRayError,
        RunError,
        SpaceError,
        UnknownName,
        Unsupported,
    )
    from nas_ray.estimation import Estimation, Estimator, Learner
    from nas_ray.fidelity import FidelityReport, check_fidelity
    from nas_ray.orchestrator import resume, search
    from nas_ray.results import SearchResult
    from nas_ray.spaces import SearchSpace
    from nas_ray.spaces.mutable import Choice, InputChoice, Optional, Repeat, Width
    from nas_ray.stopping import StoppingRule
    from nas_ray.strategies import Candidate, Observation, Proposal, Strategy
    from nas_ray.tasks import Objective, Task

_HOMES = {
    "nas_ray.config": ["SearchConfig", "load_config"],
    "nas_ray.data": ["Splits"],
    "nas_ray.errors": [
        "ClusterError",
        "ConfigError",
        "DataError",
        "InvalidConfig",
        "LedgerError",
        "NasRayError",
        "RunError",
        "SpaceError",
        "UnknownName",
        "Unsupported",
    ],
    "nas_ray.estimation": ["Estimation", "Estimator", "Learner"],
    "nas_ray.fidelity": ["FidelityReport", "check_fidelity"],
    "nas_ray.orchestrator": ["resume", "search"],
    "nas_ray.results": ["SearchResult"],
    "nas_ray.spaces": ["SearchSpace"],
    "nas_ray.spaces.mutable": ["Choice", "InputChoice", "Optional", "Repeat", "Width"],
    "nas_ray.stopping": ["StoppingRule"],
    "nas_ray.strategies": ["Candidate", "Observation", "Proposal", "Strategy"],
    "nas_ray.tasks": ["Objective", "Task"],
}
_MODULES = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "Candidate",
    "Choice",
    "ClusterError",
    "ConfigError",
    "DataError",
    "Estimation",
    "Estimator",
    "FidelityReport",
    "InputChoice",
    "InvalidConfig",
    "Learner",
    "LedgerError",
    "NasRayError",
    "Objective",
    "Observation",
    "Optional",
    "Proposal",
    "Repeat",
    "RunError",
    "SearchConfig",
    "SearchResult",
    "SearchSpace",
    "SpaceError",
    "Splits",
    "StoppingRule",
    "Strategy",
    "Task",
    "UnknownName",
    "Unsupported",
    "Width",
    "check_fidelity",
    "load_config",
    "resume",
    "search",
]


def __getattr__(name: str) -> Any:
    if name == "__version__":
        from importlib.metadata import version

        return version("nas-ray")
    if name not in _MODULES:
        raise AttributeError(f"module 'nas_ray' has no attribute {name!r}")
    return getattr(importlib.import_module(_MODULES[name]), name)


def __dir__() -> list[str]:
    return [*__all__, "__version__"]
