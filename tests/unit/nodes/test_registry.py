"""The registry: where packs come from, what happens to broken ones, reloading."""

import logging
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from chalicelib.nodes.registry import Registry
from tests.unit.nodes.support import FakeContext

KIT = "from chalicelib.nodes import *\n"
SAY = """
from chalicelib.nodes import Node, Output, Pack

pack = Pack("{namespace}", [Node(
    "{kind}",
    lambda inputs, context: {{"said": {said}}},
    outputs={{"said": Output("STRING")}},
)])
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for packs."""
    packs = tmp_path / "packs"
    packs.mkdir()
    return packs


def write(folder: Path, name: str, source: str, **files: str) -> Path:
    """Write a pack's ``pack.py`` and more modules beside it."""
    home = folder / name
    home.mkdir(exist_ok=True)
    for file, text in {"pack": source, **files}.items():
        (home / f"{file}.py").write_text(text, "utf-8")
    return home


def say(namespace: str = "mine", kind: str = "Say", said: str = "'hello'") -> str:
    return SAY.format(namespace=namespace, kind=kind, said=said)


def registry(*paths: Path) -> Registry:
    return Registry(paths, installed=False)


def said_by(nodes: Registry, full_type: str = "mine:Say") -> Any:
    found = nodes.find(full_type)
    assert found is not None
    return cast("Any", found.code)({}, FakeContext())["said"]


def test_the_built_in_nodes_are_there_without_any_setting() -> None:
    nodes = Registry()
    assert len(nodes.definitions()) >= 25
    assert nodes.problems == []
    found = nodes.find("core:TextMerge")
    assert found is not None
    assert found.full_type == "core:TextMerge"


@pytest.mark.parametrize("unknown", ["core:Nope", "TextMerge", "", "core:", "nope:TextMerge"])
def test_an_unknown_type_is_none(unknown: str) -> None:
    nodes = registry()
    assert nodes.find(unknown) is None
    assert nodes.button_handler(unknown) is None


def test_a_folder_of_packs_is_loaded(folder: Path) -> None:
    write(folder, "one", say("one"))
    write(folder, "two", say("two"))
    nodes = registry(folder)
    assert (said_by(nodes, "one:Say"), said_by(nodes, "two:Say")) == ("hello", "hello")
    assert nodes.problems == []


def test_a_path_may_be_a_pack_itself(folder: Path) -> None:
    nodes = registry(write(folder, "one", say()))
    assert said_by(nodes) == "hello"


def test_definitions_are_fresh_copies() -> None:
    nodes = registry()
    nodes.definitions()[0]["inputs"].clear()
    assert nodes.definitions()[0]["inputs"]


def test_packs_may_have_modules_of_the_same_name(folder: Path) -> None:
    for name in ("one", "two"):
        source = "from .words import WORD\n" + say(name, said="WORD")
        write(folder, name, source, words=f"WORD = '{name}'")
    nodes = registry(folder)
    assert (said_by(nodes, "one:Say"), said_by(nodes, "two:Say")) == ("one", "two")


def test_a_pack_may_be_a_package_with_an_init_file(folder: Path) -> None:
    source = "from . import WORD\nfrom .sub.deep import END\n" + say(said="WORD + END")
    home = write(folder, "my pack-1", source, __init__="WORD = 'from init'")
    (home / "sub").mkdir()
    (home / "sub" / "deep.py").write_text("from .. import WORD\nEND = '!'")
    nodes = registry(folder)
    assert nodes.problems == []
    assert said_by(nodes) == "from init!"


def test_code_may_import_its_own_modules_while_it_runs(folder: Path) -> None:
    source = (
        "from chalicelib.nodes import Node, Pack\n"
        "def run(inputs, context):\n"
        "    from .words import WORD\n"
        "    return {'said': WORD}\n"
        "pack = Pack('mine', [Node('Say', run)])\n"
    )
    write(folder, "one", source, words="WORD = 'late'")
    nodes = registry(folder)
    running = nodes.find("mine:Say")
    nodes.reload()
    assert running is not None
    assert cast("Any", running.code)({}, FakeContext()) == {"said": "late"}


