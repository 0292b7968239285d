"""Global workflows."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from chalicelib.adapters.embedded.database import Database
from chalicelib.adapters.embedded.documents import EmbeddedDocuments
from chalicelib.errors import NotFound
from chalicelib.nodes.registry import Registry
from chalicelib.services.library.templates import Templates
from tests.builders import Types, outcome, run
from tests.clock import ManualClock

SHIPPED = Path(__file__).parents[3] / "chalicelib" / "templates"


@pytest.fixture
def documents() -> Iterator[EmbeddedDocuments]:
    database = Database(None)
    yield EmbeddedDocuments(database, ManualClock())
    database.close()


def runnable(template: Mapping[str, Any]) -> dict[str, Any]:
    """What a client submits to run a stored workflow."""
    outputs = {node["id"] for node in template["nodes"] if node["type"] == "core:GroupOutput"}
    return {
        "nodes": [
            {
                "id": node["id"],
                "fullType": node["type"],
                "inputs": node.get("inputValues", {}),
                "configValues": node.get("configValues", {}),
                "inputConnectionOrders": node.get("inputConnectionOrders", {}),
            }
            for node in template["nodes"]
        ],
        "edges": [
            {
                "id": edge["id"],
                "sourceNodeId": edge["source"],
                "sourceHandle": edge["sourceHandle"],
                "targetNodeId": edge["target"],
                "targetHandle": edge["targetHandle"],
            }
            for edge in template["edges"]
        ],
        "interfaceInputs": template["interfaceInputs"],
        "interfaceOutputs": template["interfaceOutputs"],
        "outputInterfaceMappings": {
            edge["targetHandle"]: {
                "sourceNodeId": edge["source"],
                "sourceSlotKey": edge["sourceHandle"],
            }
            for edge in template["edges"]
            if edge["target"] in outputs
        },
    }


def result(template_id: str) -> Any:
    registry = Registry(installed=False)
    template = Templates(SHIPPED).get(template_id)
    names = {node["type"] for node in template["nodes"]}
    types = Types({name: found for name in names if (found := registry.find(name))})
    state = outcome(run(runnable(template), types))
    assert state.status == "complete", state.error
    return state.outputs


def test_the_shipped_prompt_template_gives_both_messages_in_order() -> None:
    messages = result("compose-chat-prompt")["messages"]
    assert messages.index('"role":"system"') < messages.index('"role":"user"')


def test_the_shipped_clean_up_template_leaves_what_was_said() -> None:
    assert result("clean-up-reply") == {"text": "Stew, as ever."}


def test_the_shipped_dice_template_stays_on_its_die() -> None:
    for _ in range(20):
        outputs = result("dice-and-modifiers")
        assert 1 <= outputs["roll"] <= 20
        assert outputs["total"] == outputs["roll"] + 2


def test_every_shipped_template_is_listed_with_its_name() -> None:
    listed = Templates(SHIPPED).list()
    assert len(listed) == 3
    assert {"id": "dice-and-modifiers", "name": "Dice and modifiers"} in listed


def test_a_folder_of_ones_own_takes_their_place_and_what_is_broken_is_left_out(
    tmp_path: Path,
) -> None:
    (tmp_path / "mine.json").write_text('{"name": "Mine", "nodes": []}')
    (tmp_path / "nameless.json").write_text("{}")
    (tmp_path / "broken.json").write_text("{")
    (tmp_path / "list.json").write_text("[]")
    (tmp_path / "folder.json").mkdir()
    templates = Templates(tmp_path)
    assert templates.list() == [
        {"id": "mine", "name": "Mine"},
        {"id": "nameless", "name": "nameless"},
    ]
    assert templates.get("mine") == {"id": "mine", "name": "Mine", "nodes": []}


@pytest.mark.parametrize(
    "hostile", ["", "..", "../templates/mine", "mine\0", "mine.json", "x" * 999]
)
def test_an_id_that_no_template_has_is_not_found(tmp_path: Path, hostile: str) -> None:
    (tmp_path / "mine.json").write_text("{}")
    with pytest.raises(NotFound):
        Templates(tmp_path).get(hostile)


def test_a_folder_that_is_missing_has_no_templates(tmp_path: Path) -> None:
    assert Templates(tmp_path / "nowhere").list() == []


def test_shared_documents_take_the_place_of_the_shipped_ones(
    documents: EmbeddedDocuments,
) -> None:
    templates = Templates(SHIPPED, documents)
    assert len(templates.list()) == 3
    documents.put("shared/workflows/house.json", b'{"name": "House"}')
    assert templates.list() == [{"id": "house", "name": "House"}]
