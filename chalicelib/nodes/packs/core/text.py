"""TextMerge."""

import re

from chalicelib.nodes import Context, Input, Inputs, Node, Output, Outputs
from chalicelib.nodes.packs.core.js import text_of

_DEFAULT_SEPARATOR = "\\n"
_ESCAPE = re.compile(r"\\([nt\\])")
_ESCAPED = {"n": "\n", "t": "\t", "\\": "\\"}


def _run(inputs: Inputs, _context: Context) -> Outputs:
    texts = inputs.get("text_inputs")
    if isinstance(texts, str):
        return {"merged_text": texts}
    pieces = texts if isinstance(texts, (list, tuple)) else [texts]
    joined = _separator(inputs).join(text_of(piece) for piece in pieces if piece is not None)
    return {"merged_text": joined}


def _separator(inputs: Inputs) -> str:
    """The separator with the escapes that were typed into it undone."""
    given = inputs.get("separator")
    text = text_of(_DEFAULT_SEPARATOR if given is None else given)
    return _ESCAPE.sub(lambda escape: _ESCAPED[escape[1]], text)


TEXT_MERGE = Node(
    "TextMerge",
    _run,
    category="Text",
    display_name="Merge Text",
    description="Joins texts in the order of their connections.",
    inputs={
        "separator": Input(
            "STRING",
            display_name="Separator",
            description="What stands between two texts. \\n is a new line, \\t a tab.",
            default=_DEFAULT_SEPARATOR,
            config={"multiline": False},
        ),
        "text_inputs": Input(
            "STRING",
            display_name="Texts",
            description="Text as it is; other values are written as JSON.",
            required=True,
            multi=True,
            categories=("UiBlock",),
        ),
    },
    outputs={"merged_text": Output("STRING", display_name="Text")},
    inline=True,
)
