"""TestWidgets: one input of each kind the editor can show, handed through."""

from chalicelib.nodes import Context, Input, Inputs, Node, Output, Outputs

_PAIRS = {
    "string_input": "string_output",
    "text_input": "text_output",
    "markdown_input": "markdown_output",
    "int_input": "int_output",
    "float_input": "float_output",
    "boolean_toggle": "boolean_output",
    "combo_select": "combo_output",
    "json_input": "json_output",
    "javascript_code_input": "javascript_code_output",
    "string_with_suggestions": "string_with_suggestions_output",
    "int_with_suggestions": "int_with_suggestions_output",
    "float_with_suggestions": "float_with_suggestions_output",
}


def _run(inputs: Inputs, _context: Context) -> Outputs:
    return {output: inputs[name] for name, output in _PAIRS.items() if name in inputs}


_TEXTS = {
    "string_input": Input(
        "STRING",
        display_name="Text line",
        required=True,
        default="Hello",
        config={"placeholder": "One line of text"},
    ),
    "text_input": Input(
        "STRING",
        display_name="Text",
        required=True,
        default="Several\nlines of text",
        categories=("UiBlock", "CanPreview"),
        config={"multiline": True},
    ),
    "markdown_input": Input(
        "STRING",
        display_name="Markdown",
        default="# A title\n\nText with **emphasis**.",
        categories=("Markdown", "CanPreview", "UiBlock"),
        config={"multiline": True},
    ),
}
_VALUES = {
    "int_input": Input(
        "INTEGER",
        display_name="Whole number",
        required=True,
        default=50,
        config={"min": 0, "max": 100, "step": 1},
    ),
    "float_input": Input(
        "FLOAT",
        display_name="Number",
        required=True,
        default=0.5,
        config={"min": 0, "max": 1, "step": 0.01},
    ),
    "boolean_toggle": Input("BOOLEAN", display_name="Switch", required=True, default=False),
    "combo_select": Input(
        "STRING",
        display_name="Choice",
        required=True,
        default="first",
        categories=("ComboOption",),
        config={
            "suggestions": [
                {"value": "first", "label": "First"},
                {"value": "second", "label": "Second"},
                {"value": "third", "label": "Third"},
            ]
        },
    ),
    "json_input": Input(
        "OBJECT",
        display_name="JSON",
        default={"key": "value"},
        categories=("Json", "CanPreview", "UiBlock"),
    ),
    "javascript_code_input": Input(
        "STRING",
        display_name="JavaScript",
        default="console.log('Hello');\n",
        categories=("Code", "JavaScript", "CanPreview"),
        config={"multiline": True},
    ),
}
_SUGGESTED = {
    "string_with_suggestions": Input(
        "STRING",
        display_name="Text with suggestions",
        default="red",
        config={
            "suggestions": [
                {"value": "red", "label": "Red"},
                {"value": "green", "label": "Green"},
                {"value": "blue", "label": "Blue"},
            ]
        },
    ),
    "int_with_suggestions": Input(
        "INTEGER",
        display_name="Whole number with suggestions",
        default=512,
        config={
            "min": 64,
            "max": 4096,
            "step": 64,
            "suggestions": [{"value": value} for value in (256, 512, 1024, 2048)],
        },
    ),
    "float_with_suggestions": Input(
        "FLOAT",
        display_name="Number with suggestions",
        default=7.5,
        config={
            "min": 0,
            "max": 15,
            "step": 0.5,
            "suggestions": [{"value": value} for value in (1.5, 7.5, 12.5)],
        },
    ),
}

TEST_WIDGETS = Node(
    "TestWidgets",
    _run,
    category="Testing",
    display_name="Test Widgets",
    description="Shows every kind of input, and gives each value as it is.",
    inputs={
        **_TEXTS,
        **_VALUES,
        **_SUGGESTED,
        "button_trigger": Input(
            "WILDCARD",
            display_name="Button",
            description="Tells the server that it was clicked; it has no output.",
            default=None,
            categories=("Trigger",),
        ),
    },
    outputs={
        "string_output": Output("STRING", display_name="Text line"),
        "text_output": Output("STRING", display_name="Text"),
        "markdown_output": Output("STRING", display_name="Markdown", categories=("Markdown",)),
        "int_output": Output("INTEGER", display_name="Whole number"),
        "float_output": Output("FLOAT", display_name="Number"),
        "boolean_output": Output("BOOLEAN", display_name="Switch"),
        "combo_output": Output("STRING", display_name="Choice"),
        "json_output": Output("OBJECT", display_name="JSON", categories=("Json",)),
        "javascript_code_output": Output(
            "STRING", display_name="JavaScript", categories=("Code", "JavaScript")
        ),
        "string_with_suggestions_output": Output("STRING", display_name="Suggested text"),
        "int_with_suggestions_output": Output("INTEGER", display_name="Suggested whole number"),
        "float_with_suggestions_output": Output("FLOAT", display_name="Suggested number"),
    },
    inline=True,
)
