"""One network in training: the recipe, each part of it overridable."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nas_ray.costs import Costs, measure
from nas_ray.errors import SpaceError
from nas_ray.estimation import hardware
from nas_ray.estimation.augmentation import augmented
from nas_ray.estimation.device_data import DeviceData
from nas_ray.estimation.layout import keep_order, lay_out, order_state
from nas_ray.estimation.schedule import Cosine
from nas_ray.estimation.seeding import seeded
from nas_ray.estimation.settings import Estimation
from nas_ray.spaces import TRAINING, Config, SearchSpace, derived_seed
from nas_ray.tasks import Task

if TYPE_CHECKING:
    from nas_ray.estimation.parallel import Averaging

EVALUATION_FACTOR = 4
"""Batches of evaluation per batch of training: without gradients only a layer or two is in memory at once."""


class Learner:
    """Builds the network of a configuration and trains it, one epoch per call.

    Override what differs for your problem::

        class Margin(Learner):
            def loss(self, outputs, targets):
                return F.multi_margin_loss(outputs, targets)

        nas_ray.search(data="digits", learner=Margin)

    Every epoch is a function of the seed, its number and the weights before it: continuing from a
    checkpoint gives the same weights as never having stopped.

    Args:
        space: Makes the network.
        config: The configuration; its ``train.*`` keys replace settings, for those that a trial may choose.
        task: The problem, at the run's fidelity.
        data: Batches.
        settings: The recipe.
        seed: Seed of weights, order and dropout.
        weights: A state_dict of the network to evaluate or go on from; None initialises it.

    Raises:
        ConfigError: If a ``train.*`` key is no setting of a trial, or its value is not possible.
    """

    def __init__(
        self,
        space: SearchSpace,
        config: Config,
        task: Task,
        data: DeviceData,
        settings: Estimation,
        seed: int,
        weights: dict[str, Tensor] | None = None,
    ) -> None:
        self.space, self.config, self.task, self.data, self.seed = space, config, task, data, seed
        trained = {key[len(TRAINING) :]: value for key, value in config.items() if key.startswith(TRAINING)}
        self.settings = settings.replaced(trained)
        self.device = data.device
        self.epoch = self.rank = 0  # the rank is this process's among those that train the network
        self.averaging: Averaging | None = None  # where several train it
        with seeded(derived_seed(seed, "weights"), self.device):
            self.model = self.build().to(self.device)
            if weights is None:
                # Counting runs the network once, which gives lazy layers their weights: before the
                # optimizer takes them, and with this trial's random numbers.
                _ = self.costs
            else:
                self.model.load_state_dict(weights)
        if task.is_image:
            with seeded(derived_seed(seed, "layout"), self.device):
                layout = lay_out(self.model, task.input_shape, hardware.image_layout(self.device))
            self.data = data.in_layout(layout)
        self._precision = hardware.mixed_precision(self.device) if self.settings.amp else None
        # Gradients of half precision (not those of bfloat16) would vanish without a factor.
        self.scaler = torch.amp.GradScaler(self.device.type, enabled=self._precision is torch.float16)

    # Made when they are first used: the first optimizer of a process makes torch load its compiler,
    # about two seconds, which a process that only evaluates does without.

    @cached_property
    def costs(self) -> Costs:
        """Parameters and operations of the network."""
        return measure(self.model, self.task)

    @cached_property
    def optimizer(self) -> torch.optim.Optimizer:
        """What :meth:`configure_optimizer` returned."""
        optimizer = self.configure_optimizer()
        optimizer.register_step_pre_hook(keep_order)
        return optimizer

    @cached_property
    def schedule(self) -> Cosine:
        """The learning rate over all steps of a full training."""
        return Cosine(self.optimizer, self.data.steps(self.settings.batch_size) * self.settings.max_epochs)

    # The recipe.

    def build(self) -> nn.Module:
        """Return the untrained network."""
        return self.space.build(self.config, self.task)

    def configure_optimizer(self) -> torch.optim.Optimizer:
        """Return the optimizer over ``self.model``."""
        s, weights = self.settings, list(self.model.parameters())
        fused = all(weight.is_floating_point() for weight in weights)  # complex numbers have no fused step
        common: dict[str, Any] = {"lr": s.learning_rate, "weight_decay": s.weight_decay, "fused": fused}
        if s.optimizer == "sgd":
            return torch.optim.SGD(weights, momentum=0.9, nesterov=True, **common)
        kind = torch.optim.AdamW if s.optimizer == "adamw" else torch.optim.Adam
        return kind(weights, **common)

    def loss(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """Return the mean loss: cross-entropy for classes (smoothed in training), else squared error.

        Args:
            outputs: (batch, task.outputs).
            targets: (batch,) class indices, (batch, task.outputs) their probabilities, or floats of that
                shape.

        Raises:
            SpaceError: If the network gives another shape: squared error would broadcast it.
        """
        if outputs.shape != (len(targets), self.task.outputs):
            raise SpaceError(
                f"a network must give outputs of shape (batch, {self.task.outputs}), "
                f"but for {len(targets)} inputs it gave {tuple(outputs.shape)}"
            )
        if self.task.kind == "classification":
            smoothing = self.settings.label_smoothing if self.model.training else 0.0
            return F.cross_entropy(outputs, targets, label_smoothing=smoothing)
        return F.mse_loss(outputs, targets)

    def auxiliary_loss(self, targets: Tensor) -> Tensor | None:
        """Return what a second classifier in the network adds to the loss; None where there is none.

        A network with one leaves its outputs, (batch, task.outputs), in ``auxiliary_outputs`` when it runs in
        training, and says in ``auxiliary_weight`` how much their loss counts.

        Args:
            targets: Of the batch that the network saw last, as for :meth:`loss`.
        """
        outputs: Tensor | None = getattr(self.model, "auxiliary_outputs", None)
        if outputs is None:
            return None
        # Until the next batch they would keep the whole graph of this one in memory.
        self.model.auxiliary_outputs = None  # type: ignore[assignment]
        return float(self.model.auxiliary_weight) * self.loss(outputs, targets)  # type: ignore[arg-type]

    def augment(self, inputs: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return a batch of training as the setting ``augmentation`` changes it.

        Args:
            inputs: (batch, *task.input_shape), normalised.
            targets: (batch,) class indices, or (batch, task.outputs) floats; mixup makes probabilities of
                classes, (batch, task.outputs), for a loss that takes them.
        """
        classes = self.task.outputs if self.task.kind == "classification" else None
        return augmented(inputs, targets, self.settings.augmentation, classes)

    def metrics(self, outputs: Tensor, targets: Tensor) -> dict[str, float]:
        """Return the metrics of a whole part, by their names without ``val_`` or ``test_``.

        Args:
            outputs: (samples, task.outputs).
            targets: (samples,) or (samples, task.outputs).
        """
        values = {"loss": float(self.loss(outputs, targets))}
        if self.task.kind == "classification":
            values["acc"] = float((outputs.argmax(1) == targets).double().mean())
        else:
            values["mae"] = float((outputs - targets).abs().double().mean())
        return values

    def training_step(self, inputs: Tensor, targets: Tensor) -> Tensor:
        """Train on one batch and return its loss, detached.

        Args:
            inputs: (batch, *task.input_shape).
            targets: (batch,) or (batch, task.outputs).
        """
        inputs, targets = self.augment(inputs, targets)
        inputs = self.data.laid_out(inputs)
        with self.autocast():
            loss = self.loss(self.model(inputs), targets)
            if (auxiliary := self.auxiliary_loss(targets)) is not None:
                loss = loss + auxiliary
        self.optimizer.zero_grad(set_to_none=True)
        self.scaler.scale(loss).backward()  # type: ignore[no-untyped-call]
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.schedule.step()
        return loss.detach()

    def train_epoch(self) -> dict[str, float]:
        """Train on every training sample once; return ``train_loss`` and ``samples`` (how many were seen)."""
        self.model.train()
        order = torch.Generator().manual_seed(derived_seed(self.seed, "order", self.epoch))
        total, samples = torch.zeros((), device=self.device), 0
        for inputs, targets in self.data.batches("train", self.settings.batch_size, order):
            total += self.training_step(inputs, targets) * len(targets)
            samples += len(targets)
        return {"train_loss": float(total) / samples, "samples": samples}

    def evaluate(self, part: str = "val") -> dict[str, float]:
        """Return the metrics of ``part`` (``"val"`` or ``"test"``) with its name as prefix."""
        self.model.eval()
        outputs, targets = [], []
        with torch.inference_mode():
            for batch, expected in self.data.batches(part, EVALUATION_FACTOR * self.settings.batch_size):
                with self.autocast():
                    predicted = self.model(batch)
                outputs.append(predicted.float())
                targets.append(expected)
            values = self.metrics(torch.cat(outputs), torch.cat(targets))
        return {f"{part}_{name}": value for name, value in values.items()}

    # Machinery.

    def autocast(self) -> torch.autocast:
        """Return the context of mixed precision; without effect where single precision is as quick."""
        return torch.autocast(self.device.type, dtype=self._precision, enabled=self._precision is not None)

    def step(self, evaluates: bool = True) -> dict[str, float]:
        """Train one epoch and evaluate, and return the metrics as plain numbers; called by the estimator.

        Args:
            evaluates: False where another process evaluates the network.
        """
        self._tell_progress()
        ranks = [self.rank] if self.rank else []
        with seeded(derived_seed(self.seed, "epoch", self.epoch, *ranks), self.device):
            values = {**self.train_epoch(), **(self.evaluate("val") if evaluates else {})}
        self.epoch += 1
        return {name: value if isinstance(value, int) else float(value) for name, value in values.items()}

    def single_precision_unless_bfloat16(self) -> None:
        """Leave half precision, whose scaler decides by itself on every step: processes would part ways."""
        if self.scaler.is_enabled():
            self._precision = None
            self.scaler = torch.amp.GradScaler(self.device.type, enabled=False)

    def _tell_progress(self) -> None:
        """Tell modules that change over the training, such as a scheduled drop-path, how far it is."""
        for module in self.model.modules():
            if callable(told := getattr(module, "set_progress", None)):
                told(self.epoch / self.settings.max_epochs)

    def state_dict(self) -> dict[str, Any]:
        """Return what :meth:`load_state_dict` continues from; loads with ``weights_only=True``."""
        return {
            "epoch": self.epoch,
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "schedule": self.schedule.state_dict(),
            "scaler": self.scaler.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from :meth:`state_dict`."""
        self.epoch = state["epoch"]
        # The schedule first: it starts from the rates that the state of the optimizer replaces.
        for name in ("model", "schedule", "optimizer", "scaler"):
            getattr(self, name).load_state_dict(state[name])
        order_state(self.optimizer)

    @classmethod
    def from_function(cls, train_epoch: Callable[[Learner], dict[str, float]]) -> type[Learner]:
        """Return a learner whose epoch is a function of one's own.

        Args:
            train_epoch: Trains ``learner.model`` on ``learner.data`` for one epoch and returns metrics, such
                as ``{"train_loss": 0.1}``. It may take :meth:`training_step`, or ``learner.optimizer`` and
                ``learner.schedule``, or neither.
        """
        return type("CustomLearner", (cls,), {"train_epoch": train_epoch})
