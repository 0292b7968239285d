"""Groups 1, 4, 8 and 9 over HTTP: who is calling, node types, templates, plug-ins."""

import json
from pathlib import Path

import pytest

from tests.api.hostile import assert_error
from tests.api.product import Tavern

PACK = '''
from chalicelib.nodes import Node, Pack, ButtonClick, NodeError

def shout(inputs, context):
    return {{"out": {word!r}}}

pack = Pack("toys", [Node(type="Shout", run=shout, client_script="client-scripts/shout.js")])
'''


def write_pack(folder: Path, word: str = "hey") -> Path:
    """A pack with one node and its client script."""
    (folder / "toys" / "client-scripts").mkdir(parents=True, exist_ok=True)
    (folder / "toys" / "pack.py").write_text(PACK.format(word=word))
    (folder / "toys" / "client-scripts" / "shout.js").write_text("export const ü = 1;\n")
    (folder / "toys" / "secret.js").write_text("secret")
    return folder


@pytest.fixture
def packs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of packs that the product is told of; ask for it before ``tavern``."""
    folder = write_pack(tmp_path / "packs")
    monkeypatch.setenv("TAVERN_NODE_PATHS", str(folder))
    return folder
