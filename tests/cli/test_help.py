"""Help answers at once, and says what there is."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
import typer.main

from nas_ray import cli, flags

VERBS = [
    "search",
    "resume",
    "status",
    "list",
    "results",
    "spaces",
    "stopping",
    "strategies",
    "simulate",
    "benchmark",
    "check-fidelity",
]
HEAVY = ["ray", "torch", "torchvision", "pandas", "numpy", "pyarrow", "optuna", "nas_ray.config"]
DOCS = Path(__file__).parents[2] / "docs" / "command-line.md"
HELP = f"""
import sys, time
from nas_ray.cli import main
code = main([*sys.argv[1:], "--help"])
print("heavy:", [name for name in {HEAVY} if name in sys.modules], "seconds:", time.process_time())
sys.exit(code)
"""


@pytest.mark.parametrize("verb", ["", *VERBS])
def test_help_is_quick_and_loads_nothing_heavy(verb):
    words = [verb] if verb else []
    answer = subprocess.run(
        [sys.executable, "-c", HELP, *words], capture_output=True, text=True, check=True, timeout=60
    )
    assert "Usage: nas-ray" in answer.stdout
    assert "heavy: []" in answer.stdout
    # The promise is half a second on a machine that does nothing else; the processor's time tells it
    # also where tests run beside each other, with a margin for cores that share their caches.
    assert float(answer.stdout.split()[-1]) < 0.75


def test_verbs_are_those_documented():
    assert sorted(_command().commands) == sorted(VERBS)
    text = DOCS.read_text()
    assert all(f"## `nas-ray {verb}" in text for verb in VERBS)


@pytest.mark.parametrize(
    ("verb", "table", "others"),
    [
        (
            "check-fidelity",
            flags.FIDELITY,
            {"words", "pairs", "networks", "seeds", "form", "output", "quiet"},
        ),
        ("search", flags.SEARCH, {"words", "pairs", "dry_run", "quiet"}),
        ("resume", flags.RESUME, {"run", "words", "pairs", "runs_dir", "quiet"}),
        ("simulate", flags.SIMULATE, {"words", "pairs", "budget", "workers", "price"}),
        (
            "benchmark",
            flags.BENCHMARK,
            {
                "words",
                "pairs",
                "budget",
                "workers",
                "table",
                "strategies",
                "seeds",
                "at",
                "jobs",
                "output",
                "quiet",
            },
        ),
    ],
)
def test_flags_are_those_of_the_table_and_of_the_docs(verb, table, others):
    parameters = {parameter.name: parameter for parameter in _command().commands[verb].params}
    assert parameters.keys() - others - {"help"} == table.keys()
    for flag, key in table.items():
        assert f"[{key}]" in parameters[flag].help
    section = DOCS.read_text().split(f"## `nas-ray {verb}")[1].split("\n## ")[0]
    rows = dict(re.findall(r"^\| `--([\w-]+)` \| `([\w.]+)` \|", section, flags=re.MULTILINE))
    assert rows == {flag.replace("_", "-"): key for flag, key in table.items()}


def test_version(ask):
    answer = ask("--version")
    assert (answer.code, answer.err) == (0, "")
    assert re.fullmatch(r"nas-ray \d+\.\d+\.\d+\n", answer.out)


def test_without_a_verb_the_help_is_shown(ask):
    answer = ask()
    assert "Commands:" in answer.out + answer.err


def _command():
    return typer.main.get_command(cli.app)
