"""Nodes that take their time, for tests of the running stack."""

import asyncio
import os
import signal
import time
from pathlib import Path
from typing import Any

from chalicelib.engine.definitions import Chunk
from chalicelib.nodes import Context, Input, Inputs, Node, Output, Pack


async def wait(inputs: Inputs, _context: Context) -> dict[str, Any]:
    """Ends after ``seconds``."""
    await asyncio.sleep(float(inputs["seconds"]))
    return {"value": inputs.get("value")}


def wait_for_file(inputs: Inputs, _context: Context) -> dict[str, Any]:
    """Ends once a file is there."""
    while not Path(inputs["path"]).exists():
        time.sleep(0.01)
    return {"value": inputs.get("value")}


def die_once(inputs: Inputs, _context: Context) -> dict[str, Any]:
    """Takes its process along, the first time that it runs."""
    marker = Path(inputs["path"])
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return {"value": "alive"}


def die(_inputs: Inputs, _context: Context) -> dict[str, Any]:
    """Takes its process along, every time."""
    os.kill(os.getpid(), signal.SIGKILL)
    return {}


async def count(inputs: Inputs, _context: Context) -> Any:
    """Yields so many chunks."""
    for number in range(int(inputs["count"])):
        yield Chunk("text_chunk", f"{number} ")


VALUE = {"value": Input("WILDCARD")}
OUT = {"value": Output("WILDCARD")}
PATH = {"path": Input("STRING", required=True), **VALUE}
pack = Pack(
    namespace="slow",
    nodes=[
        Node(
            type="Wait",
            category="Tests",
            display_name="Wait",
            description="Ends after some seconds.",
            inputs={"seconds": Input("FLOAT", default=0.2), **VALUE},
            outputs=OUT,
            run=wait,
        ),
        Node(
            type="WaitForFile",
            category="Tests",
            display_name="Wait for a file",
            description="Ends once a file is there.",
            inputs=PATH,
            outputs=OUT,
            run=wait_for_file,
        ),
        Node(
            type="DieOnce",
            category="Tests",
            display_name="Die once",
            description="Kills its worker the first time.",
            inputs=PATH,
            outputs=OUT,
            run=die_once,
        ),
        Node(
            type="Die",
            category="Tests",
            display_name="Die",
            description="Kills its worker.",
            outputs=OUT,
            run=die,
        ),
        Node(
            type="Count",
            category="Tests",
            display_name="Count",
            description="Yields chunks.",
            inputs={"count": Input("INTEGER", default=10)},
            outputs={"stream": Output("STRING", is_stream=True)},
            run=count,
        ),
    ],
)
