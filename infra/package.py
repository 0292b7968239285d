"""``python -m infra.package [--platform MACHINE] DIRECTORY STAGE...``: build what deploys.

Makes ``DIRECTORY/STAGE/sam.json`` and ``deployment.zip`` for each stage by
``chalice package``. It works on a copy of what deploys, so that nothing else gets
into the zip. The same sources make the same zip.
"""

import argparse
import json
import os
import platform
import re
import shutil
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import get_args

from infra.template import merge_template
from infra.vendor import CannotPackage, Machine, Vendor, compile_all, forget_times, run, vendor

__all__ = ["ROOT", "CannotPackage", "Machine", "main", "package"]

ROOT = Path(__file__).resolve().parents[1]
_OWN_SETTINGS = re.compile(r"TAVERN_|BACKEND$")


def package(directory: Path, stages: Sequence[str], machine: Machine = "arm64") -> None:
    """Build the stages into ``directory``, in place of what is there; ``CannotPackage``.

    The zip runs on ``machine``, and the template asks for one like it.
    """
    packages = vendor(machine)
    with tempfile.TemporaryDirectory() as temporary:
        source = Path(temporary) / "source"
        _copy_source(source)
        (source / "vendor").symlink_to(packages.packages)
        for stage in stages:
            template = Path(temporary) / f"merge-{stage}.json"
            merged = merge_template(stage, _origins(source, stage), machine=_architecture(machine))
            template.write_text(json.dumps(merged))
            made = Path(temporary) / "made" / stage
            _chalice(source, stage, template, made, packages)
            shutil.rmtree(directory / stage, ignore_errors=True)
            shutil.move(made, directory / stage)


def _copy_source(source: Path) -> None:
    """What deploys, and what Chalice wants to know about it."""
    ignored = shutil.ignore_patterns("__pycache__", "*.pyc")
    shutil.copytree(ROOT / "chalicelib", source / "chalicelib", ignore=ignored)
    compile_all(source / "chalicelib")
    shutil.copytree(ROOT / "infra" / "policies", source / "infra" / "policies")
    shutil.copy(ROOT / "app.py", source)
    (source / ".chalice").mkdir()
    shutil.copy(ROOT / ".chalice" / "config.json", source / ".chalice")
    forget_times(source)


def _origins(source: Path, stage: str) -> list[str]:
    stages = json.loads((source / ".chalice" / "config.json").read_text())["stages"]
    if stage not in stages:
        raise CannotPackage(f"No stage {stage!r}: .chalice/config.json has {', '.join(stages)}")
    variables = stages[stage]["environment_variables"]
    if variables.get("BACKEND") != "aws" or stage == "artifacts":
        raise CannotPackage(f"The stage {stage!r} is not one that deploys")
    origins: str = variables.get("TAVERN_CORS_ORIGINS", "")
    return [origin.strip() for origin in origins.split(",") if origin.strip()]


def _architecture(machine: Machine) -> str:
    """Lambda's name for a machine's processor."""
    if machine != "local":
        return machine
    return "arm64" if platform.machine() in ("arm64", "aarch64") else "x86_64"


def _chalice(source: Path, stage: str, template: Path, made: Path, packages: Vendor) -> None:
    """Run ``chalice package``; the stage's settings come from its configuration alone."""
    environment = {
        name: value for name, value in os.environ.items() if not _OWN_SETTINGS.match(name)
    }
    environment.setdefault("AWS_DEFAULT_REGION", "us-east-1")  # asked for, and not used
    environment["PYTHONDONTWRITEBYTECODE"] = "1"
    # Its runtime gets into the zip from where it was imported: from what has the right hash.
    environment["PYTHONPATH"] = str(packages.chalice)
    program = Path(sys.executable).with_name("chalice")
    options = ["--stage", stage, "--merge-template", str(template), str(made)]
    command = [str(program), "--project-dir", str(source), "package", *options]
    run(command, environment, seconds=120)


def main(arguments: Sequence[str]) -> int:
    """Build; the exit code."""
    options = _options(arguments)
    directory: Path = options.directory
    try:
        package(directory, options.stages, options.machine)
    except (CannotPackage, ValueError) as error:
        print(f"Cannot package: {error}", file=sys.stderr)
        return 1
    for stage in options.stages:
        size = (directory / stage / "deployment.zip").stat().st_size
        print(f"{directory / stage}: sam.json, deployment.zip ({size / 1e6:.1f} MB)")
    return 0


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m infra.package", description=__doc__)
    parser.add_argument("directory", type=Path, help="where the stages' folders go")
    parser.add_argument(
        "stages", nargs="+", metavar="stage", help="a stage of .chalice/config.json"
    )
    parser.add_argument(
        "--platform",
        dest="machine",
        choices=get_args(Machine),
        default="arm64",
        help="the processor of the functions (arm64), or local: what this machine can run",
    )
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
