"""The zip that would deploy: what is in it, how large it is, and that it needs nothing else."""

import ast
import importlib.util
import json
import os
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from infra.package import ROOT, CannotPackage, package
from infra.vendor import LOCK, PILLOW, SERVICES, vendor
from tests.deployed.conftest import Built
from tests.unit.pictures.samples import all_kinds

# Chalice's runtime is one file and its package.
PACKAGES = {
    *("PIL", "_cffi_backend.cpython-311-aarch64-linux-gnu.so", "annotated_types"),
    *("_yaml", "boto3", "botocore", "pillow.libs", "yaml"),
    *("cffi", "chalice", "cryptography", "dateutil", "jmespath", "multipart.py", "pycparser"),
    *("pydantic", "pydantic_core", "regex", "s3transfer", "six.py", "typing_extensions.py"),
    *("typing_inspection", "urllib3"),
}
# docs/decisions/0011-size-and-cold-start.md
MAX_ZIP = 20 * 1000**2
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_UNZIPPED = 250 * 1024**2
# https://refspecs.linuxfoundation.org/elf/gabi4+/ch4.eheader.html: e_machine
ELF_MACHINE = slice(18, 20)
ARM64 = (183).to_bytes(2, "little")
# https://docs.aws.amazon.com/linux/al2/ug/aml2-kernel-and-packages.html: what Python 3.11 runs on
GLIBC = (2, 26)
GLIBC_VERSION = re.compile(rb"\0GLIBC_([0-9]+)\.([0-9]+)")
# Libraries that came with a package have names with a hash, by which others ask for them.
BUNDLED = re.compile(rb"\0(lib[\w+-]+-[0-9a-f]{8}\.so[.0-9]*)\0")
# https://peps.python.org/pep-0552/: flags after the magic number; a hash, and not compared
UNCHECKED_HASH = (0b01).to_bytes(4, "little")

IMPORT_ALL = """
import importlib, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import app, chalicelib
for module in pkgutil.walk_packages(chalicelib.__path__, "chalicelib."):
    importlib.import_module(module.name)
files = {getattr(module, "__file__", None) or "" for module in sys.modules.values()}
outside = [file for file in files if "site-packages" in file]
sys.exit(f"imported from elsewhere: {outside}" if outside else 0)
"""

# One request of each service, from its model to the bytes that would be sent.
CALLS: dict[str, tuple[str, dict[str, object]]] = {
    "apigatewaymanagementapi": ("post_to_connection", {"ConnectionId": "a", "Data": "{}"}),
    "dynamodb": ("get_item", {"TableName": "rows", "Key": {"pk": {"S": "a"}}}),
    "kms": ("decrypt", {"CiphertextBlob": "a"}),
    "s3": ("head_object", {"Bucket": "documents", "Key": "a"}),
    "sqs": ("delete_message", {"QueueUrl": "https://queue.example/1/runs", "ReceiptHandle": "a"}),
}
CALL_ALL = """
import json, sys
sys.path.insert(0, sys.argv[1])
from botocore.awsrequest import AWSResponse
from chalicelib.adapters.aws import clients

class Nothing:
    def stream(self, **_):
        yield b""

def answer(request, **_):
    sent.append(request.url)
    return AWSResponse(request.url, 200, {}, Nothing())

sent = []
for service, (operation, parameters) in json.loads(sys.argv[2]).items():
    client = clients.session().client(service, region_name="eu-west-1")
    client.meta.events.register("before-send", answer)
    getattr(client, operation)(**parameters)
print(*sent)
"""
MAKE_THUMBNAILS = """
import sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from chalicelib import pictures
for file in Path(sys.argv[2]).iterdir():
    made = pictures.inspect(pictures.thumbnail(file.read_bytes(), 64))
    print(file.name, made.media_type)
"""


