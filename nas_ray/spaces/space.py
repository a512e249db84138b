"""The contract of a search space: WHAT architectures exist."""

from __future__ import annotations

import itertools
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, TypeAlias

import numpy as np
from numpy.typing import NDArray
from ray.tune.search.sample import Domain

from nas_ray.errors import InvalidConfig, SpaceError, Unsupported
from nas_ray.spaces import domains
from nas_ray.spaces.architecture import Architecture, Edge, resettled
from nas_ray.spaces.identity import canonical_json, stable_id
from nas_ray.tasks import INPUTS, Inputs, Task

if TYPE_CHECKING:
    from torch import Tensor, nn

Config: TypeAlias = dict[str, Any]
"""A flat dict of plain JSON values, one for every key of the space."""

TRAINING = "train."
"""Keys with this prefix are training settings: they are searched too, but are no part of the architecture."""

LISTED = 20_000  # combinations up to which the size of a space is found by listing them
ALIKE = 3  # keys of one domain from which on their values are counted as features
ATTEMPTS = 10_000  # draws after which a space whose rules exclude every one of them is called empty


class SearchSpace(ABC):
    """A set of networks, described by a flat dict of Ray Tune domains.

    The life of a configuration: a strategy draws it (:meth:`sample`) or derives it (:meth:`mutate`,
    :meth:`crossover`, :meth:`neighbours`), :meth:`violations` names the rules it breaks, :meth:`config_id`
    tells whether it is known already, and in a worker :meth:`build` makes the network. A concrete space
    writes :meth:`param_space` and :meth:`build`; for the rest there are defaults that work on the domains.

    Example:
        >>> from ray import tune
        >>> class Widths(SearchSpace):
        ...     name = "widths"
        ...     def param_space(self):
        ...         return {"hidden": tune.choice([16, 32, 64])}
        ...     def build(self, config, task):
        ...         from torch import nn
        ...         return nn.Sequential(
        ...             nn.Flatten(), nn.LazyLinear(config["hidden"]), nn.ReLU(), nn.LazyLinear(task.outputs)
        ...         )
        >>> Widths().size()
        3
    """

    name: str = ""
    """The space's name, part of every id: two spaces never share one."""

    inputs: ClassVar[frozenset[Inputs]] = INPUTS
    """The kinds of inputs that its networks take (:attr:`Task.inputs`); another task is refused."""

    offers: frozenset[str] = frozenset()
    """Abilities beyond the contract that a strategy may require: ``"graph"``, with :meth:`absent`."""

    @abstractmethod
    def param_space(self) -> dict[str, Domain]:
        """Return the flat dict ``key -> ray.tune domain``; keys use dots, never slashes."""

    @abstractmethod
    def build(self, config: Config, task: Task) -> nn.Module:
        r"""Return the untrained network of ``config``; called in workers only.

        Args:
            config: A member of the space without violations.
            task: The problem; the module maps (batch, \*task.input_shape) to (batch, task.outputs).
                Channel and unit counts go through :meth:`Task.scaled`.
        """

    def morph(
        self,
        parent: nn.Module,
        parent_config: Config,
        child: nn.Module,
        config: Config,
        inputs: Tensor,
        rng: np.random.Generator,
    ) -> None:
        """Give an untrained network the function of a trained one; called in workers, in evaluation mode.

        By default no space can. What a space says it did is checked on inputs before it is believed.

        Args:
            parent: The trained network.
            parent_config: Its configuration.
            child: The untrained network of this space, changed in place.
            config: Its configuration.
            inputs: A batch of training.
            rng: For what is drawn.

        Raises:
            Unsupported: If the function cannot be kept, with what stands against it; ``child`` may be half
                changed then.
        """
        raise Unsupported(f"space {self.name!r} has no changes that keep a function")

    def active(self, config: Config) -> frozenset[str]:
        """Return the keys that matter in ``config``; the others may hold anything."""
        return frozenset(config)

    def absent(self) -> dict[str, Any]:
        """Return, for each key that is a piece of a graph, the value with which that piece is not there.

        Only for spaces that offer ``"graph"``; keys that are left out are always there.
        """
        return {}

    def canonical(self, config: Config) -> Any:
        """Return the network of ``config`` as JSON: equal for configurations that are the same network."""
        active = self.active(config)
        return {key: config[key] for key in sorted(active) if not key.startswith(TRAINING)}

    def violations(self, config: Config, task: Task | None = None) -> list[str]:
        """Return the broken rules in words, by arithmetic alone; rules on shapes need ``task``."""
        return []

    def describe(self, config: Config) -> str:
        """Draw the architecture as text, for people."""
        return "\n".join(f"{key}: {config[key]}" for key in sorted(self.active(config)))

    def graphs(self, config: Config) -> Mapping[str, Sequence[Edge]]:
        """Return the graphs that the architecture is drawn as, by name (``"normal cell"``)."""
        return {}

    def members(self) -> Mapping[str, Config]:
        """Return published networks of this space, by name, as far as its settings admit them."""
        return {}

    def scale(self, config: Config, **settings: Any) -> Architecture:
        """Return the same architecture in a space with other settings: more channels, more cells.

        Args:
            config: A member of this space.
            settings: Options of the space to change, such as ``channels=36, cells=20``.

        Raises:
            ConfigError: If one is no option of the space.
            InvalidConfig: If the other space has no such configuration.
        """
        other = resettled(self, settings)
        return Architecture(other, other.check(config))

    def check_task(self, task: Task) -> None:
        """Check that the networks of this space can serve ``task``; called before a search starts.

        Raises:
            Unsupported: If they cannot.
        """
        if unserved := self.unserved(task):
            raise Unsupported(f"{unserved}; `nas-ray spaces` lists what there is")

    def unserved(self, task: Task) -> str:
        """Return why no network of this space can serve ``task``, in words; empty if they can.

        A space whose rules on shapes could not even be evaluated returns it among its violations too.
        """
        if task.inputs in self.inputs:
            return ""
        takes = " or ".join(sorted(self.inputs))
        return f"space {self.name!r} takes {takes}, but got {task.inputs} of shape {task.input_shape}"

    def check_rules(self, config: Config, task: Task | None = None) -> None:
        """Check that ``config`` breaks no rule.

        Raises:
            InvalidConfig: If it does, with every broken rule.
        """
        if broken := self.violations(config, task):
            raise InvalidConfig("; ".join(broken))

    @staticmethod
    def from_function(
        params: Mapping[str, Any],
        build: Callable[[Config, Task], nn.Module],
        *,
        name: str = "custom",
        **rules: Any,
    ) -> SearchSpace:
        """Return a space of one's own domains and building function.

        Args:
            params: Flat dict ``key -> ray.tune domain``; other values are constants, handed to ``build``.
            build: Makes the network of a configuration: ``build(config, task) -> nn.Module``.
            name: Part of every id; two spaces never share one.
            rules: ``violations=function(config, task) -> list of broken rules``, if there are rules;
                ``absent``, a dict, if configurations are graphs.
        """
        from nas_ray.spaces.custom import CustomSpace

        return CustomSpace(params, build, name=name, **rules)

    @staticmethod
    def from_module(
        module: Callable[..., nn.Module], *, name: str | None = None, **settings: Any
    ) -> SearchSpace:
        """Return the space of the networks that a class of modules makes.

        Its constructor leaves decisions open with ``nas_ray.Choice``, ``Width``, ``Repeat``, ``Optional`` and
        ``InputChoice`` (:mod:`nas_ray.spaces.mutable`); ``nas_ray.search(space=MyNet)`` does the same.

        Args:
            module: The class, or a function that returns a module.
            name: Part of every id; the name of the class by default.
            settings: Further parameters of the constructor, and ``violations=function(config, task)``.
        """
        from nas_ray.spaces.module import ModuleSpace

        return ModuleSpace(module, name=name, **settings)

    @cached_property
    def domains(self) -> dict[str, Domain]:
        """The checked domains of :meth:`param_space`.

        Raises:
            SpaceError: If the space has no key or a domain is not usable.
        """
        checked = domains.check_param_space(self.param_space())
        if not checked:
            raise SpaceError(
                f"a search space must have at least one key, but {self.name or type(self).__name__} is empty"
            )
        return checked

    def architecture_id(self, config: Config) -> str:
        """Return the id of the network, without its training settings."""
        return stable_id({"space": self.name, "architecture": self.canonical(config)})

    def config_id(self, config: Config) -> str:
        """Return the id of the network with its training settings; de-duplication goes by it."""
        training = {key: value for key, value in config.items() if key.startswith(TRAINING)}
        return stable_id({"space": self.name, "architecture": self.canonical(config), "training": training})

    def size(self) -> float:
        """Return the number of configurations: an int, or ``math.inf``.

        Up to 20,000 combinations of the domains are listed: those that keep the rules that need no task and
        differ in a key that matters. Larger spaces count all combinations, or for themselves.
        """
        combinations = math.prod(domains.count(domain) for domain in self.domains.values())
        return self._listed_size if combinations <= LISTED else combinations

    @cached_property
    def _listed_size(self) -> int:
        members = ({key: config[key] for key in self.active(config)} for config in self.enumerate())
        return len({canonical_json(member) for member in members})

    def check(self, config: Mapping[str, Any]) -> Config:
        """Return ``config`` as a plain dict if it is a member of the space.

        Raises:
            InvalidConfig: If a key is missing or unknown, or a value is outside its domain; it names each.
        """
        if not isinstance(config, Mapping):
            raise InvalidConfig(f"a configuration of {self.name!r} must be a dict, but got {config!r}")
        missing, unknown = self.domains.keys() - config.keys(), config.keys() - self.domains.keys()
        wrong = []
        if missing or unknown:
            wrong.append(
                f"a configuration of {self.name!r} must have exactly its keys; "
                f"missing: {sorted(missing)}, unknown: {sorted(unknown, key=str)}"
            )
        wrong += [
            f"{key!r} must be in {domains.told(domain)}, got {config[key]!r}"
            for key, domain in self.domains.items()
            if key in config and not domains.contains(domain, config[key])
        ]
        if wrong:
            raise InvalidConfig("; ".join(wrong))
        return {key: config[key] for key in self.domains}

    def sample(self, rng: np.random.Generator, task: Task | None = None) -> Config:
        """Draw a configuration without violations.

        Raises:
            SpaceError: If 10,000 draws in a row broke a rule.
        """
        for _ in range(ATTEMPTS):
            config = {key: domains.draw(domain, rng) for key, domain in self.domains.items()}
            if not (broken := self.violations(config, task)):
                return config
        for_task = f" for {task.inputs} of shape {task.input_shape}" if task else ""
        raise SpaceError(
            f"space {self.name!r} offers no network{for_task}: {ATTEMPTS:,} draws in a row broke its rules, "
            f"the last one: {broken[0]}; change its options"
        )

    def mutate(self, config: Config, rng: np.random.Generator, task: Task | None = None) -> Config:
        """Change one key that matters; the result is valid and another network (or another training).

        A change that breaks a rule or changes nothing is drawn again, after 100 such draws with a second
        key; where the whole space is one network, a sample is returned.
        """
        before, keys = self.config_id(config), self._changeable(config)
        for attempt in range(300):
            child = dict(config)
            for key in (keys[int(index)] for index in rng.permutation(len(keys))[: 1 + attempt // 100]):
                child[key] = domains.draw_other(self.domains[key], config[key], rng)
            if not self.violations(child, task) and self.config_id(child) != before:
                return child
        return self.sample(rng, task)

    def crossover(
        self, first: Config, second: Config, rng: np.random.Generator, task: Task | None = None
    ) -> Config:
        """Take each key from one of two parents; where 100 such mixtures break rules, return ``first``."""
        for _ in range(100):
            picks = rng.random(len(self.domains)) < 0.5
            child = {
                key: (first if pick else second)[key] for key, pick in zip(self.domains, picks, strict=True)
            }
            if not self.violations(child, task):
                return child
        return dict(first)

    def neighbours(self, config: Config, task: Task | None = None) -> Iterator[Config]:
        """Yield the distinct valid networks that one changed key makes of ``config``."""
        seen = {self.config_id(config)}
        for key in self._changeable(config):
            for value in domains.near(self.domains[key], config[key]):
                child = {**config, key: value}
                if not self.violations(child, task) and (identity := self.config_id(child)) not in seen:
                    seen.add(identity)
                    yield child

    def enumerate(self, task: Task | None = None) -> Iterator[Config]:
        """Yield every valid configuration of a finite space, encodings of the same network each.

        Raises:
            SpaceError: If the space is continuous.
        """
        listed = {key: domains.values(domain) for key, domain in self.domains.items()}
        if any(values is None for values in listed.values()):
            raise SpaceError(f"space {self.name!r} is continuous and cannot be enumerated")
        for combination in itertools.product(*(values or [] for values in listed.values())):
            config = dict(zip(listed, combination, strict=True))
            if not self.violations(config, task):
                yield config

    def features(self, config: Config) -> NDArray[np.float64]:
        """Return a vector for models of performance, its numbers in [0, 1].

        The first group are the keys, ordinal ones on one axis, the others one-hot; the second, where three or
        more keys have the same domain (the operations of several layers), says how many of them have each of
        its values, wherever they stand. Keys that do not matter are zeros, so that configurations of the same
        network get the same vector.
        """
        active = self.active(config)
        row: list[float] = []
        codes = {key: encode(config[key]) for key, (encode, _) in self._encoders.items() if key in active}
        for key, (_, nothing) in self._encoders.items():
            row += codes.get(key, nothing)
        for keys in self._alike:
            present = [codes[key] for key in keys if key in codes]
            sums = [sum(numbers) / len(keys) for numbers in zip(*present, strict=True)]
            row += [*(sums or self._encoders[keys[0]][1]), len(present) / len(keys)]
        return np.asarray(row, dtype=np.float64)

    @property
    def feature_groups(self) -> tuple[int, ...]:
        """Widths of the groups of :meth:`features`, in order: a model may compare networks by each alone."""
        keys = sum(domains.width(domain) for domain in self.domains.values())
        alike = sum(domains.width(self.domains[each[0]]) + 1 for each in self._alike)
        return (keys, alike) if alike else (keys,)

    @cached_property
    def _encoders(self) -> dict[str, tuple[Callable[[Any], list[float]], list[float]]]:
        """How each key is encoded, and what stands for a key that does not matter."""
        return {
            key: (domains.encoder(domain), [0.0] * domains.width(domain))
            for key, domain in self.domains.items()
        }

    @cached_property
    def _alike(self) -> list[list[str]]:
        """Keys that share a domain, where there are at least three."""
        by_domain: dict[str, list[str]] = {}
        for key, domain in self.domains.items():
            by_domain.setdefault(domains.signature(domain), []).append(key)
        return [keys for keys in by_domain.values() if len(keys) >= ALIKE]

    def _changeable(self, config: Config) -> list[str]:
        active = self.active(config)
        return [key for key, domain in self.domains.items() if key in active and domains.count(domain) > 1]
