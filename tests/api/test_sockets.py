"""Sockets at the handlers: opening, closing, and every way to get an error."""

import json
from typing import Any

import pytest

from chalicelib.services.callers import is_trusted_origin
from tests.api.bodies import RUN
from tests.api.frames import error_of, kinds
from tests.api.hostile import assert_error
from tests.api.product import ORIGIN, Tavern
from tests.builders import node, payload

UNKNOWN = "00000000-0000-4000-8000-000000000000"


@pytest.mark.parametrize("origin", [ORIGIN, f"{ORIGIN}/", "http://localhost:3233"])
def test_allowed_pages_and_our_own_may_connect(tavern: Tavern, origin: str) -> None:
    assert tavern.connect(origin=origin) == 200


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "", "http://[", "http://localhost:3233@evil.example"]
)
def test_foreign_pages_may_not_connect(tavern: Tavern, origin: str) -> None:
    assert tavern.connect(origin=origin) == 403


@pytest.mark.parametrize("origin", ["http:", "http://", "https://"])
def test_a_page_without_a_name_is_not_ours_where_nobody_tells_our_name(origin: str) -> None:
    assert not is_trusted_origin({"origin": origin}, frozenset())


@pytest.mark.parametrize(("forwarded", "status"), [("tavern.example", 200), ("other.example", 403)])
def test_our_own_page_may_connect_through_a_proxy(
    aws_tavern: Tavern, forwarded: str, status: int
) -> None:
    headers = {"origin": "https://tavern.example", "x-forwarded-host": forwarded}
    assert aws_tavern.connect(**headers) == status


def test_a_wrong_bearer_may_not_connect(tavern: Tavern) -> None:
    assert tavern.connect(authorization="Bearer x") == 401


@pytest.mark.parametrize(
    ("headers", "query", "status", "reason"),
    [
        ({"origin": "http://evil.example"}, "", 403, "TAVERN_CORS_ORIGINS"),
        ({"authorization": "Bearer swordfish"}, "", 401, "token"),
        ({}, "ticket=swordfish", 401, "ticket"),
    ],
)
def test_who_may_not_connect_is_told_why(
    tavern: Tavern, headers: dict[str, str], query: str, status: int, reason: str
) -> None:
    answer = tavern.connected(query=query, **headers)
    assert answer["statusCode"] == status
    assert answer["headers"] == {"Content-Type": "application/json"}
    assert_error(json.loads(answer["body"]))
    assert reason in answer["body"]
    assert "swordfish" not in answer["body"]


def test_a_client_without_headers_may_connect(tavern: Tavern) -> None:
    assert tavern.connect() == 200
    assert kinds(tavern.say({"type": "get_node_definitions"})) == ["node_definitions"]


def test_frames_come_one_by_one_unless_asked_for_in_arrays(tavern: Tavern) -> None:
    tavern.connect("single", query="frames=single")
    tavern.connect("batch", query="frames=batch")
    tavern.submit(RUN)
    tavern.work()
    assert tavern.frames("single") == tavern.frames("batch")
    assert all(isinstance(json.loads(text), dict) for text in tavern.messages("single"))
    assert all(isinstance(json.loads(text), list) for text in tavern.messages("batch"))
    assert len(tavern.messages("batch")) < len(tavern.messages("single"))


@pytest.mark.parametrize("query", ["frames=batch&x=1", "x=%FF&frames=x&frames=batch"])
def test_other_things_in_the_query_do_no_harm(tavern: Tavern, query: str) -> None:
    assert tavern.connect(query=query) == 200
    tavern.say({"type": "nothing"})
    assert isinstance(json.loads(tavern.messages()[0]), list)


def test_a_closed_socket_gets_nothing_more(either_tavern: Tavern) -> None:
    either_tavern.connect("closed")
    either_tavern.connect("open")
    either_tavern.disconnect("closed")
    either_tavern.submit(RUN)
    either_tavern.work()
    assert either_tavern.frames("closed") == []
    assert "EXECUTION_STATUS_UPDATE" in kinds(either_tavern.frames("open"))


def test_closing_twice_and_closing_what_never_opened_are_fine(tavern: Tavern) -> None:
    tavern.connect()
    tavern.disconnect()
    tavern.disconnect()
    assert tavern.ask("GET", "/api/auth/current").status == 200


def test_a_message_of_a_socket_that_is_not_known_is_told_so(tavern: Tavern) -> None:
    tavern.connect()
    tavern.disconnect()
    assert tavern.status_of('{"type": "get_node_definitions"}') == 410
    assert tavern.frames() == []


