"""RandomNumber: a number that stays, counts up or down, or is drawn anew."""

import math
import os

from chalicelib.nodes import Context, Input, Inputs, Node, Output, Outputs
from chalicelib.nodes.packs.core.js import js_number, to_double

HIGHEST = 4294967295
FIXED, INCREASE, DECREASE, RANDOM = "固定", "增加", "减少", "随机"
_STEPS = {INCREASE: 1, DECREASE: -1}


def _run(inputs: Inputs, _context: Context) -> Outputs:
    mode = inputs.get("mode")
    if mode == RANDOM:
        return {"number": int.from_bytes(os.urandom(4), "big")}
    value = to_double(inputs.get("value"))
    if not math.isfinite(value):
        return {"number": value}
    step = _STEPS.get(mode) if isinstance(mode, str) else None
    if step is None:
        return {"number": js_number(math.trunc(value))}
    return {"number": min(max(math.trunc(value) + step, 0), HIGHEST)}


RANDOM_NUMBER = Node(
    "RandomNumber",
    _run,
    category="Input",
    display_name="Random Number",
    description="Gives a whole number: the same, one more, one less or a random one.",
    inputs={
        "mode": Input(
            "STRING",
            display_name="Mode",
            description="How the number comes from the value.",
            default=FIXED,
            categories=("ComboOption",),
            config={
                "suggestions": [
                    {"value": FIXED, "label": "Fixed"},
                    {"value": INCREASE, "label": "Increase"},
                    {"value": DECREASE, "label": "Decrease"},
                    {"value": RANDOM, "label": "Random"},
                ]
            },
        ),
        "value": Input(
            "INTEGER",
            display_name="Value",
            description="What the number starts from.",
            default=0,
            config={"min": 0, "max": HIGHEST},
        ),
        "reroll": Input(
            "WILDCARD",
            display_name="Reroll",
            description="Draws a new value in the editor.",
            categories=("Trigger",),
            config={},
        ),
    },
    outputs={"number": Output("INTEGER", display_name="Number")},
    client_script="client-scripts/RandomNumberNode.js",
    width=260,
    inline=True,
)
