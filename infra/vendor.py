"""The packages that deploy: fetched once, made small and quick to import, and kept.

They stay in ``.chalice/build``, a folder for each kind of machine, until
``requirements.lock`` or this module changes: later builds need no network.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

ROOT = Path(__file__).resolve().parents[1]
Machine = Literal["arm64", "x86_64", "local"]
"""What runs the functions: Lambda's processors by Lambda's names, or this very machine."""

SERVICES = frozenset({"apigatewaymanagementapi", "dynamodb", "kms", "s3", "sqs"})
"""The AWS services that the code makes clients of. Of no other does the zip know anything."""

PILLOW = frozenset(
    {
        *("__init__", "_binary", "_deprecate", "_imaging", "_imagingcms", "_imagingmath"),
        *("_typing", "_util", "_version", "_webp"),
        *("ExifTags", "GifImagePlugin", "GimpGradientFile", "GimpPaletteFile", "Image"),
        *("ImageChops", "ImageCms", "ImageColor", "ImageFile", "ImageMath", "ImageMode"),
        *("ImageOps", "ImagePalette", "ImageSequence", "JpegImagePlugin", "JpegPresets"),
        *("PaletteFile", "PngImagePlugin", "TiffImagePlugin", "TiffTags", "WebPImagePlugin"),
    }
)
"""The modules of Pillow that thumbnails need. Readers of other formats are not in the zip, nor
fonts, windows and what makes files of documents; so their holes are not there either."""

LOCK = ROOT / "requirements.lock"
"""Versions and hashes of what is fetched; how it is written stands in its first lines."""

_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
# Lambda's Python 3.11 runs on Amazon Linux 2, with glibc 2.26.
_PLATFORMS: Mapping[Machine, Sequence[str]] = {
    "arm64": ("manylinux2014_aarch64", "manylinux_2_17_aarch64"),
    "x86_64": ("manylinux2014_x86_64", "manylinux_2_17_x86_64"),
    "local": (),
}
# Libraries that only modules of Pillow need which are dropped.
_UNUSED_LIBRARIES = ("libavif", "libbrotli", "libfreetype", "libharfbuzz", "libpng16")
_RUNTIME = ("__init__.py", "app.py")  # what Chalice adds of itself
# The first whole day that a zip can tell, in seconds.
_LONG_AGO = 315_619_200


class CannotPackage(Exception):  # noqa: N818 (the name reads as what happened)
    """The package cannot be built; the message says why."""


@dataclass(frozen=True, slots=True)
class Vendor:
    """Folders to import from: what goes into the zip, and Chalice, which adds to it."""

    packages: Path
    chalice: Path


def vendor(machine: Machine, lock: Path = LOCK) -> Vendor:
    """The packages of a lock for a machine; ``CannotPackage``.

    Every file is what its hash says. Of botocore's descriptions of services only
    those of ``SERVICES`` are left, and of Pillow only the modules ``PILLOW``. Byte code
    lies beside the sources.
    """
    made_from = lock.read_bytes() + Path(__file__).read_bytes() + _PYTHON.encode()
    version = hashlib.sha256(made_from).hexdigest()[:16]
    folder = ROOT / ".chalice" / "build" / f"vendor-{machine}-{version}"
    found = Vendor(folder / "packages", folder / "chalice")
    if folder.is_dir():
        return found
    folder.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        made = Vendor(Path(temporary) / "made" / "packages", Path(temporary) / "made" / "chalice")
        _fetch(machine, lock, made.packages)
        _drop_services(made.packages / "botocore" / "data")
        _thin_pillow(made.packages)
        compile_all(made.packages)
        _part_chalice(made)
        forget_times(made.packages.parent)
        try:
            made.packages.parent.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another build was faster
                raise
    return found


def compile_all(folder: Path) -> None:
    """Put byte code beside all sources: Lambda's disk is read-only, so nobody else can.

    It is taken without a look at its source (PEP 552), since times do not survive
    the way to Lambda. ``CannotPackage`` where a source is none.
    """
    # In a process of its own: what else this one has in memory shows in the byte code.
    options = ["-q", "-o", "0", "--invalidation-mode", "unchecked-hash", "-s", str(folder)]
    command = [sys.executable, "-I", "-m", "compileall", *options, str(folder)]
    run(command, os.environ, seconds=120)


def forget_times(folder: Path) -> None:
    """Give all files one time and one mode, so that the same content makes the same zip.

    What a strict umask made private could not be read by the user of a function.
    """
    for path in folder.rglob("*"):
        path.chmod(0o755 if path.is_dir() else 0o644)
        os.utime(path, (_LONG_AGO, _LONG_AGO))


def run(command: Sequence[str], environment: Mapping[str, str], *, seconds: float) -> None:
    """Run a program that is heard of only if it fails, or takes too long: ``CannotPackage``."""
    name = " ".join(Path(part).name for part in command[:3])
    try:
        done = subprocess.run(  # noqa: S603 (our own arguments)
            command, env=environment, capture_output=True, text=True, check=False, timeout=seconds
        )
    except subprocess.TimeoutExpired as error:
        raise CannotPackage(f"{name} took longer than {seconds:g} seconds") from error
    if done.returncode:
        raise CannotPackage(f"{name} failed:\n{done.stdout}{done.stderr}")


def _fetch(machine: Machine, lock: Path, target: Path) -> None:
    platforms = [option for name in _PLATFORMS[machine] for option in ("--platform", name)]
    command = [
        *(sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"),
        *("--no-compile", "--no-deps", "--only-binary=:all:", "--require-hashes"),
        *("--implementation", "cp", "--python-version", _PYTHON, *platforms),
        *("--target", str(target), "--requirement", str(lock)),
    ]
    run(command, os.environ, seconds=600)
    shutil.rmtree(target / "bin", ignore_errors=True)


def _drop_services(data: Path) -> None:
    """Drop the services that are not used; the files beside them tell of endpoints and retries."""
    for entry in data.iterdir():
        if entry.is_dir() and entry.name not in SERVICES:
            shutil.rmtree(entry)


def _thin_pillow(packages: Path) -> None:
    """Drop the modules that are not used, and the libraries that came with them."""
    for entry in (packages / "PIL").iterdir():
        if entry.is_file() and entry.name.partition(".")[0] not in PILLOW:
            entry.unlink()
    for library in (packages / "pillow.libs").glob("*"):
        if library.name.startswith(_UNUSED_LIBRARIES):
            library.unlink()


def _part_chalice(made: Vendor) -> None:
    """Take Chalice out of the packages, all but the byte code of its runtime.

    Its packager adds the runtime's sources by itself, from where it was imported.
    """
    made.chalice.mkdir()
    for entry in made.packages.glob("chalice*"):
        entry.rename(made.chalice / entry.name)
    kept = made.packages / "chalice" / "__pycache__"
    kept.mkdir(parents=True)
    for source in _RUNTIME:
        (code,) = (made.chalice / "chalice" / "__pycache__").glob(f"{Path(source).stem}.*.pyc")
        shutil.copy(code, kept)
