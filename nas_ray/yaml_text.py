"""YAML as nas_ray reads it: safe, with the numbers of YAML 1.2 and without a key that stands twice."""

from __future__ import annotations

import re
from typing import Any

import yaml

from nas_ray.errors import ConfigError

MERGE = "tag:yaml.org,2002:merge"


def parsed(text: str) -> Any:
    """Return what a YAML text says.

    Raises:
        yaml.YAMLError: If it is no YAML.
        ConfigError: If a key stands twice in one block.
    """
    return yaml.load(text, Loader=_Loader)  # noqa: S506  # a subclass of the safe loader


class _Loader(yaml.SafeLoader):
    """The safe loader, with the floats of YAML 1.2: ``1e-3`` is a number, and not a text as in YAML 1.1."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """Return a block, of whose keys each stands there once; YAML itself would take the last."""
        seen: set[str] = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag == MERGE:
                continue
            if key.value in seen:
                raise ConfigError(
                    f"a key must stand once in a block, but {key.value!r} stands again in line "
                    f"{key.start_mark.line + 1}; keep one of them"
                )
            seen.add(key.value)
        return super().construct_mapping(node, deep)


_Loader.add_implicit_resolver(
    "tag:yaml.org,2002:float",
    re.compile(
        r"^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$|^[-+]?\.(inf|Inf|INF)$|^\.(nan|NaN|NAN)$"
    ),
    list("-+0123456789."),
)
