"""Nodes that read the user's library, and the one that builds a context from it.

Their definitions are complete, so that workflows that hold them open and save. Running
one fails with a clear message until this version has a library.
"""

from chalicelib.nodes import Context, Input, Inputs, Node, NodeError, Output, Outputs
from chalicelib.nodes.slots import title_of


def _loader(
    kind: str,
    *,
    resource: str,
    types: tuple[str, ...],
    output: tuple[str, Output],
    what: str,
) -> Node:
    """A node that gives what one file of the library holds."""

    def run(_inputs: Inputs, _context: Context) -> Outputs:
        raise NodeError(f"{kind} reads the library, which this version does not offer yet")

    return Node(
        kind,
        run,
        category="Library",
        display_name=f"Load {what}",
        description=f"Reads a {what.lower()} from the library.",
        outputs=dict([output]),
        config_schema={
            resource: Input(
                "STRING",
                display_name=title_of(resource),
                description=f"The path of the {what.lower()} in the library.",
                required=True,
                categories=("ResourceId", "FilePath"),
                config={"acceptedTypes": [{"value": extension} for extension in types]},
            )
        },
        width=300,
        inline=True,
    )


def _build_context(_inputs: Inputs, _context: Context) -> Outputs:
    raise NodeError(
        "ContextBuilder needs presets and cards of the library, which this version does not"
        " offer yet"
    )


PRESET_LOADER = _loader(
    "PresetLoader",
    resource="presetResource",
    types=("json",),
    output=("presetData", Output("OBJECT", display_name="Preset")),
    what="Preset",
)
WORLD_BOOK_LOADER = _loader(
    "WorldBookLoader",
    resource="worldBookResource",
    types=("json", "yaml"),
    output=("worldBookData", Output("OBJECT", display_name="World Book")),
    what="World Book",
)
CHARACTER_CARD_LOADER = _loader(
    "CharacterCardLoader",
    resource="cardResource",
    types=("json", "png"),
    output=(
        "characterData",
        Output("OBJECT", display_name="Character", categories=("CharacterProfile",)),
    ),
    what="Character Card",
)
HISTORY_LOADER = _loader(
    "HistoryLoader",
    resource="historyResource",
    types=("json",),
    output=(
        "historyMessages",
        Output("ARRAY", display_name="Messages", categories=("ChatHistory",)),
    ),
    what="Chat History",
)
REGEX_RULE_LOADER = _loader(
    "RegexRuleLoader",
    resource="ruleResource",
    types=("json", "yaml"),
    output=("regexRules", Output("ARRAY", display_name="Rules")),
    what="Regex Rule List",
)

CONTEXT_BUILDER = Node(
    "ContextBuilder",
    _build_context,
    category="Library",
    display_name="Build Context",
    description="Builds the messages for a model from a preset, a world book, a character"
    " and the chat so far.",
    inputs={
        "presetData": Input("OBJECT", display_name="Preset"),
        "worldBookData": Input("OBJECT", display_name="World Book"),
        "characterData": Input(
            "OBJECT", display_name="Character", categories=("CharacterProfile",)
        ),
        "historyMessages": Input("ARRAY", display_name="History", categories=("ChatHistory",)),
    },
    outputs={
        "finalMessages": Output("ARRAY", display_name="Messages", categories=("ChatHistory",))
    },
    width=350,
    inline=True,
)
