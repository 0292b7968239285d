"""The packs of docs/writing-nodes.md, loaded and run."""

import asyncio
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from chalicelib.nodes import BatchOutputs, ButtonClick, Chunk, NodeError
from chalicelib.nodes.registry import Registry
from tests.unit.nodes.support import FakeContext

GUIDE = (Path(__file__).parents[2] / "docs" / "writing-nodes.md").read_text("utf-8")
BLOCKS: dict[str, str] = dict(re.findall(r"```\w+ (\S+)\n(.*?)```", GUIDE, flags=re.DOTALL))
PACKAGE = "voices/"


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Registry:
    """The packs of the guide that are folders."""
    folder = tmp_path_factory.mktemp("packs")
    for name, source in BLOCKS.items():
        if not name.startswith(PACKAGE):
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(source, "utf-8")
    registry = Registry([folder], installed=False)
    assert registry.problems == []
    return registry


def call(nodes: Registry, full_type: str, context: FakeContext | None = None, **inputs: Any) -> Any:
    node = nodes.find(full_type)
    assert node is not None
    return cast("Any", node.code)(inputs, context or FakeContext())


def test_the_first_node_takes_ten_lines(nodes: Registry) -> None:
    lines = [line for line in BLOCKS["hello/pack.py"].splitlines() if line.strip()]
    assert len(lines) <= 10
    node = nodes.find("hello:Greet")
    assert node is not None
    assert call(nodes, "hello:Greet", name=node.inputs["name"].default) == {"text": "Hello, world!"}


def test_the_node_with_progress_reports_it(nodes: Registry) -> None:
    context = FakeContext()
    assert call(nodes, "words:CountWords", context, texts=["a b", "c"]) == {"words": 3}
    assert context.reported == [(1, 2), (2, 2)]


def test_the_node_that_checks_its_input_fails_with_its_own_message(nodes: Registry) -> None:
    with pytest.raises(NodeError, match="texts: expected text"):
        call(nodes, "words:CountWords", texts=["a", 5])


@pytest.mark.parametrize("source", ["stream", "text"])
def test_the_stream_node_takes_a_stream_or_plain_text(nodes: Registry, source: str) -> None:
    async def chunks() -> AsyncIterator[Chunk]:
        yield Chunk("text_chunk", "hi")
        yield Chunk("usage_chunk", {})

    async def collected() -> list[Any]:
        given = chunks() if source == "stream" else "hi"
        return [chunk async for chunk in call(nodes, "shout:Shout", source=given)]

    got = asyncio.run(collected())
    passed = [Chunk("usage_chunk", {})] if source == "stream" else []
    assert got == [Chunk("text_chunk", "HI"), *passed, BatchOutputs({"chunks": 1 + len(passed)})]


def test_the_node_with_modes_works_in_each(nodes: Registry) -> None:
    node = nodes.find("convert:Convert")
    assert node is not None
    assert node.mode_of({}) == "to_number"
    assert call(nodes, "convert:Convert", FakeContext(mode="to_number"), text="2.5") == {
        "number": 2.5
    }
    assert call(nodes, "convert:Convert", FakeContext(mode="to_text"), number=2.5) == {
        "text": "2.5"
    }


def test_the_node_that_pays_is_not_repeatable(nodes: Registry) -> None:
    node = nodes.find("pay:Pay")
    assert node is not None
    assert (node.repeatable, node.timeout) == (False, 30)
    assert call(nodes, "pay:Pay", amount=5) == {"receipt": "ada paid 5"}


@pytest.mark.parametrize("kind", ["Count", "WaitAndCount"])
def test_the_nodes_with_a_credential_use_it(nodes: Registry, kind: str) -> None:
    context = FakeContext(credentials={"right": "mail-1", "wrong": "letter-1"})

    def given(account: str) -> Any:
        outputs = call(nodes, f"mail:{kind}", context, account=account)
        return asyncio.run(outputs) if kind == "WaitAndCount" else outputs

    assert given("right") == {"letters": 7}
    with pytest.raises(NodeError, match="refuses letter-1"):
        given("wrong")
    with pytest.raises(NodeError, match="No such credential"):
        given("none")


def test_the_button_of_the_dice_is_handled(
    nodes: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    handler = nodes.button_handler("dice:Dice")
    assert handler is not None
    with caplog.at_level("INFO"):
        handler(ButtonClick(node_id="n", button="roll", owner="ada"))
    assert "roll was clicked by ada" in caplog.text


def test_the_script_of_the_dice_is_served(nodes: Registry) -> None:
    script = nodes.client_script("dice", "Dice", "client-scripts/dice.js").decode()
    assert script == BLOCKS["dice/client-scripts/dice.js"]


@pytest.mark.skipif(shutil.which("node") is None, reason="needs Node.js")
def test_the_script_of_the_dice_rolls() -> None:
    program = BLOCKS["dice/client-scripts/dice.js"] + (
        'onButtonClick({buttonName: "roll", setInputValue: (key, value) => console.log(value)});'
    )
    done = subprocess.run(
        ["node", "--input-type=module", "-"],
        input=program,
        capture_output=True,
        text=True,
        check=True,
    )
    assert 1 <= int(done.stdout) <= 6


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Path]:
    """The package of the guide, installed into a folder of its own."""
    project = tomllib.loads(BLOCKS["voices/pyproject.toml"])["project"]
    info = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Name: {project['name']}\nVersion: {project['version']}\n")
    points = project["entry-points"]["comfytavern.nodes"]
    lines = ["[comfytavern.nodes]", *(f"{name} = {value}" for name, value in points.items())]
    (info / "entry_points.txt").write_text("\n".join(lines))
    module = tmp_path / "tavern_voices" / "nodes.py"
    module.parent.mkdir()
    module.write_text(BLOCKS["voices/tavern_voices/nodes.py"])
    sys.path.insert(0, str(tmp_path))
    yield tmp_path
    sys.path.remove(str(tmp_path))
    for name in [name for name in sys.modules if name.startswith("tavern_voices")]:
        del sys.modules[name]


@pytest.mark.usefixtures("site")
def test_the_package_brings_its_node() -> None:
    assert call(Registry(), "voices:Whisper", text="LOUD") == {"text": "loud"}
