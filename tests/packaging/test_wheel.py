"""A search runs from the built wheel, wherever it is started."""

import os
import subprocess
import sys
import sysconfig
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SEARCH = [
    "--space",
    "mlp",
    "--strategy",
    "random",
    "--data",
    "digits",
    "--trials",
    "2",
    "--max-epochs",
    "1",
    "--concurrency",
    "1",
]


@pytest.fixture(scope="module")
def wheel_python(tmp_path_factory):
    """An environment with the wheel installed in it, and its dependencies from this one."""
    built, environment = tmp_path_factory.mktemp("wheel"), tmp_path_factory.mktemp("environment")
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(built), str(ROOT)]
    subprocess.run(build, check=True, capture_output=True, text=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(environment)], check=True)
    (site,) = environment.glob("lib/python*/site-packages")
    with zipfile.ZipFile(next(built.glob("*.whl"))) as wheel:
        wheel.extractall(site)
    (site / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    return environment / "bin" / "python"


def search(python, folder):
    environment = {
        key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "RAY_ADDRESS")
    }
    command = [str(python), "-m", "nas_ray", "search", *SEARCH, "--runs-dir", str(folder / "runs")]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200)


def test_a_search_runs_from_the_wheel_in_an_empty_folder(wheel_python, tmp_path):
    where = "import nas_ray, nas_ray.searchspaces as s; print(nas_ray.__file__, s.__file__)"
    homes = subprocess.run(
        [wheel_python, "-c", where], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    assert str(ROOT) not in homes.stdout
    done = search(wheel_python, tmp_path)
    assert done.returncode == 0, done.stderr
    assert "test_acc" in done.stdout


def test_a_foreign_folder_of_the_same_name_does_not_shadow_the_spaces(wheel_python, tmp_path):
    foreign = tmp_path / "searchspaces"
    foreign.mkdir()
    for name in ("__init__", "chain", "mlp"):
        (foreign / f"{name}.py").write_text("raise RuntimeError('the foreign folder was imported')")
    done = search(wheel_python, tmp_path)
    assert done.returncode == 0, done.stderr
