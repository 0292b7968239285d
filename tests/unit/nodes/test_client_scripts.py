"""Client scripts: what a browser may fetch of a pack, and what it may not."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from chalicelib.errors import InvalidInput, NotFound
from chalicelib.nodes.registry import Registry
from tests.unit.nodes.support import CORE

RANDOM_NUMBER = "client-scripts/RandomNumberNode.js"
PACK = """
from chalicelib.nodes import Node, Pack
pack = Pack("mine", [Node("Say", print, client_script="client-scripts/Say.js")])
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A pack with a client script, secrets beside it and beyond it."""
    (tmp_path / "secret.js").write_text("secret")
    pack = tmp_path / "pack"
    scripts = pack / "client-scripts"
    (scripts / "lib").mkdir(parents=True)
    (pack / "pack.py").write_text(PACK)
    (pack / "inner.js").write_text("inner")
    (scripts / "Say.js").write_text("say")
    (scripts / "lib" / "grüße.js").write_text("lib")
    (scripts / "notes.txt").write_text("notes")
    (scripts / "folder.js").mkdir()
    return pack


@pytest.fixture
def nodes(home: Path) -> Registry:
    registry = Registry([home], installed=False)
    assert registry.problems == []
    return registry


def test_the_script_that_a_definition_names_is_served() -> None:
    definition = next(d for d in CORE.definitions() if d["type"] == "RandomNumber")
    script = CORE.client_script("core", "RandomNumber", definition["clientScriptUrl"])
    assert b"export function onButtonClick" in script


@pytest.mark.parametrize("path", ["client-scripts/Say.js", "client-scripts/lib/grüße.js"])
def test_any_script_of_the_packs_folder_is_served(nodes: Registry, path: str) -> None:
    assert nodes.client_script("mine", "Say", path) in (b"say", b"lib")


def test_a_change_of_a_script_is_seen_at_once(nodes: Registry, home: Path) -> None:
    (home / "client-scripts" / "Say.js").write_text("changed")
    assert nodes.client_script("mine", "Say", "client-scripts/Say.js") == b"changed"


@pytest.mark.parametrize(
    ("namespace", "kind", "path"),
    [
        ("mine", "Nope", "client-scripts/Say.js"),
        ("nope", "Say", "client-scripts/Say.js"),
        ("mine", "Say", "client-scripts/Nope.js"),
        ("mine", "Say", "client-scripts/folder.js"),
        ("mine", "Say", "client-scripts/Say.js/x.js"),
        ("mine", "Say", "Say.js"),
        ("mine", "Say", "inner.js"),
        ("mine", "Say", "client-scripts%2FSay.js"),
        ("mine", "Say", "%2e%2e%2fsecret.js"),
        ("mine", "Say", "client-scripts/" + "x" * 5000 + ".js"),
    ],
)
def test_unknown_types_and_scripts_are_not_found(
    nodes: Registry, namespace: str, kind: str, path: str
) -> None:
    with pytest.raises(NotFound):
        nodes.client_script(namespace, kind, path)


@pytest.mark.parametrize(
    "path",
    [
        "",
        ".",
        "..",
        "../secret.js",
        "client-scripts/../inner.js",
        "client-scripts/../../secret.js",
        "client-scripts/./Say.js",
        "client-scripts//Say.js",
        "/client-scripts/Say.js",
        "//host/Say.js",
        "..\\secret.js",
        "client-scripts\\Say.js",
        "client-scripts/Say.js\0",
        "client-scripts/Say\0.js",
        "client-scripts/Say.js/",
        "client-scripts/notes.txt",
        "client-scripts/Say.JS",
        "client-scripts",
        "pack.py",
        "client-scripts/\ud800.js",
    ],
)
def test_a_path_that_is_none_of_a_script_is_refused(nodes: Registry, path: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        nodes.client_script("mine", "Say", path)
    assert refused.value.details.keys() == {"path"}


def test_an_absolute_path_to_a_script_is_refused(nodes: Registry, home: Path) -> None:
    with pytest.raises(InvalidInput):
        nodes.client_script("mine", "Say", str(home / "client-scripts" / "Say.js"))


@pytest.mark.parametrize("target", ["../../secret.js", "../pack.py", "../inner.js"])
def test_a_link_out_of_the_scripts_folder_is_refused(
    nodes: Registry, home: Path, target: str
) -> None:
    (home / "client-scripts" / "link.js").symlink_to(target)
    with pytest.raises(InvalidInput, match="within"):
        nodes.client_script("mine", "Say", "client-scripts/link.js")


def test_a_linked_folder_out_of_the_pack_is_refused(nodes: Registry, home: Path) -> None:
    (home / "client-scripts" / "out").symlink_to(home.parent)
    with pytest.raises(InvalidInput, match="within"):
        nodes.client_script("mine", "Say", "client-scripts/out/secret.js")


def test_a_scripts_folder_that_is_a_link_out_of_the_pack_is_refused(
    nodes: Registry, home: Path
) -> None:
    outside = home.parent / "outside"
    shutil.move(home / "client-scripts", outside)
    (home / "client-scripts").symlink_to(outside)
    with pytest.raises(InvalidInput, match="within"):
        nodes.client_script("mine", "Say", "client-scripts/Say.js")


def test_links_in_a_circle_and_to_nowhere_are_not_found(nodes: Registry, home: Path) -> None:
    (home / "client-scripts" / "circle.js").symlink_to("circle.js")
    (home / "client-scripts" / "nowhere.js").symlink_to("gone.js")
    for name in ("circle", "nowhere"):
        with pytest.raises(NotFound):
            nodes.client_script("mine", "Say", f"client-scripts/{name}.js")


def test_a_link_within_the_scripts_folder_is_followed(nodes: Registry, home: Path) -> None:
    (home / "client-scripts" / "link.js").symlink_to("Say.js")
    assert nodes.client_script("mine", "Say", "client-scripts/link.js") == b"say"


def test_a_pack_may_itself_be_reached_through_a_link(home: Path) -> None:
    linked = home.parent / "linked"
    linked.symlink_to(home)
    nodes = Registry([linked], installed=False)
    assert nodes.client_script("mine", "Say", "client-scripts/Say.js") == b"say"


def test_what_is_no_plain_file_is_not_found(nodes: Registry, home: Path) -> None:
    os.mkfifo(home / "client-scripts" / "pipe.js")
    with pytest.raises(NotFound):
        nodes.client_script("mine", "Say", "client-scripts/pipe.js")


SCRIPT_TEST = """
const values = {{ mode: "{mode}", value: 1 }};
const event = {{
  buttonName: "reroll",
  output: {{ number: {number} }},
  getInputValue: (key) => values[key],
  setInputValue: (key, value) => {{ values[key] = value; }},
}};
{call}(event);
process.stdout.write(String(values.value));
"""


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
@pytest.mark.parametrize(
    ("mode", "number", "call", "left"),
    [
        ("固定", "5", "onNodeComplete", "1"),
        ("增加", "5", "onNodeComplete", "5"),
        ("随机", "null", "onNodeComplete", "1"),
        ("增加", "4294967296", "onNodeComplete", "1"),
        ("固定", "5", "onButtonClick", None),
    ],
)
def test_the_script_of_random_number_sets_the_value(
    mode: str, number: str, call: str, left: str | None
) -> None:
    script = CORE.client_script("core", "RandomNumber", RANDOM_NUMBER).decode()
    program = script + SCRIPT_TEST.format(mode=mode, number=number, call=call)
    done = subprocess.run(
        ["node", "--input-type=module", "-"],
        input=program,
        capture_output=True,
        text=True,
        check=True,
    )
    if left is None:
        assert 0 <= int(done.stdout) <= 4294967295
    else:
        assert done.stdout == left
