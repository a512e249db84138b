"""One network trained by several processes: each computes a share of every batch, and all step alike."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor, distributed, nn

from nas_ray.errors import ConfigError
from nas_ray.spaces import Config

if TYPE_CHECKING:
    from nas_ray.estimation.learner import Learner

PATIENCE = timedelta(minutes=10)
"""What a process waits for another one in a step."""


class Team(Protocol):
    """The other processes of a trial, as the estimator sees them."""

    def take(self, learner: Learner, config: Config, batch_size: int | None) -> None:
        """Have them train the network of ``learner`` with it, from its present state on.

        Args:
            learner: Of this process, before its first epoch here.
            config: Of the trial.
            batch_size: Samples of a batch, all processes together, where it is not the recipe's.
        """

    def step(self, learner: Learner) -> dict[str, float]:
        """Train one epoch together, and evaluate here."""

    def leave(self) -> None:
        """End them: after an error they would wait for each other. The next network gets new ones."""


def open_store(host: str, port: int = 0) -> Any:
    """Return the ``torch.distributed`` store through which the processes of a trial find each other.

    Args:
        host: Address of the process that keeps it.
        port: Where it is kept there; 0 keeps it in this process, on a free port.
    """
    return distributed.TCPStore(  # type: ignore[attr-defined]  # public, and not said to torch's types
        host, port, is_master=not port, wait_for_workers=False, timeout=PATIENCE
    )


def open_group(store: Any, rank: int, ranks: int, device: torch.device) -> None:
    """Join the other processes of a trial; returns when all have.

    Args:
        store: Where they find each other.
        rank: Of this process, from 0.
        ranks: Processes.
        device: Where this one computes.
    """
    backend = "nccl" if device.type == "cuda" else "gloo"
    distributed.init_process_group(backend, store=store, rank=rank, world_size=ranks, timeout=PATIENCE)


def close_group() -> None:
    """Leave the other processes, which then fail in place of waiting."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


class Averaging:
    """What is done before each step of an optimizer: the gradients are averaged over all processes.

    Args:
        parameters: Those of the network.
    """

    def __init__(self, parameters: Sequence[nn.Parameter]) -> None:
        self._parameters = parameters
        self._steps = 0

    def __call__(self, optimizer: torch.optim.Optimizer, args: Any, kwargs: Mapping[str, Any]) -> None:
        """Average; called by the optimizer with what its ``step`` was called with.

        Raises:
            ConfigError: If that is a closure.
        """
        _, *closure = args
        if any((*closure, *kwargs.values())):
            raise ConfigError(
                "on several GPUs, gradients must be there before the optimizer's step, but "
                f"{type(optimizer).__name__} was given a closure that computes them; "
                "take an optimizer without one, or one GPU for each trial"
            )
        _average_gradients(self._parameters)
        self._steps += 1

    def check(self) -> None:
        """Check that there was a step since the last check: without one, each process trains for itself.

        Raises:
            ConfigError: If there was none.
        """
        if not self._steps:
            raise ConfigError(
                "on several GPUs, a recipe must train by `self.optimizer.step()`, but none was made in an "
                "epoch; call it, or take one GPU for each trial"
            )
        self._steps = 0


def share_out(learner: Learner) -> None:
    """Have a learner train its share of every batch, together with those of the other processes.

    The gradients are averaged before each step of the optimizer, whatever the recipe's training step is, so
    that with equal shares it is the step that one process would take on the whole batch. Batch normalisation
    has its statistics over all processes on CUDA; elsewhere each process has its own, as torch offers no
    other. Random numbers of dropout and augmentation differ between processes.

    Args:
        learner: Newly made; its group is open. It keeps what averages its gradients.
    """
    learner.rank, ranks = distributed.get_rank(), distributed.get_world_size()
    learner.data = learner.data.share(learner.rank, ranks)
    learner.single_precision_unless_bfloat16()
    if learner.device.type == "cuda":
        learner.model = nn.SyncBatchNorm.convert_sync_batchnorm(learner.model)  # type: ignore[no-untyped-call]
    learner.averaging = Averaging(list(learner.model.parameters()))
    learner.optimizer.register_step_pre_hook(learner.averaging)


def together(own: Mapping[str, float], others: Sequence[Mapping[str, float]]) -> dict[str, float]:
    """Return the metrics of an epoch over all processes: of what all report, the mean by samples.

    Args:
        own: Of this process, those of its evaluation among them.
        others: What the others report of their shares.
    """
    parts = [own, *others]
    samples = [part.get("samples", 1) for part in parts]
    shared = set(own).intersection(*others) if others else set[str]()
    means = {
        name: sum(part[name] * count for part, count in zip(parts, samples, strict=True)) / sum(samples)
        for name in shared
    }
    total = {"samples": sum(samples)} if "samples" in shared else {}
    return {**own, **means, **total}


@torch.no_grad()
def _average_gradients(parameters: Sequence[nn.Parameter]) -> None:
    """Average the gradients over all processes, in one message.

    A network may leave some of its parameters without a gradient; what has one in no process keeps none.
    """
    trained = [each for each in parameters if each.requires_grad]
    numbers = [_real(each if each.grad is None else each.grad) for each in trained]
    has = torch.tensor([each.grad is not None for each in trained], device=numbers[0].device)
    kind = functools.reduce(torch.promote_types, {each.dtype for each in numbers}, torch.float32)
    masked = [part.to(kind) * own for part, own in zip(numbers, has, strict=True)]
    flat = torch.cat([part.reshape(-1) for part in [*masked, has.to(kind)]])
    distributed.all_reduce(flat)
    *sums, known = torch.split(flat, [*(part.numel() for part in numbers), len(trained)])
    ranks = distributed.get_world_size()
    for each, total, anywhere in zip(trained, sums, known.tolist(), strict=True):
        if anywhere:
            each.grad = torch.zeros_like(each) if each.grad is None else each.grad
            part = _real(each.grad)
            part.copy_((total / ranks).reshape(part.shape))


def _real(numbers: Tensor) -> Tensor:
    return torch.view_as_real(numbers) if numbers.is_complex() else numbers
