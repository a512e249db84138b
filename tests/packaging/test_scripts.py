"""The scripts that a person on a fresh machine types."""

import os
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_quick_start_runs_again_within_seconds_and_prints_what_it_found(tmp_path):
    if not list(ROOT.glob(".venv/installed-*")):
        pytest.skip("no .venv here: bash scripts/test.sh makes it")
    done = subprocess.run(
        ["bash", "scripts/quickstart.sh", "--trials", "2", "--max-epochs", "1", "--runs-dir", str(tmp_path)],
        cwd=ROOT,
        env={key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"},
        capture_output=True,
        text=True,
        timeout=200,
    )
    assert done.returncode == 0, done.stderr
    assert "Installing" not in done.stdout
    assert "test_acc 0." in done.stdout


def test_an_old_python_is_refused_with_the_way_out(tmp_path):
    old = tmp_path / "python-old"
    old.write_text('#!/bin/sh\n[ "$1" = --version ] && echo "Python 3.8.1"\nexit 1\n')
    old.chmod(0o755)
    done = subprocess.run(
        ["bash", "-c", "source scripts/environment.sh; prepare_environment"],
        cwd=ROOT,
        env={**os.environ, "PYTHON": str(old)},
        capture_output=True,
        text=True,
    )
    assert done.returncode != 0
    assert "needs Python 3.10 or newer" in done.stderr
    assert "PYTHON=" in done.stderr


def test_submitting_without_arguments_says_how():
    done = subprocess.run(["bash", "scripts/submit.sh"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 2
    assert "RAY_ADDRESS=http://HEAD:8265" in done.stdout


def test_submitting_starts_the_search_on_the_cluster_as_a_job(tmp_path):
    ray = tmp_path / "ray"
    ray.write_text('#!/bin/sh\necho "$@"\n')
    ray.chmod(0o755)
    done = subprocess.run(
        ["bash", "scripts/submit.sh", "--trials", "200"],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}", "RAY_ADDRESS": "http://head:8265"},
        capture_output=True,
        text=True,
    )
    command = (
        "job submit --address http://head:8265 --working-dir . -- nas-ray search --address auto --trials 200"
    )
    assert done.stdout.strip() == command
