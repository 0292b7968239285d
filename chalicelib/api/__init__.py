"""The HTTP routes: one module a route group; ``http`` holds what they share."""

from chalice.app import Chalice

from chalicelib.api import (
    auth,
    executions,
    nodes,
    plugins,
    projects,
    recycle_bin,
    workflows,
)
from chalicelib.api.http import Group, unknown_path

GROUPS: tuple[Group, ...] = (
    auth.group,
    plugins.group,
    executions.group,
    executions.interrupts,
    nodes.group,
    nodes.reloads,
    projects.group,
    recycle_bin.group,
    workflows.group,
)


__all__ = ["GROUPS", "register", "unknown_path"]


def register(app: Chalice) -> dict[str, tuple[str, ...]]:
    """Put every route group into the app; the route table: paths and their methods."""
    table: dict[str, tuple[str, ...]] = {}
    for group in GROUPS:
        table |= group.register(app)
    return table
