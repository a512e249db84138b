"""Getting a user's own code to the workers."""

from __future__ import annotations

import io
import sys
import sysconfig
import warnings
from functools import lru_cache
from pathlib import Path
from types import FunctionType, ModuleType
from typing import Any

from ray import cloudpickle

INSTALLED = tuple(
    Path(sysconfig.get_path(name)).resolve() for name in ("stdlib", "platstdlib", "purelib", "platlib")
)
PACKAGES = {"site-packages", "dist-packages"}
"""Names of folders of installed packages, wherever else an interpreter looks for them."""
OURS = Path(__file__).resolve().parents[1]


def ship(*objects: Any) -> None:
    """Send the modules of one's own that these objects need along with them, as a worker may not have them.

    A module beside the script that starts a search exists on the driver's machine alone; its classes and
    functions are pickled by value, and so is what they use of other such modules. Installed packages must
    be installed on every node.
    """
    finder = _Finder()
    try:
        finder.dump(objects)
    except Exception as error:  # whatever somebody's module holds: a lock, an open file, itself
        for module in finder.found:
            cloudpickle.unregister_pickle_by_value(module)
        names = ", ".join(sorted(module.__name__ for module in finder.found))
        warnings.warn(
            f"modules must be picklable to reach workers on other nodes, but {names or 'an object'} "
            f"cannot be pickled ({error}); install the modules on every node",
            stacklevel=2,
        )


class _Finder(cloudpickle.Pickler):  # type: ignore[misc]  # Ray ships no types for its cloudpickle
    """A pickler that writes nothing, and has local modules pickled by value as it comes upon them."""

    def __init__(self) -> None:
        # Buffers stay where they are: a data set is not copied.
        super().__init__(_Nowhere(), buffer_callback=lambda buffer: None)
        self.found: list[ModuleType] = []

    def persistent_id(self, thing: Any) -> None:
        """Look at an object before it is pickled; it is pickled as any other."""
        module = _module_of(thing)
        if module is None or module.__name__ in cloudpickle.list_registry_pickle_by_value():
            return
        if _is_local(module):
            cloudpickle.register_pickle_by_value(module)
            self.found.append(module)


class _Nowhere(io.RawIOBase):
    def write(self, data: Any) -> int:
        return memoryview(data).nbytes


def _module_of(thing: Any) -> ModuleType | None:
    if isinstance(thing, ModuleType):
        return thing if thing.__name__ in sys.modules else None
    if isinstance(thing, (type, FunctionType)):
        return sys.modules.get(thing.__module__)
    return None


def _is_local(module: ModuleType) -> bool:
    name, file = module.__name__, getattr(module, "__file__", None)
    if name == "__main__" or name.split(".")[0] == "nas_ray" or file is None:
        return False
    path = Path(file).resolve()
    if path.suffix != ".py" or PACKAGES & set(path.parts):
        return False
    return not any(path.is_relative_to(folder) for folder in (*INSTALLED, OURS, *_targets(tuple(sys.path))))


@lru_cache(maxsize=1)
def _targets(places: tuple[str, ...]) -> list[Path]:
    """Return the folders of ``sys.path`` that an installer filled, as ``pip install --target`` does."""
    folders = [Path(place).resolve() for place in places if place]
    return [folder for folder in folders if next(folder.glob("*.dist-info"), None)]
