"""HOW GOOD, by training: the trainable, the recipe, the dials of fidelity."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from nas_ray.estimation.settings import Estimation

if TYPE_CHECKING:
    from nas_ray.estimation.estimator import Estimator
    from nas_ray.estimation.learner import Learner

__all__ = ["Estimation", "Estimator", "Learner"]


def __getattr__(name: str) -> Any:
    # The driver reads settings; torch is loaded only by those who train.
    if name == "Estimator":
        from nas_ray.estimation.estimator import Estimator

        return Estimator
    if name == "Learner":
        from nas_ray.estimation.learner import Learner

        return Learner
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
