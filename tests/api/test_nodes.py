"""Groups 1, 4 and 9: who is calling, node types and their buttons, plug-ins."""

import json
from pathlib import Path

import pytest

from tests.api.hostile import assert_error
from tests.api.product import Tavern
from tests.builders import node, payload

SCRIPT = "/api/nodes/core/RandomNumber/client-script/client-scripts/RandomNumberNode.js"
TOYS = """
from chalicelib.nodes import Node, NodeError, Output, Pack

CLICKS = []

def say(inputs, context):
    return {"said": WORD}

def click(pressed):
    CLICKS.append((pressed.button, pressed.node_id, pressed.owner, pressed.workflow_id))
    if pressed.button == "fail":
        raise NodeError("Out of order")
    if pressed.button == "crash":
        raise ZeroDivisionError("secret")

def clicks(inputs, context):
    return {"said": repr(CLICKS)}

TEXT = {"said": Output("STRING")}
pack = Pack("toys", [
    Node("Say", say, outputs=TEXT, client_script="client-scripts/say.js", on_button=click),
    Node("Clicks", clicks, outputs=TEXT),
])
"""


@pytest.fixture
def toys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A pack in a folder that the product is told of; to be asked for before ``tavern``."""
    folder = tmp_path / "packs" / "toys"
    (folder / "client-scripts").mkdir(parents=True)
    (folder / "pack.py").write_text(f"WORD = 'hey'\n{TOYS}")
    (folder / "client-scripts" / "say.js").write_text("export const ü = 1\n")
    (folder / "secret.js").write_text("secret")
    monkeypatch.setenv("TAVERN_NODE_PATHS", str(folder.parent))
    return folder


def test_the_open_single_user_is_always_signed_in(tavern: Tavern) -> None:
    found = tavern.ask("GET", "/api/auth/current").json()
    assert (
        found.pop("currentUser").items()
        >= {
            "uid": "default_user",
            "isAdmin": True,
        }.items()
    )
    assert found == {
        "mode": "SingleUser",
        "multiUserMode": False,
        "accessPasswordRequired": False,
        "isAuthenticated": True,
    }


def test_the_user_has_all_fields_that_a_client_reads(tavern: Tavern) -> None:
    user = tavern.ask("GET", "/api/auth/current").json()["currentUser"]
    expected = {"uid", "username", "isAdmin", "createdAt", "serviceApiKeys", "externalCredentials"}
    assert user.keys() == expected
    assert (user["serviceApiKeys"], user["externalCredentials"]) == ([], [])


def test_there_are_no_plug_ins(tavern: Tavern) -> None:
    answer = tavern.ask("GET", "/api/plugins")
    assert (answer.status, answer.json()) == (200, [])


def test_every_definition_has_the_fields_that_an_editor_reads(tavern: Tavern) -> None:
    found = tavern.ask("GET", "/api/nodes").json()
    assert len(found) == 25
    for definition in found:
        expected = {"type", "namespace", "category", "displayName", "description"}
        assert definition.keys() >= expected | {"inputs", "outputs"}
        for slot in [*definition["inputs"].values(), *definition["outputs"].values()]:
            assert slot.keys() >= {"displayName", "description", "dataFlowType"}


def test_definitions_hold_no_paths_of_the_server(toys: Path, tavern: Tavern) -> None:
    answer = tavern.ask("GET", "/api/nodes")
    assert b"toys" in answer.body
    assert str(toys.parent).encode() not in answer.body
    assert b".py" not in answer.body


def test_every_client_script_that_is_named_is_there(tavern: Tavern) -> None:
    named = [item for item in tavern.ask("GET", "/api/nodes").json() if "clientScriptUrl" in item]
    assert named
    for item in named:
        base = f"/api/nodes/{item['namespace']}/{item['type']}/client-script"
        assert tavern.ask("GET", f"{base}/{item['clientScriptUrl']}").status == 200


def test_a_client_script_is_javascript_in_utf8(toys: Path, tavern: Tavern) -> None:
    answer = tavern.ask("GET", "/api/nodes/toys/Say/client-script/client-scripts/say.js")
    assert (answer.status, answer.body.decode()) == (200, "export const ü = 1\n")
    assert answer.headers["content-type"] == "application/javascript; charset=utf-8"


def test_head_of_a_client_script_has_its_headers(tavern: Tavern) -> None:
    answer, full = tavern.ask("HEAD", SCRIPT), tavern.ask("GET", SCRIPT)
    assert answer.status == 200
    for name in ("content-type", "content-length"):
        assert answer.headers[name] == full.headers[name]


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("..%2Fsecret.js", 400),
        ("../secret.js", 400),
        ("client-scripts/..%2F..%2Fsecret.js", 400),
        ("client-scripts/../secret.js", 400),
        ("%2Fetc%2Fpasswd.js", 400),
        ("client-scripts/./say.js", 400),
        ("client-scripts%5C..%5Csecret.js", 400),
        ("client-scripts/say.js%00", 400),
        ("pack.py", 400),
        ("client-scripts/say.JS", 400),
        ("client-scripts", 400),
        ("%ED%A0%80.js", 400),
        ("secret.js", 404),
        ("client-scripts/other.js", 404),
        ("client-scripts/" + "a" * 300 + ".js", 404),
        ("a/b/c/d/e/f.js", 404),
        ("a/b/c/d/e/f/g.js", 404),
    ],
)
def test_only_scripts_of_the_pack_are_served(
    toys: Path, tavern: Tavern, path: str, status: int
) -> None:
    answer = tavern.ask("GET", f"/api/nodes/toys/Say/client-script/{path}")
    assert answer.status == status
    # The last has more parts than any route: what is no path says all that errors can say.
    assert_error(answer.json(), success_flag=path.count("/") > 5)


@pytest.mark.parametrize("name", ["toys/Nobody", "nobody/Say", "%2e%2e/Say", "toys/Say%2FSay"])
def test_a_script_of_an_unknown_type_is_a_404(toys: Path, tavern: Tavern, name: str) -> None:
    target = f"/api/nodes/{name}/client-script/client-scripts/say.js"
    assert tavern.ask("GET", target).status == 404


def test_a_reload_shows_changed_packs_and_tells_every_socket(toys: Path, tavern: Tavern) -> None:
    tavern.connect("one")
    tavern.connect("two", query="frames=batch")
    (toys / "pack.py").write_text(f"WORD = 'ho'\n{TOYS}")
    answer = tavern.ask("POST", "/api/nodes/reload")
    expected = {"success": True, "message": "27 nodes loaded", "count": 27}
    assert (answer.status, answer.json()) == (200, expected)
    for name in ("one", "two"):
        assert tavern.frames(name) == [{"type": "NODES_RELOADED", "payload": expected}]
    prompt_id = tavern.submit(payload([node("n", "toys:Say")]))
    tavern.work()
    status = tavern.ask("GET", f"/api/prompt/{prompt_id}").json()
    assert status["nodeStatus"]["n"]["output"] == {"said": "ho"}


def test_a_pack_that_breaks_is_named_and_the_others_stay(toys: Path, tavern: Tavern) -> None:
    (toys / "pack.py").write_text("pack = 1 /")
    answer = tavern.ask("POST", "/api/nodes/reload")
    found = answer.json()
    assert (answer.status, found["success"], found["count"]) == (200, False, 25)
    assert "toys" in found["message"]
    assert str(toys.parent) not in found["message"]


def test_a_reload_does_not_mind_sockets_that_are_gone(either_tavern: Tavern) -> None:
    either_tavern.connect("gone")
    either_tavern.connect("here")
    either_tavern.lose("gone")
    assert either_tavern.ask("POST", "/api/nodes/reload", body=b"nonsense").status == 200
    assert [item["type"] for item in either_tavern.frames("here")] == ["NODES_RELOADED"]


def test_a_click_reaches_the_nodes_handler_and_has_no_answer(toys: Path, tavern: Tavern) -> None:
    tavern.connect()
    click = {"nodeId": "n1", "buttonName": "go", "workflowId": "w", "nodeType": "toys:Say"}
    assert tavern.say({"type": "button_click", "payload": click}) == []
    prompt_id = tavern.submit(payload([node("n", "toys:Clicks")]))
    tavern.work()
    status = tavern.ask("GET", f"/api/prompt/{prompt_id}").json()
    expected = repr([("go", "n1", "default_user", "w")])
    assert status["nodeStatus"]["n"]["output"] == {"said": expected}


def test_what_a_handler_says_went_wrong_is_told(toys: Path, tavern: Tavern) -> None:
    tavern.connect()
    click = {"nodeId": "n1", "buttonName": "fail", "nodeType": "toys:Say"}
    (frame,) = tavern.say({"type": "button_click", "payload": click})
    assert (frame["type"], frame["payload"]["message"]) == ("error", "Out of order")


def test_a_handler_that_crashes_tells_no_secrets(toys: Path, tavern: Tavern) -> None:
    tavern.connect()
    click = {"nodeId": "n1", "buttonName": "crash", "nodeType": "toys:Say"}
    (frame,) = tavern.say({"type": "button_click", "payload": click})
    assert frame["type"] == "error"
    assert "secret" not in json.dumps(frame)
