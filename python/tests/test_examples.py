"""Every example runs in a new directory, and what it asserts holds; so do the lines of the README and of docs/python.md."""

import pathlib
import re
import subprocess
import sys

import pytest

import flagstone as fs

ROOT = pathlib.Path(__file__).parent.parent.parent
EXAMPLES = sorted((ROOT / "python" / "examples").glob("*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_examples_run(path, tmp_path):
    run = subprocess.run([sys.executable, path], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout + run.stderr
    assert run.stdout


def test_there_are_examples():
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("path", ["README.md", "python/README.md", "docs/python.md"])
def test_the_first_lines_of_the_documentation_run(path, tmp_path):
    code = re.search(r"```python\n(import flagstone.*?)```", (ROOT / path).read_text(encoding="utf-8"), re.DOTALL)[1]
    for name in set(re.findall(r"\w+\.h5", code)):
        fs.random.normal(10, 2, size=(60, 50), seed=1).store(tmp_path / f"{name}:/x")
    run = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr
    assert run.stdout or len(list(tmp_path.iterdir())) > 1