@pytest.fixture(scope="module")
def unzipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What is in a zip that was made for this machine."""
    folder = tmp_path_factory.mktemp("local")
    package(folder, ["dev"], machine="local")
    with zipfile.ZipFile(folder / "dev" / "deployment.zip") as archive:
        archive.extractall(folder / "unzipped")
    return folder / "unzipped"


def run_from(folder: Path, program: str, *arguments: str) -> str:
    """What a program prints that can import from the folder and the standard library alone."""
    done = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", program, str(folder), *arguments],
        capture_output=True,
        text=True,
        cwd=folder,
        env={**os.environ, "AWS_ACCESS_KEY_ID": "nobody", "AWS_SECRET_ACCESS_KEY": "nobody"},
        timeout=100,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def contents(built: Built, ending: str) -> Iterator[tuple[str, bytes]]:
    """The files of a zip with such a name."""
    with zipfile.ZipFile(built.zip) as archive:
        for name in archive.namelist():
            if name.endswith(ending):
                yield name, archive.read(name)


def bundled(built: Built) -> Iterator[tuple[str, bytes]]:
    """The libraries that came with packages, whose names end with a version."""
    with zipfile.ZipFile(built.zip) as archive:
        for name in archive.namelist():
            if ".libs/" in name:
                yield name, archive.read(name)


def clients_in_the_code() -> set[str]:
    """The services that the code names where it makes a client, as it stands in the source."""
    files = [ROOT / "app.py", *(ROOT / "chalicelib").rglob("*.py")]
    return {
        ast.unparse(node.args[0])
        for file in files
        for node in ast.walk(ast.parse(file.read_text()))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "client"
        and node.args
    }


def pins(file: Path) -> set[tuple[str, str]]:
    """The packages and versions of a requirements file; names as PEP 503 wants them."""
    found = re.findall(r"^([\w.-]+)==([\w.]+)", file.read_text(), re.MULTILINE)
    return {(re.sub(r"[-_.]+", "-", name).lower(), version) for name, version in found}


def test_it_holds_the_app_and_what_it_requires(dev: Built) -> None:
    tops = {name.split("/")[0] for name in dev.files()}
    packages = {top for top in tops if not top.endswith((".dist-info", "__pycache__"))}
    assert packages == {"app.py", "chalicelib", *PACKAGES}


def test_no_file_is_in_it_twice(dev: Built) -> None:
    assert len(dev.files()) == len(set(dev.files()))


def test_it_has_the_data_files_of_the_app(dev: Built) -> None:
    folder = ROOT / "chalicelib"
    data = [
        file for file in folder.rglob("*") if file.is_file() and "__pycache__" not in file.parts
    ]
    assert {str(file.relative_to(ROOT)) for file in data} <= set(dev.files())


def test_every_module_has_byte_code_and_no_byte_code_is_without_a_module(dev: Built) -> None:
    modules = {name for name in dev.files() if name.endswith(".py")} - {"app.py"}
    byte_code = {name for name in dev.files() if name.endswith(".pyc")}
    assert byte_code == {importlib.util.cache_from_source(name) for name in modules}


def test_its_byte_code_is_this_pythons_and_does_not_depend_on_times(dev: Built) -> None:
    heads = {code[:8] for _, code in contents(dev, ".pyc")}
    assert heads == {importlib.util.MAGIC_NUMBER + UNCHECKED_HASH}


def test_its_libraries_are_for_the_processor_that_the_functions_run_on(built: Built) -> None:
    libraries = [*contents(built, ".so"), *bundled(built)]
    assert len(libraries) >= 2
    assert {code[ELF_MACHINE] for _, code in libraries} == {ARM64}
    assert {str(item["Architectures"]) for item in built.functions().values()} == {"['arm64']"}


def test_its_libraries_need_no_newer_system_than_lambdas(dev: Built) -> None:
    needed = {
        name: max((int(major), int(minor)) for major, minor in GLIBC_VERSION.findall(code))
        for name, code in [*contents(dev, ".so"), *bundled(dev)]
    }
    assert len(needed) >= 15
    assert {name: version for name, version in needed.items() if version > GLIBC} == {}


def test_its_libraries_find_those_that_came_with_them(dev: Built) -> None:
    there = {Path(name).name for name, _ in bundled(dev)}
    asked = {
        found.decode()
        for _, code in [*contents(dev, ".so"), *bundled(dev)]
        for found in BUNDLED.findall(code)
    }
    assert there == asked


def test_of_pillow_there_is_what_thumbnails_need(dev: Built) -> None:
    modules = {
        name.split("/")[1].partition(".")[0]
        for name in dev.files()
        if name.startswith("PIL/") and "__pycache__" not in name
    }
    assert modules == PILLOW


def test_it_is_small(built: Built) -> None:
    with zipfile.ZipFile(built.zip) as archive:
        unzipped = sum(item.file_size for item in archive.infolist())
    assert built.zip.stat().st_size <= MAX_ZIP
    assert unzipped <= MAX_UNZIPPED


def test_the_same_sources_make_the_same_zip(both: dict[str, Built], tmp_path: Path) -> None:
    package(tmp_path, ["dev"])
    again = (tmp_path / "dev" / "deployment.zip").read_bytes()
    assert again == both["dev"].zip.read_bytes() == both["prod"].zip.read_bytes()


def test_the_code_needs_nothing_but_the_zip(unzipped: Path) -> None:
    run_from(unzipped, IMPORT_ALL)


def test_the_services_that_are_kept_are_those_that_the_code_has_clients_of(dev: Built) -> None:
    described = {
        name.split("/")[2]
        for name in dev.files()
        if name.startswith("botocore/data/") and name.count("/") > 2
    }
    assert {repr(service) for service in described} == clients_in_the_code()


def test_every_service_can_be_called_from_the_zip_alone(unzipped: Path) -> None:
    assert set(CALLS) == SERVICES
    sent = run_from(unzipped, CALL_ALL, json.dumps(CALLS)).split()
    assert len(sent) == len(SERVICES)
    assert all(url.startswith("https://") for url in sent)


def test_thumbnails_of_every_kind_are_made_from_the_zip_alone(
    unzipped: Path, tmp_path: Path
) -> None:
    kinds = all_kinds()
    for name, file in kinds.items():
        (tmp_path / name).write_bytes(file)
    made = run_from(unzipped, MAKE_THUMBNAILS, str(tmp_path)).splitlines()
    assert sorted(made) == sorted(f"{name} image/webp" for name in kinds)


def test_what_is_locked_is_what_is_required() -> None:
    assert pins(LOCK) == pins(ROOT / "requirements.txt")


def test_a_file_that_is_not_what_its_hash_says_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / "toy-1.0-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("toy.py", "")
        archive.writestr("toy-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: toy\n")
    lock = tmp_path / "requirements.lock"
    lock.write_text(f"toy @ {wheel.as_uri()} --hash=sha256:{'0' * 64}\n")
    with pytest.raises(CannotPackage, match="DO NOT MATCH THE HASHES"):
        vendor("local", lock)


def test_what_has_no_hash_is_refused(tmp_path: Path) -> None:
    lock = tmp_path / "requirements.lock"
    lock.write_text((ROOT / "requirements.txt").read_text())
    with pytest.raises(CannotPackage, match="Hashes are required"):
        vendor("local", lock)
