"""Reading the node packs again while the server runs."""

from collections.abc import Callable
from typing import Any

from chalicelib.nodes.registry import Registry
from chalicelib.services import frames
from chalicelib.services.connections import Connections


def reload(
    registry: Registry, connections: Connections, advance_generation: Callable[[], None]
) -> dict[str, Any]:
    """Reload, let workers know (``advance_generation``), and tell every socket.

    A pack that does not load is left out and named in the message.
    """
    count = registry.reload()
    advance_generation()
    problems = list(registry.problems)
    message = f"{count} nodes loaded"
    if problems:
        message += "; left out: " + "; ".join(problems)
    outcome = {"success": not problems, "message": message, "count": count}
    frame = frames.frame("NODES_RELOADED", outcome)
    for connection in connections.everyone():
        connections.send(connection, [frame])
    return outcome
