"""``joint``: any space crossed with training settings, augmentation and activation functions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from ray import tune
from ray.tune.search.sample import Domain

from nas_ray.errors import ConfigError, SpaceError, Unsupported
from nas_ray.estimation.settings import Estimation, unsuited
from nas_ray.spaces import TRAINING, Architecture, Config, Edge, SearchSpace, domains, load_space
from nas_ray.spaces.architecture import resettled
from nas_ray.spaces.space import ATTEMPTS
from nas_ray.tasks import Task

from . import options as checks

if TYPE_CHECKING:
    from torch import Tensor, nn

ACTIVATION = "activation"
AUGMENTATION = f"{TRAINING}augmentation"
USUAL = ("relu", "gelu", "silu")


class Joint(SearchSpace):
    """The networks of another space, each with a training of its own.

    Network and training depend on each other, so that the best network with one recipe need not be the best
    with another; both are searched at once (Zela et al. 2018, https://arxiv.org/abs/1807.06906; with more of
    the recipe, Dai et al. 2021, https://arxiv.org/abs/2006.02049).

    A configuration is one of the other space with ``train.optimizer``, ``train.learning_rate``,
    ``train.weight_decay``, ``train.batch_size`` and ``train.augmentation``, which replace the settings of the
    run, and ``activation``, for which every ReLU, ReLU6, leaky ReLU, ELU, GELU, SiLU and hard swish of the
    network is exchanged. The training counts in ``config_id`` alone, the activation in ``architecture_id``
    too.

    Rules: those of the other space; augmentations of images need images, and tokens cannot be mixed.

    Args:
        of: The other space: its name, or from Python an object.
        options: Its options, by name: ``space.options.channels=8``.
        optimizers: From ``adamw``, ``adam``, ``sgd``. Of an empty list, here and below, nothing is searched.
        learning_rates: Least and most, on a logarithmic scale.
        weight_decays: Likewise.
        batch_sizes: Samples per step.
        augmentations: From ``none``, ``shift``, ``flip_shift``, ``cutout``, ``mixup``.
        activations: Names from ``nas_ray.searchspaces.options.ACTIVATIONS``; None takes relu, gelu and silu
            unless the other space has a key for activations itself.

    Raises:
        ConfigError: If an option cannot be, or a key is one of the other space too.
    """

    name = "joint"

    def __init__(
        self,
        *,
        of: str | SearchSpace = "chain",
        options: Mapping[str, Any] | None = None,
        optimizers: Sequence[str] = ("adamw", "sgd"),
        learning_rates: Sequence[float] = (1e-4, 1e-1),
        weight_decays: Sequence[float] = (1e-5, 1e-1),
        batch_sizes: Sequence[int] = (16, 32, 64),
        augmentations: Sequence[str] = ("none", "shift", "cutout", "mixup"),
        activations: Sequence[str] | None = None,
    ) -> None:
        self.of, self.options, self.activations = of, dict(options or {}), activations
        self.optimizers, self.learning_rates, self.weight_decays = optimizers, learning_rates, weight_decays
        self.batch_sizes, self.augmentations = batch_sizes, augmentations
        self.space = _other(of, self.options)
        self.inputs = self.space.inputs  # type: ignore[misc]  # the other space's
        self.offers = self.space.offers
        self._added = {**self._training(), **self._activation()}
        if not self._added:
            raise ConfigError(
                "space 'joint' must have something to search beside the network, but got nothing"
            )
        if shared := self._added.keys() & self.space.domains.keys():
            raise ConfigError(
                f"space 'joint' must not add keys that {self.space.name!r} has, but both have "
                f"{', '.join(sorted(shared))}; give an empty list for them"
            )

    def _training(self) -> dict[str, Domain]:
        choices = {
            "optimizer": self.optimizers,
            "batch_size": self.batch_sizes,
            "augmentation": self.augmentations,
        }
        spans = {"learning_rate": self.learning_rates, "weight_decay": self.weight_decays}
        for name, values in {**choices, **spans}.items():
            if isinstance(values, str) or not isinstance(values, Sequence):
                raise ConfigError(f"`{name}s` of space 'joint' must be given as a list, but got {values!r}")
            for value in values:
                Estimation().replaced({name: value})  # says what is wrong
        if self.batch_sizes:
            checks.sizes("batch_sizes", self.batch_sizes)
        found: dict[str, Domain] = {name: tune.choice(list(each)) for name, each in choices.items() if each}
        found |= {name: _logarithmic(name, span) for name, span in spans.items() if span}
        return {f"{TRAINING}{name}": domain for name, domain in found.items()}

    def _activation(self) -> dict[str, Domain]:
        given = self.activations
        if given is None:
            given = () if any(ACTIVATION in key for key in self.space.domains) else USUAL
        if not given:
            return {}
        return {ACTIVATION: tune.choice(checks.names("activations", given, checks.ACTIVATIONS))}

    def param_space(self) -> dict[str, Domain]:
        """Return the keys of the other space, then those of the training and the activation."""
        return {**self.space.domains, **self._added}

    def active(self, config: Config) -> frozenset[str]:
        """Return the other space's keys that matter, and all others."""
        return self.space.active(self._network(config)) | self._added.keys()

    def absent(self) -> dict[str, Any]:
        """Return what the other space says; the training is always there."""
        return self.space.absent()

    def canonical(self, config: Config) -> Any:
        """Return the other space's form, with its name and the activation."""
        form = {"of": self.space.name, "network": self.space.canonical(self._network(config))}
        return {**form, **{key: config[key] for key in (ACTIVATION,) if key in self._added}}

    def architecture_id(self, config: Config) -> str:
        """Return the id of the network: that of the other space, where no activation is searched."""
        if ACTIVATION in self._added:
            return super().architecture_id(config)
        return self.space.architecture_id(self._network(config))

    def violations(self, config: Config, task: Task | None = None) -> list[str]:
        """Return the rules that the network breaks, and what the augmentation lacks."""
        broken = self.space.violations(self._network(config), task)
        wrong = unsuited(config[AUGMENTATION], task) if task and AUGMENTATION in self._added else ""
        return [*broken, wrong] if wrong else broken

    def check_task(self, task: Task) -> None:
        """Check that the other space can serve ``task``.

        Raises:
            Unsupported: If it cannot.
        """
        self.space.check_task(task)

    def sample(self, rng: np.random.Generator, task: Task | None = None) -> Config:
        """Draw a network as the other space does, and a training that suits the task.

        Raises:
            SpaceError: If there is none, or 10,000 draws in a row broke a rule of the other space.
        """
        network = self.space.sample(rng, task)
        for _ in range(ATTEMPTS):
            added = {key: domains.draw(domain, rng) for key, domain in self._added.items()}
            config = {**network, **added}
            if not (broken := self.violations(config, task)):
                return config
        raise SpaceError(f"no training of space 'joint' suits the task: {broken[0]}")

    def size(self) -> float:
        """Return the product of networks and trainings; infinitely many with a range."""
        return self.space.size() * math.prod(domains.count(domain) for domain in self._added.values())

    def features(self, config: Config) -> NDArray[np.float64]:
        """Return the features of the network, then one group for what is added."""
        added = [domains.encode(domain, config[key]) for key, domain in self._added.items()]
        return np.concatenate([self.space.features(self._network(config)), *added])

    @property
    def feature_groups(self) -> tuple[int, ...]:
        """The groups of the network, and one more."""
        return (*self.space.feature_groups, sum(domains.width(domain) for domain in self._added.values()))

    def members(self) -> Mapping[str, Config]:
        """Return the members of the other space, with the usual training as far as it is on offer."""
        usual = {key: _usual(key, domain) for key, domain in self._added.items()}
        return {name: {**config, **usual} for name, config in self.space.members().items()}

    def describe(self, config: Config) -> str:
        """Draw the network, then a line for each key that is added."""
        added = [f"{key}: {_shown(config[key])}" for key in self._added]
        return "\n".join([self.space.describe(self._network(config)), *added])

    def graphs(self, config: Config) -> Mapping[str, Sequence[Edge]]:
        """Return the graphs of the network."""
        return self.space.graphs(self._network(config))

    def scale(self, config: Config, **settings: Any) -> Architecture:
        """Return the same architecture with other options of this or of the other space.

        Raises:
            ConfigError: If one is an option of neither.
        """
        own = {name: value for name, value in settings.items() if name in _OPTIONS}
        network = {name: value for name, value in settings.items() if name not in _OPTIONS}
        if network:
            scaled = self.space.scale(self._network(config), **network).space
            own |= {"of": scaled, "options": {}}
        other = resettled(self, own)
        return Architecture(other, other.check(config))

    def build(self, config: Config, task: Task) -> nn.Module:
        """Return the network, with the activation that was chosen."""
        network = self.space.build(self._network(config), task)
        if ACTIVATION not in self._added:
            return network
        from .activations import exchanged

        return exchanged(network, config[ACTIVATION])

    def morph(
        self,
        parent: nn.Module,
        parent_config: Config,
        child: nn.Module,
        config: Config,
        inputs: Tensor,
        rng: np.random.Generator,
    ) -> None:
        """Give the child its parent's function as the other space does.

        Raises:
            Unsupported: If it cannot, or the activation is another one.
        """
        if parent_config.get(ACTIVATION) != config.get(ACTIVATION):
            raise Unsupported(f"`{ACTIVATION}` becomes {config[ACTIVATION]}")
        theirs, ours = self._network(parent_config), self._network(config)
        self.space.morph(parent, theirs, child, ours, inputs, rng)

    def _network(self, config: Config) -> Config:
        return {key: config[key] for key in self.space.domains}


_OPTIONS = frozenset(Joint.__init__.__kwdefaults__ or {})


def _other(of: str | SearchSpace, options: dict[str, Any]) -> SearchSpace:
    if isinstance(of, str):
        return load_space(of, **options)
    if not isinstance(of, SearchSpace) or options:
        raise ConfigError(
            f"`of` of space 'joint' must be the name of a space or a space without options, got {of!r}"
        )
    return of


def _logarithmic(name: str, span: Sequence[float]) -> Domain:
    if not all(type(each) in (int, float) for each in span) or len(span) != 2 or not 0 < span[0] < span[1]:
        raise ConfigError(
            f"`{name}s` of space 'joint' must be two positive numbers, ascending, but got {list(span)}"
        )
    return tune.loguniform(float(span[0]), float(span[1]))


def _usual(key: str, domain: Domain) -> Any:
    """Return the default of a setting where it is on offer, else what is first."""
    default = "relu" if key == ACTIVATION else getattr(Estimation(), key[len(TRAINING) :])
    if domains.contains(domain, default):
        return default
    return next(iter(domains.values(domain) or [domain.lower]))


def _shown(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
