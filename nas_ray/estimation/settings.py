"""How every architecture of a run is trained: the recipe and the four dials of fidelity."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from nas_ray.errors import ConfigError, suggestion
from nas_ray.estimation.proxies import Prior, Proxy
from nas_ray.tasks import Task

Optimizer = Literal["adamw", "adam", "sgd"]
Augmentation = Literal["none", "shift", "flip_shift", "cutout", "mixup"]
Inherit = Literal["none", "shapes", "morphism"]

PER_TRIAL = (
    "max_epochs",
    "batch_size",
    "learning_rate",
    "weight_decay",
    "optimizer",
    "augmentation",
    "amp",
)
"""Settings that a configuration may replace; the others hold for the data of a whole run."""


def unsuited(augmentation: str, task: Task) -> str:
    """Return why an augmentation cannot be had with the inputs of ``task``, in words; empty if it can."""
    if augmentation == "none" or task.inputs == "images":
        return ""
    if augmentation == "mixup":
        return "mixup cannot mix tokens" if task.inputs == "tokens" else ""
    return f"augmentation {augmentation!r} is for images, but inputs are {task.inputs}"


class Estimation(BaseModel):
    """Settings of a training; a configuration key ``train.<name>`` replaces one of them for its trial."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_epochs: int = Field(8, ge=1, description="epochs of a full training; the cosine schedule ends there")
    data_share: float = Field(1.0, gt=0, le=1, description="share of the training part that is used")
    resolution: int | None = Field(
        None, ge=1, description="side of the images in pixels; none keeps the data's"
    )
    width: float = Field(1.0, gt=0, allow_inf_nan=False, description="factor on every channel and unit count")
    batch_size: int = Field(32, ge=1, description="images per step")
    learning_rate: float = Field(
        3e-3, gt=0, allow_inf_nan=False, description="at the start of the cosine schedule"
    )
    weight_decay: float = Field(1e-2, ge=0, allow_inf_nan=False, description="decoupled for adamw")
    label_smoothing: float = Field(
        0.1, ge=0, lt=1, description="share of a target that all classes get alike, in training"
    )
    optimizer: Optimizer = Field("adamw", description="adamw, adam or sgd (with Nesterov momentum 0.9)")
    augmentation: Augmentation = Field(
        "none",
        description="none; shift (images, by up to an eighth of the side); flip_shift (mirrored too); "
        "cutout (and with a square hole); mixup (anything but tokens)",
    )
    amp: bool = Field(True, description="mixed precision on CUDA")
    checkpoint_seconds: float = Field(
        30.0, ge=0, description="seconds between checkpoints of a running trial"
    )
    learner: str | None = Field(None, description="module:object of a Learner of one's own")
    inherit: Inherit = Field(
        "none",
        description="what a child starts from: none; shapes (its parent's weights where names and shapes "
        "agree); morphism (its parent's function, where the space can keep it; else as shapes)",
    )
    proxies: tuple[Proxy, ...] = Field(
        (), description="numbers computed before training: synflow, naswot, grad_norm, snip, zico"
    )

    prior: tuple[Prior, ...] = Field(
        (),
        description="what random networks are compared by before the first training: params, flops or "
        "proxies; the best tenth of them is trained first",
    )
    prior_networks: int = Field(100, ge=2, description="how many networks are compared so")

    @field_validator("proxies", "prior", mode="before")
    @classmethod
    def _listed(cls, proxies: Any) -> Any:
        return [proxies] if isinstance(proxies, str) else proxies

    @property
    def inherits(self) -> bool:
        """Whether children may start from weights of their parents."""
        return self.inherit != "none"

    @property
    def dials(self) -> dict[str, float | int | None]:
        """The dials beside epochs, as they stand in every report."""
        return {"data_share": self.data_share, "resolution": self.resolution, "width": self.width}

    def check_task(self, task: Task) -> None:
        """Check that the augmentation suits what an input is.

        Raises:
            ConfigError: If it does not.
        """
        if wrong := unsuited(self.augmentation, task):
            raise ConfigError(f"`estimation.augmentation`: {wrong}")

    def replaced(self, values: Mapping[str, Any]) -> Estimation:
        """Return these settings with some of them replaced for one trial.

        Args:
            values: By the names of settings, without ``train.``.

        Raises:
            ConfigError: If a name is no setting of a trial, or a value is not possible.
        """
        if not values:
            return self
        for name in values:
            if name not in PER_TRIAL:
                raise ConfigError(
                    f"`train.{name}` is no setting that a trial may choose{suggestion(name, PER_TRIAL)}"
                )
        try:
            return Estimation.model_validate({**self.model_dump(), **values})
        except ValidationError as error:
            first = error.errors()[0]
            rule = first["msg"].removeprefix("Input should be ")
            raise ConfigError(
                f"`train.{first['loc'][0]}` must be {rule}, but got {first['input']!r}"
            ) from None
