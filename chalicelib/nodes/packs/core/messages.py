"""Chat messages as JSON text: one, a few, and lists of them joined."""

from collections.abc import Iterator
from typing import Any

from chalicelib import json_text
from chalicelib.errors import InvalidInput
from chalicelib.nodes import Context, Input, Inputs, Node, NodeError, Output, Outputs
from chalicelib.nodes.packs.core.js import stringify

_SLOTS = range(1, 5)


def _create(inputs: Inputs, _context: Context) -> Outputs:
    message = {"role": inputs.get("role"), "content": inputs.get("content")}
    return {"messages": stringify([message])}


def _merge(inputs: Inputs, _context: Context) -> Outputs:
    given = inputs.get("message_inputs")
    if not isinstance(given, (list, tuple)):
        return {"messages": stringify([*_messages("message_inputs", given)])}
    joined: list[Any] = []
    for index, item in enumerate(given):
        joined.extend(_messages(f"message_inputs[{index}]", item))
    return {"messages": stringify(joined)}


def _history(inputs: Inputs, _context: Context) -> Outputs:
    messages = [
        {"role": inputs.get(f"role{i}") or "user", "content": inputs[f"content{i}"]}
        for i in _SLOTS
        if inputs.get(f"content{i}") not in (None, "")
    ]
    return {"history": stringify(messages)}


def _merge_history(inputs: Inputs, _context: Context) -> Outputs:
    joined: list[Any] = []
    for i in _SLOTS:
        joined.extend(_messages(f"history{i}", inputs.get(f"history{i}")))
    return {"history": stringify(joined)}


def _messages(name: str, given: Any) -> Iterator[Any]:
    """The messages of a list or of one message, as values or as JSON text."""
    if given is None or (isinstance(given, str) and not given.strip()):
        return
    value = _parsed(name, given) if isinstance(given, str) else given
    if isinstance(value, dict):
        yield value
    elif isinstance(value, (list, tuple)):
        yield from value
    else:
        raise NodeError(f"{name}: expected a list of messages")


def _parsed(name: str, text: str) -> Any:
    try:
        return json_text.loads(text)
    except InvalidInput as error:
        raise NodeError(f"{name}: expected a list of messages as JSON text") from error


def _pairs() -> dict[str, Input]:
    slots = {}
    for i in _SLOTS:
        slots[f"role{i}"] = Input(
            "STRING",
            display_name=f"Role {i}",
            description="Who speaks; user when it is left open.",
            categories=("ComboOption",),
            config={
                "suggestions": [
                    {"value": "user", "label": "User"},
                    {"value": "assistant", "label": "Assistant"},
                    {"value": "system", "label": "System"},
                ]
            },
        )
        slots[f"content{i}"] = Input(
            "STRING",
            display_name=f"Content {i}",
            description="What is said. A pair without it is left out.",
            config={"multiline": True},
        )
    return slots


_HISTORY_OUTPUT = Output(
    "STRING",
    display_name="History",
    description="The messages as JSON text.",
    categories=("ChatHistory", "Json"),
)
_MESSAGES_OUTPUT = Output(
    "STRING",
    display_name="Messages",
    description="The messages as JSON text.",
    categories=("Json", "ChatHistory"),
)

CREATE_MESSAGE = Node(
    "CreateMessage",
    _create,
    category="Messages",
    display_name="Create Message",
    description="Makes one chat message.",
    inputs={
        "role": Input(
            "STRING",
            display_name="Role",
            description="Who speaks.",
            required=True,
            default="user",
            categories=("ComboOption",),
            config={
                "suggestions": [
                    {"value": "system", "label": "System"},
                    {"value": "user", "label": "User"},
                    {"value": "assistant", "label": "Assistant"},
                ]
            },
        ),
        "content": Input(
            "STRING",
            display_name="Content",
            description="What is said.",
            required=True,
            default="",
            categories=("UiBlock", "CanPreview"),
            config={"multiline": True},
        ),
    },
    outputs={"messages": _MESSAGES_OUTPUT},
    width=300,
    inline=True,
)

MERGE_MESSAGES = Node(
    "MergeMessages",
    _merge,
    category="Messages",
    display_name="Merge Messages",
    description="Joins lists of chat messages in the order of their connections.",
    inputs={
        "message_inputs": Input(
            "STRING",
            display_name="Messages",
            description="Lists of messages, or single ones, as JSON text.",
            required=True,
            multi=True,
            categories=("Json", "ChatMessage", "ChatHistory"),
        )
    },
    outputs={"messages": _MESSAGES_OUTPUT},
    width=200,
    inline=True,
)

HISTORY = Node(
    "History",
    _history,
    category="Messages",
    display_name="Chat History",
    description="Makes a chat history of up to four messages.",
    inputs=_pairs(),
    outputs={"history": _HISTORY_OUTPUT},
    inline=True,
)

MERGE_HISTORY = Node(
    "MergeHistory",
    _merge_history,
    category="Messages",
    display_name="Merge Chat Histories",
    description="Joins up to four chat histories, the first one first.",
    inputs={
        f"history{i}": Input(
            "STRING",
            display_name=f"History {i}",
            description="Messages as JSON text.",
            categories=("ChatHistory", "Json"),
        )
        for i in _SLOTS
    },
    outputs={"history": _HISTORY_OUTPUT},
    inline=True,
)