def test_a_reload_sees_a_changed_pack(folder: Path) -> None:
    write(folder, "one", say(said="'old'"))
    nodes = registry(folder)
    write(folder, "one", say(said="'new'"))
    assert nodes.reload() == len(nodes.definitions())
    assert said_by(nodes) == "new"


def test_a_reload_sees_a_changed_module_of_the_same_size_in_the_same_second(folder: Path) -> None:
    source = "from .words import WORD\n" + say(said="WORD")
    write(folder, "one", source, words="WORD = 'a'")
    nodes = registry(folder)
    for letter in "bcd":
        write(folder, "one", source, words=f"WORD = '{letter}'")
        nodes.reload()
        assert said_by(nodes) == letter


def test_a_reload_sees_new_and_removed_packs(folder: Path) -> None:
    home = write(folder, "one", say("one"))
    nodes = registry(folder)
    (home / "pack.py").unlink()
    write(folder, "two", say("two"))
    nodes.reload()
    assert nodes.find("one:Say") is None
    assert said_by(nodes, "two:Say") == "hello"


def test_no_bytecode_is_written_into_a_pack(folder: Path) -> None:
    home = write(folder, "one", "from . import words\n" + say(), words="")
    registry(folder)
    assert sorted(path.name for path in home.iterdir()) == ["pack.py", "words.py"]


