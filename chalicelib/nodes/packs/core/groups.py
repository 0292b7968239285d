"""The ends of a workflow's interface, and a workflow used as a node."""

from collections.abc import Mapping

from chalicelib.nodes import Context, Input, Inputs, Node, NodeError, Output, Outputs


def _give_defaults(_inputs: Inputs, context: Context) -> Outputs:
    """Each interface input's default; one without a default is left out."""
    given = {}
    for key, slot in context.interface_inputs.items():
        config = slot.get("config") if isinstance(slot, Mapping) else None
        if isinstance(config, Mapping) and "default" in config:
            given[key] = config["default"]
    return given


def _give_nothing(_inputs: Inputs, _context: Context) -> Outputs:
    return {}


def _refuse(_inputs: Inputs, _context: Context) -> Outputs:
    raise NodeError("NodeGroup runs another workflow, which this version does not offer yet")


GROUP_INPUT = Node(
    "GroupInput",
    _give_defaults,
    category="Group",
    display_name="Group Input",
    description="Gives the values that come into this workflow.",
    outputs={
        "output_0": Output(
            "CONVERTIBLE_ANY",
            display_name="Input",
            description="Connect it to make an input of the workflow.",
            categories=("BehaviorConvertible",),
            allow_dynamic_type=True,
        )
    },
    dynamic_slots=True,
    inline=True,
)

GROUP_OUTPUT = Node(
    "GroupOutput",
    _give_nothing,
    category="Group",
    display_name="Group Output",
    description="Takes the values that this workflow gives.",
    inputs={
        "input_0": Input(
            "CONVERTIBLE_ANY",
            display_name="Output",
            description="Connect it to make an output of the workflow.",
            categories=("BehaviorConvertible",),
            allow_dynamic_type=True,
        )
    },
    dynamic_slots=True,
    inline=True,
)

NODE_GROUP = Node(
    "NodeGroup",
    _refuse,
    category="Group",
    display_name="Node Group",
    description="Runs another workflow of the project as one node.",
    config_schema={
        "referencedWorkflowId": Input(
            "STRING",
            display_name="Workflow",
            description="The workflow to run.",
            required=True,
            categories=("ResourceId",),
            config={"acceptedTypes": [{"value": "workflow"}]},
        )
    },
    width=250,
    inline=True,
)
