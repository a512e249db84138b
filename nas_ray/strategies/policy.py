"""The controller's network: a distribution over sequences of choices, and its gradient step."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

NEVER = -1e9
"""Logit of an option that a key does not have; its probability underflows to 0."""


class Policy(nn.Module):
    """An LSTM that reads its own last choice and gives the probabilities of the next.

    Updates run in one thread, and neither torch's number of threads nor its global generator is changed
    for anybody else.

    Args:
        sizes: Options of each key, (n_keys,).
        hidden_size: Units of the LSTM and of the embedding, H.
        learning_rate: Of Adam.
        entropy_weight: Factor of the entropy of the decisions, in nats.
        seed: Seed of the weights.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        *,
        hidden_size: int,
        learning_rate: float,
        entropy_weight: float,
        seed: int,
    ) -> None:
        super().__init__()
        self.sizes, self.entropy_weight = list(sizes), entropy_weight
        self._first = np.cumsum([0, *sizes]).tolist()
        options = int(self._first[-1])
        # Token 0 stands before the first choice.
        self.embedding = nn.Embedding(options + 1, hidden_size, device="meta")
        self.lstm = nn.LSTM(hidden_size, hidden_size, device="meta")
        self.head = nn.Linear(hidden_size, options, device="meta")
        self.to_empty(device="cpu")  # initialised below, without the global generator
        generator = torch.Generator().manual_seed(seed)
        with torch.no_grad():
            for weights in self.parameters():
                weights.uniform_(-0.08, 0.08, generator=generator)  # as in the paper
        mine = torch.arange(max(sizes)) < torch.tensor(self.sizes)[:, None]  # (n_keys, max_size)
        self._options = torch.tensor(self._first[:-1])[:, None] + torch.arange(max(sizes)) * mine
        self._absent = ~mine
        self._optimizer = torch.optim.Adam(self.parameters(), lr=learning_rate, fused=True)

    def sample(self, rng: np.random.Generator) -> list[int]:
        """Draw one option for each key, (n_keys,).

        In numpy, on the same memory: one step of one sequence is too little work for torch's overhead.
        """
        token, choices = 0, []
        hidden = cell = np.zeros(self.lstm.hidden_size, dtype=np.float32)
        weights = {name: weight.detach().numpy() for name, weight in self.named_parameters()}
        bias = weights["lstm.bias_ih_l0"] + weights["lstm.bias_hh_l0"]
        for first, size in zip(self._first, self.sizes, strict=False):
            gates = weights["lstm.weight_ih_l0"] @ weights["embedding.weight"][token] + bias
            gates += weights["lstm.weight_hh_l0"] @ hidden  # (4 H,): input, forget, candidate, output
            let_in, keep, candidate, let_out = np.split(gates, 4)
            cell = _sigmoid(keep) * cell + _sigmoid(let_in) * np.tanh(candidate)
            hidden = _sigmoid(let_out) * np.tanh(cell)
            mine = slice(first, first + size)
            logits = (weights["head.weight"][mine] @ hidden + weights["head.bias"][mine]).astype(np.float64)
            cumulated = np.exp(logits - logits.max()).cumsum()
            drawn = np.searchsorted(cumulated, rng.random() * cumulated[-1], side="right")
            choices.append(min(int(drawn), size - 1))
            token = 1 + first + choices[-1]
        return choices

    def log_probabilities(self, choices: Sequence[int]) -> Tensor:
        """Return log p of every option where the choices before it were ``choices``: (n_keys, max_size)."""
        tokens = [0, *(1 + first + choice for first, choice in zip(self._first, choices, strict=False))]
        hidden, _ = self.lstm(self.embedding(torch.tensor(tokens[:-1])))  # (n_keys, H)
        logits = self.head(hidden).gather(1, self._options).masked_fill(self._absent, NEVER)
        return F.log_softmax(logits, dim=1)

    def update(self, choices: Sequence[int], active: Sequence[bool], advantage: float) -> None:
        """Move along advantage ∇ log p(choices), counting the active keys only."""
        if not any(active):
            return
        with _one_thread():
            log_p, entropy = self._of(choices, active)
            self._descend(-advantage * log_p - self.entropy_weight * entropy)

    def log_probability(self, choices: Sequence[int], active: Sequence[bool]) -> float:
        """Return log p of the active choices."""
        with _one_thread(), torch.no_grad():
            return float(self._of(choices, active)[0])

    def improve(self, batch: Sequence[Drawn], steps: int, clip: float) -> None:
        """Take ``steps`` steps along the clipped surrogate of PPO (Schulman et al. 2017, equation 7).

        Args:
            batch: What was drawn by earlier policies.
            steps: The paper's K.
            clip: The paper's ε.
        """
        with _one_thread():
            for _ in range(steps):
                losses = []
                for drawn in batch:
                    log_p, entropy = self._of(drawn.choices, drawn.active)
                    ratio = (log_p - drawn.log_p).exp()
                    gained = torch.minimum(
                        ratio * drawn.advantage, ratio.clamp(1 - clip, 1 + clip) * drawn.advantage
                    )
                    losses.append(-gained - self.entropy_weight * entropy)
                self._descend(torch.stack(losses).mean())

    def _of(self, choices: Sequence[int], active: Sequence[bool]) -> tuple[Tensor, Tensor]:
        """Return log p of the active choices, and the sum of the entropies of their decisions."""
        log_p = self.log_probabilities(choices)[torch.tensor(active)]  # (n_active, max_size)
        taken = torch.tensor(
            [choice for choice, counts in zip(choices, active, strict=True) if counts], dtype=torch.long
        )
        return log_p.gather(1, taken[:, None]).sum(), -(log_p.exp() * log_p).sum()

    def _descend(self, loss: Tensor) -> None:
        self._optimizer.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        self._optimizer.step()


class Drawn(NamedTuple):
    """Choices that were drawn and rewarded.

    Args:
        choices: Option of each key, (n_keys,).
        active: Which keys mattered, (n_keys,).
        log_p: log p of the active choices when they were drawn.
        advantage: What they were worth.
    """

    choices: Sequence[int]
    active: Sequence[bool]
    log_p: float
    advantage: float


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep torch to one thread, here only: on busy cores, waiting for a second costs a hundredfold."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def _sigmoid(x: NDArray[np.float32]) -> NDArray[np.float32]:
    half = np.float32(0.5)
    squashed: NDArray[np.float32] = half * np.tanh(half * x) + half  # without the overflow of exp(-x)
    return squashed
