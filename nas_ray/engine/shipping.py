"""Getting a user's own code to the workers."""

from __future__ import annotations

import sys
import sysconfig
from pathlib import Path
from typing import Any

from ray import cloudpickle

INSTALLED = tuple(
    Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")
)
OURS = Path(__file__).resolve().parents[1]


def ship(*objects: Any) -> None:
    """Send the modules of these objects along with them, where a worker could not import them.

    A module beside the script that starts a search exists on the driver's machine alone; classes and
    functions of it are pickled by value. Installed packages must be installed on every node.
    """
    for thing in objects:
        for kind in _kinds(thing):
            module = sys.modules.get(getattr(kind, "__module__", "") or "")
            if module is not None and _is_local(module):
                cloudpickle.register_pickle_by_value(module)


def _kinds(thing: Any) -> list[Any]:
    if isinstance(thing, type):
        return [kind for kind in thing.__mro__ if kind is not object]
    own = [value for value in getattr(thing, "__dict__", {}).values() if callable(value)]
    return [thing, *type(thing).__mro__[:-1], *own]


def _is_local(module: Any) -> bool:
    file = getattr(module, "__file__", None)
    if file is None or module.__name__ == "__main__":
        return False
    path = Path(file).resolve()
    return not any(path.is_relative_to(folder) for folder in INSTALLED) and not (
        module.__name__.split(".")[0] == "nas_ray" or path.is_relative_to(OURS)
    )
