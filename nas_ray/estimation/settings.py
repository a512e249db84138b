"""How every architecture of a run is trained: the recipe and the four dials of fidelity."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Optimizer = Literal["adamw", "adam", "sgd"]


class Estimation(BaseModel):
    """Settings of a training; a configuration key ``train.<name>`` replaces one of them for its trial."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    max_epochs: int = Field(8, ge=1, description="epochs of a full training; the cosine schedule ends there")
    data_share: float = Field(1.0, gt=0, le=1, description="share of the training part that is used")
    resolution: int | None = Field(
        None, ge=1, description="side of the images in pixels; none keeps the data's"
    )
    width: float = Field(1.0, gt=0, description="factor on every channel and unit count")
    batch_size: int = Field(64, ge=1, description="images per step")
    learning_rate: float = Field(3e-3, gt=0, description="at the start of the cosine schedule")
    weight_decay: float = Field(1e-2, ge=0, description="decoupled for adamw")
    optimizer: Optimizer = Field("adamw", description="adamw, adam or sgd (with Nesterov momentum 0.9)")
    amp: bool = Field(True, description="mixed precision on CUDA")
    checkpoint_seconds: float = Field(
        30.0, ge=0, description="seconds between checkpoints of a running trial"
    )
    learner: str | None = Field(None, description="module:object of a Learner of one's own")

    @property
    def dials(self) -> dict[str, float | int | None]:
        """The dials beside epochs, as they stand in every report."""
        return {"data_share": self.data_share, "resolution": self.resolution, "width": self.width}