def test_the_modules_of_old_loads_are_dropped(folder: Path) -> None:
    write(folder, "leftover", say())
    nodes = registry(folder)
    for _ in range(5):
        nodes.reload()
    kept = [name for name in sys.modules if "_leftover" in name and name.endswith(".pack")]
    assert len(kept) == 2


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("pack = ", "SyntaxError: invalid syntax (pack.py, line 1)"),
        ("x = 1\n1 / 0", "ZeroDivisionError: division by zero (pack.py, line 2)"),
        ("import no_such_module", "No module named 'no_such_module'"),
        ("from .gone import x", "ModuleNotFoundError"),
        ("", "It does not define `pack = Pack(...)`"),
        ("pack = 5", "It does not define `pack = Pack(...)`"),
        ("raise SystemExit(1)", "SystemExit: 1"),
        ("raise Exception", "Exception (pack.py, line 1)"),
        (KIT + "pack = Pack('a', [Node('N', None)])", "N: run is a function"),
        (KIT + "pack = Pack('a', [Node('N', print, client_script='x')])", "client_script"),
        (
            KIT + "pack = Pack('a', [Node('N', print, client_script='client-scripts/x.js')])",
            "N: there is no file client-scripts/x.js",
        ),
        (say("core", "TextMerge"), "core:TextMerge is a built-in type"),
        (say("good"), "good:Say is in another pack already"),
        ("from chalicelib.nodes import Nope", "cannot import name 'Nope'"),
        ("x = '\\ud800'\nprint(x.encode())", "UnicodeEncodeError"),
        ("open('/etc/no/such/secret.txt')", "No such file or directory: 'secret.txt'"),
    ],
)
def test_a_broken_pack_is_left_out_and_the_others_load(
    folder: Path, source: str, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    write(folder, "a_good_one", say("good"))
    write(folder, "broken", source)
    with caplog.at_level(logging.ERROR):
        nodes = registry(folder)
    assert said_by(nodes, "good:Say") == "hello"
    assert len(nodes.problems) == 1
    assert nodes.problems[0].startswith("broken: ")
    assert reason in nodes.problems[0]
    assert "broken" in caplog.text


def test_a_problem_tells_no_path_of_the_server(folder: Path) -> None:
    write(folder, "one", "from chalicelib.nodes import Nope")
    write(folder, "two", "open(__file__ + '.txt')")
    for problem in registry(folder).problems:
        assert str(folder) not in problem
        assert "site-packages" not in problem
        assert "/" not in problem


def test_a_pack_that_breaks_is_gone_after_the_reload_and_back_when_mended(folder: Path) -> None:
    write(folder, "one", say())
    nodes = registry(folder)
    write(folder, "one", "oops(")
    count = nodes.reload()
    assert nodes.find("mine:Say") is None
    assert len(nodes.problems) == 1
    write(folder, "one", say())
    assert nodes.reload() == count + 1
    assert nodes.problems == []


def test_a_pack_with_one_type_taken_is_left_out_whole(folder: Path) -> None:
    source = KIT + "pack = Pack('core', [Node('Fresh', print), Node('TextMerge', print)])"
    write(folder, "one", source)
    nodes = registry(folder)
    assert nodes.find("core:Fresh") is None
    assert len(nodes.definitions()) == 25


def test_new_types_may_join_the_namespace_of_another_pack(folder: Path) -> None:
    write(folder, "one", say("core", "Fresh"))
    assert said_by(registry(folder), "core:Fresh") == "hello"


@pytest.mark.parametrize("name", ["gone", "empty", "file"])
def test_a_path_without_packs_is_a_problem(folder: Path, name: str) -> None:
    (folder / "empty").mkdir()
    (folder / "file").write_text("")
    nodes = registry(folder / name)
    assert len(nodes.problems) == 1
    assert nodes.problems[0].startswith(f"{name}: ")
    assert str(folder) not in nodes.problems[0]


def test_a_button_handler_is_found_by_type(folder: Path) -> None:
    source = KIT + "def on(click): pass\npack = Pack('mine', [Node('Say', print, on_button=on)])"
    write(folder, "one", source)
    nodes = registry(folder)
    assert nodes.button_handler("mine:Say") is not None
    assert nodes.button_handler("core:TextMerge") is None


def test_a_reader_sees_the_old_set_or_the_new_one_and_never_a_mix(folder: Path) -> None:
    for name in ("one", "two"):
        write(folder, name, say(name, said="0"))
    nodes = registry(folder)
    stop = threading.Event()
    seen: set[tuple[str, ...]] = set()

    def read() -> None:
        while not stop.is_set():
            definitions = nodes.definitions()
            seen.add(tuple(d["category"] for d in definitions if d["namespace"] in ("one", "two")))

    reader = threading.Thread(target=read)
    reader.start()
    for turn in range(20):
        for name in ("one", "two"):
            source = say(name).replace("outputs=", f"category='{turn}', outputs=")
            write(folder, name, source)
        nodes.reload()
    stop.set()
    reader.join()
    assert seen
    assert all(len(set(categories)) == 1 and len(categories) == 2 for categories in seen)


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """A folder of installed packages, as pip leaves them."""
    folder = tmp_path / "site"
    info = folder / "voices-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: voices\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[comfytavern.nodes]\nvoices = comfytavern_test_voices.nodes:pack\n"
    )
    package = folder / "comfytavern_test_voices"
    package.mkdir()
    (package / "__init__.py").write_text("")
    sys.path.insert(0, str(folder))
    yield package
    sys.path.remove(str(folder))
    for name in [name for name in sys.modules if name.startswith("comfytavern_test_voices")]:
        del sys.modules[name]


def test_an_installed_package_brings_its_nodes(site: Path) -> None:
    (site / "nodes.py").write_text(say("voices"))
    assert said_by(Registry(), "voices:Say") == "hello"


def test_installed_packages_can_be_left_out(site: Path) -> None:
    (site / "nodes.py").write_text(say("voices"))
    assert Registry(installed=False).find("voices:Say") is None


def test_an_installed_package_that_is_no_pack_is_a_problem(site: Path) -> None:
    (site / "nodes.py").write_text("pack = None")
    nodes = Registry()
    assert nodes.problems == ["voices: It does not define `pack = Pack(...)`"]
    assert nodes.find("core:TextMerge") is not None


def test_client_scripts_of_an_installed_package_are_found(site: Path) -> None:
    source = say("voices").replace("outputs=", "client_script='client-scripts/a.js', outputs=")
    (site / "nodes.py").write_text(source)
    (site / "client-scripts").mkdir()
    (site / "client-scripts" / "a.js").write_text("export {};")
    assert Registry().client_script("voices", "Say", "client-scripts/a.js") == b"export {};"
