import pickle
import subprocess
import sys

import pytest

from nas_ray.spaces import load_space

AS_A_DRIVER = """
import sys
import numpy as np
from nas_ray.spaces import load_space
from nas_ray.tasks import Task

for name in ("chain", "mlp"):
    space, rng = load_space(name), np.random.default_rng(0)
    config = space.mutate(space.sample(rng), rng)
    space.config_id(config), space.features(config), space.describe(config), space.size()
    space.violations(config, Task(kind="classification", input_shape=(1, 8, 8), outputs=10))
print("torch" in sys.modules)
"""


def test_a_driver_never_imports_torch() -> None:
    answer = subprocess.run([sys.executable, "-c", AS_A_DRIVER], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "False"


@pytest.mark.parametrize("name", ["chain", "mlp"])
def test_spaces_pickle(name: str) -> None:
    space = load_space(name, max_depth=2)
    space.size()
    again = pickle.loads(pickle.dumps(space))  # noqa: S301 - our own bytes
    assert list(again.domains) == list(space.domains)
