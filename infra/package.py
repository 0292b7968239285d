"""``python -m infra.package DIRECTORY STAGE...``: build what deploys.

Makes ``DIRECTORY/STAGE/sam.json`` and ``deployment.zip`` for each stage by
``chalice package``. It works on a copy of what deploys, so that nothing else gets
into the zip. The packages of ``requirements.txt`` are fetched once, for Lambda's
platform, and kept below ``.chalice/build``: later builds need no network.
"""

import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from infra.template import merge_template

ROOT = Path(__file__).resolve().parents[1]
# Lambda's Python 3.11 runs on Amazon Linux 2, with glibc 2.26.
_PLATFORMS = ("manylinux2014_x86_64", "manylinux_2_17_x86_64")
_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
_OWN_SETTINGS = re.compile(r"TAVERN_|BACKEND$")


class CannotPackage(Exception):  # noqa: N818 (the name reads as what happened)
    """The package cannot be built; the message says why."""


def package(directory: Path, stages: Sequence[str]) -> None:
    """Build the stages into ``directory``, in place of what is there; ``CannotPackage``."""
    vendor = _vendor()
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "source"
        _copy_source(source)
        (source / "vendor").symlink_to(vendor)
        for stage in stages:
            template = Path(temporary) / f"merge-{stage}.json"
            template.write_text(json.dumps(merge_template(stage, _origins(source, stage))))
            made = Path(temporary) / "made" / stage
            _chalice(source, stage, template, made)
            shutil.rmtree(directory / stage, ignore_errors=True)
            shutil.move(made, directory / stage)


def _copy_source(source: Path) -> None:
    """What deploys, and what Chalice wants to know about it."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(ROOT / "chalicelib", source / "chalicelib", ignore=ignored)
    shutil.copytree(ROOT / "infra" / "policies", source / "infra" / "policies")
    shutil.copy(ROOT / "app.py", source)
    (source / ".chalice").mkdir()
    shutil.copy(ROOT / ".chalice" / "config.json", source / ".chalice")


def _origins(source: Path, stage: str) -> list[str]:
    stages = json.loads((source / ".chalice" / "config.json").read_text())["stages"]
    if stage not in stages:
        raise CannotPackage(f"No stage {stage!r}: .chalice/config.json has {', '.join(stages)}")
    origins: str = stages[stage]["environment_variables"].get("TAVERN_CORS_ORIGINS", "")
    return [origin.strip() for origin in origins.split(",") if origin.strip()]


def _chalice(source: Path, stage: str, template: Path, made: Path) -> None:
    """Run ``chalice package``; the stage's settings come from its configuration alone."""
    environment = {
        name: value for name, value in os.environ.items() if not _OWN_SETTINGS.match(name)
    }
    environment.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # asked for, and not used
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    program = Path(sys.executable).with_name("chalice")
    options = ["--stage", stage, "--merge-template", str(template), str(made)]
    _run([str(program), "--project-dir", str(source), "package", *options], environment)


def _vendor() -> Path:
    """The folder with the packages of ``requirements.txt``, fetched if it is not there."""
    requirements = ROOT / "requirements.txt"
    version = hashlib.sha256(requirements.read_bytes() + _PYTHON.encode()).hexdigest()[:16]
    vendor = ROOT / ".chalice" / "build" / f"vendor-{version}"
    if vendor.is_dir():
        return vendor
    vendor.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=vendor.parent) as temporary:
        target = Path(temporary) / "target"
        _run([*_pip_install(target), "-r", str(requirements)], {**os.environ})
        shutil.rmtree(target / "bin", ignore_errors=True)
        try:
            target.rename(vendor)
        except OSError:
            if not vendor.is_dir():  # else another build was faster
                raise
    return vendor


def _pip_install(target: Path) -> list[str]:
    platforms = [option for name in _PLATFORMS for option in ("--platform", name)]
    return [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-compile", "--no-deps", "--only-binary=:all:", "--implementation", "cp"),
        *("--python-version", _PYTHON, *platforms, "--target", str(target)),
    ]


def _run(command: Sequence[str], environment: dict[str, str]) -> None:
    """Run a program that is heard of only if it fails."""
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)  # noqa: S603 (our own arguments)
    if done.returncode:
        raise CannotPackage(f"{Path(command[0]).name} failed:\n{done.stdout}{done.stderr}")


def main(arguments: Sequence[str]) -> int:
    """Build; the exit code."""
    if len(arguments) < 2:
        print("Expected: a directory, and one stage or more", file=sys.stderr)
        return 2
    directory = Path(arguments[0])
    try:
        package(directory, arguments[1:])
    except (CannotPackage, ValueError) as error:
        print(f"Cannot package: {error}", file=sys.stderr)
        return 1
    for stage in arguments[1:]:
        size = (directory / stage / "deployment.zip").stat().st_size
        print(f"{directory / stage}: sam.json, deployment.zip ({size / 1e6:.1f} MB)")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
