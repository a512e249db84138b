"""What the constructor of a network leaves open, collected once and answered for each configuration."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, TypeAlias

from nas_ray.errors import SpaceError
from nas_ray.spaces.space import TRAINING
from nas_ray.tasks import Task

Branch: TypeAlias = tuple[str, tuple[Any, ...]]
"""A key, and those of its options under which something exists."""

Path: TypeAlias = tuple[Branch, ...]
"""The branches around a part, outermost first; all of them must be taken."""

_current: ContextVar[Decisions | None] = ContextVar("decisions", default=None)


class Decisions:
    """The open decisions of a constructor, in the order in which it comes upon them.

    Without a configuration every branch is entered, which collects them all; with one, each is answered and
    only its branch is entered.

    Args:
        config: The answers; None collects.
        task: The problem, whose factor on widths holds.
    """

    def __init__(self, config: dict[str, Any] | None = None, task: Task | None = None) -> None:
        self.config, self.task = config, task
        self.options: dict[str, tuple[Any, ...]] = {}
        """Key -> its options."""
        self.paths: dict[str, list[Path]] = {}
        """Key -> the places where it is asked for; at the top of the constructor the path is empty."""
        self._prefix, self._path = "", Path()

    @property
    def collects(self) -> bool:
        """Whether every branch is entered."""
        return self.config is None

    @contextmanager
    def open(self) -> Iterator[Decisions]:
        """Be asked by whatever is constructed in this block."""
        token = _current.set(self)
        try:
            yield self
        finally:
            _current.reset(token)

    def ask(self, name: str, options: Sequence[Any]) -> tuple[str, Any]:
        """Return the key of a decision and its answer; the last option where decisions are collected.

        Raises:
            SpaceError: If a key has other options in another place, is named as a setting of the training is,
                or was not collected.
        """
        key, offered = self._prefix + name, tuple(options)
        if key.startswith(TRAINING):
            raise SpaceError(
                f"a decision of a constructor must not be named {TRAINING!r}..., as settings of the training "
                f"are, but got {key!r}; give it another name"
            )
        if self.config is None:
            if not _same(self.options.setdefault(key, offered), offered):
                raise SpaceError(
                    f"{key!r} must have the same options wherever it stands, but got {list(offered)} and "
                    f"{list(self.options[key])}; give one of them another name"
                )
            self.paths.setdefault(key, []).append(self._path)
            return key, offered[-1]
        if key not in self.config:
            raise SpaceError(
                f"a constructor must always leave the same decisions open, but now asks for {key!r}; branch "
                "with Choice, Optional or Repeat, and not with `if` on what another one decided"
            )
        return key, self.config[key]

    @contextmanager
    def under(self, key: str, *answers: Any, prefix: str = "") -> Iterator[None]:
        """Stand in the branch of ``key`` that these answers open; ``prefix`` goes before the names in it."""
        before = self._path, self._prefix
        self._path, self._prefix = (*self._path, (key, answers)), self._prefix + prefix
        try:
            yield
        finally:
            self._path, self._prefix = before


def current() -> Decisions:
    """Return who is asked now; outside of any space each decision has its first option."""
    return _current.get() or _First()


class _First(Decisions):
    """Answers each decision with its first option: the network as its class alone makes it."""

    def __init__(self) -> None:
        super().__init__({})

    def ask(self, name: str, options: Sequence[Any]) -> tuple[str, Any]:
        return name, options[0]


def _same(one: Sequence[Any], other: Sequence[Any]) -> bool:
    return [(type(value), value) for value in one] == [(type(value), value) for value in other]
