"""Every example of README and docs runs: a page's Python blocks as one script, its commands one by one."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCK = re.compile(r"(<!-- not run: [^>]+-->\n+)?^```([^\n]*)\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def blocks(page, language):
    """Return the blocks of a page in one language, without those that say why they are not run."""
    found = BLOCK.findall(page.read_text())
    return [text for skipped, kind, text in found if kind == language and not skipped]


def environment():
    """Return the environment with this interpreter's commands first, as after activating it.

    Ray counts one core, so that one trial runs at once: to start a process takes longer than to train these.
    """
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    inherited = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
    return {**inherited, "PATH": path, "RAY_OVERRIDE_RESOURCES": '{"CPU": 1}'}


def with_python():
    return [page for page in PAGES if blocks(page, "python")]


def with_commands():
    return [(page, command) for page in PAGES for command in blocks(page, "bash")]


@pytest.mark.parametrize("page", with_python(), ids=lambda page: page.name)
def test_python_examples_run(page, tmp_path):
    script = tmp_path / "example.py"
    script.write_text("\n".join(blocks(page, "python")))
    done = subprocess.run(
        [sys.executable, script.name],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=220,
    )
    assert done.returncode == 0, done.stderr[-3000:]


@pytest.mark.parametrize(
    ("page", "commands"), with_commands(), ids=lambda value: getattr(value, "name", "command")
)
def test_commands_run(page, commands, tmp_path):
    (tmp_path / "scripts").symlink_to(ROOT / "scripts")
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", commands],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=220,
    )
    assert done.returncode == 0, done.stdout[-1500:] + done.stderr[-3000:]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page):
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text()):
        if "://" not in target:
            assert (page.parent / target).exists(), target


def test_every_block_that_is_not_run_says_why():
    for page in PAGES:
        for skipped, kind, text in BLOCK.findall(page.read_text()):
            assert kind, f"a block must name its language, but one of {page.name} does not:\n{text}"
            assert skipped or kind in ("python", "bash", "text", "yaml"), text


def test_a_block_without_a_language_is_seen():
    page = "```\nnas-ray list\n```\n\n<!-- not run: reason -->\n```bash\nls\n```\n"
    assert [(bool(skipped), kind) for skipped, kind, _ in BLOCK.findall(page)] == [
        (False, ""),
        (True, "bash"),
    ]
