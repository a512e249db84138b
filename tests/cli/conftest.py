"""The command line as people use it: in this process for what fails at once, as a program for real runs."""

import os
import subprocess
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pytest

from nas_ray import cli

PROGRAM = str(Path(sysconfig.get_path("scripts"), "nas-ray"))
SMALL = ["--space", "mlp", "--strategy", "random", "--stopping", "none", "--concurrency", "1"]


@dataclass(frozen=True)
class Answer:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Run:
    folder: Path
    answer: Answer

    @property
    def path(self):
        return self.folder / "runs" / "one"


@pytest.fixture(scope="session")
def program():
    return PROGRAM


@pytest.fixture(scope="session")
def execute():
    """Run ``nas-ray`` as a program in a folder."""

    def call(*words, folder, **environment):
        # A run's own time limit is the test's; what is cut off here hangs.
        done = subprocess.run(
            [PROGRAM, *map(str, words)],
            cwd=folder,
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            timeout=200,
            check=False,
        )
        return Answer(done.returncode, done.stdout, done.stderr)

    return call


@pytest.fixture(scope="session")
def run(tmp_path_factory, execute):
    """One real search, made once: 3 trials of 2 epochs in runs/one, its output piped."""
    folder = tmp_path_factory.mktemp("search")
    words = [*SMALL, "--trials", "3", "--max-epochs", "2", "--name", "one"]
    return Run(folder, execute("search", *words, folder=folder))


@pytest.fixture
def ask(capsys):
    """Call the command line in this process."""

    def call(*words):
        code = cli.main([str(word) for word in words])
        said = capsys.readouterr()
        return Answer(code, said.out, said.err)

    return call