def test_a_socket_that_is_lost_does_not_hold_up_the_others(either_tavern: Tavern) -> None:
    either_tavern.connect("lost")
    either_tavern.connect("here")
    either_tavern.lose("lost")
    either_tavern.submit(RUN)
    either_tavern.work()
    assert either_tavern.frames("here")[-1]["type"] == "SYSTEM_QUEUE_UPDATE"


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "{",
        "nul",
        "hello",
        "NaN",
        '{"type": NaN}',
        '{"type": "a", "payload": Infinity}',
        '{"type": "get_node_definitions", "payload": {"a": 1e999}}',
        "[" * 100000,
        '{"a":' * 100000,
        '{"type": "\\ud800"}',
        '{"type": ' + "9" * 5000 + "}",
        '{"type": ' + "[" * 70 + "]" * 70 + "}",
        "{} {}",
        '{"type": "get_node_definitions"',
    ],
)
def test_what_is_not_json_is_an_error_and_the_socket_stays(tavern: Tavern, text: str) -> None:
    tavern.connect()
    error_of(tavern.say_text(text))
    assert kinds(tavern.say({"type": "get_node_definitions"})) == ["node_definitions"]


@pytest.mark.parametrize(
    "message",
    [
        None,
        True,
        1,
        "x",
        [],
        {},
        [{"type": "get_node_definitions"}],
        {"payload": {}},
        {"type": None},
        {"type": 1},
        {"type": ["get_node_definitions"]},
        {"type": {}},
    ],
)
def test_what_is_no_message_is_an_error(tavern: Tavern, message: object) -> None:
    tavern.connect()
    assert "type" in error_of(tavern.say(message))["message"]


@pytest.mark.parametrize("kind", ["", "nothing", "prompt_request", "PROMPT_REQUEST ", "error"])
def test_an_unknown_type_is_an_error_that_names_those_that_are_known(
    tavern: Tavern, kind: str
) -> None:
    tavern.connect()
    found = error_of(tavern.say({"type": kind, "payload": {}}))
    assert "PROMPT_REQUEST" in found["message"]
    assert found["details"].keys() == {"type"}


@pytest.mark.parametrize("given", [[], "x", 1, True, 0.5])
def test_a_payload_that_is_no_object_is_an_error(tavern: Tavern, given: object) -> None:
    tavern.connect()
    found = error_of(tavern.say({"type": "get_node_definitions", "payload": given}))
    assert found["details"].keys() == {"payload"}


def test_a_payload_of_null_is_an_empty_one(tavern: Tavern) -> None:
    tavern.connect()
    frames = tavern.say({"type": "get_node_definitions", "payload": None})
    assert kinds(frames) == ["node_definitions"]


@pytest.mark.parametrize("size", [4_500_000, 5_300_000])
def test_five_megabytes_are_an_error(tavern: Tavern, size: int) -> None:
    tavern.connect()
    nodes = [node("n", "core:TextMerge", inputs={"text_inputs": ["x" * size]})]
    found = error_of(tavern.say({"type": "PROMPT_REQUEST", "payload": payload(nodes)}))
    assert "at most" in found["message"]
    assert tavern.work() == 0


REQUIRED: dict[str, dict[str, Any]] = {
    "INTERRUPT_REQUEST": {"promptId": UNKNOWN},
    "FOLLOW_RUN": {"promptId": UNKNOWN},
    "button_click": {"nodeId": "n", "buttonName": "b"},
    "list_workflows": {"projectId": "p"},
    "load_workflow": {"projectId": "p", "workflowId": "w"},
    "save_workflow": {"projectId": "p", "workflow": {"name": "W"}},
}


@pytest.mark.parametrize("wrong", [None, 1, "", [], {}, True], ids=str)
@pytest.mark.parametrize(
    ("kind", "field"), [(kind, field) for kind, fields in REQUIRED.items() for field in fields]
)
def test_a_field_that_is_missing_or_wrong_is_an_error_by_its_name(
    tavern: Tavern, kind: str, field: str, wrong: object
) -> None:
    if isinstance(REQUIRED[kind][field], dict) and isinstance(wrong, dict):
        wrong = "an empty draft is wrong within"
    tavern.connect()
    given = {**REQUIRED[kind], field: wrong}
    if wrong is None:
        del given[field]
    found = error_of(tavern.say({"type": kind, "payload": given}))
    assert found["details"].keys() == {field}


@pytest.mark.parametrize("field", ["workflowId", "nodeType"])
def test_optional_fields_of_a_click_are_texts(tavern: Tavern, field: str) -> None:
    tavern.connect()
    click = {"nodeId": "n", "buttonName": "b", field: 1}
    assert error_of(tavern.say({"type": "button_click", "payload": click}))["details"] == {
        field: ["a string is expected"]
    }


@pytest.mark.parametrize("node_type", [None, "core:Nothing", "core:MathOperation", "x" * 5000])
def test_a_click_that_nobody_handles_has_no_answer(tavern: Tavern, node_type: str | None) -> None:
    tavern.connect()
    click = {"nodeId": "n", "buttonName": "b", "nodeType": node_type, "nodeDisplayName": "N"}
    assert tavern.say({"type": "button_click", "payload": click}) == []
