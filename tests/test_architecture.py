"""Rules that hold for the code as a whole."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
READ_SETTINGS = ("app.py", "chalicelib/settings.py", "infra/local/settings.py")
VARIABLE = re.compile(r'"((?:TAVERN_[A-Z_]+)|BACKEND)"')


def settings() -> list[str]:
    """The environment variables that the product and its local stack read."""
    return sorted({name for file in READ_SETTINGS for name in VARIABLE.findall(text_of(file))})


def text_of(file: str) -> str:
    """A file of the project."""
    return (ROOT / file).read_text()


def test_the_folders_are_the_architecture() -> None:
    program = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([program, "--no-logo"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("variable", settings())
def test_every_setting_is_documented(variable: str) -> None:
    pages = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    documented = {word for page in pages for word in re.findall(r"\w+", page.read_text())}
    assert variable in documented


@pytest.mark.parametrize("file", ["requirements.txt", "requirements-dev.txt", "constraints.txt"])
def test_every_package_is_pinned(file: str) -> None:
    lines = [line.partition(";")[0].strip() for line in text_of(file).splitlines()]
    packages = [line for line in lines if line and not line.startswith(("#", "-"))]
    assert all(re.fullmatch(r"[\w.-]+(\[[\w,]+\])?==[\w.]+", line) for line in packages)
